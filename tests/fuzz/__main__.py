"""`python -m tests.fuzz [--seconds N] [--seed N] [--jobs N] [NAME...]`: all targets, the parsers --jobs at a time, then
the servers one by one, as these measure time.

Ends with 1 if one of them has a finding. Without a seed each run has another one, which it prints.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from tests.fuzz.servers import SERVERS
from tests.fuzz.targets import TARGETS

_ALL: Final = {"parsers": tuple(TARGETS), "servers": tuple(SERVERS)}
"""Names that stand for several targets."""
_GRACE: Final = 120.0
"""Seconds beyond its time after which a target is taken to hang."""


def _run(module: str, name: str, seconds: float, seed: int) -> bool:
    """Whether it is well."""
    command = [sys.executable, "-m", f"tests.fuzz.{module}", name, str(seconds), str(seed)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + _GRACE, check=False)
    except subprocess.TimeoutExpired:
        print(f"{name}: hangs with seed {seed}", flush=True)
        return False
    print(done.stdout, end="", flush=True)
    if done.returncode:
        print(f"{name}: ended with {done.returncode}, seed {seed}\n{done.stderr[-3000:]}", flush=True)
    return not done.returncode


def _all(names: Sequence[str], seconds: float, seed: int, jobs: int) -> Iterator[bool]:
    parsers = [name for name in TARGETS if name in names]
    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(lambda name: _run("parsers", name, seconds, seed), parsers)
    for name in SERVERS:
        if name in names:
            yield _run("servers", name, seconds, seed)


def main() -> int:
    known = [*TARGETS, *SERVERS, *_ALL]
    options = argparse.ArgumentParser(prog="python -m tests.fuzz")
    options.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}; all if none is given")
    options.add_argument("--seconds", type=float, default=30.0)
    options.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options.add_argument("--jobs", type=int, default=2, help="parsers at once")
    given = options.parse_args()
    if unknown := set(given.names) - set(known):
        options.error(f"unknown: {', '.join(sorted(unknown))}; known are: {', '.join(known)}")
    names = [each for name in given.names or _ALL for each in _ALL.get(name, (name,))]
    print(f"seed {given.seed}", flush=True)
    return 0 if all(list(_all(names, given.seconds, given.seed, given.jobs))) else 1


if __name__ == "__main__":
    sys.exit(main())
