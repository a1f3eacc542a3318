"""PromQL against a real Prometheus that scrapes real /metrics, and answers that only a broken one would give."""

from __future__ import annotations

import asyncio
import math
import ssl
import subprocess
import threading
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Final, NamedTuple
from wsgiref.simple_server import WSGIServer

import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from pydantic import ValidationError

from brownout_controller.model.hypothesis import Terms
from brownout_controller.model.probe import ProbeContext, ProbeError, Reading
from brownout_controller.model.prometheus_server import BasicAuth, PrometheusServer
from brownout_controller.probes.prometheus import PrometheusProbe, histogram, skew
from deploy.demo.servers import free_port
from tests.controller.probes.ground import (
    SECONDS,
    cancelled_while,
    closed_port,
    complaint,
    http_server,
    measured,
    silent,
)
from tests.support.certificates import Authority
from tests.support.requirements import needs, program

_SCRAPE: Final = 0.1


class _Shop(NamedTuple):
    """Something to scrape, and the server that does."""

    prometheus: str
    second_target: WSGIServer


@contextmanager
def _metrics(registry: CollectorRegistry) -> Iterator[WSGIServer]:
    server, thread = start_http_server(0, "127.0.0.1", registry)
    try:
        yield server
    finally:
        _stop(server, thread)


def _stop(server: WSGIServer, thread: threading.Thread | None = None) -> None:
    server.shutdown()
    server.server_close()
    if thread is not None:
        thread.join()


@contextmanager
def _prometheus(folder: Path, *targets: WSGIServer) -> Iterator[str]:
    named = "".join(
        f"  - job_name: shop-{n}\n    static_configs: [{{targets: ['127.0.0.1:{server.server_port}']}}]\n"
        for n, server in enumerate(targets)
    )
    config = folder / "prometheus.yml"
    config.write_text(f"global: {{scrape_interval: {_SCRAPE * 1000:.0f}ms}}\nscrape_configs:\n{named}")
    binary = program("prometheus")
    assert binary is not None
    address = f"127.0.0.1:{free_port()}"
    command = [binary, f"--config.file={config}", f"--storage.tsdb.path={folder}", f"--web.listen-address={address}"]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            yield f"http://{address}"
        finally:
            process.kill()


def _until(condition: Callable[[], bool], folder: Path) -> None:
    deadline = time.monotonic() + 3 * SECONDS
    while not condition():
        assert time.monotonic() < deadline, (folder / "log").read_text()
        time.sleep(0.02)


def _ready(url: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(f"{url}/-/ready", timeout=1) as answer:
        return bool(answer.status == 200)
    return False


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Shop]:
    folder = tmp_path_factory.mktemp("prometheus")
    first, second = CollectorRegistry(), CollectorRegistry()
    stock = Gauge("stock", "Things in the shop.", ["shop"], registry=first)
    stock.labels("berlin").set(7)
    stock.labels("paris").set(0)
    requests = Counter("requests", "Requests.", ["code"], registry=first)
    requests.labels("200").inc(1)
    waits = Histogram("wait", "Seconds.", ["shop"], buckets=(0.5, 1.5), registry=first)
    for seconds in (0.1, 1.0, 60.0):
        waits.labels("berlin").observe(seconds)
    Gauge("lonely", "Of the second target.", registry=second).set(1)
    with ExitStack() as stack:
        targets = stack.enter_context(_metrics(first)), stack.enter_context(_metrics(second))
        url = stack.enter_context(_prometheus(folder, *targets))
        _until(lambda: _ready(url), folder)
        known = _Shop(url, targets[1])
        _until(lambda: asyncio.run(_now(known, "stock and on() lonely")).series != (), folder)
        _until(lambda: (asyncio.run(_now(known, 'count_over_time(stock{shop="berlin"}[1m])')).value or 0) > 15, folder)
        requests.labels("200").inc(200)
        _until(lambda: asyncio.run(_now(known, "requests_total > 200")).value == 201, folder)
        yield known


async def _now(shop: _Shop, query: str, window: float = 10, **fields: object) -> Reading:
    spec = PrometheusProbe.model_validate({"query": query, **fields})
    return await measured(spec, ProbeContext(prometheus=shop.prometheus), window)


real = needs("prometheus")


