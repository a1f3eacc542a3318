"""A steady-state claim: what is measured, what it must be, and how strictly that is taken.

`Terms` is all that a judge needs, and what a journal keeps; a `Hypothesis` knows its probe as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Final, Literal

from pydantic import Field, field_validator, model_validator

from brownout_controller.model import expectation
from brownout_controller.model.expectation import Expectation
from brownout_controller.model.lifecycle import PHASES, Phase
from brownout_controller.model.part import Part, Seconds, SomeTime, read, written
from brownout_controller.model.probe import ProbeSpec
from brownout_proxy.document import Value
from brownout_proxy.spelling import unknown

_WHEN: Final = written("string", "array", items={"enum": list(PHASES)})
Count = Annotated[int, Field(ge=1)]


class Tolerate(Part):
    """How many bad samples are forgiven: fewer than `consecutive` in a row, or up to `failures` of any `of`.

    None in the baseline. In the recovery it holds again at the first good sample from which on that is so.
    """

    consecutive: Count | None = None
    failures: Annotated[int, Field(ge=0)] | None = None
    of: Count | None = None

    @model_validator(mode="after")
    def _either(self) -> Tolerate:
        pair = (self.failures is not None, self.of is not None)
        if pair not in ((True, True), (False, False)) or (self.consecutive is None) == (self.failures is None):
            raise ValueError("must be {failures: 2, of: 10} or {consecutive: 3}")
        if self.failures is not None and self.of is not None and self.failures >= self.of:
            raise ValueError("failures must be fewer than of, or nothing could ever be bad")
        return self


class Accepted(Part):
    """No data is as good as good data, for a reason."""

    pass_: str = Field(alias="pass", min_length=1)


class Terms(Part):
    """A hypothesis without its probe. Times are in seconds."""

    name: str = Field(min_length=1, max_length=200)
    because: str = ""
    """The reason, for people."""
    expect: str
    stop: str | bool = False
    """What ends the run at once: a threshold of its own, or true for whatever does not meet `expect`."""
    when: Annotated[tuple[Phase, ...], _WHEN] = PHASES
    window: SomeTime = 10.0
    """How far a measurement looks back; `${window}` in a query."""
    every: SomeTime = 1.0
    """From one measurement to the next."""
    settle: Seconds = 0.0
    """How long after a change of phase measurements do not count."""
    timeout: SomeTime = 5.0
    """How long one measurement may take."""
    tolerate: Tolerate | None = None
    min_events: Annotated[float, Field(ge=0)] | None = None
    no_data: Literal["inconclusive", "fail"] | Accepted = "inconclusive"
    series: Literal["one", "all", "any"] = "one"
    recover_within: SomeTime | None = None
    """From the revert until it must hold again; the experiment's recovery if nothing is said."""

    @field_validator("expect", "stop")
    @classmethod
    def _readable(cls, text: Any) -> Any:
        if isinstance(text, str):
            expectation.parse(text)
        return text

    @field_validator("when", mode="before")
    @classmethod
    def _phases(cls, when: Any) -> Any:
        return [when] if isinstance(when, str) else when

    @model_validator(mode="after")
    def _sensible(self) -> Terms:
        if not self.when:
            raise ValueError(f"when is empty; name at least one of: {', '.join(PHASES)}")
        if self.expected.needs_baseline and "baseline" not in self.when:
            raise ValueError("expect speaks of the baseline, so `when` must have baseline")
        if self.stop and "during" not in self.when:
            raise ValueError("stop is looked at during the fault, so `when` must have during")
        return self

    @cached_property
    def expected(self) -> Expectation:
        return expectation.parse(self.expect)

    @cached_property
    def stop_at(self) -> Expectation | None:
        """What ends the run when it holds; None where that is whatever does not meet `expect`, or nothing."""
        return expectation.parse(self.stop) if isinstance(self.stop, str) else None

    def stops(self, value: float, baseline: float | None) -> bool:
        """Whether this value must end the run."""
        if self.stop_at is not None:
            return self.stop_at.holds(value, baseline)
        return bool(self.stop) and not self.expected.holds(value, baseline)


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What is claimed, and what measures it."""

    terms: Terms
    probe: ProbeSpec
    place: str = ""
    """Where it stands in its file."""

    @property
    def name(self) -> str:
        return self.terms.name


_KEYS: Final = tuple(Terms.model_fields)


def read_hypothesis(value: Value, kinds: Mapping[str, type[ProbeSpec]]) -> Hypothesis:
    """`kinds` are the probes that there are. Raises InvalidSpec with the exact place."""
    given = value.entries("a hypothesis with a name, a probe and expect")
    for key, item in given.items():
        if key not in _KEYS and key not in kinds:
            item.fail(unknown("key", key, (*_KEYS, *kinds)))
    named = [key for key in given if key in kinds]
    if len(named) != 1:
        found = f"has {' and '.join(named)}; make them hypotheses of their own" if named else "has no probe"
        value.fail(f"{found}; known are: {', '.join(kinds)}")
    kind = kinds[named[0]]
    probe = _read_probe(given[named[0]], kind)
    content = value.plain()
    terms = read(Terms, value, {key: item for key, item in content.items() if key in _KEYS})
    if "settle" not in content and kind.looks_back:
        terms = terms.model_copy(update={"settle": terms.window})
    return Hypothesis(terms, probe, value.place)


def _read_probe(value: Value, kind: type[ProbeSpec]) -> ProbeSpec:
    if value.is_mapping:
        return read(kind, value, value.plain())
    content = value.plain()
    if isinstance(content, (int, float)) and not isinstance(content, bool):
        content = value.text()
    return read(kind, value, {kind.scalar: content})
