"""Rules about the fault: that something can notice it, and that it meets what a service has open."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from brownout_controller.lint.rule import Found, rule
from brownout_controller.lint.subject import Subject
from brownout_core.fault_strength import is_nobody, strength
from brownout_core.faults.cut import Cut
from brownout_core.faults.limit_data import LimitData
from brownout_core.faults.reset_peer import ResetPeer
from brownout_core.faults.spec import FaultSpec
from brownout_core.faults.timeout import Timeout
from brownout_core.units import MILLISECONDS, SECONDS, SHARE

_ON_OPENING: Final = {
    "refuse": "refuse resets new connections only",
    "slow_open": "slow_open delays the dial of new connections only",
    "slow_close": "slow_close delays the end of a connection only",
}


@rule(
    "fault-does-nothing",
    "error",
    "Nothing can notice the fault",
    "give the fault a size that the system can notice",
    bad="fault: {latency: 0ms}",
    good="fault: {latency: 3s}",
)
def idle(subject: Subject) -> Iterator[Found]:
    """A delay of 0 ms, a probability or toxicity of 0, a rate above that of any link, or clients that nobody can be:
    every claim holds under a fault that does nothing, whatever the system does.
    """
    for path, spec in subject.faults:
        if why := strength(spec.fault).idle:
            yield Found(path, f"{spec.kind} does nothing: {why}")
        if spec.selection.toxicity == 0:
            yield Found((*path, "toxicity"), f"{spec.kind} meets no connection, as its toxicity is 0")
        clients = spec.selection.clients
        if clients and all(map(is_nobody, clients)):
            names = ", ".join(map(str, clients))
            remedy = "name the network that the caller connects from, or leave clients out"
            yield Found((*path, "clients"), f"{spec.kind} meets nobody: no client connects from {names}", remedy)


@rule(
    "fault-hardly-noticeable",
    "warning",
    "The fault is too weak to be noticed",
    "make it stronger",
    bad="fault: {latency: 1ms}",
    good="fault: {latency: 3s}",
)
def faint(subject: Subject) -> Iterator[Found]:
    """What is smaller than the noise of a network, or meets less than one connection or request in the whole time of
    the fault, changes no measured value.
    """
    for path, spec in subject.faults:
        if why := strength(spec.fault).faint:
            yield Found(path, f"{spec.kind} is hardly noticeable: {why}")
        sent = subject.requests(subject.seconds("during"))
        toxicity = spec.selection.toxicity
        if sent is not None and 0 < toxicity < 1 and sent * toxicity < 1:
            yield Found(
                (*path, "toxicity"),
                f"{SHARE.format(toxicity)} of the {sent:.0f} requests that the load sends under it is less than one",
                "raise toxicity, traffic.rate or duration",
            )


@rule(
    "fault-after-the-end",
    "error",
    "The fault acts when its time is over",
    "shorten it, or lengthen duration",
    bad="""
    fault: {cut: {after: 60s}}
    duration: 30s
    """,
    good="""
    fault: {cut: {after: 5s}}
    duration: 30s
    """,
)
def late(subject: Subject) -> Iterator[Found]:
    """`cut` counts from when the fault met the connection. With a time as long as `duration` or longer the fault is
    removed before it has closed any.
    """
    during = subject.seconds("during")
    for path, spec in subject.faults:
        if isinstance(spec.fault, Cut) and spec.fault.after >= during * 1e3:
            after = MILLISECONDS.format(spec.fault.after)
            yield Found(path, f"cut closes connections after {after}, and the fault lasts {SECONDS.format(during)}")


@rule(
    "fault-misses-open-connections",
    "warning",
    "The fault acts on new connections only",
    "add a fault that ends open connections, like faults: [{cut: 0s}, {refuse: true}]",
    bad="fault: {refuse: true}",
    good="faults: [{cut: 0s}, {refuse: true}]",
)
def opening(subject: Subject) -> Iterator[Found]:
    """`refuse`, `slow_open` and `slow_close` act when a connection is opened or ends, and `first` and `every` count
    connections from when the fault was added. A service with a pool keeps its connections, opens none, and meets no
    fault. Beside a fault that ends open connections (`cut`, `reset_peer`, `limit_data`, or `timeout` with a time) there
    is no finding.
    """
    faults = list(subject.faults)
    if any(_ends_connections(spec) for _, spec in faults):
        return
    for path, spec in faults:
        if spec.kind in _ON_OPENING:
            yield Found(path, f"{_ON_OPENING[spec.kind]}, and a service that keeps its connections meets no fault")
        for key in ("first", "every"):
            if getattr(spec.selection, key) is not None:
                why = f"{key} counts connections opened under the fault, and a service that keeps its own opens none"
                yield Found((*path, key), why, "leave it out, or select connections by toxicity")


def _ends_connections(spec: FaultSpec) -> bool:
    """Whether it ends connections that are open already; a selection of new ones does not."""
    if spec.selection.first is not None or spec.selection.every is not None:
        return False
    if isinstance(spec.fault, Timeout):
        return bool(spec.fault.timeout)
    return isinstance(spec.fault, (Cut, ResetPeer, LimitData))
