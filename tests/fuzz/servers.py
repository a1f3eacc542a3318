"""Servers under fire: `python -m tests.fuzz.servers NAME SECONDS SEED` sends what is made of good requests to a real
process, while a ping goes through the proxy, or a quick call to the controller, on another connection beside it.

Afterwards the process is there, has written no traceback, has not grown beyond a bound, and nothing stood still for
longer than STALL beyond what it stands still in as long a time without requests.
"""

from __future__ import annotations

import random
import re
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from tests.fuzz.asking import Asking
from tests.fuzz.mutation import Mutator
from tests.fuzz.targets import TARGETS
from tests.support.http2 import DATA, END_STREAM, Http2, call_headers, frame, message_head
from tests.support.processes.controller import controller_process
from tests.support.processes.pinger import pinging
from tests.support.processes.proxy import proxy_process

STALL: Final = 0.05
"""Seconds."""
GROWTH: Final = 150 << 20
"""Bytes."""
_PROXY: Final = "/brownout.proxy.v1.ProxyService/"
_CONTROLLER: Final = "/brownout.controller.v1.ControllerService/"
_METHODS: Final = ("POST", "PATCH", "GET", "DELETE", "PUT", "HEAD", "OPTIONS", "\xff")
_PATHS: Final = (
    "/proxies", "/populate", "/proxies/p", "/proxies/p/toxics", "/proxies/p/toxics/t", "/proxies/a", "/reset",
    "/version", "/metrics", "/proxies/%ff", "/nothing", "/proxies?force=true",
)  # fmt: skip
_CALLS: Final = (
    _PROXY + "CreateProxy", _PROXY + "UpdateProxy", _PROXY + "AddFault", _PROXY + "UpdateFault", _PROXY + "ListProxies",
    _PROXY + "RenewLease", _PROXY + "Nothing", "/grpc.health.v1.Health/Check",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
)  # fmt: skip
_ASKED: Final = (
    _CONTROLLER + "Plan", _CONTROLLER + "Run", _CONTROLLER + "StartFaults", _CONTROLLER + "GetRun",
    _CONTROLLER + "ListRuns", _CONTROLLER + "ListTargets", _CONTROLLER + "Stop", _CONTROLLER + "Nothing",
)  # fmt: skip


class Server(NamedTuple):
    """A process under fire. `longest` is the longest standstill since it was last asked, in seconds."""

    address: str
    pid: int
    longest: Callable[[], float]
    log: Callable[[], str]


