"""Makes of what is asked for what can be run: texts are parsed, variables put in, environments looked up. Once.

What is resolved here is what runs: nothing above reads or parses again. What came over the network has fewer rights
than what a person runs on this machine: see `Rights`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import yaml

from brownout_controller import lint
from brownout_controller.engine.experiment_file import ExperimentFile, known_errors
from brownout_controller.engine.run_request import FaultRequest, RunRequest
from brownout_controller.engine.settings_file import SettingsFile
from brownout_controller.lint.reading import Listeners, listeners_of
from brownout_controller.lint.rule import Finding
from brownout_controller.model.environment import Environment, read_environment, read_environments
from brownout_controller.model.experiment import Experiment, read_experiment
from brownout_controller.model.probe import ProbeSpec
from brownout_controller.model.secrets import Masker, secrets_of
from brownout_controller.model.variables import Variables
from brownout_controller.probes import KINDS
from brownout_core import document, limits
from brownout_core.errors import InvalidSpec
from brownout_core.strict_model import ErrorCollector, gathered


class Rights(NamedTuple):
    """What experiments that come over the network may use of this machine: commands with their arguments, and
    variables of its environment by name."""

    commands: frozenset[str] = frozenset()
    variables: frozenset[str] = frozenset()


class RunEnvironment(NamedTuple):
    """An environment, and where the proxies of its file listen."""

    environment: Environment
    listeners: Listeners


@dataclass(frozen=True, slots=True)
class ResolvedRun:
    """A request with the experiment and the environment that it stands for, and what must not come out of either."""

    request: RunRequest | FaultRequest
    experiment: Experiment
    environment: Environment
    masker: Masker
    variables: frozenset[str] = frozenset()
    """Names of the variables that its files use."""
    warnings: Sequence[Finding] = ()

    @property
    def file(self) -> str:
        """The name of the experiment's file; empty for ad-hoc faults."""
        return self.experiment.source


class RequestResolver:
    """`rights` is None where requests come from this machine; then they may use all of its variables."""

    def __init__(
        self,
        settings: SettingsFile | None = None,
        rights: Rights | None = None,
        surroundings: Mapping[str, str] | None = None,
        kinds: Mapping[str, type[ProbeSpec]] = KINDS,
    ) -> None:
        """`surroundings` are the variables of this process, `kinds` the probes that hypotheses may have."""
        self._settings = settings or SettingsFile()
        self._surroundings = os.environ if surroundings is None else surroundings
        self._kinds = kinds
        self.rights = rights

    @property
    def allowed_commands(self) -> frozenset[str] | None:
        return None if self.rights is None else self.rights.commands

    def environment(self, name: str) -> Environment:
        """As its file has it at this moment. Raises InvalidSpec, Unavailable."""
        return read_run_environment(self._settings, name, Variables({}, self._surroundings)).environment

    def environments(self, variables: Mapping[str, str]) -> Mapping[str, Environment]:
        """All of them by name; `variables` are variables that count only on this machine. Raises InvalidSpec,
        Unavailable."""
        known = Variables(variables if self.rights is None else {}, self._surroundings)
        return read_environments(self._settings.read(known))

    def resolve_files(
        self, files: Sequence[ExperimentFile], environment: str, values: Mapping[str, str]
    ) -> list[ResolvedRun]:
        """Experiments of this machine, all in one environment. Raises InvalidSpec with every error of every file, and
        with what lint takes for one."""
        variables, errors = Variables(values, self._surroundings, lenient=True), ErrorCollector()
        place = RunEnvironment(Environment(), {})
        with errors.noting():
            place = read_run_environment(self._settings, environment, variables)
        found = [file.findings(*place) for file in files]
        wrong = [
            *known_errors(errors.found, variables),
            *(error for file, findings in zip(files, found, strict=True) for error in file.known_errors(findings)),
            *variables.unset.values(),
            *(error for file in files for error in file.variables.unset.values()),
        ]
        if wrong:
            raise gathered(wrong)
        runs = []
        for file, findings in zip(files, found, strict=True):
            assert file.experiment is not None, "a file without errors is an experiment"
            runs.append(
                ResolvedRun(
                    RunRequest(file.text, file.name, environment, values),
                    file.experiment,
                    place.environment,
                    _masker(place.environment, variables, file.variables, experiment=file.experiment),
                    frozenset({*variables.used, *file.variables.used}),
                    findings,
                )
            )
        return runs

    def resolve(self, request: RunRequest | FaultRequest) -> ResolvedRun:
        """Takes a while for a long text. Raises InvalidSpec, Unavailable."""
        ours = Variables({}, self._surroundings)
        if isinstance(request, FaultRequest):
            variables = ours if self.rights is not None else Variables(request.variables, self._surroundings)
            environment = read_run_environment(self._settings, request.environment, variables).environment
            return ResolvedRun(request, request.experiment, environment, _masker(environment, variables))
        if self.rights is None:
            variables = Variables(request.variables, self._surroundings)
            place = read_run_environment(self._settings, request.environment, variables)
            experiment = self._read(request, variables, place)
            masker = _masker(place.environment, variables, experiment=experiment)
            return ResolvedRun(request, experiment, place.environment, masker)
        _check_untrusted(request)
        place = read_run_environment(self._settings, request.environment, ours)
        lent = {name: self._surroundings[name] for name in self.rights.variables if name in self._surroundings}
        variables = Variables(request.variables, lent)
        try:
            experiment = self._read(request, variables, place)
        except InvalidSpec as error:  # which repeats what it does not understand
            masked = _masker(place.environment, ours, variables).text
            raise InvalidSpec(masked(error.path), masked(error.reason)) from None
        if (count := len(experiment.hypotheses)) > limits.HYPOTHESES:
            raise InvalidSpec(f"{request.file}: hypotheses", f"at most {limits.HYPOTHESES} ({count:,} were sent)")
        masker = _masker(place.environment, ours, variables, experiment=experiment)
        return ResolvedRun(request, experiment, place.environment, masker)

    def _read(self, request: RunRequest, variables: Variables, place: RunEnvironment) -> Experiment:
        """A hypothesis that cannot fail is an error like any other; a trial of a search may be of any size. Raises
        InvalidSpec."""
        root = document.parse(request.text, request.file, variables.expand, columns=True)
        experiment = read_experiment(root, request.file, self._kinds)
        assert root is not None, "an empty file is no experiment"
        found = () if request.part_of else lint.errors(experiment, root, *place)
        if found:
            raise gathered(found)
        return experiment


