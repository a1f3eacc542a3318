"""A steady-state claim: what is measured, what it must be, and how strictly that is taken.

`Terms` is all that a judge needs, and what a journal keeps; a `Hypothesis` knows its probe as well.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Final, Literal

from pydantic import Field, field_validator, model_validator

from brownout_controller.model import expectation
from brownout_controller.model.expectation import Expectation
from brownout_controller.model.probe import ProbeSpec, Waits
from brownout_core.document import Value
from brownout_core.errors import InvalidSpec
from brownout_core.experiment_terms import PHASES, Phase
from brownout_core.quantity import code_of, written_in
from brownout_core.spelling import UnknownKey
from brownout_core.strict_model import ErrorCollector, Seconds, SomeTime, StrictModel, read, written
from brownout_core.units import SHARE, Unit

_WHEN: Final = written("string", "array", items={"enum": list(PHASES)})
Count = Annotated[int, Field(ge=1)]


class Tolerate(StrictModel):
    """How many bad samples are forgiven: fewer than `consecutive` in a row, or up to `failures` of any `of`. None in
    the baseline; in the recovery it holds again at the first good sample from which on that is so."""

    consecutive: Count | None = Field(default=None, examples=["3"])
    """So many bad samples in a row are too many."""
    failures: Annotated[int, Field(ge=0)] | None = Field(default=None, examples=["2"])
    """So many bad samples are forgiven..."""
    of: Count | None = Field(default=None, examples=["10"])
    """... among any so many neighbouring ones."""

    @model_validator(mode="after")
    def _either(self) -> Tolerate:
        pair = (self.failures is not None, self.of is not None)
        if pair not in ((True, True), (False, False)) or (self.consecutive is None) == (self.failures is None):
            raise ValueError("must be {failures: 2, of: 10} or {consecutive: 3}")
        if self.failures is not None and self.of is not None and self.failures >= self.of:
            raise ValueError("failures must be fewer than of, or nothing could ever be bad")
        return self


class Accepted(StrictModel):
    """No data is as good as good data, for a reason."""

    pass_: str = Field(alias="pass", min_length=1, examples=["nobody pays at night"])
    """The reason, which the journal keeps."""


class Terms(StrictModel):
    """A hypothesis without its probe. Times are in seconds."""

    name: str = Field(min_length=1, max_length=200, examples=["p99 stays under 2 s"])
    """What it is called in reports; one of a kind in its experiment."""
    because: str = ""
    """The reason, for people."""
    expect: str = Field(examples=["< 2s"])
    """What a value must be, see Expectations."""
    stop: str | bool = Field(default=False, examples=['"> 20%"'])
    """What ends the run at once: a threshold of its own, or true for whatever does not meet `expect`."""
    when: Annotated[tuple[Phase, ...], _WHEN] = Field(default=PHASES, examples=["[recovery]"])
    """The phases in which it is measured and must hold."""
    window: SomeTime = Field(default=10.0, examples=["10s"])
    """How far a measurement looks back; `${window}` in a query."""
    every: SomeTime = Field(default=1.0, examples=["1s"])
    """From one measurement to the next."""
    settle: Seconds = Field(default=0.0, examples=["10s"])
    """How long after a change of phase measurements do not count; the window, for a probe that looks back."""
    timeout: SomeTime = Field(default=5.0, examples=["5s"])
    """How long one measurement may take."""
    tolerate: Tolerate | None = Field(default=None, examples=["{failures: 2, of: 10}"])
    """Bad samples that are forgiven during the fault; none if nothing is said, and never any in the baseline."""
    min_events: Annotated[float, Field(ge=0)] | None = Field(default=None, examples=["200"])
    """A phase in which no sample rests on so many events proves nothing: inconclusive."""
    no_data: Literal["inconclusive", "fail"] | Accepted = Field(default="inconclusive", examples=["fail"])
    """What a sample without data is: neither good nor bad, or bad, or with `{pass: REASON}` good."""
    series: Literal["one", "all", "any"] = Field(default="one", examples=["all"])
    """Of a query that gives several values: one is too many, or all, or any of them must meet `expect`."""
    recover_within: SomeTime | None = Field(default=None, examples=["30s"])
    """From the revert until it must hold again; the experiment's recovery if nothing is said."""

    @field_validator("expect", mode="before")
    @classmethod
    def _is_text(cls, expect: Any) -> Any:
        if isinstance(expect, (int, float)) and not isinstance(expect, bool):
            raise ValueError(f"has no comparison; write it like '== {expect}' or '< {expect}'")
        return expect

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


