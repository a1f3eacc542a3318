"""One run at a time on a target: a lock file that ends with its process, whatever ends that."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from brownout_proxy.errors import Conflict, Unavailable


def directory() -> Path:
    """Where the locks of this user are: the same for every run on this machine, wherever it is started."""
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "brownout" / "locks"


@contextmanager
def held(targets: Iterable[str], owner: str, root: Path | None = None) -> Iterator[None]:
    """Holds the locks of all targets. Raises Conflict naming the run that has one, Unavailable."""
    where = root or directory()
    with ExitStack() as stack:
        for target in sorted(set(targets)):  # in one order, so that two runs cannot wait for each other
            stack.enter_context(_held(where, target, owner))
        yield


@contextmanager
def _held(root: Path, target: str, owner: str) -> Iterator[None]:
    path = root / hashlib.sha256(target.encode()).hexdigest()[:16]
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise Unavailable(f"{path}: {(error.strerror or str(error)).lower()}") from None
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(lock, 200).decode("utf-8", "replace").strip() or "another run"
            raise Conflict(f"{target} is in use by {holder}; wait for it, or stop it") from None
        os.ftruncate(lock, 0)
        os.write(lock, f"{owner} (process {os.getpid()})\n".encode())
        yield
    finally:
        os.close(lock)
