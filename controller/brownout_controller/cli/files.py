"""Reads the files that a command names, all of them before anything is started, and tells all that is wrong with them.

A file that is not there is as wrong as one that says nonsense: exit status 2, never that of a verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from brownout_controller.catalogue.architecture import read_architecture
from brownout_controller.engine.orders import CONFIG, unreadable
from brownout_controller.lint.reading import Listeners, lint, listeners_of
from brownout_controller.lint.rule import Finding
from brownout_controller.model.environment import Environment, read_environment, read_environments
from brownout_controller.model.experiment import Experiment, read_experiment
from brownout_controller.model.part import Gatherer, each, gathered
from brownout_controller.model.variables import Masker, Variables
from brownout_controller.probes import KINDS
from brownout_proxy import document
from brownout_proxy.document import Value
from brownout_proxy.errors import InvalidSpec


def read_all(
    files: Sequence[Path], config: Path | None, environment: str, variables: Variables
) -> tuple[Environment, list[Experiment]]:
    """The environment of that name, and the experiments; `variables` must be lenient. Raises InvalidSpec with every
    mistake of every file."""
    mistakes = Gatherer()
    settings = Environment()
    experiments = []
    with mistakes.noting():
        root = _opened(config or CONFIG, variables) if config is not None or CONFIG.exists() else None
        settings = read_environment(root, environment, str(config or CONFIG))
    for file in files:
        with mistakes.noting():
            experiments.append(read_experiment(_opened(file, variables), str(file), KINDS))
    if mistakes.found or variables.unset:
        raise gathered([*judgeable(mistakes, variables), *variables.unset.values()])
    return settings, experiments


def check_all(files: Sequence[Path], variables: Variables) -> None:
    """The same without an environment, where variables may be somebody else's to set."""
    mistakes = [mistake for file in files for mistake in mistakes_in(file, variables)]
    if mistakes:
        raise gathered(mistakes)


class Setting(NamedTuple):
    """Where experiments are meant to run: an environment, and the proxies of its file."""

    environment: Environment
    listeners: Listeners


class Checked(NamedTuple):
    """What is wrong with a file, and, where nothing is, what lint finds in it."""

    mistakes: Sequence[InvalidSpec]
    findings: Sequence[Finding] = ()


def read_setting(config: Path, environment: str, variables: Variables) -> Setting:
    """The environment of that name, for lint. Raises InvalidSpec."""
    root = _opened(config, variables)
    found = read_environment(root, environment, str(config))
    return Setting(found, listeners_of(root, found))


def check(file: Path, variables: Variables, setting: Setting | None = None) -> Checked:
    """`variables` must be lenient: what depends on one that is not set is not known. The file is read once."""
    try:
        with unreadable():
            text = document.read_text(file)
    except InvalidSpec as error:
        return Checked([error])
    mistakes, is_experiment = _mistakes(text, file, variables)
    if mistakes or not is_experiment:
        return Checked(mistakes)
    masked = Masker(variables.secrets).text
    known = (None, None) if setting is None else setting
    found = lint(text, str(file), variables, *known)
    return Checked((), [one._replace(sentence=masked(one.sentence), place=masked(one.place)) for one in found])


def mistakes_in(file: Path, variables: Variables) -> Sequence[InvalidSpec]:
    """What is wrong with a file, whichever kind it is; what depends on a variable that is not set is not known."""
    return check(file, variables).mistakes


def _mistakes(text: str, file: Path, variables: Variables) -> tuple[Sequence[InvalidSpec], bool]:
    """With whether it is an experiment."""
    mistakes, is_experiment = Gatherer(), False
    with mistakes.noting():
        root = document.parse(text, str(file), variables.expand, columns=True)
        keys = root.entries("a mapping") if root is not None and root.is_mapping else ()
        if "environments" in keys or "proxies" in keys:
            read_environments(root)
        elif "services" in keys:
            read_architecture(root, str(file))
        else:
            is_experiment = True
            read_experiment(root, str(file), KINDS)
    return judgeable(mistakes, variables), is_experiment


def judgeable(mistakes: Gatherer, variables: Variables) -> Sequence[InvalidSpec]:
    """Without what is said of a text that still has a variable in it, and without the secrets that it repeats."""
    masked = Masker(variables.secrets).text
    known = [one for error in mistakes.found for one in each(error) if one.path not in variables.unset]
    return [InvalidSpec(masked(one.path), masked(one.reason)) for one in known]


def _opened(file: Path, variables: Variables) -> Value | None:
    with unreadable():
        return document.read(file, variables.expand, columns=True)