@real
async def test_the_value_of_one_series_is_the_measure(shop: _Shop) -> None:
    assert await _now(shop, 'stock{shop="berlin"}') == Reading(7, "", None)
    assert (await _now(shop, "1 + 1")).value == 2, "a scalar"
    assert (await _now(shop, "vector(1) / 0")).value == math.inf


@real
async def test_window_is_put_into_the_query_as_promql_writes_it(shop: _Shop) -> None:
    query = 'count_over_time(stock{shop="berlin"}[${window}])'
    few, many = (await _now(shop, query, 0.5)).value, (await _now(shop, query, 1.5)).value
    assert few is not None
    assert many is not None
    assert few < many <= 16
    assert (await _now(shop, "sum(increase(requests_total[${window}]))", 60)).value == pytest.approx(200, rel=0.5)


@real
async def test_several_series_are_given_by_their_labels(shop: _Shop) -> None:
    reading = await _now(shop, "sum by (shop) (stock)")
    assert reading.value is None
    assert reading.why == 'the query gave 2 values: {shop="berlin"}, {shop="paris"}'
    assert sorted(reading.series) == [('{shop="berlin"}', 7.0), ('{shop="paris"}', 0.0)]
    assert len((await _now(shop, "stock")).series) == 2
    assert (await _now(shop, "stock")).series[0][0].startswith('stock{instance="127.0.0.1:')


@real
async def test_an_empty_answer_and_nan_are_no_data_with_a_reason(shop: _Shop) -> None:
    assert await _now(shop, "no_such_metric") == Reading(None, "the query gave no series", None)
    assert (await _now(shop, 'stock{shop="paris"} / 0')).why.startswith("the query gave NaN for {instance=")
    assert (
        await _now(shop, "vector(0) / 0")
    ).why == "the query gave NaN: 0/0, most likely, because nothing was counted"


@real
async def test_one_nan_among_good_series_is_no_data_for_all(shop: _Shop) -> None:
    reading = await _now(shop, "sum by (shop) (stock) / sum by (shop) (stock)")
    assert (reading.value, reading.series) == (None, ())
    assert reading.why.startswith('the query gave NaN for {shop="paris"}')


@real
async def test_it_is_judged_at_our_time(shop: _Shop) -> None:
    before = datetime.now(UTC).timestamp()
    value = (await _now(shop, "time()")).value
    assert value is not None
    assert before - 0.001 <= value <= datetime.now(UTC).timestamp()


@real
async def test_events_are_the_sum_of_a_second_query_and_0_where_it_is_empty(shop: _Shop) -> None:
    assert (await _now(shop, "vector(0.5)", events="stock")).events == 7
    assert (await _now(shop, "vector(0.5)", events="no_such_metric")).events == 0
    assert await _now(shop, "no_such_metric", events="stock") == Reading(None, "the query gave no series", 7)
    assert (await _now(shop, "vector(1)", events="vector(0) / 0")).events == 0
    window = (await _now(shop, "vector(1)", 0.5, events='count_over_time(stock{shop="berlin"}[${window}])')).events
    assert window is not None
    assert 0 < window <= 6


@real
async def test_a_range_gives_every_point_of_the_window(shop: _Shop) -> None:
    reading = await _now(shop, "vector(time())", 2, range={"step": "500ms"})
    assert reading.value is None
    assert len(reading.series) == 5
    values = [value for _, value in reading.series]
    assert values[-1] - values[0] == pytest.approx(2)
    label = reading.series[0][0]
    assert label == f"at {datetime.fromtimestamp(values[0], UTC):%H:%M:%SZ}"


@real
@pytest.mark.parametrize(("take", "value"), [("max", 3), ("min", 0), ("mean", 1.5), ("last", None)])
async def test_of_a_range_one_value_of_each_series_can_be_taken(shop: _Shop, take: str, value: float | None) -> None:
    # One of 0, 1, 2, 3 at each of eight neighbouring seconds.
    reading = await _now(shop, "floor(vector(time())) % 4", 7, range={"step": 1, "take": take})
    if value is None:
        assert reading.value in {0, 1, 2, 3}
    else:
        assert reading == Reading(value, "", None)


