"""What a message may not say is refused with the name of the field."""

from __future__ import annotations

import pytest

from brownout_core.errors import InvalidSpec
from brownout_core.v1 import proxy_pb2 as pb
from brownout_core.wire import read_fault, show_fault


def test_a_fault_without_a_name_is_called_after_its_kind_and_direction() -> None:
    spec = read_fault(pb.Fault(noop=pb.Noop(), direction=pb.DIRECTION_UPSTREAM))
    assert (spec.name, spec.direction) == ("noop_upstream", "upstream")
    assert read_fault(pb.Fault(noop=pb.Noop())).name == "noop_downstream"


@pytest.mark.parametrize(
    ("message", "place"),
    [
        (pb.Fault(name="f"), "fault.kind"),
        (pb.Fault(latency=pb.Latency(latency=-1)), "fault.latency.latency"),
        (pb.Fault(latency=pb.Latency(jitter=float("nan"))), "fault.latency.jitter"),
        (pb.Fault(latency=pb.Latency(distribution="DISTRIBUTION_UNSPECIFIED")), "fault.latency.distribution"),
        (pb.Fault(limit_data=pb.LimitData(bytes=-5)), "fault.limit_data.bytes"),
        (pb.Fault(noop=pb.Noop(), selection=pb.Selection(toxicity=2)), "fault.selection.toxicity"),
        (pb.Fault(noop=pb.Noop(), selection=pb.Selection(clients=["10.0.0.0/40"])), "fault.selection.clients"),
        (pb.Fault(noop=pb.Noop(), direction=7), "fault.direction"),  # type: ignore[arg-type]
    ],
)
def test_a_wrong_value_names_its_field(message: pb.Fault, place: str) -> None:
    with pytest.raises(InvalidSpec) as refused:
        read_fault(message)
    assert refused.value.path.startswith(place)


def test_extensions_are_shown_where_they_were_set() -> None:
    shown = show_fault(read_fault(pb.Fault(latency=pb.Latency(latency=5)))).latency
    assert shown.HasField("jitter")
    assert not shown.HasField("distribution")