def resident(pid: int) -> int:
    """Bytes of memory that a process has. Raises AssertionError if it has ended."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        text = ""
    found = re.search(r"^VmRSS:\s+(\d+) kB", text, re.MULTILINE)
    assert found is not None, "the process has ended"
    return int(found[1]) * 1024


@contextmanager
def _proxy(*, grpc: bool) -> Iterator[Server]:
    # The ping has a proxy that no request names: p is deleted and moved like any other.
    with (
        pinging() as ping,
        proxy_process(f"beside@127.0.0.1:0={ping.echo}", "p@127.0.0.1:0=127.0.0.1:1") as process,
    ):
        ping.through(process.listen("beside"))
        yield Server(process.control if grpc else process.api, process.process.pid, ping.longest, process.told)


@contextmanager
def _controller() -> Iterator[Server]:
    with TemporaryDirectory() as made, controller_process(Path(made) / "c") as process:
        asking = Asking(process.address)
        try:
            yield Server(process.address, process.process.pid, asking.longest, process.told)
        finally:
            asking.close()


def _http(address: str, mutator: Mutator, chance: random.Random) -> None:
    """One connection with a request or two, most of them nearly good ones."""
    content = b""
    for _ in range(chance.randrange(1, 3)):
        body = mutator.make()
        method, path = chance.choice(_METHODS), chance.choice(_PATHS)
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n".encode("latin-1")
        if chance.random() < 0.1:
            chunks = [body[at : at + 7] for at in range(0, len(body), 7)]
            framed = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
            content += head + b"Transfer-Encoding: chunked\r\n\r\n" + framed
        else:
            content += head + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    if chance.random() < 0.3:
        content = mutator.mutated(content)
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection, suppress(OSError):
        connection.sendall(content)
        connection.settimeout(0.05)
        while connection.recv(1 << 16):
            pass


def _grpc(calls: tuple[str, ...]) -> Callable[[str, Mutator, random.Random], None]:
    def fire(address: str, mutator: Mutator, chance: random.Random) -> None:
        """One connection with some calls, and sometimes with frames that are none."""
        with suppress(OSError), Http2(address) as connection:
            connection.listen(0.2)
            for _ in range(chance.randrange(1, 20)):
                stream = connection.open(call_headers(chance.choice(calls)))
                content = mutator.make()
                message = message_head(len(content)) + content
                if chance.random() < 0.2:
                    message = mutator.mutated(message)
                for at in range(0, len(message), 16384):
                    connection.send(frame(DATA, 0, stream, message[at : at + 16384]))
                connection.send(frame(DATA, END_STREAM, stream))
                connection.listen(0.001)
            if chance.random() < 0.2:
                connection.send(mutator.mutated(frame(chance.randrange(12), chance.randrange(256), 1, mutator.make())))
            connection.listen(0.05)

    return fire


def _corpus(*names: str) -> list[bytes]:
    return [content for name in names for content in TARGETS[name].corpus()]


def _orders() -> list[bytes]:
    from brownout_controller.v1 import controller_pb2

    texts = [content.decode() for content in TARGETS["experiment"].corpus()]
    texts += ["${A:-" * 12_000, "a: " * 5_000, "[" * 5_000, '{"hypotheses": [' + "{}," * 20_000 + "{}]}"]
    made = [controller_pb2.RunRequest(experiment=controller_pb2.Experiment(text=text, file="x.yaml")) for text in texts]
    return [message.SerializeToString() for message in made] + _corpus("protobuf")


class Fire(NamedTuple):
    serve: Callable[[], object]
    corpus: Callable[[], list[bytes]]
    send: Callable[[str, Mutator, random.Random], None]


SERVERS: Final[dict[str, Fire]] = {
    "http-server": Fire(lambda: _proxy(grpc=False), lambda: _corpus("http"), _http),
    "grpc-server": Fire(lambda: _proxy(grpc=True), lambda: _corpus("protobuf"), _grpc(_CALLS)),
    "controller": Fire(_controller, _orders, _grpc(_ASKED)),
}
_SLICE: Final = 2.0
"""Seconds of requests, and as many of none."""


def fuzz(name: str, seconds: float, seed: int) -> list[str]:
    """What is wrong; prints what it did."""
    fire, wrong = SERVERS[name], list[str]()
    mutator, chance = Mutator(fire.corpus(), seed), random.Random(seed)
    with fire.serve() as server:  # type: ignore[attr-defined]
        before, sent, stalls, quiet = resident(server.pid), 0, list[float](), list[float]()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            server.longest()
            slice_ends = time.monotonic() + _SLICE
            while time.monotonic() < slice_ends:
                fire.send(server.address, mutator, chance)
                sent += 1
            stalls.append(server.longest())
            time.sleep(_SLICE)
            quiet.append(server.longest())
        grown, log = resident(server.pid) - before, server.log()
    stalls.sort()
    quiet.sort()
    # A busy machine makes one of them long now and then; a request of ours that does would do it in most slices.
    if stalls[len(stalls) // 2] > STALL + 2 * quiet[-1]:
        wrong.append(f"stood still for {stalls[len(stalls) // 2]:.3f} s (median of {len(stalls)} slices)")
    if grown > GROWTH:
        wrong.append(f"grew by {grown >> 20} MB")
    if "Traceback" in log:
        wrong.append(f"a traceback:\n{log[log.index('Traceback') :][:3000]}")
    print(
        f"{name}: {sent} connections, {grown >> 20} MB more; longest standstill {1000 * stalls[-1]:.0f} ms, median "
        f"{1000 * stalls[len(stalls) // 2]:.0f} ms; without requests {1000 * quiet[-1]:.0f} and "
        f"{1000 * quiet[len(quiet) // 2]:.0f} ms; {len(wrong)} findings"
    )
    return wrong


def main(name: str, seconds: float, seed: int) -> int:
    wrong = fuzz(name, seconds, seed)
    for each in wrong:
        print(f"  {each}")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3])))
