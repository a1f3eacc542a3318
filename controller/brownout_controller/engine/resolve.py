"""What somebody asks for, made into what can be run: texts are read, variables put in, environments looked up.

What came over the network has fewer rights than what a person runs on this machine: see `Rights`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import yaml
from pydantic import ValidationError

from brownout_controller import lint
from brownout_controller.engine.settings_file import SettingsFile
from brownout_controller.lint.reading import Listeners, listeners_of
from brownout_controller.model.environment import LOCAL, Environment, read_environment, read_environments
from brownout_controller.model.experiment import Conditions, Experiment, edge_name, read_experiment
from brownout_controller.model.secrets import Masker, secrets_of
from brownout_controller.model.variables import Variables
from brownout_controller.probes import KINDS
from brownout_core import document, limits
from brownout_core.errors import InvalidSpec
from brownout_core.experiment_terms import LEASE
from brownout_core.faults.spec import FaultSpec
from brownout_core.strict_model import gathered


class Rights(NamedTuple):
    """What experiments that come over the network may use of this machine: commands with their arguments, and
    variables of its environment by name."""

    commands: frozenset[str] = frozenset()
    variables: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class RunRequest:
    """An experiment as it was written. `file` is its name, for the places of errors; `replay` the command that asks for
    it once more, but for the seed."""

    text: str
    file: str
    environment: str = LOCAL
    variables: Mapping[str, str] = field(default_factory=dict)
    seed: int | None = None
    replay: str = ""
    part_of: str = ""
    """The search of which this is one trial."""


@dataclass(frozen=True, slots=True)
class FaultRequest:
    """Faults on several edges at once, for a while, without a claim. Times are in seconds."""

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

    def experiment(self) -> Experiment:
        """The same as an experiment that has no hypotheses. Raises InvalidSpec."""
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
        given = {
            "name": f"ad-hoc {', '.join(dict.fromkeys(spec.kind for spec in self.faults))}", "because": self.because,
            "edge": edges[0], "blast_radius": radius, "duration": self.duration, "lease": self.lease,
        }  # fmt: skip
        try:
            conditions = Conditions.model_validate(given)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(step) for step in first["loc"])
            raise InvalidSpec(where, str(first["msg"]).removeprefix("Value error, ")) from None
        content = {**given, "edges": edges, "faults": [_written(spec) for spec in self.faults]}
        return Experiment(conditions, tuple(self.faults), (), content)


class ResolvedRun(NamedTuple):
    """An experiment, the environment that it is for, and what must not come out of either."""

    experiment: Experiment
    environment: Environment
    masker: Masker


class RequestResolver:
    """Reads orders. `rights` is None where they come from this machine; then they may use all of its variables."""

    def __init__(
        self,
        config: SettingsFile | None = None,
        rights: Rights | None = None,
        surroundings: Mapping[str, str] | None = None,
    ) -> None:
        self._config = config or SettingsFile()
        self._surroundings = os.environ if surroundings is None else surroundings
        self.rights = rights

    @property
    def allowed_commands(self) -> frozenset[str] | None:
        return None if self.rights is None else self.rights.commands

    def environment(self, name: str, variables: Variables | None = None) -> Environment:
        """As its file says at this moment. Raises InvalidSpec, Unavailable."""
        return self._place(name, variables or Variables({}, self._surroundings))[0]

    def environments(self, given: Mapping[str, str]) -> Mapping[str, Environment]:
        """All of them by name, with the variables that were given by somebody of this machine. Raises InvalidSpec,
        Unavailable."""
        known = Variables(given if self.rights is None else {}, self._surroundings)
        return read_environments(self._config.read(known))

    def _place(self, name: str, known: Variables) -> tuple[Environment, Listeners]:
        """The environment of that name, and the proxies of its file."""
        root = self._config.read(known)
        environment = read_environment(root, name, self._config.name)
        return environment, listeners_of(root, environment)

    def read(self, order: RunRequest) -> ResolvedRun:
        """Takes a while for a long text. Raises InvalidSpec, Unavailable."""
        if self.rights is None:
            known = Variables(order.variables, self._surroundings)
            environment, listeners = self._place(order.environment, known)
            experiment = _read(order, known, environment, listeners)
            return ResolvedRun(experiment, environment, _masker(environment, known, experiment=experiment))
        _check(order)
        ours = Variables({}, self._surroundings)
        environment, listeners = self._place(order.environment, ours)
        lent = {name: self._surroundings[name] for name in self.rights.variables if name in self._surroundings}
        known = Variables(order.variables, lent)
        masker = _masker(environment, ours, known)
        try:
            experiment = _read(order, known, environment, listeners)
        except InvalidSpec as error:  # which repeats what it does not understand
            masker = _masker(environment, ours, known)
            raise InvalidSpec(masker.text(error.path), masker.text(error.reason)) from None
        if (count := len(experiment.hypotheses)) > limits.HYPOTHESES:
            raise InvalidSpec(f"{order.file}: hypotheses", f"at most {limits.HYPOTHESES} ({count:,} were sent)")
        return ResolvedRun(experiment, environment, _masker(environment, ours, known, experiment=experiment))

    def grant(self, wish: FaultRequest) -> ResolvedRun:
        """Raises InvalidSpec, Unavailable."""
        known = Variables({}, self._surroundings)
        environment = self.environment(wish.environment, known)
        return ResolvedRun(wish.experiment(), environment, _masker(environment, known))


def _read(order: RunRequest, known: Variables, environment: Environment, listeners: Listeners) -> Experiment:
    """A claim that cannot fail is a mistake like any other; a trial of a search may be of any size. Raises
    InvalidSpec."""
    root = document.parse(order.text, order.file, known.expand, columns=True)
    experiment = read_experiment(root, order.file, KINDS)
    assert root is not None, "an empty file is no experiment"
    found = () if order.part_of else lint.errors(experiment, root, environment, listeners)
    if found:
        raise gathered(found)
    return experiment


def _masker(environment: Environment, *variables: Variables, experiment: Experiment | None = None) -> Masker:
    literal = secrets_of(environment.model_dump(mode="json"), {} if experiment is None else experiment.content)
    return Masker([*(value for known in variables for value in known.secrets), *environment.secrets, *literal])


def _check(order: RunRequest) -> None:
    """What a stranger's text may do to us before we know what it says. Raises InvalidSpec."""
    if not order.file.isprintable() or not 0 < len(order.file) <= 1000:
        raise InvalidSpec("file", "a name of an experiment file is needed, of up to 1000 plain characters")
    if not order.part_of.isprintable() or len(order.part_of) > 1000:
        raise InvalidSpec("part_of", "a name of a search is needed, of up to 1000 plain characters")
    if len(order.text) > limits.EXPERIMENT:
        raise InvalidSpec(order.file, f"is longer than {limits.EXPERIMENT}")
    if len(order.variables) > limits.VARIABLES:
        raise InvalidSpec("variables", f"at most {limits.VARIABLES} ({len(order.variables):,} were sent)")
    for name, value in order.variables.items():
        limits.check_name("variables", name)
        if len(value) > limits.VALUE:
            raise InvalidSpec(f"variables.{name}", f"may have {limits.VALUE}, and this has {len(value):,}")
    try:
        document.check_depth(order.text, order.file)
        aliased = any(isinstance(token, yaml.AliasToken) for token in yaml.scan(order.text, Loader=yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError):
        return  # told by whoever reads it
    if aliased:
        raise InvalidSpec(order.file, "aliases (*name) grow without bounds, and are not taken over the network")


def _written(spec: FaultSpec) -> Mapping[str, object]:
    """A fault as a file would have it."""
    chosen = spec.selection.model_dump(mode="json", exclude_defaults=True)
    return {spec.kind: dict(spec.fault.attributes()), "name": spec.name, "direction": spec.direction, **chosen}
