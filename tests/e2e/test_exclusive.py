"""One run at a time has a proxy, however it is reached; what is under its lease stays as it is: real processes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from brownout_controller.backends.proxy import ProxyBackend
from brownout_controller.engine.planning import Setup
from brownout_controller.engine.run_request import FaultRequest
from brownout_controller.engine.runner import Runner
from brownout_controller.engine.store import Store
from brownout_controller.model.environment import Environment
from brownout_core.faults import make
from brownout_core.faults.spec import FaultSpec
from brownout_core.v1 import proxy_pb2 as pb
from brownout_core.v1.proxy_pb2_grpc import ProxyServiceStub
from brownout_core.verdict import Verdict
from tests.support.processes.proxy import ProxyProcess, proxy_process
from tests.support.processes.system_under_test import staged
from tests.support.running import SECONDS, echoing, eventually

_ROUNDS: Final = 20
_HELD: Final = pb.Fault(name="held", latency=pb.Latency(latency=1))


@pytest.fixture
def proxy() -> Iterator[ProxyProcess]:
    with echoing() as echo, proxy_process(f"p@0={echo}") as process:
        yield process


async def _verdict(address: str, root: Path) -> Verdict:
    """Of one run, by a user whose lock files nobody else has."""
    backend = ProxyBackend([address])
    environment = Environment(control=(address,))
    wish = FaultRequest(["a -> p"], [FaultSpec("slow", make("latency", {"latency": 1}))], duration=0.3, lease=1.0)
    setup = Setup(wish.experiment, environment, "local", backend, 1, "again", locks=root / "locks")
    journal = Store(root / "runs").begin("both")
    try:
        judgement = await Runner(setup, journal).run()
    finally:
        journal.close()
        await backend.close()
    return judgement.verdict


def _both_spellings(proxy: ProxyProcess) -> tuple[str, str]:
    return proxy.control, proxy.control.replace("127.0.0.1", "localhost")


def test_two_runs_at_once_that_spell_one_address_differently_never_both_inject(
    proxy: ProxyProcess, tmp_path: Path
) -> None:
    async def round_(number: int) -> list[Verdict]:
        runs = [_verdict(address, tmp_path / f"{number}-{who}") for who, address in enumerate(_both_spellings(proxy))]
        return await asyncio.gather(*runs)

    with grpc.insecure_channel(proxy.control) as channel:
        watch = ProxyServiceStub(channel).Watch(  # type: ignore[no-untyped-call]
            pb.WatchRequest(interval=Duration(nanos=100_000_000)), timeout=300
        )
        next(watch)
        verdicts = [verdict for number in range(_ROUNDS) for verdict in asyncio.run(round_(number))]
        added: list[str] = []
        removed: list[str] = []
        for message in watch:
            for event in message.events:
                added += [event.fault_added.lease] if event.HasField("fault_added") else []
                removed += [event.fault_removed.lease] if event.HasField("fault_removed") else []
                assert len(added) - len(removed) <= 1, "two leases at once"
            if len(removed) >= verdicts.count(Verdict.DONE):  # each run has seen its fault gone
                break
        watch.cancel()
    assert set(verdicts) == {Verdict.DONE, Verdict.REFUSED}
    assert len(added) == len(set(added)) == verdicts.count(Verdict.DONE)
    assert len(verdicts) == 2 * _ROUNDS


def test_a_lock_is_on_the_process_and_not_on_the_spelling_of_its_address(proxy: ProxyProcess) -> None:
    async def keys() -> list[str]:
        backend = ProxyBackend([*_both_spellings(proxy)])
        [target] = await backend.targets("a -> p")
        alone = []
        for address in _both_spellings(proxy):
            other = ProxyBackend([address])
            alone += [found.key for found in await other.targets("a -> p")]
            await other.close()
        await backend.close()
        return [target.key, *alone]

    assert len(set(asyncio.run(keys()))) == 1


def _ask(proxy: ProxyProcess, method: str, path: str, body: Any = None) -> tuple[int, str]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://{proxy.api}{path}", method=method, data=data)
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def _add(proxy: ProxyProcess, lease: str = "run-1") -> None:
    with grpc.insecure_channel(proxy.control) as channel:
        request = pb.AddFaultRequest(proxy="p", fault=_HELD, lease=pb.Lease(id=lease, ttl=Duration(seconds=600)))
        ProxyServiceStub(channel).AddFault(request, timeout=SECONDS)  # type: ignore[no-untyped-call]


def _held(proxy: ProxyProcess) -> list[tuple[str, str | None]]:
    toxics = json.loads(_ask(proxy, "GET", "/proxies/p/toxics")[1])
    return [(toxic["name"], toxic.get("lease")) for toxic in toxics]


def test_a_colleague_s_change_is_refused_with_the_run_that_it_would_spoil_or_forced(proxy: ProxyProcess) -> None:
    _add(proxy)
    for method, path, body in (
        ("PATCH", "/proxies/p/toxics/held", {"attributes": {"latency": 3000}}),
        ("DELETE", "/proxies/p/toxics/held", None),
        ("PATCH", "/proxies/p", {"enabled": False}),
        ("DELETE", "/proxies/p", None),
        ("POST", "/reset", None),
    ):
        status, text = _ask(proxy, method, path, body)
        assert (status, "lease run-1" in text, "?force=true" in text) == (409, True, True), (method, path)
    assert _held(proxy) == [("held", "run-1")]
    assert _ask(proxy, "POST", "/reset?force=true")[0] == 204
    assert _held(proxy) == []


def test_sighup_keeps_what_is_under_a_lease(tmp_path: Path) -> None:
    config = tmp_path / "proxies.yaml"

    def write(*faults: str) -> None:
        listed = "".join(f"\n      - {{latency: 1ms, name: {name}}}" for name in faults)
        config.write_text(
            f"proxies:\n  p:\n    listen: 127.0.0.1:0\n    upstream: 127.0.0.1:9\n    faults:{listed or ' []'}\n"
        )

    write("own")
    with proxy_process("--config", str(config)) as process:
        _add(process)
        for number, faults in enumerate((["own"], ["own", "more"], [])):
            write(*faults)
            process.process.send_signal(signal.SIGHUP)
            eventually(lambda n=number: process.told().count("reloaded: 1 proxies, 0 failed") > n, "the reload")  # type: ignore[misc]
            assert _held(process) == [*((name, None) for name in faults), ("held", "run-1")]


@pytest.mark.alone
def test_a_process_that_was_stopped_for_a_moment_says_so(proxy: ProxyProcess) -> None:
    with grpc.insecure_channel(proxy.control) as channel:
        watch = ProxyServiceStub(channel).Watch(pb.WatchRequest(), timeout=300)  # type: ignore[no-untyped-call]
        assert next(watch).longest_stall == Duration()
        os.kill(proxy.process.pid, signal.SIGSTOP)
        stopped = time.monotonic()
        while time.monotonic() < stopped + 1.5:
            time.sleep(0.05)
        os.kill(proxy.process.pid, signal.SIGCONT)
        told = (message.longest_stall.ToTimedelta().total_seconds() for message in watch)
        assert next(stall for stall in told if stall > 1) > 1.3
        watch.cancel()


def test_a_lock_file_that_is_a_link_refuses_the_run_and_leaves_the_victim_alone(tmp_path: Path) -> None:
    with staged(tmp_path) as [stage]:
        locks, victim = tmp_path / "state" / "brownout" / "locks", tmp_path / "victim"
        path = stage.write()
        first = stage.run(path)
        assert first.of("undo"), first.told
        [lock] = locks.iterdir()
        victim.write_text("precious")
        lock.unlink()
        lock.symlink_to(victim)
        ended = stage.run(path)
        assert ended.status == 4, ended.told
        assert f"{lock}: is a symbolic link; remove it" in ended.told.replace("\n", " ")
        assert victim.read_text() == "precious"
        assert not ended.of("undo")
