"""The story: one experiment, three versions of payment-service, three verdicts. Run it with `make demo`.

A real PostgreSQL answers a second late. The naive version is refuted, the resilient one passes, and the one whose pool
was refactored is refuted again, although the breaker saw nothing. The exit status is 1 if a verdict differs.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg
import click
import redis

from deploy.demo import servers

EXPECTED: Final[Mapping[str, str]] = {"naive": "refuted", "resilient": "passed", "pool-regression": "refuted"}
"""The verdict on each version."""
_EXPERIMENT: Final = Path(__file__).parent / "experiments" / "payment-db-latency.yaml"
_RUNS: Final = Path(".brownout/runs")
_ROOT: Final = Path(__file__).parents[2]
_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Shop:
    """A shop that runs, and where it is."""

    gateway: str
    payment: str
    dsn: str
    control: str
    """The gRPC API of the proxy in front of PostgreSQL, Redis, auth-service and payment-service."""


@contextmanager
def shop(version: str) -> Iterator[Shop]:
    """The whole shop with that version of payment-service; nothing is left after the block."""
    with ExitStack() as stack:
        database, cache = stack.enter_context(servers.postgres()), stack.enter_context(servers.redis())
        redis.Redis(port=cache).set("session:alice", "alice")
        ports = {name: servers.free_port() for name in ("gateway", "auth", "payment")}
        control, listens = stack.enter_context(
            servers.controlled_proxy(
                f"postgres@0=127.0.0.1:{database}", f"redis@0=127.0.0.1:{cache}",
                f"auth-service@0=127.0.0.1:{ports['auth']}", f"payment-service@0=127.0.0.1:{ports['payment']}",
            )
        )  # fmt: skip
        environment = {
            "POSTGRES_DSN": f"postgresql://postgres@{listens['postgres']}/postgres",
            "REDIS_URL": f"redis://{listens['redis']}",
            "AUTH_URL": f"http://{listens['auth-service']}",
            "PAYMENT_URL": f"http://{listens['payment-service']}",
        }
        for name, service in (("payment", f"payment-{version}"), ("auth", "auth"), ("gateway", "gateway")):
            stack.enter_context(servers.service(service, ports[name], environment))
        _open(f"http://127.0.0.1:{ports['gateway']}/pay")
        yield Shop(
            f"http://127.0.0.1:{ports['gateway']}", f"http://127.0.0.1:{ports['payment']}",
            f"postgresql://postgres@127.0.0.1:{database}/postgres", control,
        )  # fmt: skip


def _open(pay: str) -> None:
    """Pays until a payment is written. Raises NotStarted.

    The first look-up of a session opens a connection, and a cold machine may need longer for that than auth-service
    waits: without a session that was seen before, everybody is a stranger for a second.
    """
    request = urllib.request.Request(pay, method="POST", headers={"Authorization": "Bearer alice"})
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        with suppress(OSError), urllib.request.urlopen(request, timeout=_SECONDS) as answer:
            if answer.status == 200:
                return
        time.sleep(0.1)
    raise servers.NotStarted("the shop takes no payment")


@dataclass(frozen=True)
class Told:
    """What a run came to."""

    version: str
    verdict: str
    reason: str
    run: str
    seconds: float

    @property
    def good(self) -> bool:
        return self.verdict == EXPECTED[self.version]


def experiment(version: str, running: Shop, runs: Path) -> Told:
    """`brownout run` on the shop, as a pipeline would have it."""
    began = time.monotonic()
    variables = {"GATEWAY": running.gateway, "PAYMENT": running.payment, "POSTGRES_DSN": running.dsn}
    words = [word for name, value in variables.items() for word in ("--var", f"{name}={value}")]
    out = servers.said(
        [sys.executable, "-c", "from brownout_proxy.cli import main; main()", "run", str(_EXPERIMENT), "--json",
         "--config", "{folder}/brownout.yaml", "--runs", str(runs.absolute()), *words],
        {"brownout.yaml": f"environments: {{local: {{control: '{running.control}'}}}}\n"},
    )  # fmt: skip
    if not out.strip():
        raise servers.NotStarted("brownout run gave no verdict")
    judged: dict[str, Any] = json.loads(out)[0]
    return Told(version, judged["verdict"], judged["reasons"][0], judged["run"], time.monotonic() - began)


def main() -> int:
    """0 if every verdict is the expected one, 1 if not, 2 when it cannot be shown."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    began, told = time.monotonic(), []
    runs = Path(os.environ.get("BROWNOUT_RUNS") or _RUNS)
    try:
        for number, version in enumerate(EXPECTED, 1):
            print(f"{number}/{len(EXPECTED)} payment-service {version}: starting the shop ...", file=sys.stderr)
            with shop(version) as running:
                print("    PostgreSQL answers 1 s late for 8 s ...", end=" ", file=sys.stderr, flush=True)
                told.append(experiment(version, running, runs))
                print(told[-1].verdict, file=sys.stderr)
    except KeyboardInterrupt:
        print("\nstopped; nothing is left running", file=sys.stderr)
        return 130
    except (servers.Missing, servers.NotStarted, OSError, asyncpg.PostgresError, redis.RedisError) as error:
        click.echo(f"demo: {error}", err=True)
        return 2
    _print(told, time.monotonic() - began, runs)
    return 0 if all(item.good for item in told) else 1


def _print(told: list[Told], seconds: float, runs: Path) -> None:
    click.echo("\nOne experiment (a database that answers 1 s late), three versions of payment-service:\n")
    for item in told:
        mark = "as expected" if item.good else f"EXPECTED {EXPECTED[item.version]}"
        click.echo(f"{item.version:<16} {item.verdict:<13} {mark}")
        click.echo(f"  {re.sub(r' +', ' ', item.reason)}")
        click.echo(f"  {runs / item.run / 'report.html'}")
    good = sum(item.good for item in told)
    click.echo(f"\n{good} of {len(told)} verdicts as expected, in {seconds:.0f} s; open the reports in a browser")


if __name__ == "__main__":
    sys.exit(main())