def read_run_environment(settings: SettingsFile, name: str, variables: Variables) -> RunEnvironment:
    """The environment of that name. Raises InvalidSpec, Unavailable."""
    root = settings.read(variables)
    environment = read_environment(root, name, settings.name)
    return RunEnvironment(environment, listeners_of(root, environment))


def _masker(environment: Environment, *variables: Variables, experiment: Experiment | None = None) -> Masker:
    literal = secrets_of(environment.model_dump(mode="json"), {} if experiment is None else experiment.content)
    return Masker([*(value for each in variables for value in each.secrets), *environment.secrets, *literal])


def _check_untrusted(request: RunRequest) -> None:
    """What a text from the network could do to this process before it is understood. Raises InvalidSpec."""
    if not request.file.isprintable() or not 0 < len(request.file) <= 1000:
        raise InvalidSpec("file", "a name of an experiment file is needed, of up to 1000 plain characters")
    if not request.part_of.isprintable() or len(request.part_of) > 1000:
        raise InvalidSpec("part_of", "a name of a search is needed, of up to 1000 plain characters")
    if len(request.text) > limits.EXPERIMENT:
        raise InvalidSpec(request.file, f"is longer than {limits.EXPERIMENT}")
    if len(request.variables) > limits.VARIABLES:
        raise InvalidSpec("variables", f"at most {limits.VARIABLES} ({len(request.variables):,} were sent)")
    for name, value in request.variables.items():
        limits.check_name("variables", name)
        if len(value) > limits.VALUE:
            raise InvalidSpec(f"variables.{name}", f"may have {limits.VALUE}, and this has {len(value):,}")
    try:
        document.check_depth(request.text, request.file)
        aliased = any(isinstance(token, yaml.AliasToken) for token in yaml.scan(request.text, Loader=yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError):
        return  # the parser reports it, with its place
    if aliased:
        raise InvalidSpec(request.file, "aliases (*name) grow without bounds, and are not taken over the network")
