"""The experiment file: one scenario made runnable, and portable between environments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import Field, field_validator, model_validator

from brownout_controller.model.answer_conditions import AnswerConditions
from brownout_controller.model.evidence import MIN_SHARE
from brownout_controller.model.hypothesis import Hypothesis, read_hypothesis
from brownout_controller.model.probe import ProbeSpec
from brownout_controller.model.safety import NETS
from brownout_core.document import Value
from brownout_core.errors import InvalidSpec
from brownout_core.experiment_terms import LEASE, Phase
from brownout_core.faults.fault_yaml import read_fault
from brownout_core.faults.spec import FaultSpec
from brownout_core.spelling import UnknownKey, unknown
from brownout_core.strict_model import ErrorCollector, MissingKey, Percentage, SomeTime, StrictModel, read, written
from brownout_core.units import SECONDS

SHORTEST_LEASE: Final = 1.0
LONGEST_LEASE: Final = 3600.0
FEWEST: Final = 10
"""Latencies that a percentile of the load needs in its window: fewer good answers among failed ones must not speak for
a service. Below 1 / (1 - share) of them a percentile is the longest: stricter than it has to be, and never laxer."""
FASTEST: Final = 5000.0
"""Requests a second; one process can send no more on schedule."""


class BlastRadius(StrictModel):
    """How many of an edge's targets are hit; the words are Chaos Mesh's."""

    mode: Literal["one", "all", "fixed", "fixed-percent", "random-max-percent"] = "one"
    """One target, all of them, so many, so many percent, or at random up to so many percent."""
    value: Annotated[int, Field(ge=1)] | None = Field(default=None, examples=["2"])
    """How many, or how many percent."""

    @model_validator(mode="after")
    def _complete(self) -> BlastRadius:
        if (self.mode in ("one", "all")) != (self.value is None):
            raise ValueError("modes one and all have no value; fixed and the percentages need one, like value: 2")
        if "percent" in self.mode and self.value is not None and self.value > 100:
            raise ValueError("value must be at most 100 percent")
        return self


class Load(AnswerConditions, StrictModel):
    """An open-loop HTTP load that runs through all phases: requests on schedule, whatever becomes of the others.

    An answer that is not as wished has failed.
    """

    url: str = Field(pattern=r"^https?://[^/]", examples=["http://127.0.0.1:8080/pay"])
    """What is asked for."""
    rate: Annotated[float, Field(gt=0, le=FASTEST), written("number", "string")] = Field(examples=["20/s"])
    """Requests a second, also written `50/s`."""
    method: str = Field(default="GET", pattern=r"^[A-Za-z]+$", examples=["POST"])
    """The HTTP method."""
    headers: Mapping[str, str] = Field(default={}, examples=["{Authorization: Bearer alice}"])
    """Sent with each request."""
    body: str | None = Field(default=None, examples=['"amount=1"'])
    """Sent with each request, as it is."""
    timeout: SomeTime = Field(default=10.0, examples=["10s"])
    """A request without its whole answer after so long has failed."""

    @field_validator("rate", mode="before")
    @classmethod
    def _per_second(cls, rate: Any) -> Any:
        if not isinstance(rate, str):
            return rate
        try:
            return float(rate.strip().removesuffix("/s"))
        except ValueError:
            raise ValueError(f"{rate!r} is not a rate; write it like 20/s") from None


class Conditions(StrictModel):
    """An experiment without its faults and hypotheses. Times are in seconds."""

    name: str = Field(min_length=1, max_length=200, examples=["payment-db-latency"])
    """What it is called in reports and in the names of its runs."""
    because: str = Field(default="", examples=["PostgreSQL got slow once; checkout must get slower, not fall over."])
    """Why anybody should care, for people."""
    edge: str = Field(examples=["payment-service -> postgresql"])
    """Who calls whom: `payment-service -> postgresql`. The environment says which proxy that is."""
    blast_radius: BlastRadius = Field(default=BlastRadius(), examples=["{mode: one}"])
    """How many of the edge's targets are hit."""
    duration: SomeTime = Field(examples=["30s"])
    """How long the fault is there."""
    baseline: SomeTime = Field(default=30.0, examples=["30s"])
    """How long the hypotheses must hold before the fault; if they do not, nothing is injected."""
    recovery: SomeTime = Field(default=60.0, examples=["60s"])
    """How long the system is watched after the revert."""
    lease: Annotated[float | str, SECONDS] = Field(default=LEASE, examples=["10s"])
    """How long a fault lives when nobody renews it any more: from 1s to 1h, and above 10s no longer than `duration`."""
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**63, examples=["42"])
    """Chooses targets; `--seed` goes before it."""
    traffic: Load | None = Field(default=None, examples=['{url: "http://127.0.0.1:8080/pay", rate: 20/s}'])
    """A load of its own."""
    met: Literal["all", "any"] | Annotated[int, Field(ge=1)] = Field(default="all", examples=["any"])
    """On how many of the targets every fault has to meet traffic, or the run is inconclusive: all, any, or a number."""
    min_share: Percentage = Field(default=MIN_SHARE, examples=["1%"])
    """How much of the load, or without one of what the edge carries, has to meet the fault, or the run is inconclusive;
    of what `blast_radius` and the fault's selectors leave."""
    nets: Mapping[str, str] = Field(default={}, examples=["{protected-target: agreed with the owner}"])
    """Safety nets that are switched off, each with its reason."""
    lint: Mapping[str, str] = Field(default={}, examples=["{fault-fits-claim: the call is made twice}"])
    """Findings of `brownout lint` that it lives with, by their codes, each with its reason."""

    @field_validator("edge")
    @classmethod
    def _of_two(cls, edge: str) -> str:
        return edge_name(edge)

    @field_validator("lease")
    @classmethod
    def _lasting(cls, lease: float | str) -> float:
        seconds = SECONDS.parse(lease) if isinstance(lease, str) else lease
        if not SHORTEST_LEASE <= seconds <= LONGEST_LEASE:
            raise ValueError("must be from 1s to 1h")
        return seconds

    @field_validator("lint")
    @classmethod
    def _reasoned(cls, lint: Mapping[str, str]) -> Mapping[str, str]:
        for code, reason in lint.items():
            if not reason.strip():
                raise ValueError(f"{code} needs the reason why it is accepted")
        return lint

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
    keys = root.entries("an experiment with name, edge, fault, duration and hypotheses")
    mistakes = ErrorCollector()
    for key, value in keys.items():
        if key not in _KEYS:
            mistakes.add(UnknownKey(value.place, key, _KEYS))
    content = root.plain()
    readable: list[Conditions] = []
    with mistakes.noting():
        declared = {key: item for key, item in content.items() if key in Conditions.model_fields}
        readable.append(read(Conditions, root, declared))
    with mistakes.noting():
        faults = _read_faults(root, keys)
    hypotheses = _read_hypotheses(root, keys, kinds, mistakes)
    for conditions in readable:
        with mistakes.noting():
            _check_lease(conditions, keys)
        for hypothesis in hypotheses:
            with mistakes.noting():
                _check_fit(conditions, hypothesis)
    mistakes.check()
    return Experiment(readable[0], faults, hypotheses, content, file)