@real
async def test_nan_in_a_range_is_no_data_wherever_it_stands(shop: _Shop) -> None:
    for zero in range(4):
        query = f"vector(0) / (floor(vector(time())) % 4 != bool {zero})"
        assert "NaN" in (await _now(shop, query, 7, range={"step": 1, "take": "max"})).why


@real
async def test_what_is_no_number_of_one_moment_is_an_error_with_the_remedy(shop: _Shop) -> None:
    with pytest.raises(ProbeError, match=r"put rate\(\), increase\(\) or the like around it"):
        await _now(shop, "requests_total[1m]")
    with pytest.raises(ProbeError, match="text; ask for numbers"):
        await _now(shop, '"text"')


@real
async def test_a_window_of_fewer_than_four_scrapes_is_refused_by_what_the_server_says_of_the_job(shop: _Shop) -> None:
    told = f"a window of 300ms has fewer than 4 scrapes, one each {_SCRAPE * 1000:.0f}ms; write window: 400ms"
    for query in ("rate(requests_total[${window}])", 'rate(requests_total{job="shop-0"}[${window}])'):
        with pytest.raises(ProbeError, match=told):
            await _now(shop, query, 0.3)
        await _now(shop, query, 0.4)
    await _now(shop, 'rate(requests_total{job="elsewhere"}[${window}])', 0.3)
    await _now(shop, "sum(stock)", 0.3)


@real
async def test_a_limit_beyond_the_highest_finite_bucket_is_refused_as_no_quantile_can_miss_it(shop: _Shop) -> None:
    query = "histogram_quantile(0.99, sum by (le) (wait_bucket{shop='berlin'}))"
    assert (await _now(shop, query)).value == 1.5, "of three one took a minute"
    assert (await _judged(shop, query, "< 1.5s")).value == 1.5
    assert (await _judged(shop, query, "< 3 * baseline")).value == 1.5
    for expect, stop in (("< 2s", False), ("< 1s", "> 10s")):
        with pytest.raises(ProbeError, match=r"above the highest finite bucket, 1\.5"):
            await _judged(shop, query, expect, stop)
    assert (await _judged(shop, query.replace("wait", "no_such"), "< 2s")).why == "the query gave no series"


async def _judged(shop: _Shop, query: str, expect: str, stop: str | bool = False) -> Reading:
    readings = []

    spec = PrometheusProbe(query=query).judged_by(Terms(name="h", expect=expect, stop=stop))
    readings.append(await measured(spec, ProbeContext(prometheus=shop.prometheus)))
    return readings[0]


@real
async def test_an_error_of_the_server_is_told_in_one_sentence(shop: _Shop) -> None:
    with pytest.raises(ProbeError) as caught:
        await _now(shop, "rate(stock[")
    told = str(caught.value)
    assert told.startswith(f"Prometheus at {shop.prometheus} refused the query: ")
    assert "parse error" in told
    assert "\n" not in told


@real
async def test_a_target_that_is_gone_is_no_data_and_not_its_last_value(shop: _Shop) -> None:
    assert (await _now(shop, "lonely")).value == 1
    _stop(shop.second_target)
    deadline = time.monotonic() + SECONDS
    while (reading := await _now(shop, "lonely")).value == 1:
        assert time.monotonic() < deadline
    assert reading.why == "the query gave no series"


def _answering(answer: web.Response) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handler(request: web.Request) -> web.Response:
        return answer

    return handler


async def _told(answer: web.Response, **fields: object) -> str:
    async with http_server(_answering(answer)) as url:
        return await complaint(PrometheusProbe.model_validate({"query": "up", "server": url, **fields}))


def _good(**headers: str) -> web.Response:
    data = {"resultType": "vector", "result": [{"metric": {}, "value": [1.0, "5"]}]}
    return web.json_response({"status": "success", "data": data}, headers=headers)


def _date(ahead: float) -> str:
    return format_datetime(datetime.fromtimestamp(datetime.now(UTC).timestamp() + ahead, UTC), usegmt=True)


async def test_a_clock_that_is_off_is_told() -> None:
    assert "s ahead of ours" in await _told(_good(Date=_date(60)))
    assert "s behind ours" in await _told(_good(Date=_date(-60)))
    async with http_server(_answering(_good(Date=_date(60)))) as url:
        patient = PrometheusProbe.model_validate({"query": "up", "server": url, "max_skew": "2m"})
        assert (await measured(patient)).value == 5


