"""Plays the acts against real servers and prints one table; exits 1 when a fault did not do what it says."""

from __future__ import annotations

import asyncio
import math
import shutil
import signal
import sys
import time
from contextlib import ExitStack
from typing import Final

import aiohttp

from deploy.demo.acts import ACTS, Act, unharmed
from deploy.demo.clients import CALLERS, Client, PostgresClient, RedisClient, Seen, work
from deploy.demo.servers import Missing, free_port, postgres, proxy, redis

_QUIET: Final = 0.7
"""Seconds in which the client works before a fault comes and after it has gone."""

_HEADINGS: Final = ("what happens", "injected", "measured", "before", "during", "after", "")


async def main() -> int:
    """The exit status."""
    started = time.monotonic()
    _tell("starting PostgreSQL, Redis and the proxy ...")
    ports = {"postgres": free_port(), "redis": free_port()}
    with ExitStack() as stack:
        mappings = [
            f"postgres@{ports['postgres']}=127.0.0.1:{stack.enter_context(postgres())}",
            f"redis@{ports['redis']}=127.0.0.1:{stack.enter_context(redis())}",
        ]
        url = stack.enter_context(proxy(*mappings))
        async with aiohttp.ClientSession(url, raise_for_status=True) as control:
            rows = [await _play(act, ports[act.service], control) for act in ACTS]
    _print_table(rows)
    bad = sum(not row[-1].startswith("ok") for row in rows)
    print(f"\n{len(rows) - bad} of {len(rows)} faults did what they say, in {time.monotonic() - started:.0f} s")
    return 1 if bad else 0


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _clients(act: Act, port: int) -> list[Client]:
    if act.service == "redis":
        return [RedisClient(port, patience=act.patience) for _ in range(CALLERS)]
    return [PostgresClient(port, size=act.size, patience=act.patience) for _ in range(CALLERS)]


async def _play(act: Act, port: int, control: aiohttp.ClientSession) -> tuple[str, ...]:
    _tell(f"  {act.service}: {act.title} ({act.injected})")
    clients = _clients(act, port)
    try:
        await work(clients, 0)  # connections are opened before anything is measured
        before = await work(clients, _QUIET)
        await _switch_on(act, control)
        during = await work(clients, act.seconds, at_least=act.at_least)
        await control.post("/reset")
        await work(clients, 0)  # the first call may find a connection that the fault has closed
        after = await work(clients, _QUIET)
    finally:
        for client in clients:
            await client.close()
    verdict = act.judge(during)
    good = verdict.good and unharmed(before) and unharmed(after)
    cells = (_cell(before), _cell(during), _cell(after))
    return (f"{act.service}: {act.title}", act.injected, verdict.measured, *cells, "ok" if good else "NOT SO")


async def _switch_on(act: Act, control: aiohttp.ClientSession) -> None:
    if not act.toxics:
        await control.patch(f"/proxies/{act.service}", json={"enabled": False})
    for toxic in act.toxics:
        await control.post(f"/proxies/{act.service}/toxics", json=toxic)


def _cell(seen: Seen) -> str:
    """Calls that succeeded, as median / 99th percentile, and the number of errors."""
    times = "/".join(_short(seen.quantile(share)) for share in (0.5, 0.99)) if seen.durations else "-"
    return f"{times}, {seen.failed} err"


def _short(seconds: float) -> str:
    if math.isnan(seconds):
        return "-"
    return f"{seconds:.2f}s" if seconds >= 1 else f"{seconds * 1e3:.1f}ms"


def _print_table(rows: list[tuple[str, ...]]) -> None:
    """One line a fault where the terminal is wide enough, else one block a fault."""
    widths = [max(len(row[column]) for row in [_HEADINGS, *rows]) for column in range(len(_HEADINGS))]
    room = shutil.get_terminal_size((200, 24)).columns
    print("\nwhat the client saw: median / 99th percentile of its calls, and errors\n")
    if sum(widths) + 2 * len(widths) <= room:
        for row in [_HEADINGS, *rows]:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        return
    for row in rows:
        print(f"{row[0]}: {row[-1]}")
        for heading, cell in zip(_HEADINGS[1:-1], row[1:-1], strict=True):
            print(f"  {heading:<9} {cell}")


def _stopped(signum: int, frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _stopped)
    try:
        sys.exit(asyncio.run(main()))
    except Missing as error:
        sys.exit(f"demo: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
