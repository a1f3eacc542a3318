"""The relays under test: which there are, how each is started in front of a set of upstreams, and how it is faulted.

Every relay runs in processes of its own, with one worker where that is a setting, and with logs off. Nothing is pinned
to a core: on the small machines that CI has, pinning would decide which of the relay, the client and the sink share
a core, and would cripple those that use several threads.
"""

from __future__ import annotations

import http.client
import importlib.util
import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from bench.processes import Process, accepts, free_port, free_ports, wait_until

_SBIN: Final = ":/usr/local/sbin:/usr/sbin:/sbin"
_NGINX_MODULES: Final = ("/usr/lib/nginx/modules", "/usr/lib64/nginx/modules")
Ports = Mapping[str, int]
"""Name of an upstream to a port of 127.0.0.1."""


def program(name: str) -> str | None:
    """The path of a program, also from the folders that only root has on PATH."""
    return shutil.which(name) or shutil.which(name, path=_SBIN)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a relay is to do."""

    upstreams: Ports
    listens: Ports
    api: int
    folder: Path

    def pairs(self) -> list[tuple[str, int, int]]:
        return [(name, self.listens[name], upstream) for name, upstream in self.upstreams.items()]

    def write(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text)
        return str(path)


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the relays that the bench knows."""

    name: str
    title: str
    commands: Callable[[Plan], list[list[str]]]
    """The command lines, one per process."""
    absent: Callable[[], str | None]
    """Why this machine does not have it; None if it does."""
    faults: bool = False
    """Whether it speaks the HTTP API of fault proxies."""


def _needs(name: str) -> Callable[[], str | None]:
    return lambda: None if program(name) else f"{name} is not on PATH"


def _nginx_absent() -> str | None:
    if not program("nginx"):
        return "nginx is not on PATH"
    return None if _nginx_module() is not None else "nginx lacks its stream module"


def _nginx_module() -> Path | None:
    """The dynamic module as Debian ships it."""
    paths = (Path(folder, "ngx_stream_module.so") for folder in _NGINX_MODULES)
    return next((path for path in paths if path.exists()), None)


def _brownout_absent() -> str | None:
    if importlib.util.find_spec("brownout_proxy") and importlib.util.find_spec("brownout_proxy.__main__"):
        return None
    return "the package brownout_proxy has no command line here"


def _bare(plan: Plan) -> list[list[str]]:
    script = str(Path(__file__).with_name("bare_relay.py"))
    return [[sys.executable, script, *(f"{listen}={upstream}" for _, listen, upstream in plan.pairs())]]


def _brownout(plan: Plan) -> list[list[str]]:
    proxies = [f"{name}@127.0.0.1:{listen}=127.0.0.1:{upstream}" for name, listen, upstream in plan.pairs()]
    return [[sys.executable, "-m", "brownout_proxy", *proxies, "--port", str(plan.api)]]


def _nginx(plan: Plan) -> list[list[str]]:
    servers = "\n".join(
        f"server {{ listen 127.0.0.1:{listen} backlog=4096; proxy_pass 127.0.0.1:{upstream}; proxy_timeout 1h; }}"
        for _, listen, upstream in plan.pairs()
    )
    path = plan.write(
        "nginx.conf",
        f"load_module {_nginx_module()};\nworker_processes 1;\npid {plan.folder}/nginx.pid;\n"
        f"error_log {plan.folder}/nginx.log crit;\nworker_rlimit_nofile 20000;\n"
        "events { worker_connections 16384; }\nstream { tcp_nodelay on;\n" + servers + "\n}\n",
    )
    return [[program("nginx") or "nginx", "-c", path, "-p", str(plan.folder), "-g", "daemon off;"]]


def _haproxy(plan: Plan) -> list[list[str]]:
    sections = "\n".join(
        f"listen {name}\n  bind 127.0.0.1:{listen}\n  server upstream 127.0.0.1:{upstream}"
        for name, listen, upstream in plan.pairs()
    )
    path = plan.write(
        "haproxy.cfg",
        "global\n  nbthread 1\n  maxconn 8000\n"
        "defaults\n  mode tcp\n  timeout connect 10s\n  timeout client 1h\n  timeout server 1h\n" + sections + "\n",
    )
    return [[program("haproxy") or "haproxy", "-f", path, "-db", "-q"]]