@pytest.mark.parametrize(
    ("there", "off"),
    [(110.0, 9.0), (101.0, 0.0), (100.0, 0.0), (99.0, 0.0), (98.0, -1.0), (90.0, -9.0)],
)
def test_skew_allows_for_the_time_on_the_way_and_for_whole_seconds(there: float, off: float) -> None:
    date = format_datetime(datetime.fromtimestamp(1_700_000_000 + there, UTC), usegmt=True)
    assert skew(date, 1_700_000_100.0, 1_700_000_101.0) == off


def test_without_a_date_nothing_is_said_of_the_clock() -> None:
    assert skew(None, 1.0, 2.0) == skew("yesterday", 1.0, 2.0) == 0


@pytest.mark.parametrize(
    "answer",
    [
        {"text": "<html>Bad Gateway</html>", "status": 502},
        {"text": "", "status": 302, "headers": {"Location": "/elsewhere"}},
        {"text": "[]"},
        {"text": "[" * 100_000},
        {"text": '{"status": "success"}'},
        {"text": '{"status": "error"}'},
        {"text": '{"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}}]}}'},
        {"text": '{"status": "success", "data": {"resultType": "vector", "result": 5}}'},
    ],
)
async def test_an_answer_of_something_else_is_told_as_such(answer: dict[str, object]) -> None:
    told = await _told(web.Response(**answer))  # type: ignore[arg-type]
    assert f"gave status {answer.get('status', 200)} and not what its query API answers" in told


async def test_an_answer_that_would_hold_up_everything_else_is_not_read() -> None:
    told = await _told(web.Response(text=" " * (5 << 20)))
    assert told.endswith("gave more than 4 MiB; put sum() or the like around the query")


async def test_half_an_answer_is_none() -> None:
    answer = {"status": "success", "warnings": ["store\nx is away"], "data": {"resultType": "vector", "result": []}}
    assert (await _told(web.json_response(answer))).endswith("warns: store x is away")


async def test_no_secret_is_told() -> None:
    spec = {"query": "up", "headers": {"X-Token": "Bearer hunter22"}}
    at = f"http://me:hunter22@127.0.0.1:{closed_port()}"
    away = PrometheusProbe.model_validate({**spec, "server": at})
    assert (await complaint(away)).endswith("could not be asked: the connection was refused")
    assert "hunter22" not in await complaint(away) + repr(away)
    echo = web.json_response({"status": "error", "error": "no Bearer hunter22, no s3cret"}, status=401)
    async with http_server(_answering(echo)) as url:
        context = ProbeContext(prometheus=url, secrets={"TOKEN": "s3cret"})
        told = await complaint(PrometheusProbe.model_validate(spec), context)
        assert told.endswith("refused the query: no ***, no ***")


async def test_a_cancelled_query_closes_its_connection() -> None:
    async with silent() as server:
        context = ProbeContext(prometheus=f"http://127.0.0.1:{server.port}")
        await cancelled_while(measured(PrometheusProbe(query="up"), context), lambda: server.heard)


def test_a_server_has_to_be_named_somewhere() -> None:
    with pytest.raises(ProbeError, match="there is no Prometheus"):
        PrometheusProbe(query="up").open(ProbeContext())


async def test_the_hypothesis_s_own_server_and_headers_win() -> None:
    seen: list[tuple[str, str | None]] = []
    moments: list[object] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append((request.path, request.headers.get("X-Scope-OrgID")))
        moments.append((await request.post()).get("time"))
        return _good()

    async with http_server(handler) as url:
        own = PrometheusProbe.model_validate(
            {"query": "up", "server": f"{url}/prom/", "headers": {"X-Scope-OrgID": "7"}}
        )
        assert (await measured(own, ProbeContext(prometheus="http://127.0.0.1:1"))).value == 5
    assert seen == [("/prom/api/v1/query", "7")]
    assert abs(float(str(moments[0])) - datetime.now(UTC).timestamp()) < SECONDS, "the moment is ours, and is said"


def test_an_empty_query_is_refused() -> None:
    with pytest.raises(ValidationError):
        PrometheusProbe(query="")


