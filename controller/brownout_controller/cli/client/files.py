"""Reads the files that a command names, all of them before anything is started, and tells all that is wrong with them.

A file that is not there is as wrong as one that says nonsense: exit status 2, never that of a verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from brownout_catalogue.architecture import read_architecture
from brownout_controller.engine.settings_file import SettingsFile, unreadable
from brownout_controller.lint import findings
from brownout_controller.lint.reading import Listeners, lint, listeners_of
from brownout_controller.lint.rule import Finding, errors_of
from brownout_controller.model.environment import Environment, read_environment, read_environments
from brownout_controller.model.experiment import Experiment, read_experiment
from brownout_controller.model.secrets import Masker, secrets_of
from brownout_controller.model.variables import Variables
from brownout_controller.probes import KINDS
from brownout_core import document
from brownout_core.document import Value
from brownout_core.errors import InvalidSpec
from brownout_core.strict_model import ErrorCollector, each, gathered


class Text(NamedTuple):
    """A file as it was read, once: what is checked is what runs, and a pipe will do."""

    file: Path
    text: str = ""
    mistake: InvalidSpec | None = None
    """Why it could not be read."""

    def parsed(self, variables: Variables) -> Value | None:
        """Raises InvalidSpec."""
        if self.mistake is not None:
            raise self.mistake
        return document.parse(self.text, str(self.file), variables.expand, columns=True)


class Read(NamedTuple):
    """What was asked for: the environment and the experiments, and what lint warns of."""

    environment: Environment
    experiments: Sequence[Experiment]
    warnings: Sequence[Finding]


def read_text(file: Path) -> Text:
    try:
        with unreadable():
            return Text(file, document.read_text(file))
    except InvalidSpec as error:
        return Text(file, mistake=error)


def read_all(texts: Sequence[Text], settings: SettingsFile, environment: str, variables: Variables) -> Read:
    """The environment of that name, and the experiments; `variables` must be lenient. Raises InvalidSpec with every
    mistake of every file, and with what lint takes for one."""
    mistakes = ErrorCollector()
    setting = Setting(Environment(), {})
    experiments: list[Experiment] = []
    found: list[Finding] = []
    with mistakes.noting():
        setting = read_setting(settings, environment, variables)
    for one in texts:
        with mistakes.noting():
            root = one.parsed(variables)
            experiments.append(read_experiment(root, str(one.file), KINDS))
            assert root is not None, "an empty file is no experiment"
            found += findings(experiments[-1], root, *setting, variables.used.values())
    mistakes.found += errors_of(found)
    if mistakes.found or variables.unset:
        raise gathered([*judgeable(mistakes, variables), *variables.unset.values()])
    return Read(
        setting.environment,
        experiments,
        _masked(found, Masker([*variables.secrets, *secrets_of(*(one.content for one in experiments))])),
    )


def check_all(texts: Sequence[Text], variables: Variables) -> Sequence[Finding]:
    """The same without an environment, where variables may be somebody else's to set: what lint warns of."""
    checked = [_check(one, variables) for one in texts]
    found = [finding for one in checked for finding in one.findings]
    mistakes = [*(mistake for one in checked for mistake in one.mistakes), *errors_of(found)]
    if mistakes:
        raise gathered(mistakes)
    return found


class Setting(NamedTuple):
    """Where experiments are meant to run: an environment, and the proxies of its file."""

    environment: Environment
    listeners: Listeners


class Checked(NamedTuple):
    """What is wrong with a file, and, where nothing is, what lint finds in it."""

    mistakes: Sequence[InvalidSpec]
    findings: Sequence[Finding] = ()


def read_setting(settings: SettingsFile, environment: str, variables: Variables) -> Setting:
    """The environment of that name. Raises InvalidSpec."""
    root = settings.read(variables)
    found = read_environment(root, environment, settings.name)
    return Setting(found, listeners_of(root, found))


def check(file: Path, variables: Variables, setting: Setting | None = None) -> Checked:
    """`variables` must be lenient: what depends on one that is not set is not known."""
    return _check(read_text(file), variables, setting)


def _check(one: Text, variables: Variables, setting: Setting | None = None) -> Checked:
    mistakes, is_experiment = _mistakes(one, variables)
    if mistakes or not is_experiment:
        return Checked(mistakes)
    found = lint(one.text, str(one.file), variables, *(setting or (None, None)))
    return Checked((), _masked(found, _masker(one.text, variables)))


def mistakes_in(file: Path, variables: Variables) -> Sequence[InvalidSpec]:
    """What is wrong with a file, whichever kind it is; what depends on a variable that is not set is not known."""
    return check(file, variables).mistakes


def _mistakes(one: Text, variables: Variables) -> tuple[Sequence[InvalidSpec], bool]:
    """With whether it is an experiment."""
    mistakes, is_experiment = ErrorCollector(), False
    with mistakes.noting():
        root = one.parsed(variables)
        keys = root.entries("a mapping") if root is not None and root.is_mapping else ()
        if "environments" in keys or "proxies" in keys:
            read_environments(root)
        elif "services" in keys:
            read_architecture(root, str(one.file))
        else:
            is_experiment = True
            read_experiment(root, str(one.file), KINDS)
    return judgeable(mistakes, variables, _masker(one.text, variables)), is_experiment


def _masker(text: str, variables: Variables) -> Masker:
    """Of what the variables held, and of what stands in the file."""
    try:
        root = document.parse(text, "", variables.expand, columns=True)
        content = None if root is None else root.plain()
    except InvalidSpec:
        content = text
    return Masker([*variables.secrets, *secrets_of(content)])


def judgeable(mistakes: ErrorCollector, variables: Variables, masker: Masker | None = None) -> Sequence[InvalidSpec]:
    """Without what is said of a text that still has a variable in it, and without the secrets that it repeats."""
    masked = (masker or Masker(variables.secrets)).text
    known = [one for error in mistakes.found for one in each(error) if one.path not in variables.unset]
    return [InvalidSpec(masked(one.path), masked(one.reason)) for one in known]


def _masked(found: Sequence[Finding], masker: Masker) -> Sequence[Finding]:
    """Without the secrets that they repeat."""
    masked = masker.text
    return [one._replace(place=masked(one.place), sentence=masked(one.sentence)) for one in found]
