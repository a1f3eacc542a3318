"""The tutorial, step by step: its files and commands as they stand on the page, only on ports that are free here."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from deploy.demo.servers import free_port
from tests.support.processes.proxy import proxy_process
from tests.support.running import eventually, said_back

_PAGE: Final = (Path(__file__).parents[2] / "docs" / "first-experiment.md").read_text("utf-8")
_PATIENCE: Final = 150.0


def _files(language: str) -> list[str]:
    return re.findall(rf"```{language}\n# \S+\n(.*?)```", _PAGE, re.DOTALL)


class Tutorial:
    """The folder, and the ports in place of those of the page."""

    def __init__(self, root: Path, stock: str, control: str) -> None:
        self.root, self.port = root, free_port()
        self._ports = {"127.0.0.1:15000": stock, "127.0.0.1:8080": f"127.0.0.1:{self.port}", "8080": str(self.port)}
        (root / "brownout.yaml").write_text(f"environments: {{local: {{control: '{control}'}}}}")
        self.experiment = _files("yaml")[0]
        self.write("stock-is-slow.yaml", self.experiment)

    def shorten(self) -> None:
        """Phases with time for three measurements: patience is for people. The limit is between 0.2 s and 2 s, but
        one stall of a busy machine, which is the p99 of 20 requests, does not reach it."""
        text = self.experiment
        for phase in ("duration: 10s", "recovery: 10s"):
            assert phase in text
            text = text.replace(phase, f"{phase.partition(' ')[0]} 5s")
        assert "expect: < 500ms" in text
        self.write("stock-is-slow.yaml", text.replace("expect: < 500ms", "expect: < 1200ms"))

    def write(self, name: str, text: str) -> None:
        for there, here in self._ports.items():
            text = text.replace(there, here)
        (self.root / name).write_text(text)

    @contextmanager
    def shop(self, text: str) -> Iterator[None]:
        self.write("shop.py", text)
        with _process("shop.py", root=self.root):
            eventually(lambda: _answers(self.port))
            yield

    def brownout(self, command: str) -> tuple[int, str]:
        """A command as it stands on the page."""
        assert f"\nbrownout {command}\n" in _PAGE, "the page has another"
        program = [sys.executable, "-c", "from brownout_proxy.cli import main; main()", *command.split()]
        done = subprocess.run(
            program, cwd=self.root, capture_output=True, text=True, timeout=_PATIENCE, check=False,
            env={"PATH": "", "XDG_STATE_HOME": str(self.root)},
        )  # fmt: skip
        return done.returncode, done.stdout


@contextmanager
def _process(*words: str, root: Path) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, *words], cwd=root, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _answers(port: int) -> bool:
    try:
        return bool(said_back(f"127.0.0.1:{port}", b"GET / HTTP/1.0\r\n\r\n"))
    except OSError:
        return False


@pytest.fixture
def tutorial(tmp_path: Path) -> Iterator[Tutorial]:
    (tmp_path / "index.html").write_text('{"apples": 3}')
    port = free_port()
    with _process("-m", "http.server", str(port), "--bind", "127.0.0.1", root=tmp_path):
        eventually(lambda: _answers(port))
        with proxy_process(f"stock@0=127.0.0.1:{port}") as proxy:
            yield Tutorial(tmp_path, proxy.listen("stock"), proxy.control)


@pytest.mark.timeout(400)
def test_the_tutorial_s_shop_is_refuted_and_the_mended_one_passes(tutorial: Tutorial) -> None:
    first, mended = _files("python")
    with tutorial.shop(first):
        assert tutorial.brownout("lint stock-is-slow.yaml") == (0, "")
        status, told = tutorial.brownout("run stock-is-slow.yaml --dry-run")
        assert status == 0
        for line in told.splitlines():
            if not line.startswith(("  target", "  traffic", "  takes")):
                assert f"{line}\n" in _PAGE, "the page shows another"
        tutorial.shorten()
        status, told = tutorial.brownout("run stock-is-slow.yaml")
        assert status == 1, told
        assert told.split("\n")[0].split() in [line.split() for line in _PAGE.splitlines()], "another table"
        assert re.search(r"p99 stays under 0\.5 s +during +< \S+ +2\.\d+s +.*broke", told)
        assert re.search(r"fewer than 1 % fail +during +< 1% +\d\S*% +.*broke", told), "who waits is not served"
        assert re.findall(r"^verdict: .*$", told, re.MULTILINE)[0] in _PAGE
    with tutorial.shop(mended):
        status, told = tutorial.brownout("run stock-is-slow.yaml")
        assert status == 0, told
        assert re.findall(r"^verdict: .*$", told, re.MULTILINE)[0] in _PAGE
