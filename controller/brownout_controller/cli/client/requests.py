"""The experiment files of a command line, as requests: checked here whole, before anything is run or sent."""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from brownout_controller.cli.client.run_client import ClientOptions
from brownout_controller.cli.client.variables import VariableFlags
from brownout_controller.cli.console.progress import notice
from brownout_controller.engine.experiment_file import ExperimentFile, read_experiment_file
from brownout_controller.engine.resolve import RequestResolver, ResolvedRun
from brownout_controller.engine.run_request import RunRequest
from brownout_controller.lint.rule import Finding
from brownout_controller.model.variables import Variables
from brownout_core.formatting import line
from brownout_core.strict_model import gathered

_PRINTED_WARNINGS: Final = 5
"""Warnings that are printed before a run; `brownout lint` prints all of them."""


def read_files(paths: Sequence[Path], flags: VariableFlags) -> list[ExperimentFile]:
    """Reads and parses each file once. Each result holds its own errors."""
    return [read_experiment_file(path, Variables(flags.values, os.environ, lenient=True)) for path in paths]


def resolve_files(
    files: Sequence[ExperimentFile],
    flags: VariableFlags,
    seed: int | None,
    options: ClientOptions,
    *,
    warn: bool = False,
) -> list[ResolvedRun] | list[RunRequest]:
    """Runs of this machine resolved; for a controller the texts, with the variables that each of them uses. With `warn`
    the warnings of lint are printed. Raises InvalidSpec with file, line and column, Unavailable."""
    if options.controller is None:
        runs = RequestResolver(options.settings).resolve_files(files, options.environment, flags.values)
        if warn:
            _print_warnings([finding for run in runs for finding in run.warnings])
        return [
            replace(run, request=replace(run.request, seed=seed, replay=_replay(file, run.variables, flags, options)))
            for file, run in zip(files, runs, strict=True)
        ]
    # What depends on a variable that is not set here is left to the controller, which may have one to lend.
    found = [file.findings() for file in files]
    wrong = [error for file, findings in zip(files, found, strict=True) for error in file.known_errors(findings)]
    if wrong:
        raise gathered(wrong)
    if warn:
        _print_warnings([finding for findings in found for finding in findings])
    requests = []
    for file in files:
        used = file.variables.used
        sent = {name: value for name, value in used.items() if name in flags.values or name in os.environ}
        replay = _replay(file, used, flags, options)
        requests.append(RunRequest(file.text, file.name, options.environment, sent, seed, replay))
    return requests


def _print_warnings(found: Sequence[Finding]) -> None:
    for one in found[:_PRINTED_WARNINGS]:
        notice(line(one))
    if len(found) > _PRINTED_WARNINGS:
        notice(f"and {len(found) - _PRINTED_WARNINGS} more warnings; `brownout lint` prints all of them")


def _replay(file: ExperimentFile, used: Collection[str], flags: VariableFlags, options: ClientOptions) -> str:
    return " ".join([shlex.join(["brownout", "run", file.name, *options.words]), *flags.again(used)])
