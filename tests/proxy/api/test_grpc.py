"""The gRPC API by its own client, over a real socket, against a registry on a real loop."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from brownout_core import limits
from brownout_core.faults.spec import Selection
from brownout_core.rpc import Tls
from brownout_core.v1 import proxy_pb2 as pb
from brownout_core.v1.proxy_pb2_grpc import ProxyServiceStub
from brownout_proxy.api.grpc import SERVICE, ProxyService, Server
from brownout_proxy.server import time_slice
from brownout_proxy.server.events import ConnectionEnded
from brownout_proxy.server.proxy import Proxy
from tests.support.certificates import Authority
from tests.support.requirements import needs
from tests.support.running import (
    SECONDS,
    Running,
    Upstream,
    dial,
    echoing,
    eventually,
    fault,
    read_exactly,
    reset,
    running,
)

LATENCY = pb.Fault(latency=pb.Latency(latency=20))


@contextmanager
def serving(harness: Running, token: str | None = None, tls: Tls | None = None) -> Iterator[str]:
    """The address of the API."""

    async def start() -> tuple[Server, int]:
        server = Server(harness.registry, token=token, tls=tls)
        port = server.bind("127.0.0.1:0")
        await server.start()
        return server, port

    server, port = harness.call(start())
    try:
        yield f"127.0.0.1:{port}"
    finally:
        harness.call(server.stop())


@pytest.fixture
def harness() -> Iterator[Running]:
    with running() as harness:
        yield harness


@pytest.fixture
def api(harness: Running) -> Iterator[ProxyServiceStub]:
    with serving(harness) as address, grpc.insecure_channel(address) as channel:
        yield ProxyServiceStub(channel)  # type: ignore[no-untyped-call]


@pytest.fixture
def echo() -> Iterator[str]:
    with echoing() as address:
        yield address


def lease(name: str = "run", seconds: float = 10) -> pb.Lease:
    whole = int(seconds)
    return pb.Lease(id=name, ttl=Duration(seconds=whole, nanos=int((seconds - whole) * 1e9)))


def refused(call: Any, request: Any) -> tuple[grpc.StatusCode, str | None]:
    with pytest.raises(grpc.RpcError) as error:
        call(request, timeout=SECONDS)
    return error.value.code(), error.value.details()


def one_byte(proxy: Proxy) -> None:
    with dial(proxy) as client:
        client.sendall(b"x")
        assert read_exactly(client, 1) == b"x"


def test_a_proxy_is_made_changed_listed_and_deleted(api: ProxyServiceStub, harness: Running, echo: str) -> None:
    made = api.CreateProxy(pb.CreateProxyRequest(name="p", upstream=echo, faults=[pb.Fault(noop=pb.Noop())])).proxy
    assert made.enabled
    one_byte(harness.registry.get("p"))
    changed = api.UpdateProxy(pb.UpdateProxyRequest(name="p", enabled=False)).proxy
    assert (changed.enabled, changed.listen, len(changed.faults)) == (False, made.listen, 1)
    listed = api.ListProxies(pb.ListProxiesRequest())
    assert ([proxy.name for proxy in listed.proxies], listed.seed) == (["p"], 7)
    api.DeleteProxy(pb.DeleteProxyRequest(name="p"))
    assert not api.ListProxies(pb.ListProxiesRequest()).proxies


def test_a_leased_fault_acts_and_goes_when_nobody_renews(api: ProxyServiceStub, harness: Running, echo: str) -> None:
    proxy = harness.proxy(echo)
    added = api.AddFault(pb.AddFaultRequest(proxy="p", fault=LATENCY, lease=lease(seconds=0.5))).fault
    assert (added.fault.name, added.lease) == ("latency_downstream", "run")
    one_byte(proxy)
    assert proxy.faults[0].hits
    eventually(lambda: not proxy.faults, "the lapse")
    code, text = refused(api.RenewLease, pb.RenewLeaseRequest(id="run"))
    assert code == grpc.StatusCode.FAILED_PRECONDITION
    assert text is not None
    assert "run" in text
    assert harness.timers() == 0


def test_a_renewed_lease_holds_and_a_released_one_is_gone(api: ProxyServiceStub, harness: Running, echo: str) -> None:
    proxies = [harness.proxy(echo, name=name) for name in ("p", "q")]
    for proxy in proxies:
        api.AddFault(pb.AddFaultRequest(proxy=proxy.name, fault=LATENCY, lease=lease()))
    assert api.RenewLease(pb.RenewLeaseRequest(id="run")).ttl.seconds == 10
    assert api.ReleaseLease(pb.ReleaseLeaseRequest(id="run")).removed == 2
    assert [proxy.faults for proxy in proxies] == [[], []]
    assert api.ReleaseLease(pb.ReleaseLeaseRequest(id="run")).removed == 0


def test_a_lease_leaves_alone_a_fault_that_took_the_place_of_its_own(
    api: ProxyServiceStub, harness: Running, echo: str
) -> None:
    proxy = harness.proxy(echo)
    api.AddFault(pb.AddFaultRequest(proxy="p", fault=LATENCY, lease=lease()))
    api.RemoveFault(pb.RemoveFaultRequest(proxy="p", name="latency_downstream", force=True))
    api.AddFault(pb.AddFaultRequest(proxy="p", fault=LATENCY, lease=lease("other")))
    assert api.ReleaseLease(pb.ReleaseLeaseRequest(id="run")).removed == 0
    assert [active.lease for active in proxy.faults] == ["other"]


def test_an_update_changes_what_is_given_and_keeps_the_lease(
    api: ProxyServiceStub, harness: Running, echo: str
) -> None:
    harness.proxy(echo)
    fault = pb.Fault(latency=pb.Latency(latency=20, jitter=5), selection=pb.Selection(first=2))
    api.AddFault(pb.AddFaultRequest(proxy="p", fault=fault, lease=lease()))
    change = pb.Fault(name="latency_downstream", latency=pb.Latency(latency=30), selection=pb.Selection(toxicity=0.5))
    changed = api.UpdateFault(pb.UpdateFaultRequest(proxy="p", fault=change, lease="run")).fault
    assert (changed.fault.latency.latency, changed.fault.latency.jitter) == (30, 5)
    assert (changed.fault.selection.toxicity, changed.fault.selection.first) == (0.5, 2)
    assert changed.lease == "run"


def test_what_is_refused_has_its_code_and_changes_nothing(api: ProxyServiceStub, harness: Running, echo: str) -> None:
    harness.proxy(echo)
    add = pb.AddFaultRequest(proxy="p", fault=LATENCY, lease=lease())
    api.AddFault(add)
    codes = grpc.StatusCode
    other = lease("other")
    short, nameless = lease("short", 0.01), pb.Lease()
    bad, cut = pb.Fault(latency=pb.Latency(latency=-1)), pb.Fault(cut=pb.Cut())
    kind = pb.Fault(name="latency_downstream", noop=pb.Noop())
    taken = pb.CreateProxyRequest(name="q", listen=harness.registry.get("p").listen, upstream=echo)
    cases: list[tuple[Any, Any, grpc.StatusCode]] = [
        (api.AddFault, pb.AddFaultRequest(proxy="nobody", fault=LATENCY, lease=other), codes.NOT_FOUND),
        (api.AddFault, add, codes.ALREADY_EXISTS),
        (api.AddFault, pb.AddFaultRequest(proxy="p", fault=cut, lease=other), codes.ABORTED),
        (api.AddFault, pb.AddFaultRequest(proxy="p", fault=bad, lease=other), codes.INVALID_ARGUMENT),
        (
            api.AddFault,
            pb.AddFaultRequest(proxy="p", fault=cut, lease=short),
            codes.INVALID_ARGUMENT,
        ),
        (api.AddFault, pb.AddFaultRequest(proxy="p", fault=cut), codes.INVALID_ARGUMENT),
        (
            api.AddFault,
            pb.AddFaultRequest(proxy="p", fault=cut, lease=nameless),
            codes.INVALID_ARGUMENT,
        ),
        (api.UpdateFault, pb.UpdateFaultRequest(proxy="p", fault=kind, lease="run"), codes.INVALID_ARGUMENT),
        (api.RemoveFault, pb.RemoveFaultRequest(proxy="p", name="nothing"), codes.NOT_FOUND),
        (api.CreateProxy, pb.CreateProxyRequest(name="q"), codes.INVALID_ARGUMENT),
        (api.CreateProxy, pb.CreateProxyRequest(name="p", upstream=echo), codes.ALREADY_EXISTS),
        (api.CreateProxy, taken, codes.UNAVAILABLE),
        (api.DeleteProxy, pb.DeleteProxyRequest(name="q"), codes.NOT_FOUND),
        (api.RenewLease, pb.RenewLeaseRequest(id="other"), codes.FAILED_PRECONDITION),
    ]
    for call, request, code in cases:
        seen, text = refused(call, request)
        assert (seen, bool(text)) == (code, True), request
    assert [active.lease for active in harness.registry.get("p").faults] == ["run"]
    assert len(harness.registry.engine.leases) == 1


def _changes(**asker: Any) -> dict[str, Any]:
    """What would change a proxy that is under a lease, by the name of its call."""
    slower = pb.Fault(name="latency_downstream", latency=pb.Latency(latency=1))
    return {
        "UpdateFault": pb.UpdateFaultRequest(proxy="p", fault=slower, **asker),
        "RemoveFault": pb.RemoveFaultRequest(proxy="p", name="latency_downstream", **asker),
        "UpdateProxy": pb.UpdateProxyRequest(name="p", enabled=False, **asker),
        "DeleteProxy": pb.DeleteProxyRequest(name="p", **asker),
        "Reset": pb.ResetRequest(**asker),
    }


@pytest.mark.parametrize("call", _changes())
def test_what_is_under_a_lease_is_changed_by_its_owner_or_by_force(
    api: ProxyServiceStub, harness: Running, echo: str, call: str
) -> None:
    proxy = harness.proxy(echo)
    for others, owners in (({}, {"lease": "run"}), ({"lease": "other"}, {"force": True})):
        if "p" not in [proxy.name for proxy in harness.registry.proxies()]:
            proxy = harness.proxy(echo)
        api.UpdateProxy(pb.UpdateProxyRequest(name="p", enabled=True, force=True))
        for active in tuple(proxy.faults):
            api.RemoveFault(pb.RemoveFaultRequest(proxy="p", name=active.spec.name, force=True))
        api.AddFault(pb.AddFaultRequest(proxy="p", fault=LATENCY, lease=lease()))
        code, text = refused(getattr(api, call), _changes(**others)[call])
        assert code is grpc.StatusCode.ABORTED
        assert text is not None
        assert all(word in text for word in ("latency_downstream", "lease run", "--force"))
        assert re.search(r"lapses in \d+\.\d s", text)
        assert (proxy.enabled, [active.spec.fault.attributes()["latency"] for active in proxy.faults]) == (True, [20])
        getattr(api, call)(_changes(**owners)[call], timeout=SECONDS)


def test_a_second_lease_on_a_proxy_is_refused_until_the_first_is_gone(
    api: ProxyServiceStub, harness: Running, echo: str
) -> None:
    for name in ("p", "q"):
        harness.proxy(echo, fault("noop"), name=name)  # what is under no lease is in nobody's way
        api.AddFault(pb.AddFaultRequest(proxy=name, fault=LATENCY, lease=lease()))
    again = pb.AddFaultRequest(proxy="p", fault=pb.Fault(cut=pb.Cut()), lease=lease("other"))
    code, text = refused(api.AddFault, again)
    assert (code, "run" in str(text)) == (grpc.StatusCode.ABORTED, True)
    assert refused(api.RenewLease, pb.RenewLeaseRequest(id="other"))[0] is grpc.StatusCode.FAILED_PRECONDITION
    api.AddFault(pb.AddFaultRequest(proxy="p", fault=pb.Fault(cut=pb.Cut()), lease=lease()))
    api.ReleaseLease(pb.ReleaseLeaseRequest(id="run"))
    assert api.AddFault(again).fault.lease == "other"


def test_a_process_has_one_id_that_no_other_has(api: ProxyServiceStub, harness: Running, echo: str) -> None:
    listed = api.ListProxies(pb.ListProxiesRequest()).instance
    watch = api.Watch(pb.WatchRequest(), timeout=SECONDS)
    assert listed == next(watch).instance != ""
    watch.cancel()
    with running() as other, serving(other) as address, grpc.insecure_channel(address) as channel:
        stub = ProxyServiceStub(channel)  # type: ignore[no-untyped-call]
        assert stub.ListProxies(pb.ListProxiesRequest()).instance not in ("", listed)


def test_a_watch_tells_where_a_proxy_is_and_what_is_in_force_on_it_whoever_did_it(
    api: ProxyServiceStub, harness: Running, echo: str
) -> None:
    proxy = harness.proxy(echo, fault("noop", chosen=Selection(first=3)))
    api.AddFault(pb.AddFaultRequest(proxy="p", fault=LATENCY, lease=lease()))
    one_byte(proxy)
    change = pb.Fault(name="latency_downstream", latency=pb.Latency(latency=1))
    api.UpdateFault(pb.UpdateFaultRequest(proxy="p", fault=change, force=True))
    watch = api.Watch(pb.WatchRequest(), timeout=SECONDS)
    told = next(watch).proxies[0]
    watch.cancel()
    assert (told.enabled, told.listen, told.upstream) == (True, proxy.listen, echo)
    noop, latency = told.faults
    assert (noop.lease, noop.first_left, latency.HasField("first_left")) == ("", 2, False)
    assert (latency.lease, latency.fault.latency.latency, latency.connections) == ("run", 1, 1)


def test_a_watch_tells_that_the_process_stood_still(api: ProxyServiceStub, harness: Running) -> None:
    watch = api.Watch(pb.WatchRequest(interval=Duration(nanos=100_000_000)), timeout=SECONDS)
    first = next(watch)
    harness.ask(lambda: time.sleep(0.4))
    message = next(message for message in watch if message.longest_stall.ToTimedelta().total_seconds() >= 0.3)
    assert message.uptime.ToTimedelta() - first.uptime.ToTimedelta() >= timedelta(seconds=0.3)
    watch.cancel()


def test_only_so_many_watches_are_open_at_once(
    api: ProxyServiceStub, harness: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "WATCHES", 2)
    open_ones = [api.Watch(pb.WatchRequest(), timeout=SECONDS) for _ in range(2)]
    for watch in open_ones:
        next(watch)
    code, text = refused(lambda request, timeout: next(api.Watch(request, timeout=timeout)), pb.WatchRequest())
    assert (code, "2 are open" in str(text)) == (grpc.StatusCode.RESOURCE_EXHAUSTED, True)
    open_ones[0].cancel()
    eventually(lambda: len(harness.registry.engine.events) == 1, "the end of a watch")
    next(api.Watch(pb.WatchRequest(), timeout=SECONDS))


def test_a_watch_tells_counters_and_what_happened(api: ProxyServiceStub, harness: Running, echo: str) -> None:
    proxy = harness.proxy(echo)
    watch = api.Watch(pb.WatchRequest(interval=Duration(nanos=100_000_000)), timeout=SECONDS)
    first = next(watch)
    assert [counters.name for counters in first.proxies] == ["p"]
    api.AddFault(pb.AddFaultRequest(proxy="p", fault=LATENCY, lease=lease()))
    one_byte(proxy)
    api.ReleaseLease(pb.ReleaseLeaseRequest(id="run"))
    told: list[str] = []
    for message in watch:
        told += [event.WhichOneof("what") for event in message.events]
        last = message
        if {"fault_removed", "connection_ended"} <= set(told):
            break
    assert told[0] == "fault_added"
    removed = next(e.fault_removed for e in last.events if e.HasField("fault_removed"))
    assert (removed.reason, removed.lease) == (pb.FaultRemoved.REASON_RELEASED, "run")
    assert removed.hits
    counters = last.proxies[0]
    assert (counters.connections_accepted, counters.received_upstream, counters.sent_downstream) == (1, 1, 1)
    watch.cancel()
    eventually(lambda: not harness.registry.engine.events.watched, "the end of the watch")


def test_a_list_and_a_watch_of_much_are_written_in_turns(harness: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_slice, "TURN", 0)
    monkeypatch.setattr(time_slice, "LONGEST", 0)
    for number in range(5):
        harness.proxy("u:1", name=str(number))

    async def turns_of(work: Coroutine[Any, Any, Any]) -> tuple[int, Any]:
        taken, task = 0, asyncio.create_task(work)
        while not task.done():
            taken += 1
            await asyncio.sleep(0)
        return taken, task.result()

    async def watch_much() -> tuple[int, Any]:
        events = harness.registry.engine.events
        watcher = events.watch()
        for ordinal in range(50):
            events.emit(harness.registry.engine.clock.now(), ConnectionEnded("0", ordinal, "closed", 1.5))
        meter = harness.registry.engine.stalls.watch()
        answer = await turns_of(service._observed(watcher, meter, frozenset()))
        harness.registry.engine.stalls.leave(meter)
        return answer

    service = ProxyService(harness.registry)
    listed, answer = harness.call(turns_of(service.ListProxies(pb.ListProxiesRequest(), None)))  # type: ignore[arg-type]
    assert listed >= len(answer.proxies) == 5
    watched, written = harness.call(watch_much())
    message = pb.WatchResponse.FromString(written)
    assert watched >= len(message.events) + len(message.proxies) == 55
    assert [event.connection_ended.ordinal for event in message.events] == list(range(50))
    assert message.events[0].connection_ended.duration == Duration(seconds=1, nanos=500_000_000)


def test_a_watch_that_asks_too_often_is_refused(api: ProxyServiceStub) -> None:
    def first(request: pb.WatchRequest, timeout: float) -> object:
        return next(api.Watch(request, timeout=timeout))

    code, _ = refused(first, pb.WatchRequest(interval=Duration(nanos=1)))
    assert code == grpc.StatusCode.INVALID_ARGUMENT


def _outcome(api: ProxyServiceStub, act: Callable[[], None]) -> pb.ConnectionEnded:
    watch = api.Watch(pb.WatchRequest(interval=Duration(nanos=100_000_000)), timeout=SECONDS)
    next(watch)
    act()
    for message in watch:
        for event in message.events:
            if event.HasField("connection_ended"):
                watch.cancel()
                ended: pb.ConnectionEnded = event.connection_ended
                return ended
    raise AssertionError("the watch ended")


@pytest.mark.parametrize("how", ["closed", "reset", "dial_failed", "fault", "stopped"])
def test_a_watch_tells_how_a_connection_ended(api: ProxyServiceStub, harness: Running, how: str) -> None:
    with closing(Upstream()) as upstream:
        proxy = harness.proxy("127.0.0.1:1" if how == "dial_failed" else upstream.address)

        def act() -> None:
            with dial(proxy) as client:
                if how == "dial_failed":
                    assert client.recv(1) == b""
                    return
                with upstream.accept() as server:
                    server.sendall(b"x")
                    read_exactly(client, 1)
                    if how == "reset":
                        reset(client)
                    elif how == "fault":
                        api.AddFault(
                            pb.AddFaultRequest(
                                proxy="p", fault=pb.Fault(reset_peer=pb.ResetPeer(timeout=0)), lease=lease()
                            )
                        )
                    elif how == "stopped":
                        api.UpdateProxy(pb.UpdateProxyRequest(name="p", enabled=False))

        ended = _outcome(api, act)
    assert pb.ConnectionEnded.Outcome.Name(ended.outcome) == f"OUTCOME_{how.upper()}"
    assert ended.ordinal == 1


def test_with_a_token_only_those_who_have_it_are_served_and_health_is_for_all(harness: Running) -> None:
    with serving(harness, "secret") as address, grpc.insecure_channel(address) as channel:
        api = ProxyServiceStub(channel)  # type: ignore[no-untyped-call]
        request = pb.ListProxiesRequest()
        for given in ({}, {"authorization": "Bearer wrong"}, {"authorization": "secret"}):
            with pytest.raises(grpc.RpcError) as error:
                api.ListProxies(request, metadata=tuple(given.items()), timeout=SECONDS)
            assert error.value.code() == grpc.StatusCode.UNAUTHENTICATED
        with pytest.raises(grpc.RpcError) as error:
            next(api.Watch(pb.WatchRequest(), timeout=SECONDS))
        assert error.value.code() == grpc.StatusCode.UNAUTHENTICATED
        api.ListProxies(request, metadata=(("authorization", "Bearer secret"),), timeout=SECONDS)
        health: Any = health_pb2_grpc.HealthStub(channel)
        answer = health.Check(health_pb2.HealthCheckRequest(), timeout=SECONDS)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


# Health, reflection, certificates.


def test_health_knows_the_service_and_reflection_lists_it(harness: Running) -> None:
    with serving(harness) as address, grpc.insecure_channel(address) as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        answer = health.Check(health_pb2.HealthCheckRequest(service=SERVICE), timeout=SECONDS)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        database = ProtoReflectionDescriptorDatabase(channel)
        assert SERVICE in database.get_services()
        assert "proxy.proto" in database.FindFileContainingSymbol(SERVICE).name


@needs("openssl")
def test_with_a_ca_only_clients_with_its_certificates_are_served_and_need_no_token(
    harness: Running, tmp_path: Path
) -> None:
    ours, theirs = Authority(tmp_path / "ours"), Authority(tmp_path / "theirs")
    certificate, key = ours.issue("localhost")
    with serving(harness, "secret", Tls(certificate, key, ours.certificate)) as address:
        where = address.replace("127.0.0.1", "localhost")
        assert _listed(where, grpc.ssl_channel_credentials(ours.certificate, *reversed(ours.issue("client")))) == []
        for credentials in (
            grpc.ssl_channel_credentials(ours.certificate),
            grpc.ssl_channel_credentials(ours.certificate, *reversed(theirs.issue("client"))),
            grpc.ssl_channel_credentials(theirs.certificate, *reversed(ours.issue("client"))),
        ):
            with pytest.raises(grpc.RpcError) as error:
                _listed(where, credentials)
            assert error.value.code() is grpc.StatusCode.UNAVAILABLE
        with pytest.raises(grpc.RpcError), grpc.insecure_channel(address) as plain:
            _list(plain)


def _listed(address: str, credentials: grpc.ChannelCredentials) -> list[str]:
    with grpc.secure_channel(address, credentials) as channel:
        return _list(channel)


def _list(channel: grpc.Channel) -> list[str]:
    stub = ProxyServiceStub(channel)  # type: ignore[no-untyped-call]
    return [proxy.name for proxy in stub.ListProxies(pb.ListProxiesRequest(), timeout=SECONDS).proxies]
