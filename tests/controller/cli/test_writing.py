"""`brownout catalogue --write`: files on a disk, what is told about them, and the exit status for CI."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from brownout_controller.cli.catalogue import catalogue
from brownout_controller.cli.files import mistakes_in
from brownout_controller.model.variables import Variables
from brownout_proxy.errors import BrownoutError, InvalidSpec, Unavailable
from tests.controller.catalogue.ground import SHOP
from tests.controller.probes.ground import closed_port

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
        assert not mistakes_in(file, Variables({}, {}, lenient=True))


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
    program = "from brownout_proxy.cli import main; main()"
    words = [sys.executable, "-c", program, "catalogue", "architecture.yaml", "--write", "e", "--top", "0"]
    done = subprocess.run(
        words, cwd=shop, capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)),
    )  # fmt: skip
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
        (["--check"], "--check: is for --write"),
        (["--entry", "http://x/"], "--entry: is for --write"),
        (["--baseline", "http://x/"], "--baseline: is for --write"),
        (["--write", "e", "--over", "1h"], "--over: is for --baseline"),
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
