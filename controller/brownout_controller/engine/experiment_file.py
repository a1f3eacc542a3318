"""An experiment file on this machine: read once and parsed once, with every error that is in it.

Everything that a command needs of the file comes from here, so that what was checked is what runs, even if the file
changes meanwhile or is a pipe.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from brownout_controller.engine.settings_file import unreadable
from brownout_controller.lint import findings
from brownout_controller.lint.reading import Listeners, lint_value
from brownout_controller.lint.rule import Finding, errors_of
from brownout_controller.model.environment import Environment
from brownout_controller.model.experiment import Experiment, read_experiment
from brownout_controller.model.probe import ProbeSpec
from brownout_controller.model.secrets import Masker, secrets_of
from brownout_controller.model.variables import Variables
from brownout_controller.probes import KINDS
from brownout_core import document
from brownout_core.document import Value
from brownout_core.errors import InvalidSpec
from brownout_core.strict_model import ErrorCollector, each


@dataclass(frozen=True, slots=True)
class ExperimentFile:
    """`root` and `experiment` are None where the errors leave nothing to work with."""

    name: str
    text: str
    variables: Variables
    """Those of this file alone: what they held is masked in its run, and in no other."""
    root: Value | None
    experiment: Experiment | None
    errors: Sequence[InvalidSpec]
    """All of them, also those that only say what the value of a variable would be wrong for."""

    def findings(self, environment: Environment | None = None, listeners: Listeners | None = None) -> Sequence[Finding]:
        """What lint finds, secrets masked; nothing in a file with errors that are known without the variables that are
        not set."""
        if self.root is None or self.known_errors():
            return ()
        if self.experiment is None:
            found = lint_value(self.root, self.variables, environment, listeners)
        else:
            inserted = self.variables.used.values()
            found = findings(self.experiment, self.root, environment, listeners, inserted)
        masked = masker_of(self.root, self.text, self.variables).text
        return [one._replace(place=masked(one.place), sentence=masked(one.sentence)) for one in found]

    def known_errors(self, found: Sequence[Finding] = ()) -> Sequence[InvalidSpec]:
        """The errors, with those that lint `found`: without secrets, and without what depends on a variable that is not
        set."""
        return known_errors([*self.errors, *errors_of(found)], self.variables)


def read_experiment_file(
    path: Path, variables: Variables, kinds: Mapping[str, type[ProbeSpec]] = KINDS
) -> ExperimentFile:
    """Collects the errors and raises none. `variables` must be lenient."""
    errors, name = ErrorCollector(), str(path)
    text, root, experiment = "", None, None
    with errors.noting():
        with unreadable():
            text = document.read_text(path)
        root = document.parse(text, name, variables.expand, columns=True)
        experiment = read_experiment(root, name, kinds)
    return ExperimentFile(name, text, variables, root, experiment, errors.found)


def known_errors(errors: Sequence[InvalidSpec], variables: Variables) -> Sequence[InvalidSpec]:
    """Without those at the place of a variable that is not set, and without the secrets that an error repeats."""
    masked = Masker(variables.secrets).text
    known = [one for error in errors for one in each(error) if one.path not in variables.unset]
    return [InvalidSpec(masked(one.path), masked(one.reason)) for one in known]


def masker_of(root: Value | None, text: str, variables: Variables) -> Masker:
    """Of what the variables of a file held, and of the secrets in it; `root` is None if it is no document."""
    try:
        content = text if root is None else root.plain()
    except InvalidSpec:
        content = text
    return Masker([*variables.secrets, *secrets_of(content)])
