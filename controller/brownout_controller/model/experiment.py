"""The experiment file: one scenario made runnable, and portable between environments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import Field, field_validator, model_validator

from brownout_controller.model.hypothesis import Hypothesis, read_hypothesis
from brownout_controller.model.lifecycle import Phase
from brownout_controller.model.part import Part, SomeTime, read, written
from brownout_controller.model.probe import ProbeSpec
from brownout_controller.model.safety import NETS
from brownout_proxy.document import Value
from brownout_proxy.errors import InvalidSpec
from brownout_proxy.faults.spec import FaultSpec
from brownout_proxy.faults.written import read_fault
from brownout_proxy.spelling import unknown
from brownout_proxy.units import SECONDS

LEASE: Final = 10.0
"""Seconds that an injected fault lives unless it is renewed."""
SHORTEST_LEASE: Final = 1.0


class BlastRadius(Part):
    """How many of an edge's targets are hit; the words are Chaos Mesh's."""

    mode: Literal["one", "all", "fixed", "fixed-percent", "random-max-percent"] = "one"
    value: Annotated[int, Field(ge=1)] | None = None
    """How many, or how many percent."""

    @model_validator(mode="after")
    def _complete(self) -> BlastRadius:
        if (self.mode in ("one", "all")) != (self.value is None):
            raise ValueError("modes one and all have no value; fixed and the percentages need one, like value: 2")
        if "percent" in self.mode and self.value is not None and self.value > 100:
            raise ValueError("value must be at most 100 percent")
        return self


class Load(Part):
    """An open-loop HTTP load that runs through all phases: requests on schedule, whatever becomes of the others."""

    url: str = Field(pattern=r"^https?://[^/]")
    rate: Annotated[float, Field(gt=0), written("number", "string")]
    """Requests a second, also written `50/s`."""
    method: str = "GET"
    headers: Mapping[str, str] = {}
    body: str | None = None
    timeout: SomeTime = 10.0

    @field_validator("rate", mode="before")
    @classmethod
    def _per_second(cls, rate: Any) -> Any:
        return rate.strip().removesuffix("/s") if isinstance(rate, str) else rate


class Conditions(Part):
    """An experiment without its faults and hypotheses. Times are in seconds."""

    name: str = Field(min_length=1, max_length=200)
    because: str = ""
    edge: str
    """Who calls whom: `payment-service -> postgresql`."""
    blast_radius: BlastRadius = BlastRadius()
    duration: SomeTime
    baseline: SomeTime = 30.0
    recovery: SomeTime = 60.0
    lease: float | str = LEASE
    seed: int | None = None
    traffic: Load | None = None
    nets: Mapping[str, str] = {}
    """Safety nets that are switched off, each with its reason."""

    @field_validator("edge")
    @classmethod
    def _of_two(cls, edge: str) -> str:
        return edge_name(edge)

    @field_validator("lease")
    @classmethod
    def _lasting(cls, lease: float | str) -> float:
        seconds = SECONDS.parse(lease) if isinstance(lease, str) else lease
        if not SHORTEST_LEASE <= seconds <= 3600:
            raise ValueError("must be from 1s to 1h")
        return seconds

    @field_validator("nets")
    @classmethod
    def _known(cls, nets: Mapping[str, str]) -> Mapping[str, str]:
        for name, reason in nets.items():
            if name not in NETS:
                raise ValueError(unknown("safety net", name, NETS))
            if not reason.strip():
                raise ValueError(f"{name} needs the reason why it is off")
        return nets


@dataclass(frozen=True, slots=True)
class Experiment:
    """A whole experiment. `content` is the file as it was written, with variables expanded: it may hold secrets."""

    conditions: Conditions
    faults: tuple[FaultSpec, ...]
    hypotheses: tuple[Hypothesis, ...]
    content: Mapping[str, Any]
    source: str = ""

    @property
    def name(self) -> str:
        return self.conditions.name

    @property
    def longest(self) -> float:
        """How long a run takes at most, but for the time that reverting needs."""
        return self.conditions.baseline + self.conditions.duration + self.conditions.recovery


_KEYS: Final = (*Conditions.model_fields, "fault", "faults", "hypotheses")


def edge_name(text: str) -> str:
    """The edge as it is compared: `a -> b`. Raises ValueError."""
    source, arrow, sink = (part.strip() for part in text.partition("->"))
    if not source or not arrow or not sink:
        raise ValueError(f"{text!r} is not an edge; write it like payment-service -> postgresql")
    return f"{source} -> {sink}"


def read_experiment(root: Value | None, file: str, kinds: Mapping[str, type[ProbeSpec]]) -> Experiment:
    """`kinds` are the probes that there are. Raises InvalidSpec with the exact place."""
    if root is None or root.is_null:
        raise InvalidSpec(file, "is empty; an experiment has name, edge, fault, duration and hypotheses")
    given = root.known("an experiment with name, edge, fault, duration and hypotheses", _KEYS)
    content = root.plain()
    conditions = read(Conditions, root, {key: item for key, item in content.items() if key in Conditions.model_fields})
    faults = _read_faults(root, given)
    hypotheses = _read_hypotheses(root, given, kinds)
    for hypothesis in hypotheses:
        if hypothesis.probe.kind == "traffic" and conditions.traffic is None:
            root.fail(f"hypothesis {hypothesis.name!r} looks at traffic, so the experiment needs `traffic` with a url")
        _check_times(root, conditions, hypothesis)
    return Experiment(conditions, faults, hypotheses, content, file)


def _check_times(root: Value, conditions: Conditions, hypothesis: Hypothesis) -> None:
    """A phase that is over before a hypothesis has settled could never give a verdict."""
    phases: tuple[tuple[Phase, str, float], ...] = (
        ("baseline", "baseline", conditions.baseline),
        ("during", "duration", conditions.duration),
        ("recovery", "recovery", conditions.recovery),
    )
    terms = hypothesis.terms
    for phase, name, seconds in phases:
        needed = terms.settle + terms.every
        if phase in terms.when and seconds < needed:
            root.fail(
                f"a {name} of {seconds:g} s is over before {terms.name!r} has settled and was measured once "
                f"({needed:g} s); lengthen it, or shorten the hypothesis's window, settle or every"
            )


def _read_faults(root: Value, given: Mapping[str, Value]) -> tuple[FaultSpec, ...]:
    if ("fault" in given) == ("faults" in given):
        root.fail("needs one of: fault, like fault: {latency: 3s}, or faults, a list of them")
    entries = given["faults"].items("a list of faults") if "faults" in given else [given["fault"]]
    if not entries:
        given["faults"].fail("is empty; name at least one fault, like latency: 3s")
    found: dict[str, FaultSpec] = {}
    for entry in entries:
        spec = read_fault(entry)
        if spec.name in found:
            entry.fail(f"there is a fault {spec.name!r} already; give one of them another name, like name: second")
        found[spec.name] = spec
    return tuple(found.values())


def _read_hypotheses(
    root: Value, given: Mapping[str, Value], kinds: Mapping[str, type[ProbeSpec]]
) -> tuple[Hypothesis, ...]:
    if "hypotheses" not in given:
        root.fail("hypotheses is missing: without a claim there is nothing to test")
    found: dict[str, Hypothesis] = {}
    for value in given["hypotheses"].items("a list of hypotheses"):
        hypothesis = read_hypothesis(value, kinds)
        if hypothesis.name in found:
            value.fail(f"there is a hypothesis {hypothesis.name!r} already; give one of them another name")
        found[hypothesis.name] = hypothesis
    if not found:
        given["hypotheses"].fail("is empty: without a claim there is nothing to test")
    return tuple(found.values())