def _socat(plan: Plan) -> list[list[str]]:
    return [
        [
            program("socat") or "socat", "-b", "65536",
            f"TCP-LISTEN:{listen},bind=127.0.0.1,fork,reuseaddr,nodelay,backlog=4096",
            f"TCP:127.0.0.1:{upstream},nodelay",
        ]
        for _, listen, upstream in plan.pairs()
    ]  # fmt: skip


def _toxiproxy(plan: Plan) -> list[list[str]]:
    path = plan.write(
        "toxiproxy.json",
        json.dumps(
            [
                {"name": name, "listen": f"127.0.0.1:{listen}", "upstream": f"127.0.0.1:{upstream}", "enabled": True}
                for name, listen, upstream in plan.pairs()
            ]
        ),
    )
    server = program("toxiproxy-server") or "toxiproxy-server"
    return [[server, "-host", "127.0.0.1", "-port", str(plan.api), "-config", path]]


KINDS: Final[Sequence[Kind]] = (
    Kind("direct", "no relay", lambda plan: [], lambda: None),
    Kind("bare", "bare uvloop Protocol pair", _bare, lambda: None),
    Kind("brownout", "Brownout", _brownout, _brownout_absent, faults=True),
    Kind("nginx", "nginx stream, 1 worker", _nginx, _nginx_absent),
    Kind("haproxy", "HAProxy, TCP mode, 1 thread", _haproxy, _needs("haproxy")),
    Kind("socat", "socat, fork", _socat, _needs("socat")),
    Kind("toxiproxy", "Toxiproxy", _toxiproxy, _needs("toxiproxy-server"), faults=True),
)


@dataclass(slots=True)
class Relay:
    """A relay that runs, or none at all for `direct`."""

    kind: Kind
    ports: Ports
    """Where a client reaches each upstream."""
    _api: int
    _folder: TemporaryDirectory[str]
    _processes: list[Process] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.kind.name

    def cpu(self) -> float:
        """Seconds of CPU used so far, once the relay is at rest."""
        return sum(process.settled_cpu() for process in self._processes)

    def memory(self) -> int:
        """Bytes."""
        return sum(process.memory() for process in self._processes)

    def add_fault(self, upstream: str, kind: str, stream: str, attributes: Mapping[str, float]) -> None:
        """Raises RuntimeError when the relay refuses."""
        fault = {"name": "bench", "type": kind, "stream": stream, "attributes": attributes}
        self._ask("POST", f"/proxies/{upstream}/toxics", fault)

    def remove_faults(self) -> None:
        self._ask("POST", "/reset")

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._api, timeout=10)
        try:
            headers = {"Content-Type": "application/json", "User-Agent": "brownout-bench"}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            if answer.status >= 300:
                raise RuntimeError(f"{self.name}: {method} {path}: {answer.status} {answer.read().decode()}")
        finally:
            connection.close()

    def stop(self) -> None:
        for process in self._processes:
            process.stop()
        self._folder.cleanup()


def start(kind: Kind, upstreams: Ports) -> Relay:
    """Starts a relay in front of `upstreams` and waits until it accepts. Raises RuntimeError, OSError."""
    if kind.name == "direct":
        return Relay(kind, upstreams, 0, TemporaryDirectory())
    folder: TemporaryDirectory[str] = TemporaryDirectory(prefix="bench-")
    plan = Plan(upstreams, free_ports(list(upstreams)), free_port(), Path(folder.name))
    relay = Relay(kind, plan.listens, plan.api, folder)
    try:
        for command in kind.commands(plan):
            relay._processes.append(Process(command, env={"LOG_LEVEL": "error"}))
        expected = [*plan.listens.values(), *([plan.api] if kind.faults else [])]
        wait_until(lambda: all(map(accepts, expected)), relay._processes, kind.name)
    except BaseException:
        relay.stop()
        raise
    return relay
