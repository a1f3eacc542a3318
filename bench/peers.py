"""The relays under test: how each is started in front of one upstream, and how it is told to inject a fault.

Each runs in processes of its own with one worker, where that is a setting, and with its log off. Nothing is pinned to a
processor: on two cores that would decide who shares one with the client, which differs between the relays.
"""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

from bench import load
from bench.process import Program, Unmeasured, program

ROOT: Final = Path(__file__).parents[1]
_MODULES: Final = ("/usr/lib/nginx/modules", "/usr/lib64/nginx/modules")
_CONNECTIONS: Final = 8000
"""HAProxy refuses to start when the limit of open files allows fewer than it is told to expect."""


class Place(NamedTuple):
    """Where a relay listens, what it relays to, where its control API is (ports of 127.0.0.1), and its own folder."""

    port: int
    upstream: int
    api: int
    folder: Path


class Kind(NamedTuple):
    """A relay that the bench knows."""

    title: str
    command: Callable[[Place], list[str]]
    lacks: Callable[[], str | None]
    """What this machine has not; None if the relay can be started."""
    speaks_http: bool = False
    """Has the control API of fault proxies."""


def nginx_module(name: str) -> Path | None:
    """A dynamic module, where Debian ships it."""
    return next((path for folder in _MODULES if (path := Path(folder, name)).exists()), None)


def _bare(place: Place) -> list[str]:
    return [sys.executable, str(ROOT / "bench" / "bare_relay.py"), str(place.port), str(place.upstream)]


def _brownout(place: Place) -> list[str]:
    mapping = f"relay@127.0.0.1:{place.port}=127.0.0.1:{place.upstream}"
    return [sys.executable, "-m", "brownout_proxy", mapping, "--port", str(place.api), "--grpc-port", "0"]


def _nginx(place: Place) -> list[str]:
    config = place.folder / "nginx.conf"
    config.write_text(
        f"load_module {nginx_module('ngx_stream_module.so')};\n"
        f"daemon off; worker_processes 1;\n"
        f"pid {place.folder}/pid; error_log stderr crit;\n"
        f"events {{ worker_connections {2 * _CONNECTIONS}; }}\n"
        f"stream {{ server {{ listen 127.0.0.1:{place.port} backlog=4096;\n"
        f" proxy_pass 127.0.0.1:{place.upstream}; }} }}\n"
    )
    return [program("nginx") or "nginx", "-c", str(config), "-p", str(place.folder)]


def _haproxy(place: Place) -> list[str]:
    config = place.folder / "haproxy.cfg"
    config.write_text(
        f"global\n nbthread 1\n maxconn {_CONNECTIONS}\n"
        "defaults\n mode tcp\n timeout connect 10s\n timeout client 1h\n timeout server 1h\n"
        f"listen relay\n bind 127.0.0.1:{place.port}\n server upstream 127.0.0.1:{place.upstream}\n"
    )
    return [program("haproxy") or "haproxy", "-f", str(config), "-db"]


def _socat(place: Place) -> list[str]:
    listen = f"TCP-LISTEN:{place.port},bind=127.0.0.1,reuseaddr,fork,nodelay,backlog=4096"
    return [program("socat") or "socat", listen, f"TCP:127.0.0.1:{place.upstream},nodelay"]


def _toxiproxy(place: Place) -> list[str]:
    return [program("toxiproxy-server") or "toxiproxy-server", "-host", "127.0.0.1", "-port", str(place.api)]


def _nothing() -> None:
    return None


def _needs(*names: str) -> Callable[[], str | None]:
    return lambda: next((f"no {name} on PATH" for name in names if program(name) is None), None)


def _lacks_nginx() -> str | None:
    if program("nginx") is None:
        return "no nginx on PATH"
    return None if nginx_module("ngx_stream_module.so") else "nginx has no stream module"


KINDS: Final[Mapping[str, Kind]] = {
    "direct": Kind("no relay", lambda place: [], _nothing),
    "bare": Kind("a bare uvloop Protocol pair", _bare, _nothing),
    "brownout": Kind("this project", _brownout, _nothing, speaks_http=True),
    "nginx": Kind("nginx stream, 1 worker", _nginx, _lacks_nginx),
    "haproxy": Kind("HAProxy in TCP mode, 1 thread", _haproxy, _needs("haproxy")),
    "socat": Kind("socat, a process for each connection", _socat, _needs("socat")),
    "toxiproxy": Kind("Toxiproxy", _toxiproxy, _needs("toxiproxy-server"), speaks_http=True),
}


class Relay:
    """A relay that runs; `direct` is the upstream itself and has no program."""

    def __init__(self, name: str, place: Place, process: Program | None) -> None:
        self.name = name
        self.port = place.port
        self.process = process
        self._api = place.api

    def add_fault(self, kind: str, stream: str, attributes: Mapping[str, float]) -> None:
        """Raises Unmeasured."""
        fault = {"name": "bench", "type": kind, "stream": stream, "attributes": attributes}
        self.ask("POST", "/proxies/relay/toxics", fault)

    def remove_faults(self) -> None:
        self.ask("POST", "/reset")

    def ask(self, method: str, path: str, body: Any = None) -> None:
        """A request to the control API. Raises Unmeasured when it is refused."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self._api}{path}", data, method=method)
        try:
            urllib.request.urlopen(request, timeout=10).close()
        except OSError as error:
            told = error.read().decode() if isinstance(error, urllib.error.HTTPError) else ""
            raise Unmeasured(f"{self.name}: {method} {path}: {error} {told}".strip()) from None


def free_ports(count: int) -> list[int]:
    """So many different ports that nobody listens on."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [sock.getsockname()[1] for sock in sockets]


def accepts(port: int) -> bool:
    """Whether somebody listens there."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@contextlib.contextmanager
def running(name: str, upstream: int, ready: Callable[[int], bool] = load.answers) -> Iterator[Relay]:
    """A relay in front of the port `upstream`, once `ready` says so of its own port. Raises Unmeasured."""
    kind = KINDS[name]
    if name == "direct":
        yield Relay(name, Place(upstream, upstream, 0, Path()), None)
        return
    port, api = free_ports(2)
    with TemporaryDirectory(prefix="bench-") as folder:
        place = Place(port, upstream, api, Path(folder))
        env = {"PYTHONPATH": str(ROOT / "proxy"), "LOG_LEVEL": "error"}
        with Program(kind.command(place), place.folder / "log", env=env) as process:
            relay = Relay(name, place, process)
            if kind.speaks_http:
                process.wait_until(lambda: accepts(api))
            if name == "toxiproxy":
                listen, target = f"127.0.0.1:{port}", f"127.0.0.1:{upstream}"
                relay.ask("POST", "/proxies", {"name": "relay", "listen": listen, "upstream": target})
            process.wait_until(lambda: ready(port))
            yield relay