def _check_lease(conditions: Conditions, keys: Mapping[str, Value]) -> None:
    if float(conditions.lease) > max(conditions.duration, LEASE):
        keys["lease"].fail(
            f"is longer than duration ({SECONDS.format(conditions.duration)}), so that a fault that nobody ends would "
            f"outlive its experiment; leave it out, or write at most {SECONDS.format(LEASE)}"
        )


def _check_fit(conditions: Conditions, hypothesis: Hypothesis) -> None:
    """What a hypothesis needs of its experiment."""
    if hypothesis.probe.kind == "traffic":
        if conditions.traffic is None:
            raise InvalidSpec(
                hypothesis.place, "looks at traffic, so the experiment needs it; write it like traffic: "
                '{url: "http://127.0.0.1:8080/", rate: 20/s}',
            )  # fmt: skip
        timeout, expected = conditions.traffic.timeout, hypothesis.terms.expected
        rate, window = conditions.traffic.rate, hypothesis.terms.window
        if hypothesis.probe.scale().unit is SECONDS and rate * window < FEWEST:
            raise InvalidSpec(
                hypothesis.place,
                f"looks at {rate * window:.3g} answers ({rate:g} a second for {SECONDS.format(window)}), and a "
                f"percentile needs {FEWEST}; raise traffic.rate or the window",
            )
        if hypothesis.probe.scale().unit is SECONDS and not expected.tests(0.0, timeout):
            raise InvalidSpec(
                hypothesis.place,
                f"{str(expected)!r} tests nothing: a request is cancelled after {SECONDS.format(timeout)}; raise "
                "traffic.timeout above the limit",
            )
    _check_times(conditions, hypothesis)


def _check_times(conditions: Conditions, hypothesis: Hypothesis) -> None:
    """A phase that is over before a hypothesis has settled could never give a verdict."""
    phases: tuple[tuple[Phase, str, float], ...] = (
        ("baseline", "baseline", conditions.baseline),
        ("during", "duration", conditions.duration),
        ("recovery", "recovery", conditions.recovery),
    )
    terms = hypothesis.terms
    needed = terms.settle + terms.every
    asked = [(name, seconds) for phase, name, seconds in phases if phase in terms.when]
    short = [f"{name} of {SECONDS.format(seconds)}" for name, seconds in asked if seconds < needed]
    if short:
        raise InvalidSpec(
            hypothesis.place,
            f"a {' and a '.join(short)} is over before {terms.name!r} has settled and was measured once "
            f"({SECONDS.format(needed)}); lengthen it, or shorten the hypothesis's window, settle or every",
        )


def _read_faults(root: Value, keys: Mapping[str, Value]) -> tuple[FaultSpec, ...]:
    if ("fault" in keys) == ("faults" in keys):
        root.fail("needs one of: fault, like fault: {latency: 3s}, or faults, a list of them")
    entries = keys["faults"].items("a list of faults") if "faults" in keys else [keys["fault"]]
    if not entries:
        keys["faults"].fail("is empty; name at least one fault, like latency: 3s")
    found: dict[str, FaultSpec] = {}
    for entry in entries:
        spec = read_fault(entry)
        if spec.name in found:
            entry.fail(f"there is a fault {spec.name!r} already; give one of them another name, like name: second")
        found[spec.name] = spec
    return tuple(found.values())


def _read_hypotheses(
    root: Value, keys: Mapping[str, Value], kinds: Mapping[str, type[ProbeSpec]], mistakes: ErrorCollector
) -> tuple[Hypothesis, ...]:
    """Those that can be read."""
    found: dict[str, Hypothesis] = {}
    entries: Sequence[Value] = ()
    with mistakes.noting():
        if "hypotheses" not in keys:
            raise MissingKey(root.place, "hypotheses")
        entries = keys["hypotheses"].items("a list of hypotheses")
        if not entries:
            keys["hypotheses"].fail("is empty: without a claim there is nothing to test")
    for value in entries:
        with mistakes.noting():
            hypothesis = read_hypothesis(value, kinds)
            if hypothesis.name in found:
                value.fail(f"there is a hypothesis {hypothesis.name!r} already; give one of them another name")
            found[hypothesis.name] = hypothesis
    return tuple(found.values())
