"""The questions of `brownout init`, asked at a terminal of their own."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

PATIENCE = 60.0


class _Terminal:
    """The command at a terminal of its own."""

    def __init__(self, root: Path) -> None:
        self._main, other = pty.openpty()
        program = [sys.executable, "-c", "from brownout_proxy.cli import main; main()", "init"]
        self.process = subprocess.Popen(program, cwd=root, stdin=other, stdout=other, stderr=other)
        os.close(other)
        self.shown = ""

    def until(self, text: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while text not in self.shown:
            assert time.monotonic() < deadline, self.shown
            self._read()

    def _read(self) -> bool:
        if select.select([self._main], [], [], 0.1)[0]:
            try:
                self.shown += os.read(self._main, 65536).decode()
            except OSError:  # the other end is closed
                return False
        return True

    def answer(self, question: str, text: str) -> None:
        self.until(question)
        self.shown = self.shown.rpartition(question)[2]
        os.write(self._main, text.encode() + b"\n")

    def rest(self) -> None:
        """Reads what there is for a while."""
        self._read()

    def ended(self) -> int:
        while self._read() and self.process.poll() is None:
            pass
        while self._read() and select.select([self._main], [], [], 0)[0]:
            pass
        os.close(self._main)
        return self.process.wait(PATIENCE)


def test_at_a_terminal_it_asks_for_what_it_cannot_find(tmp_path: Path) -> None:
    terminal = _Terminal(tmp_path)
    terminal.answer("Which services", "web, orders, db")
    terminal.answer("Which of them does web call?", "order")
    terminal.until("there is no order besides web; there are orders, db")
    terminal.answer("Which of them does web call?", "orders")
    terminal.answer("Which of them does orders call?", "db")
    terminal.answer("Which of them does db call?", "")
    terminal.answer("most important requests go through?", "web, db")
    terminal.until("does not call")
    terminal.answer("most important requests go through?", "")
    terminal.answer("before people leave?", "1.5s")
    terminal.answer("URL of a request", "3000")
    terminal.until("is neither URL nor FLOW=URL")
    terminal.answer("URL of a request", "http://127.0.0.1:3000/basket")
    terminal.until("Next:")
    assert terminal.ended() == 0, terminal.shown
    content: dict[str, Any] = yaml.safe_load((tmp_path / "architecture.yaml").read_text())
    assert content["flows"] == {"main": {"path": ["web", "orders", "db"], "tolerance": "1.5s"}}
    texts = [path.read_text() for path in (tmp_path / "experiments").iterdir()]
    assert len(texts) == 3
    slow = [text for text in texts if "fault: {latency:" in text]
    assert slow
    assert all("expect: < 1.5s  # flows.main.tolerance" in text for text in slow)
    assert any("url: http://127.0.0.1:3000/basket" in text for text in texts)


def test_ctrl_c_at_a_question_leaves_nothing_behind(tmp_path: Path) -> None:
    terminal = _Terminal(tmp_path)
    terminal.answer("Which services", "web, db")
    terminal.until("Which of them does web call?")
    deadline = time.monotonic() + PATIENCE
    while terminal.process.poll() is None and time.monotonic() < deadline:
        terminal.process.send_signal(signal.SIGINT)  # one that comes just before the read is not seen by it
        terminal.rest()
    assert terminal.ended() != 0
    assert not list(tmp_path.iterdir())
