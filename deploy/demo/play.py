"""Plays the acts against real servers and prints one table; the exit status says whether all was as announced."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from contextlib import ExitStack
from typing import Final

import aiohttp
import click

from deploy.demo import servers, table
from deploy.demo.acts import ACTS, Act, unharmed
from deploy.demo.clients import CALLERS, Client, PostgresClient, RedisClient, work

_QUIET: Final = 0.7
"""Seconds in which the client works before a fault comes and after it has gone."""
_CONTROL: Final = aiohttp.ClientTimeout(total=10)

_STOPPING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run() -> int:
    """The exit status: 0, or 1 when a fault did not do what it says, 2 when it cannot be shown, 128 + N by signal N."""
    received: list[int] = []
    try:
        return asyncio.run(_stoppable(received))
    except asyncio.CancelledError:
        _tell("\nstopped; nothing is left running")
        return 128 + received[0]
    except (servers.Missing, servers.NotStarted, aiohttp.ClientError) as error:
        click.echo(f"demo: {error}", err=True)
        return 2


async def _stoppable(received: list[int]) -> int:
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None

    def stop(number: int) -> None:
        if not received:  # once: the second Ctrl-C must not keep us from ending the servers
            received.append(number)
            task.cancel()

    for number in _STOPPING:
        if signal.getsignal(number) is signal.SIG_IGN:
            continue  # as nohup wants it
        loop.add_signal_handler(number, stop, number)
    return await _play()


async def _play() -> int:
    started = time.monotonic()
    with ExitStack() as stack:
        _tell("starting PostgreSQL ...")
        database = stack.enter_context(servers.postgres())
        _tell("starting Redis and the proxy ...")
        cache = stack.enter_context(servers.redis())
        url = stack.enter_context(
            servers.proxy(f"PostgreSQL@0=127.0.0.1:{database}", f"Redis@0=127.0.0.1:{cache}")
        )  # fmt: skip
        async with aiohttp.ClientSession(url, raise_for_status=True, timeout=_CONTROL) as control:
            ports = await _ports(control)
            results = [await _act(act, ports[act.service], control, number) for number, act in enumerate(ACTS, 1)]
    _print(results, time.monotonic() - started)
    return 0 if all(result.good for result in results) else 1


async def _ports(control: aiohttp.ClientSession) -> dict[str, int]:
    """Where each proxy listens, by name."""
    async with control.get("/proxies") as answer:
        proxies = await answer.json()
    return {name: int(proxy["listen"].rpartition(":")[2]) for name, proxy in proxies.items()}


async def _act(act: Act, port: int, control: aiohttp.ClientSession, number: int) -> table.Result:
    _tell(f"{number}/{len(ACTS)} {act.service}: {act.title} ({act.injected}) ...", end=" ")
    clients = _clients(act, port)
    try:
        await work(clients, 0)  # connections are opened before anything is measured
        before = await work(clients, _QUIET)
        await _switch_on(act, control)
        during = await work(clients, act.seconds, at_least=act.at_least)
        (await control.post("/reset")).release()
        await work(clients, 0)  # the first call may find a connection that the fault has closed
        after = await work(clients, _QUIET)
    finally:
        for client in clients:
            await client.close()
    verdict = act.judge(during)
    _tell(verdict.measured)
    return table.Result(
        act,
        (
            table.Phase("before", before, unharmed(before)),
            table.Phase("during", during, verdict),
            table.Phase("after", after, unharmed(after)),
        ),
    )


def _clients(act: Act, port: int) -> list[Client]:
    if act.service == "Redis":
        return [RedisClient(port, patience=act.patience) for _ in range(CALLERS)]
    return [PostgresClient(port, size=act.size, patience=act.patience) for _ in range(CALLERS)]


async def _switch_on(act: Act, control: aiohttp.ClientSession) -> None:
    if not act.toxics:
        (await control.patch(f"/proxies/{act.service}", json={"enabled": False})).release()
    for toxic in act.toxics:
        (await control.post(f"/proxies/{act.service}/toxics", json=toxic)).release()


def _print(results: list[table.Result], seconds: float) -> None:
    colour = False if os.environ.get("NO_COLOR") else None  # None: where it is a terminal
    click.echo("\nWhat the client saw, p50 and p99 being those of calls that were answered:\n")
    for line in table.lines(results):
        click.echo(line, color=colour)
    good = sum(result.good for result in results)
    click.echo(f"\n{good} of {len(results)} faults did what they say and left no trace, in {seconds:.0f} s")


def _tell(text: str, end: str = "\n") -> None:
    """Progress is not the result: it goes to standard error."""
    print(text, end=end, file=sys.stderr, flush=True)
