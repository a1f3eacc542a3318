"""What the gRPC API shows of proxies: their messages, from the registry's own objects."""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration

from brownout_core.faults.active import ActiveFault
from brownout_core.faults.spec import DOWNSTREAM, UPSTREAM
from brownout_core.v1 import proxy_pb2 as pb
from brownout_core.wire import show_fault
from brownout_proxy.server.proxy import Proxy


def show_active(active: ActiveFault) -> pb.ActiveFault:
    return pb.ActiveFault(fault=show_fault(active.spec), lease=active.lease)


def show_proxy(proxy: Proxy) -> pb.Proxy:
    return pb.Proxy(
        name=proxy.name,
        listen=proxy.listen,
        upstream=proxy.upstream,
        enabled=proxy.enabled,
        faults=[show_active(active) for active in proxy.ordered_faults()],
    )


def show_counters(proxy: Proxy) -> pb.ProxyCounters:
    up, down = proxy.traffic[UPSTREAM], proxy.traffic[DOWNSTREAM]
    return pb.ProxyCounters(
        name=proxy.name,
        enabled=proxy.enabled,
        listen=proxy.listen,
        upstream=proxy.upstream,
        connections_live=proxy.live,
        connections_accepted=proxy.accepted,
        dial_failures=proxy.dial_failures,
        received_upstream=up.received,
        sent_upstream=up.sent,
        received_downstream=down.received,
        sent_downstream=down.sent,
        faults=[
            pb.FaultCounters(
                name=active.spec.name,
                kind=active.spec.kind,
                hits=active.hits,
                connections=active.connections,
                lease=active.lease,
                exchanges=active.exchanges,
                fault=show_fault(active.spec),
                first_left=active.left,
            )
            for active in proxy.faults
        ],
        exchanges=up.turns,
        injected_delay=up.delay_sum + down.delay_sum,
        connections_reset=proxy.ended["reset"],
        connections_ended_by_fault=proxy.ended["fault"],
    )


def duration(seconds: float) -> Duration:
    made = Duration()
    made.FromNanoseconds(round(seconds * 1e9))
    return made
