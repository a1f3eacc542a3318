"""Baselines from a real Prometheus that scrapes real /metrics, and which metrics of a service are found."""

from __future__ import annotations

import asyncio
import re
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Histogram, start_http_server

from brownout_catalogue.architecture import Architecture
from brownout_catalogue.generate.baseline import FAMILIES, Baseline, Baselines, find, measure, summary_lines
from brownout_catalogue.generate.experiment_file import Setting, write_top
from brownout_catalogue.rendering.listing import listing
from brownout_core.errors import InvalidSpec, Unavailable
from deploy.demo.servers import free_port
from tests.controller.probes.ground import closed_port, http_server
from tests.support.builders.architectures import SHOP, read
from tests.support.requirements import needs, program
from tests.support.running import eventually

_SECONDS: Final = 90.0


class _Services:
    """What three services count, each in its own way."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._own = Histogram(
            "http_request_duration_seconds", "Of gateway.", ["code"], buckets=(0.1, 0.5, 1.0), registry=registry
        )
        self._otel = Histogram(
            "http_server_request_duration_seconds", "Of orders, as OpenTelemetry has it.",
            ["http_response_status_code", "service_name"], buckets=(0.1, 0.5), registry=registry,
        )  # fmt: skip
        self._plain = Counter("http_requests", "Of catalogue.", ["status", "app"], registry=registry)
        for code in ("200", "500"):
            self._own.labels(code)
        self._otel.labels("200", "shop/orders")
        self._plain.labels("200", "catalogue")

    def work(self) -> None:
        for number in range(100):
            self._own.labels("200" if number < 98 else "500").observe(0.3)
            self._otel.labels("200", "shop/orders").observe(9.0)
            self._plain.labels("200", "catalogue").inc()


@contextmanager
def _prometheus(folder: Path, port: int) -> Iterator[str]:
    config = folder / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 100ms}\nscrape_configs:\n  - job_name: gateway\n    static_configs: "
        f"[{{targets: ['127.0.0.1:{port}']}}]\n"
    )
    binary = program("prometheus")
    assert binary is not None
    address = f"127.0.0.1:{free_port()}"
    command = [binary, f"--config.file={config}", f"--storage.tsdb.path={folder}", f"--web.listen-address={address}"]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            yield f"http://{address}"
        finally:
            process.kill()


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One that has seen a hundred requests to gateway in some seconds, two of them in vain."""
    registry = CollectorRegistry()
    services = _Services(registry)
    with ExitStack() as stack:
        server, thread = start_http_server(0, "127.0.0.1", registry)
        stack.callback(thread.join)
        stack.callback(server.server_close)
        stack.callback(server.shutdown)
        url = stack.enter_context(_prometheus(tmp_path_factory.mktemp("prometheus"), server.server_port))
        eventually(lambda: _scraped(url, 3), seconds=_SECONDS)
        services.work()
        eventually(lambda: _counted(url) == 100.0, seconds=_SECONDS)
        yield url


def _query(url: str, query: str) -> str:
    with suppress(OSError), urllib.request.urlopen(f"{url}/api/v1/query?query={query}", timeout=2) as answer:
        return str(answer.read())
    return ""


def _scraped(url: str, times: int) -> bool:
    found = re.search(r'"value":\[[\d.]+,"(\d+)"', _query(url, "count_over_time(up[1m])"))
    return found is not None and int(found[1]) >= times


def _counted(url: str) -> float:
    found = re.search(r'"value":\[[\d.]+,"(\d+)"', _query(url, "sum(http_request_duration_seconds_count)"))
    return float(found[1]) if found is not None else 0.0


def _shop() -> Architecture:
    return read(SHOP)


@needs("prometheus")
def test_a_real_prometheus_tells_what_services_do(prometheus: str) -> None:
    found = measure(prometheus, _shop(), ["gateway", "orders", "catalogue", "auth-service", "postgres"])
    gateway = found.found["gateway"]
    assert gateway.selector == 'job="gateway"'
    assert gateway.errors == pytest.approx(0.02)
    assert gateway.p99 == pytest.approx(0.496)  # interpolated between 0.1 and 0.5, where all of them are
    assert (gateway.highest, gateway.buckets) == (1.0, (0.1, 0.5, 1.0))
    assert gateway.rate is not None
    assert gateway.rate > 1  # over what there is, and not over the hour that was asked for
    assert gateway.looked < 90
    assert found.scrape == 0.1
    orders = found.found["orders"]
    assert (orders.selector, orders.family.name) == (
        'service_name="shop/orders"',
        "http_server_request_duration_seconds",
    )
    assert (orders.p99, orders.highest, orders.is_p99_known) == (0.5, 0.5, False)
    catalogue = found.found["catalogue"]
    assert (catalogue.family.name, catalogue.selector, catalogue.p99) == (
        "http_requests_total",
        'app="catalogue"',
        None,
    )
    assert list(found.missing) == ["auth-service"]  # and a store is not asked for


