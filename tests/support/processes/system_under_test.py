"""All that `brownout run` needs for real: a proxy, an echo behind it, a shop before it, and a folder to run in."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.support.processes.proxy import ProxyProcess, proxy_process
from tests.support.processes.shop import Shop
from tests.support.running import SECONDS, echoing, eventually

PATIENCE: Final = 150.0
"""Seconds that a run may take on a busy machine."""
LEASE: Final = "5s"
"""Longer than a busy machine may forget to renew it."""
_MAIN: Final = "from brownout_proxy.cli import main; main()"
_TERMINAL: Final = "import fcntl, termios; fcntl.ioctl(1, termios.TIOCSCTTY, 0); "
"""Of a process that leads a session: its stdout becomes the terminal that ends it."""
Records = Sequence[Mapping[str, Any]]


@dataclass
class Ended:
    """A run that is over."""

    status: int
    out: str
    err: str
    records: Records = field(default_factory=list)

    @property
    def told(self) -> str:
        return self.out + self.err

    def of(self, kind: str) -> Records:
        return [record for record in self.records if record["kind"] == kind]

    @property
    def verified(self) -> bool:
        """Whether everything that was injected is known to be gone."""
        gone = {record["id"] for record in self.of("reverted") if record["verified"]}
        return {record["id"] for record in self.of("undo")} <= gone

    @property
    def stopping(self) -> float:
        """Seconds from the breach until the revert was verified."""
        reverted: float = max(record["at"] for record in self.of("reverted") if record["verified"])
        breached: float = self.of("stop")[0]["breached_at"]
        return reverted - breached


class Started:
    """A run under way."""

    def __init__(self, process: subprocess.Popen[str], runs: Path) -> None:
        self.process = process
        self._runs = runs
        self._seen: tuple[tuple[Path, int], Records] = ((runs, 0), [])

    def records(self, run: Path | None = None) -> Records:
        """So far; of that run, or of the newest one in its folder."""
        journals = self.journals() if run is None else [run / "journal.jsonl"]
        if not journals:
            return []
        text = journals[-1].read_text()
        now = (journals[-1], len(text))
        if now != self._seen[0]:  # whoever polls need not have it all parsed again each time
            self._seen = now, [json.loads(line) for line in text.splitlines() if line.endswith("}")]
        return self._seen[1]

    def journals(self) -> list[Path]:
        return sorted(self._runs.glob("*/journal.jsonl"))

    def until(self, what: str, **wanted: Any) -> None:
        """Waits for a record with these values."""
        self._until(lambda record: all(record.get(key) == value for key, value in wanted.items()), what)

    def until_state(self, state: str) -> None:
        self.until(f"state {state}", kind="state", state=state)

    def until_hit(self) -> None:
        """Waits until the fault is known to have met traffic."""
        self._until(lambda record: record["kind"] == "counters" and sum(record["hits"].values()) > 0, "a hit")

    def _until(self, is_it: Callable[[Mapping[str, Any]], bool], what: str) -> None:
        def there() -> bool:
            over = self.process.poll() is not None  # before the look: what is not there now never comes
            found = any(map(is_it, self.records()))
            assert found or not over, f"it ended without {what}: {self.end().told}"
            return found

        eventually(there, what, seconds=PATIENCE)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> Ended:
        """Waits until it is over."""
        try:
            out, err = self.process.communicate(timeout=PATIENCE)
        finally:
            self.process.kill()
        return Ended(self.process.returncode, out or "", err or "", self.records())


@dataclass
class Stage:
    """One experiment's ground. `name` is that of its proxy in the process."""

    proxy: ProxyProcess
    shop: Shop
    root: Path
    name: str = "backend"
    control: str | Sequence[str] = ""
    """Where the controller finds the proxy, if not where it is."""

    def write(self, **changes: Any) -> Path:
        """An experiment file with a latency of 400 ms on the backend, and a hypothesis about errors."""
        content = {
            "name": "backend-latency",
            "edge": f"shop -> {self.name}",
            "fault": {"latency": "400ms"},
            "duration": "2s",
            "baseline": "1s",
            "recovery": "2s",
            "lease": LEASE,
            "traffic": {"url": self.shop.url, "rate": 30, "timeout": "2s"},
            "hypotheses": [self.claim()],
            **changes,
        }
        self.root.mkdir(parents=True, exist_ok=True)
        path = self.root / "experiment.json"
        path.write_text(json.dumps(content))
        return path

    def claim(self, **changes: Any) -> dict[str, Any]:
        """By default that fewer than 1 % of the requests fail. One that waits for longer than the window counts as
        failed: a second leaves a busy machine as much again as the fault takes."""
        return {
            "name": "errors stay low", "traffic": "errors", "expect": "< 1%", "window": "1s",
            "settle": "0.5s", "every": "0.1s",
            **changes,
        }  # fmt: skip

    def start(
        self, path: Path, *flags: str, stdout: Any = subprocess.PIPE, stderr: Any = None, terminal: bool = False,
        **settings: Any,
    ) -> Started:  # fmt: skip
        """`settings` go into the environment `local`. `terminal`: stdout is the controlling terminal."""
        if "--config" not in flags:
            local = {"control": self.control or self.proxy.control, **settings}
            (self.root / "brownout.yaml").write_text(json.dumps({"environments": {"local": local}}))
        process = subprocess.Popen(
            [sys.executable, "-c", (_TERMINAL if terminal else "") + _MAIN, "run", str(path), *flags],
            cwd=self.root, stdout=stdout, stderr=subprocess.PIPE if stderr is None else stderr, text=True,
            env={**os.environ, "XDG_STATE_HOME": str(self.root / "state")}, start_new_session=terminal,
        )  # fmt: skip
        return Started(process, self.runs)

    def run(self, path: Path, *flags: str, **settings: Any) -> Ended:
        return self.start(path, *flags, **settings).end()

    @property
    def runs(self) -> Path:
        return self.root / ".brownout" / "runs"

    def faults(self) -> list[str]:
        """What the proxy itself lists."""
        with urllib.request.urlopen(f"http://{self.proxy.api}/proxies/{self.name}", timeout=SECONDS) as answer:
            return [toxic["name"] for toxic in json.load(answer)["toxics"]]

    def ask(self, method: str, path: str, body: object = None) -> None:
        """The proxy's HTTP API."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://{self.proxy.api}{path}", method=method, data=data)
        with urllib.request.urlopen(request, timeout=SECONDS):
            pass


@contextmanager
def staged(root: Path, count: int = 1) -> Iterator[list[Stage]]:
    """So many stages on one proxy process: their experiments may run side by side."""
    names = ["backend"] if count == 1 else [f"backend{number}" for number in range(count)]
    with ExitStack() as stack:
        echo = stack.enter_context(echoing())
        process = stack.enter_context(proxy_process(*(f"{name}@0={echo}" for name in names)))
        stages = []
        for name in names:
            shop = Shop(process.listen(name))
            shop.start()
            stack.callback(shop.close)
            folder = root if count == 1 else root / name
            folder.mkdir(exist_ok=True)
            stages.append(Stage(process, shop, folder, name))
        yield stages
