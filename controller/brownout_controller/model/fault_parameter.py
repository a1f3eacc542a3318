"""The one size of an experiment's fault that a search turns: where it stands in the file, and the file with another.

The text of the experiment is kept as it is but for that quantity, so that a trial is the experiment that a person would
have written, and its errors name the same places.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from annotated_types import Le

from brownout_controller.model.experiment import Experiment
from brownout_core.document import Value
from brownout_core.errors import InvalidSpec
from brownout_core.faults.fault_yaml import accepted
from brownout_core.faults.spec import Fault, Worse, unit_of
from brownout_core.spelling import unknown
from brownout_core.units import MICROSECONDS, MILLISECONDS, Unit

_TIMES: Final = (MICROSECONDS, MILLISECONDS)


@dataclass(frozen=True, slots=True)
class FaultParameter:
    """An attribute of a fault. `own` is the value that the file has, in `unit`, `most` the largest that there is."""

    kind: str
    attribute: str
    unit: Unit
    worse: Worse
    own: float
    most: float | None
    before: str
    """The file up to the quantity."""
    after: str

    @property
    def name(self) -> str:
        return self.attribute if self.attribute == self.kind else f"{self.kind}.{self.attribute}"

    @property
    def is_time(self) -> bool:
        return self.unit in _TIMES

    def formatted(self, value: float) -> str:
        """`value` as a file has it."""
        return self.unit.format(value)

    def seconds(self, value: float) -> float:
        """Of a time."""
        return value * self.unit.base

    def parse(self, text: str) -> float:
        """Raises ValueError."""
        value = self.unit.parse(text)
        if not 0 < value < float("inf"):
            raise ValueError(f"{text!r}: a search goes over values above 0; write one like {self.unit.example}")
        if self.most is not None and value > self.most:
            raise ValueError(f"{text!r}: {self.name} is at most {self.formatted(self.most)}")
        return self.fitting(value)

    def fitting(self, value: float) -> float:
        """The nearest value that the fault takes."""
        if self.most is not None:
            value = min(value, self.most)
        return float(max(1, round(value))) if self.unit.whole else value

    def text(self, value: float) -> str:
        """The file with that value."""
        return f"{self.before}{self.formatted(value)}{self.after}"


def find_parameter(text: str, root: Value, experiment: Experiment, attribute: str | None = None) -> FaultParameter:
    """`text` is the file, parsed as `root`, that `experiment` was read from. Raises InvalidSpec where there is nothing
    to be turned."""
    entries = root.entries("an experiment")
    if len(experiment.faults) != 1:
        entries["faults"].fail("a search varies one fault; make the others experiments of their own")
    entry = entries["fault"] if "fault" in entries else entries["faults"].items("a list of faults")[0]
    fault = experiment.faults[0].fault
    wanted = _wanted(entry, fault, attribute)
    place = _place(entry, type(fault), wanted)
    span = place.span
    if span is None or text[span[0]] in "&!":
        place.fail("is an alias, an anchor or has a tag; write the quantity itself")
    own = float(getattr(fault, _field(type(fault), wanted)))
    if own <= 0:
        place.fail(f"is {own:g}, and a search starts from a value above 0")
    info = type(fault).fields()[wanted]
    unit = unit_of(info)
    assert unit is not None, "what makes a fault worse is a quantity"
    most = next((item.le for item in info.metadata if isinstance(item, Le)), None)
    highest = float(most) if isinstance(most, (int, float)) else None
    worse = type(fault).severities[wanted]
    return FaultParameter(fault.kind, wanted, unit, worse, own, highest, text[: span[0]], text[span[1] :])


def _wanted(entry: Value, fault: Fault, attribute: str | None) -> str:
    """The attribute that was asked for, or else the first that makes the fault worse and that the file sets."""
    severities = fault.severities
    if not severities:
        entry.fail(f"{fault.kind} has no size that makes it worse, so that there is no margin to be searched")
    if attribute is None:
        chosen = [name for name in severities if _field(type(fault), name) in fault.model_fields_set]
        return (chosen or list(severities))[0]
    name = accepted(type(fault)).get(attribute.removeprefix(f"{fault.kind}."), attribute)
    if name not in severities:
        raise InvalidSpec("--attribute", f"{name!r}: {unknown('attribute', name, list(severities))}")
    return name


def _field(kind: type[Fault], name: str) -> str:
    """By which the model has an attribute."""
    return next(field for field, info in kind.model_fields.items() if name in (field, info.alias))


def _place(entry: Value, kind: type[Fault], wanted: str) -> Value:
    """Where the quantity stands. Raises InvalidSpec if it is left to its default."""
    described = entry.entries("a fault")[kind.kind] if entry.is_mapping else entry
    if entry.is_mapping and described.is_mapping:
        written = [value for key, value in described.entries("attributes").items() if accepted(kind).get(key) == wanted]
        if written:
            return written[0]
    elif entry.is_mapping and not described.is_null and wanted == next(iter(kind.fields())):
        return described
    described.fail(f"has no {wanted}, which the search varies; write it like {kind.kind}: {{{wanted}: ...}}")
