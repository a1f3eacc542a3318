"""How far the shop is from breaking: `brownout margin` finds the timeouts of its code. Run it with `make margins`.

Each case is an experiment on one call. The answer has to be one around the timeout in the code of the caller, divided
by the round trips that the call makes under the fault; the exit status is 1 if one is not.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg
import click
import redis

from deploy.demo import servers
from deploy.demo.shop import auth, gateway, resilient
from deploy.demo.story import Shop, shop

_EXPERIMENTS: Final = Path(__file__).parent / "experiments"
_RUNS: Final = Path(".brownout/runs")
_OWN_TIME: Final = 0.1
"""The share of its timeout that a call may take beside the delay."""


@dataclass(frozen=True)
class Case:
    """An experiment, the timeout in the code in seconds, and how many delayed round trips it spans."""

    experiment: str
    timeout: float
    round_trips: int
    words: Sequence[str]
    """Flags of the search."""

    @property
    def file(self) -> Path:
        return _EXPERIMENTS / f"{self.experiment}.yaml"

    def agrees(self, outcome: Mapping[str, Any]) -> bool:
        """Whether what was found is the timeout of the code."""
        if outcome["finding"] != "found":
            return False
        held, broke = (outcome[end]["seconds"] * self.round_trips for end in ("held", "broke"))
        return bool(held <= self.timeout and broke >= self.timeout * (1 - _OWN_TIME))


CASES: Final[Mapping[str, Case]] = {
    # A write and the reset of its connection, which goes back to the pool before the answer is given.
    "payment-db": Case("margin-payment-db", resilient._PATIENCE, 2, ("--to", "200ms")),
    "session-redis": Case("margin-session-redis", auth._REDIS_PATIENCE, 1, ("--to", "200ms")),
    "gateway-auth": Case(
        "margin-gateway-auth", gateway._TIMEOUT, 1, ("--from", "1s", "--to", "4s", "--resolution", "5%")
    ),
}


def command(case: Case, running: Shop, runs: Path, config: str) -> Sequence[str]:
    """The search, as a person would type it, but for the JSON."""
    return [
        sys.executable, "-c", "from brownout_proxy.cli import main; main()", "margin", str(case.file), "--json",
        "--timeout", f"{case.timeout}s", "--config", config, "--runs", str(runs.absolute()),
        "--var", f"GATEWAY={running.gateway}", *case.words,
    ]  # fmt: skip


def config(running: Shop) -> str:
    """A brownout.yaml for the shop."""
    return f"environments: {{local: {{control: '{running.control}'}}}}\n"


def search(case: Case, running: Shop, runs: Path) -> dict[str, Any]:
    """What the search gave. Raises NotStarted if it gave nothing."""
    words = command(case, running, runs, "{folder}/brownout.yaml")
    out = servers.said(words, {"brownout.yaml": config(running)})
    if not out.strip():
        raise servers.NotStarted("brownout margin gave no answer")
    content: dict[str, Any] = json.loads(out)
    return content


def main(names: Sequence[str]) -> int:
    """0 if every margin is the timeout of the code, 1 if not, 2 when it cannot be shown."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    strange = [name for name in names if name not in CASES]
    if strange:
        click.echo(f"margins: there is no case {strange[0]!r}; known are: {', '.join(CASES)}", err=True)
        return 2
    runs, told = Path(os.environ.get("BROWNOUT_RUNS") or _RUNS), {}
    try:
        print("starting the shop ...", file=sys.stderr)
        with shop("resilient") as running:
            for name in names or CASES:
                print(f"{name}: searching, for a minute or two ...", end=" ", file=sys.stderr, flush=True)
                began = time.monotonic()
                told[name] = search(CASES[name], running, runs)
                print(f"{len(told[name]['trials'])} runs, {time.monotonic() - began:.0f} s", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nstopped; nothing is left running", file=sys.stderr)
        return 130
    except (servers.Missing, servers.NotStarted, OSError, asyncpg.PostgresError, redis.RedisError) as error:
        click.echo(f"margins: {error}", err=True)
        return 2
    for name, outcome in told.items():
        _print(CASES[name], outcome)
    return 0 if all(CASES[name].agrees(outcome) for name, outcome in told.items()) else 1


def _print(case: Case, outcome: Mapping[str, Any]) -> None:
    mark = "agrees with" if case.agrees(outcome) else "DOES NOT AGREE WITH"
    trips = "" if case.round_trips == 1 else f", over {case.round_trips} round trips"
    held, broke = ((outcome[end] or {"value": "?"})["value"] for end in ("held", "broke"))
    click.echo(f"\n{outcome['edge']}: holds at {held}, broken at {broke}; {mark} {case.timeout:g} s in the code{trips}")
    for trial in outcome["trials"]:
        click.echo(f"  {trial['value']:>8}  {trial['answer']:<8}  {trial['telling']}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
