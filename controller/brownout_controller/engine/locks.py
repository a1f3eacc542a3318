"""One run at a time on a target: a lock file that ends with its process, whatever ends that.

Whatever excludes runs from targets is an `Exclusive`, which is all that the runner needs.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from brownout_controller.engine import private_files
from brownout_core.errors import Conflict, Unavailable


@dataclass(frozen=True, slots=True)
class Claim:
    """Who wants targets for itself. `lost(why)` is called when they are not its own any more."""

    run_id: str
    experiment: str = ""
    lost: Callable[[str], None] = lambda _: None
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the run is not wanted any more, and so need not wait."""
    names: Mapping[str, str] = field(default_factory=dict)
    """What people call the targets."""

    def called(self, target: str) -> str:
        return self.names.get(target, target)


Exclusive = Callable[[Iterable[str], Claim], AbstractAsyncContextManager[Callable[[], None]]]
"""Holds all of the targets, by their keys, while it is entered. Raises Conflict naming the run that has one,
Unavailable.

It gives a function that calls `lost` at once when the targets may not be the run's own any more, for the last moment
before they are touched.
"""


_REMEDY: Final = "name a directory that can be written to in XDG_STATE_HOME"
_REMOVE: Final = "remove it, or name another directory in XDG_STATE_HOME"


def directory() -> Path:
    """Where the locks of this user are: the same for every run on this machine, wherever it is started. Raises
    Unavailable for a user without a home, such as a container's that has a number only."""
    try:
        state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    except RuntimeError:
        raise Unavailable(f"user {os.getuid()} has no home directory, where locks are; {_REMEDY}") from None
    return Path(state) / "brownout" / "locks"


def files(root: Path | None = None) -> Exclusive:
    """Excludes the runs of this user on this machine from each other."""

    @asynccontextmanager
    async def exclusive(targets: Iterable[str], claim: Claim) -> AsyncIterator[Callable[[], None]]:
        with held(targets, claim, root):
            yield lambda: None  # the system gives the lock of a live process to nobody

    return exclusive


@contextmanager
def held(targets: Iterable[str], claim: Claim, root: Path | None = None) -> Iterator[None]:
    """Holds the locks of all targets. Raises Conflict naming the run that has one, Unavailable."""
    where = root or directory()
    with ExitStack() as stack:
        for target in sorted(set(targets)):  # in one order, so that two runs cannot wait for each other
            stack.enter_context(_held(where, target, claim))
        yield


@contextmanager
def _held(root: Path, target: str, claim: Claim) -> Iterator[None]:
    private_files.make_directory(root, _REMEDY)
    lock = private_files.open_file(root / hashlib.sha256(target.encode()).hexdigest()[:16], os.O_RDWR, _REMOVE)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(lock, 200).decode("utf-8", "replace").strip() or "another run"
            raise Conflict(f"{claim.called(target)} is in use by {holder}; wait for it, or stop it") from None
        with suppress(OSError):  # whose it is helps the next one, but a full disk takes no lock away
            os.ftruncate(lock, 0)
            os.write(lock, f"{claim.run_id} (process {os.getpid()})\n".encode())
        yield
    finally:
        os.close(lock)
