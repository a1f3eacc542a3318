"""What rules look at: an experiment, what each of its claims measures, and its environment where one is known."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, cast

from brownout_controller.model.environment import Environment
from brownout_controller.model.expectation import Expectation
from brownout_controller.model.experiment import Conditions, Experiment
from brownout_controller.model.hypothesis import Hypothesis, Terms
from brownout_controller.model.probe import ProbeSpec
from brownout_controller.probes.command import CommandProbe
from brownout_controller.probes.edge import EdgeProbe
from brownout_controller.probes.http import HttpProbe
from brownout_controller.probes.prometheus import PrometheusProbe
from brownout_controller.probes.tcp import TcpProbe
from brownout_controller.probes.traffic import TrafficProbe
from brownout_core.experiment_terms import Phase
from brownout_core.faults.spec import FaultSpec

Path = tuple[str | int, ...]
"""The way to a line of the experiment, whether or not the line is there."""
KEYS: Final[Mapping[Phase, str]] = {"baseline": "baseline", "during": "duration", "recovery": "recovery"}
"""The key of an experiment that has the length of a phase."""
_NEARLY: Final = 1e-9


@dataclass(frozen=True)
class CheckedHypothesis:
    """A hypothesis, and where it stands in its file."""

    place: int
    hypothesis: Hypothesis

    @property
    def path(self) -> Path:
        return ("hypotheses", self.place)

    @property
    def terms(self) -> Terms:
        return self.hypothesis.terms

    @property
    def probe(self) -> ProbeSpec:
        return self.hypothesis.probe

    @property
    def name(self) -> str:
        return self.terms.name

    @property
    def expected(self) -> Expectation:
        return self.terms.expected

    @property
    def measure(self) -> str:
        return str(getattr(self.probe, "measure", self.probe.kind))

    def at(self, *steps: str | int) -> Path:
        return (*self.path, *steps)

    def inside(self, *steps: str | int) -> Path:
        """A line of the probe."""
        return self.at(self.probe.kind, *steps)

    @property
    def is_latency(self) -> bool:
        """Whether its value is how long an answer takes."""
        if isinstance(self.probe, TrafficProbe):
            return self.measure not in ("errors", "rate")
        if isinstance(self.probe, HttpProbe):
            return self.measure == "latency"
        return isinstance(self.probe, PrometheusProbe) and "histogram_quantile" in self.probe.query

    @property
    def is_success(self) -> bool:
        """Whether it can be bad because answers are wrong or missing, however fast they are."""
        if isinstance(self.probe, (TrafficProbe, HttpProbe, PrometheusProbe)):
            return not self.is_latency
        return not isinstance(self.probe, (TcpProbe, EdgeProbe))

    @property
    def is_continuous(self) -> bool:
        """Whether no two measurements are ever quite alike."""
        if isinstance(self.probe, (TrafficProbe, EdgeProbe)):
            return True
        return self.is_latency or (isinstance(self.probe, TcpProbe) and self.measure == "connect")

    @property
    def allowed(self) -> float | None:
        """The longest, or highest, value that is good whatever the baseline was; None where nothing is too high."""
        bound = self.expected.high
        if bound is None and self.expected.comparison in ("<", "<=", "=="):
            bound = self.expected.low
        return bound.offset if bound is not None and bound.factor >= 0 else None

    @property
    def patience(self) -> float:
        """Seconds after which a measurement is given up, as far as the file has it."""
        within = self.probe.within if isinstance(self.probe, HttpProbe) and self.probe.within is not None else math.inf
        return min(self.probe.patience, within)


@dataclass(frozen=True)
class Subject:
    """An experiment, and what is known of where it will run."""

    experiment: Experiment
    environment: Environment | None = None
    listeners: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """The address on which each proxy listens and its upstream, by the proxy's name, as far as a file has them."""
    codes: frozenset[str] = frozenset()
    """Of all rules."""
    inserted: frozenset[str] = frozenset()
    """What variables have put into the file."""

    @property
    def conditions(self) -> Conditions:
        return self.experiment.conditions

    @property
    def accepted(self) -> Mapping[str, str]:
        """Codes that the experiment lives with, each with its reason."""
        return self.conditions.lint

    @cached_property
    def hypotheses(self) -> Sequence[CheckedHypothesis]:
        return [CheckedHypothesis(place, hypothesis) for place, hypothesis in enumerate(self.experiment.hypotheses)]

    @cached_property
    def during(self) -> Sequence[CheckedHypothesis]:
        """What is claimed for the time of the fault."""
        return [checked for checked in self.hypotheses if "during" in checked.terms.when]

    @property
    def faults(self) -> Iterator[tuple[Path, FaultSpec]]:
        several = "faults" in self.experiment.content
        for place, spec in enumerate(self.experiment.faults):
            yield (("faults", place) if several else ("fault",)), spec

    @property
    def sink(self) -> str:
        """Who is called over the edge."""
        return self.conditions.edge.rpartition("->")[2].strip()

    @property
    def carriers(self) -> Sequence[str]:
        """The proxies that may carry the edge, by name: the one that the environment names, else one that is called
        like the edge or like its end."""
        edge = self.conditions.edge
        place = self.environment.edges.get(edge) if self.environment is not None else None
        return [edge, self.sink] if place is None else [place.proxy]

    def seconds(self, phase: Phase) -> float:
        return cast(float, getattr(self.conditions, KEYS[phase]))

    def due(self, checked: CheckedHypothesis, phase: Phase) -> int:
        """How many measurements of a claim a phase has time for."""
        terms = checked.terms
        return max(0, math.floor((self.seconds(phase) - terms.settle) / terms.every + _NEARLY))

    def requests(self, seconds: float) -> float | None:
        """How many requests the experiment's own load sends in that time; None without one."""
        return None if self.conditions.traffic is None else self.conditions.traffic.rate * seconds


def is_command(checked: CheckedHypothesis) -> bool:
    """Whether a program's exit code is judged."""
    return isinstance(checked.probe, CommandProbe) and checked.measure == "exit"
