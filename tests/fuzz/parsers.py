"""One parser in a process of its own: `python -m tests.fuzz.parsers NAME SECONDS SEED` prints its findings.

An input that raises what is none of our errors is a finding, and so is one that takes seconds of processor time: the
largest takes a tenth of one.
"""

from __future__ import annotations

import faulthandler
import logging
import resource
import signal
import sys
import time
import traceback
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Final, NamedTuple

from tests.fuzz.mutation import Mutator
from tests.fuzz.targets import TARGETS, Target

SLOW: Final = 5.0
"""Seconds of processor time."""
MEMORY: Final = 2 << 30
"""Bytes that the process may have."""
SAVED: Final = Path(".fuzz")
"""Where inputs that were findings are kept."""
_DEEPEST: Final = 3
"""Frames by which two findings are the same."""


class SlowError(Exception):
    """An input took too long."""


class Outcome(NamedTuple):
    runs: int
    slowest: float
    """Seconds of processor time."""
    findings: dict[str, bytes]
    """By where it was raised; the first input of each."""


def _too_slow(number: int, frame: FrameType | None) -> None:
    raise SlowError(f"more than {SLOW:g} s of processor time")


def check(target: Target, content: bytes, folder: Path) -> str | None:
    """What is wrong with how it takes that input; None if nothing is."""
    signal.setitimer(signal.ITIMER_VIRTUAL, SLOW)
    try:
        target.parse(content, folder)
    except target.allowed:
        return None
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)[-_DEEPEST:]
        where = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))
        return f"{type(error).__name__}: {str(error)[:200]!r} at {where}"
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return None


def fuzz(name: str, seed: int, *, seconds: float = 0.0, runs: int = 0) -> Outcome:
    """For so many seconds, or so many inputs."""
    signal.signal(signal.SIGVTALRM, _too_slow)
    logging.disable(logging.CRITICAL)
    target = TARGETS[name]
    mutator = Mutator(target.corpus(), seed)
    findings: dict[str, bytes] = {}
    places: Counter[str] = Counter()
    done, slowest, until = 0, 0.0, time.monotonic() + seconds
    with TemporaryDirectory() as made:
        while done < runs or time.monotonic() < until:
            content = mutator.make()
            began = time.process_time()
            wrong = check(target, content, Path(made))
            slowest = max(slowest, time.process_time() - began)
            done += 1
            if wrong is not None:
                place = wrong.rpartition(" at ")[2]
                places[place] += 1
                if places[place] == 1:
                    findings[wrong] = content
    return Outcome(done, slowest, findings)


def main(name: str, seconds: float, seed: int) -> int:
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    outcome = fuzz(name, seed, seconds=seconds)
    print(f"{name}: {outcome.runs} inputs, the slowest took {outcome.slowest:.2f} s, {len(outcome.findings)} findings")
    for number, (wrong, content) in enumerate(outcome.findings.items()):
        SAVED.mkdir(exist_ok=True)
        path = SAVED / f"{name}-{seed}-{number}"
        path.write_bytes(content)
        print(f"  {wrong}\n  {path}")
    return bool(outcome.findings)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3])))