@needs("prometheus")
def test_what_is_written_from_it_can_be_asked_of_it(prometheus: str) -> None:
    architecture = _shop()
    found = measure(prometheus, architecture, ["gateway", "orders"])
    written, _ = write_top(listing(architecture), 1, Setting(architecture, "a.yaml", baselines=found))
    queries = re.findall(r'^      (?:query|events): "?(.*?)"?$', written[0].text, re.MULTILINE)
    assert len(queries) >= 4
    for query in queries:
        answer = _query(prometheus, urllib.parse.quote(query.replace('\\"', '"').replace("${window}", "1m")))
        assert re.search(r'"value":\[[\d.]+,"[\d.e-]+"', answer), query


@needs("prometheus")
def test_people_are_told_what_was_found_and_what_was_not(prometheus: str) -> None:
    gateway, orders, catalogue, auth = summary_lines(
        measure(prometheus, _shop(), ["gateway", "orders", "catalogue", "auth-service"])
    )
    assert re.match(
        r"gateway: p99 496ms, errors 2 %, \S+ requests a second \(http_request_duration_seconds_count\{", gateway
    )
    assert "p99 beyond the highest bucket, 500ms" in orders
    assert "no p99: a counter has no times" in catalogue
    assert "know no 'auth-service'; they are of catalogue, gateway, shop/orders" in auth


def test_large_figures_are_written_out() -> None:
    busy = Baseline(
        "gateway", FAMILIES[0], 'job="gateway"', "code", 3600.0, rate=1234.0, p99=0.2, errors=0.996, highest=1.0
    )
    (line,) = summary_lines(Baselines("http://p:9090", {"gateway": busy}, {}, 15.0))
    assert line.startswith("gateway: p99 200ms, errors 100 %, 1230 requests a second (")


def _series(name: str, **labels: str) -> dict[str, str]:
    return {"__name__": name, **labels}


@pytest.mark.parametrize(
    ("series", "labels", "selector"),
    [
        ([_series("http_requests_total", job="orders", code="200")], {}, 'job="orders"'),
        ([_series("http_requests_total", job="shop/orders", code="200")], {}, 'job="shop/orders"'),
        ([_series("http_requests_total", app="o-1", code="200")], {"app": "o-1"}, 'app="o-1"'),
        ([_series("http_requests_total", app_kubernetes_io_name="o")], {"app.kubernetes.io/name": "o"},
         'app_kubernetes_io_name="o"'),
        ([_series("istio_requests_total", destination_workload="orders")], {}, 'destination_workload="orders"'),
        ([_series("http_requests_total", job="x", service="orders"), _series("http_requests_total", job="orders")], {},
         'service="orders"'),
    ],
)  # fmt: skip
def test_a_service_is_found_by_its_name_or_the_labels_of_its_pods(
    series: list[dict[str, str]], labels: dict[str, str], selector: str
) -> None:
    one = find("orders", labels, series)
    assert isinstance(one, Baseline)
    assert one.selector == selector


def test_a_name_that_is_only_similar_is_not_taken_for_the_service() -> None:
    why = find("orders", {}, [_series("http_requests_total", job="orders-archive")])
    assert why == "http_requests_total know no 'orders'; they are of orders-archive"
    assert "has none of http_request_duration_seconds_count" in str(find("orders", {}, []))


def test_a_histogram_is_taken_before_a_counter_and_a_mesh_is_counted_once() -> None:
    both = [_series("http_requests_total", job="orders"), _series("http_request_duration_seconds_count", job="orders")]
    one = find("orders", {}, both)
    assert isinstance(one, Baseline)
    assert one.family.unit
    mesh = find("orders", {}, [_series("istio_request_duration_milliseconds_count", app="orders", response_code="200")])
    assert isinstance(mesh, Baseline)
    assert mesh.p99_query.endswith(" * 0.001")
    assert 'reporter="destination"' in mesh.p99_query
    assert mesh.code == "response_code"


def test_a_limit_between_two_buckets_is_told_and_one_on_a_bound_is_not() -> None:
    one = Baseline("a", FAMILIES[0], "", None, 1.0, buckets=(0.5, 1.0, 2.5))
    assert one.around(2.0) == (1.0, 2.5)
    assert one.around(0.2) == (0.0, 0.5)
    assert one.around(1.0) is None
    assert one.around(3.0) is None


@pytest.mark.parametrize("url", ["localhost:9090", "ftp://x", "http://", ""])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidSpec, match="is no URL of a Prometheus"):
        measure(url, _shop(), [])


def test_a_server_that_is_away_or_is_no_prometheus_is_told_in_a_sentence() -> None:
    with pytest.raises(Unavailable, match="the connection was refused"):
        measure(f"http://127.0.0.1:{closed_port()}", _shop(), ["gateway"])


def test_a_password_is_in_no_text() -> None:
    with pytest.raises(Unavailable) as caught:
        measure(f"http://me:secret-1@127.0.0.1:{closed_port()}", _shop(), ["gateway"])
    assert "secret-1" not in str(caught.value)
    assert Baselines("http://h", {}, {}, 15.0, True).has_password


async def test_another_web_server_is_no_prometheus() -> None:
    async def strange(_: web.Request) -> web.Response:
        return web.Response(text="<html>")

    async with http_server(strange) as url:
        with pytest.raises(Unavailable, match="as Prometheus does"):
            await asyncio.to_thread(measure, url, _shop(), ["gateway"])