class RecordedTerms(Terms):
    """Terms as a journal keeps them: with what the judge has to know of the probe. Older journals know less."""

    probe: str = ""
    """Its kind."""
    measure: str = ""
    """What it measures, where it measures several things."""
    unit: str | None = None
    """The code of the unit of its values, see quantity.UNITS."""
    waits: Waits | None = None
    """What it means that there is no answer yet; None in a journal whose due measurements cannot be counted."""


@dataclass(frozen=True)
class Hypothesis:
    """What is claimed, and what measures it."""

    terms: Terms
    probe: ProbeSpec
    place: str = ""
    """Where it stands in its file."""

    @property
    def name(self) -> str:
        return self.terms.name

    @cached_property
    def recorded(self) -> RecordedTerms:
        """The terms with what is known of the probe."""
        probe, unit = self.probe, self.probe.scale().unit
        return RecordedTerms(
            **{name: getattr(self.terms, name) for name in Terms.model_fields},
            probe=probe.kind,
            measure=str(getattr(probe, "measure", "")),
            unit=written_in(self.terms.expect) if unit is None else code_of(unit),
            waits=probe.waits,
        )


_KEYS: Final = tuple(Terms.model_fields)


def read_hypothesis(value: Value, kinds: Mapping[str, type[ProbeSpec]]) -> Hypothesis:
    """`kinds` are the probes that there are. Raises InvalidSpec with the exact place."""
    entries = value.entries("a hypothesis with a name, a probe and expect")
    mistakes = ErrorCollector()
    for key, item in entries.items():
        if key not in _KEYS and key not in kinds:
            mistakes.add(UnknownKey(item.place, key, (*_KEYS, *kinds)))
    content = value.plain()
    with mistakes.noting():
        terms = read(Terms, value, {key: item for key, item in content.items() if key in _KEYS})
    with mistakes.noting():
        named = [key for key in entries if key in kinds]
        if len(named) > 1:
            value.fail(f"has {' and '.join(named)}; make them hypotheses of their own")
        if not named and not mistakes.found:
            value.fail(f"has no probe; known are: {', '.join(kinds)}")
        probe = _read_probe(entries[named[0]], kinds[named[0]]) if named else None
    mistakes.check()
    assert probe is not None
    if "settle" not in content and probe.looks_back:
        terms = terms.model_copy(update={"settle": terms.window})
    try:
        probe = probe.judged_by(terms)
    except ValueError as error:
        raise InvalidSpec(entries[named[0]].place, str(error)) from None
    for key, expected in (("expect", terms.expected), ("stop", terms.stop_at)):
        if expected is not None and (flaw := _flaw(expected, probe, named[0])):
            raise InvalidSpec(entries[key].place, flaw)
    return Hypothesis(terms, probe, value.place)


def _flaw(expected: Expectation, probe: ProbeSpec, kind: str) -> str:
    """Why the expectation cannot judge what the probe measures; "" if it can."""
    unit, lowest, highest = probe.scale()
    measure = getattr(probe, "measure", kind)
    if unit is not None:
        strange = [suffix for suffix in expected.units if suffix not in unit.suffixes]
        if strange:
            like = f"written like {unit.example}" if unit.suffixes else "a bare number"
            return f"{str(expected)!r} is in {strange[0]}, and {measure} is {like}"
    if expected.tests(lowest, highest):
        return ""
    holds = "always" if expected.holds(lowest if math.isfinite(lowest) else highest) else "never"
    bounds = f"from {_bound(lowest, unit)} to {_bound(highest, unit)}" if math.isfinite(highest) else "never below 0"
    percent = f"; did you mean '{expected}%'?" if unit is SHARE and not expected.units else ""
    return f"{str(expected)!r} would {holds} hold: {measure} is {bounds}{percent}"


def _bound(value: float, unit: Unit | None) -> str:
    return f"{value:g}" if unit is None or unit is SHARE else unit.format(value)


def _read_probe(value: Value, kind: type[ProbeSpec]) -> ProbeSpec:
    if value.is_mapping:
        return read(kind, value, value.plain())
    content = value.plain()
    if isinstance(content, (int, float)) and not isinstance(content, bool):
        content = value.text()
    return read(kind, value, {kind.scalar: content})
