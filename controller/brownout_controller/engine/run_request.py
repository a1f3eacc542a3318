"""What a client asks the engine for: an experiment as it was written, or ad-hoc faults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError

from brownout_controller.model.environment import LOCAL
from brownout_controller.model.experiment import Conditions, Experiment, edge_name
from brownout_core import limits
from brownout_core.errors import InvalidSpec
from brownout_core.experiment_terms import LEASE
from brownout_core.faults.spec import FaultSpec


@dataclass(frozen=True, slots=True)
class RunRequest:
    """An experiment as it was written. `file` is its name, for the places of errors; `replay` is the command that runs
    it again, without the seed."""

    text: str
    file: str
    environment: str = LOCAL
    variables: Mapping[str, str] = field(default_factory=dict)
    seed: int | None = None
    replay: str = ""
    part_of: str = ""
    """The margin search of which this is one trial."""


@dataclass(frozen=True, slots=True)
class FaultRequest:
    """Faults on several edges at once, for a while, without a hypothesis. Times are in seconds.

    A request that exists is valid: the constructor raises InvalidSpec.
    """

    edges: Sequence[str]
    faults: Sequence[FaultSpec]
    duration: float
    lease: float = LEASE
    environment: str = LOCAL
    mode: str = "one"
    value: int | None = None
    seed: int | None = None
    because: str = ""
    replay: str = ""
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    """For the environment, where that is of this machine."""
    experiment: Experiment = field(init=False, repr=False, compare=False)
    """The same as an experiment without hypotheses."""

    def __post_init__(self) -> None:
        if not self.edges or len(self.edges) > limits.EDGES:
            raise InvalidSpec("edges", f"name from one to {int(limits.EDGES)}, each like payment-service -> postgresql")
        limits.FAULTS.check(len(self.faults), "faults")
        names = [spec.name for spec in self.faults]
        if not names:
            raise InvalidSpec("faults", "name at least one, like latency=3s")
        for name in names:
            if names.count(name) > 1:
                raise InvalidSpec("faults", f"there is a fault {name!r} twice; give one of them another name")
        try:
            edges = [edge_name(edge) for edge in self.edges]
        except ValueError as error:
            raise InvalidSpec("edges", str(error)) from None
        radius = {"mode": self.mode, "value": self.value}
        declared = {
            "name": f"ad-hoc {', '.join(dict.fromkeys(spec.kind for spec in self.faults))}", "because": self.because,
            "edge": edges[0], "blast_radius": radius, "duration": self.duration, "lease": self.lease,
        }  # fmt: skip
        try:
            conditions = Conditions.model_validate(declared)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(step) for step in first["loc"])
            raise InvalidSpec(place, str(first["msg"]).removeprefix("Value error, ")) from None
        content = {**declared, "edges": edges, "faults": [_as_written(spec) for spec in self.faults]}
        object.__setattr__(self, "experiment", Experiment(conditions, tuple(self.faults), (), content))

    @property
    def part_of(self) -> str:
        """No search: its trials are experiments."""
        return ""


def _as_written(spec: FaultSpec) -> Mapping[str, object]:
    """A fault as a file has it."""
    selection = spec.selection.model_dump(mode="json", exclude_defaults=True)
    return {spec.kind: dict(spec.fault.attributes()), "name": spec.name, "direction": spec.direction, **selection}