def test_a_window_that_is_too_short_for_the_declared_scrapes_is_refused_when_the_file_is_read() -> None:
    spec = PrometheusProbe.model_validate({"query": "rate(x[${window}])", "scrape_interval": "15s"})
    with pytest.raises(ValueError, match=r"a window of 10s has fewer than 4 scrapes, one each 15s; write window: 1m"):
        spec.judged_by(Terms(name="h", expect="< 1"))
    spec.judged_by(Terms(name="h", expect="< 1", window=60))
    PrometheusProbe.model_validate({"query": "x", "scrape_interval": "15s"}).judged_by(Terms(name="h", expect="< 1"))


@pytest.mark.parametrize(
    ("query", "selector"),
    [
        ('histogram_quantile(0.9, rate(a_bucket{x="y"}[1m]))', 'a_bucket{x="y"}'),
        ("histogram_quantile(0.9, sum by (le) (ns:a_bucket))", "ns:a_bucket"),
        ("histogram_quantile(0.9, a)", None),
        ("rate(a_bucket[1m])", None),
    ],
)
def test_the_buckets_of_a_quantile_are_found(query: str, selector: str | None) -> None:
    assert histogram(query) == selector


_EMPTY: Final = {"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [0, "7"]}]}}


async def _behind_a_password(request: web.Request) -> web.Response:
    """As a proxy before a Prometheus does it."""
    known = request.headers.get("Authorization")
    if known is None:
        return web.Response(status=401, text="who are you?")
    if known != BasicAuth(user="me", password="hunter22").header or request.headers.get("X-Scope-OrgID") != "shop":
        return web.Response(status=403, text=f"not {known}")
    return web.json_response(_EMPTY)


async def test_what_the_environment_s_server_asks_for_is_sent_and_its_refusal_names_the_remedy() -> None:
    async with http_server(_behind_a_password) as url:
        me = {"user": "me", "password": "hunter22"}
        right = PrometheusServer.model_validate({"url": url, "basic_auth": me, "headers": {"x-scope-orgid": "shop"}})
        assert (await measured(PrometheusProbe(query="up"), ProbeContext(prometheus=right))).value == 7
        assert "asks who we are (401): give basic_auth" in await complaint(
            PrometheusProbe(query="up"), ProbeContext(prometheus=url)
        )
        wrong = PrometheusServer(url=url, token="hunter23")
        told = await complaint(PrometheusProbe(query="up"), ProbeContext(prometheus=wrong))
        assert "does not let us ask (403)" in told
        assert "hunter" not in told
        own = PrometheusProbe(query="up", headers={"X-Scope-OrgID": "another"})  # goes before the environment's
        assert "(403)" in await complaint(own, ProbeContext(prometheus=right))


async def test_a_server_that_a_hypothesis_names_gets_nothing_of_the_environment_s() -> None:
    seen: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(str(request.headers.get("Authorization")))
        return web.json_response(_EMPTY)

    async with http_server(answer) as url:
        secret = PrometheusServer(url="http://127.0.0.1:1", token="hunter22")
        await measured(PrometheusProbe(query="up", server=url), ProbeContext(prometheus=secret))
    assert set(seen) == {"None"}


@needs("openssl")
async def test_a_server_with_a_certificate_is_believed_by_its_ca_alone(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    certificate, key = authority.issue("localhost")
    (tmp_path / "both.pem").write_bytes(certificate + key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "both.pem")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", _behind_a_password)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    try:
        server = {"url": f"https://localhost:{runner.addresses[0][1]}", "headers": {"X-Scope-OrgID": "shop"}}
        server |= {"basic_auth": {"user": "me", "password": "hunter22"}}
        spec = PrometheusProbe(query="up")
        known = PrometheusServer.model_validate({**server, "ca": str(tmp_path / "ca" / "ca.pem")})
        assert (await measured(spec, ProbeContext(prometheus=known))).value == 7
        unknown = ProbeContext(prometheus=PrometheusServer.model_validate(server))
        assert "trusted here; name who signed it as `ca`" in await complaint(spec, unknown)
        for ca in ("none.pem", "both.txt"):
            (tmp_path / "both.txt").write_text("no PEM")
            odd = PrometheusServer.model_validate({**server, "ca": str(tmp_path / ca)})
            with pytest.raises(ProbeError, match="is no file in PEM that can be read"):
                spec.open(ProbeContext(prometheus=odd))
    finally:
        await runner.cleanup()
