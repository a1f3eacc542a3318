"""`brownout catalogue --write`: files on a disk, what is told about them, and the exit status for CI."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from click.testing import CliRunner, Result

from brownout_controller.cli.commands.catalogue import catalogue
from brownout_controller.cli.commands.lint import check
from brownout_controller.model.variables import Variables
from brownout_core.errors import BrownoutError, InvalidSpec, Unavailable
from tests.controller.probes.ground import closed_port
from tests.support.builders.architectures import SHOP

SLOW = "database-slow.orders.postgres.yaml"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "architecture.yaml").write_text(SHOP)
    return tmp_path


def _run(*words: object) -> Result:
    return CliRunner().invoke(catalogue, ["architecture.yaml", "--write", "e", *map(str, words)])


def _error(*words: object) -> BaseException | None:
    return CliRunner().invoke(catalogue, ["architecture.yaml", *map(str, words)]).exception


class _Prometheus(BaseHTTPRequestHandler):
    """Knows a histogram of gateway: half a second at p99, no errors, seven requests a second."""

    def do_GET(self) -> None:
        self._answer({"activeTargets": [{"labels": {"job": "gateway"}, "scrapeInterval": "15s"}]})

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        if self.path.endswith("/series"):
            return self._answer([{"__name__": "http_request_duration_seconds_count", "job": "gateway", "code": "200"}])
        query = form["query"][0]
        if query == "time()":
            return self._answer({"resultType": "scalar", "result": [0, "1800000000"]})
        if query.startswith("group by (le)"):
            bounds = [{"metric": {"le": le}, "value": [0, "1"]} for le in ("0.25", "1", "5", "+Inf")]
            return self._answer({"resultType": "vector", "result": bounds})
        value = next(value for start, value in _NUMBERS.items() if query.startswith(start))
        return self._answer({"resultType": "vector", "result": [{"metric": {}, "value": [0, value]}]})

    def _answer(self, data: object) -> None:
        body = json.dumps({"status": "success", "data": data}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


_NUMBERS = {"time() - min": "7200", "histogram_quantile": "0.5", "1 - sum": "0", "sum(rate": "7"}


@pytest.fixture
def prometheus() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Prometheus) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_limits_come_from_a_prometheus_which_need_not_be_there_again(shop: Path, prometheus: str) -> None:
    (shop / "architecture.yaml").write_text(SHOP.replace(", tolerance: 2s", ""))
    result = _run("--top", 0, "--baseline", f"http://me:secret-1@{prometheus}", "--over", "1h")
    assert result.exit_code == 0, result.exception
    assert (
        f"baselines from http://{prometheus}:\n  gateway: p99 500ms, errors 0 %, 7 requests a second" in result.stderr
    )
    assert "  orders: not found: http_request_duration_seconds_count know no 'orders'" in result.stderr
    text = (shop / "e" / SLOW).read_text()
    assert "expect: < 1.5s  # the p99 of gateway times 3, at least 250ms more, rounded up" in text
    assert 'server: "${PROMETHEUS}"' in text
    assert all("secret-1" not in file.read_text() for file in _files(shop))
    again = _run("--top", 0, "--check")
    assert again.exit_code == 0, again.output


def _files(root: Path) -> Iterator[Path]:
    yield from sorted((root / "e").iterdir())


def test_three_files_are_written_and_pass_lint(shop: Path) -> None:
    result = _run()
    assert result.exit_code == 0
    assert result.output.count("written       e/") == 3
    assert "to be run with --var BUY_URL=URL" in result.output
    files = list(_files(shop))
    assert len(files) == 3
    for file in files:
        assert not check(file, Variables({}, {}, lenient=True)).mistakes


def test_as_many_as_are_asked_for_and_all_with_0_with_those_that_were_passed_over(shop: Path) -> None:
    assert _run("--top", 1).output.count("written") == 1
    everything = _run("--top", 0).output
    assert everything.count("written") > 15
    passed = everything.partition("passed over, as the proxy cannot inject them:\n")[2].splitlines()
    assert passed
    assert any("runs out of memory: a proxy does not touch the memory" in line for line in passed)


def test_doing_it_again_changes_nothing_and_a_person_s_file_is_kept(shop: Path) -> None:
    _run("--entry", "http://x/")
    mine = next(_files(shop))
    mine.write_text(mine.read_text().replace("rate: 10/s", "rate: 3/s"))
    before = {path: path.read_bytes() for path in _files(shop)}
    result = _run()
    assert result.output.count("unchanged") == 2
    assert f"kept          e/{mine.name}" in result.output
    assert {path: path.read_bytes() for path in _files(shop)} == before


def test_a_check_writes_nothing_and_fails_where_there_would_be_something_to_write(shop: Path) -> None:
    assert _run("--check").exit_code == 1
    assert not (shop / "e").exists()
    _run("--top", 0)
    assert _run("--check", "--top", 0).exit_code == 0
    slow = shop / "e" / SLOW
    slow.write_text(slow.read_text().replace("delay: 4s", "delay: 3s"))
    assert _run("--check", "--top", 0).exit_code == 0  # a person's own value is no drift
    (shop / "architecture.yaml").write_text(SHOP.replace("timeout: 2s", "timeout: 5s").replace("80%", "79%"))
    before = {path: path.read_bytes() for path in _files(shop)}
    result = _run("--check", "--top", 0)
    assert result.exit_code == 1
    assert f"drift         e/{SLOW}\n  fault.latency.delay: file 3s, the architecture now gives 10s\n" in result.output
    assert "out of date" in result.output
    assert {path: path.read_bytes() for path in _files(shop)} == before
    slow.write_text(slow.read_text() + "# keep: fault\n")
    assert "drift " not in _run("--top", 0).output
    assert _run("--check", "--top", 0).exit_code == 0


def test_a_disk_that_is_full_leaves_the_old_file(shop: Path) -> None:
    _run("--top", 0)
    before = {path: path.read_bytes() for path in _files(shop)}
    (shop / "architecture.yaml").write_text(SHOP.replace("timeout: 2s", "timeout: 5s"))
    full = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))"
    program = f"{full}; from brownout_proxy.cli import main; main()"
    words = [sys.executable, "-c", program, "catalogue", "architecture.yaml", "--write", "e", "--top", "0"]
    done = subprocess.run(words, cwd=shop, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "file too large" in done.stderr
    assert {path: path.read_bytes() for path in _files(shop)} == before


def test_where_requests_go_may_be_told_for_each_flow(shop: Path) -> None:
    _run("--top", 0, "--entry", "buy=http://127.0.0.1:1/pay", "--entry", "http://127.0.0.1:2/")
    urls = {
        line.strip().removeprefix("url: ")
        for file in _files(shop)
        for line in file.read_text().splitlines()
        if " url:" in line
    }
    assert {"http://127.0.0.1:1/pay", "http://127.0.0.1:2/"} <= urls


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--write", "e", "--json"], "--write: stands by itself"),
        (["--write", "e", "--html", "x.html"], "--write: stands by itself"),
        (["--check"], "--check: is for --write"),
        (["--entry", "http://x/"], "--entry: is for --write"),
        (["--baseline", "http://x/"], "--baseline: is for --write"),
        (["--write", "e", "--over", "1h"], "--over: is for --baseline"),
        (["--write", "e", "--config", "x.yaml"], "--config: is for --env"),
        (["--env", "staging"], "--env: is for --write"),
        (["--write", "e", "--entry", "127.0.0.1:80"], "is neither URL nor FLOW=URL"),
        (["--write", "e", "--entry", "bye=http://x/"], "there is no flow 'bye'; there are buy, look"),
        (["--write", "e", "--entry", "http://me:secret@x/"], "has a user in it"),
        (["--write", "e", "--baseline", "x:9090"], "is no URL of a Prometheus"),
        (["--write", "e", "--baseline", "http://x", "--over", "soon"], "--over: 'soon' is not a quantity"),
        (["--write", "e", "--baseline", "http://x", "--over", "1s"], "--over: must be from 1m"),
        (["--write", "architecture.yaml"], "architecture.yaml: is a file; name a folder"),
    ],
)
def test_flags_that_cannot_be_meant_are_refused_and_nothing_is_written(
    shop: Path, words: list[str], reason: str
) -> None:
    error = _error(*words)
    assert isinstance(error, InvalidSpec)
    assert reason in str(error)
    assert "secret" not in str(error)
    assert not (shop / "e").exists()


def test_a_prometheus_that_is_away_is_an_error_before_anything_is_written(shop: Path) -> None:
    error = _error("--write", "e", "--baseline", f"http://127.0.0.1:{closed_port()}")
    assert isinstance(error, Unavailable)
    assert isinstance(error, BrownoutError)
    assert not (shop / "e").exists()


def test_files_that_are_no_text_or_no_experiment_are_left_alone_and_told(shop: Path) -> None:
    _run("--top", 0)
    broken = shop / "e" / SLOW
    broken.write_bytes(broken.read_bytes().replace(b"10/s", b"\xff\xfe"))
    (shop / "e" / "binary.yaml").write_bytes(bytes(range(256)))
    (shop / "e" / "a-folder.yaml").mkdir()
    before = {path: path.read_bytes() for path in _files(shop) if path.is_file()}
    result = _run("--top", 0)
    assert result.exit_code == 0, result.exception
    assert f"drift         e/{SLOW}\n  cannot be read" in result.output
    assert {path: path.read_bytes() for path in _files(shop) if path.is_file()} == before
