"""What is asked for on a command line, as orders: files are read, variables are collected, nothing is run."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from brownout_controller.cli.client.files import Text, check_all, judgeable, read_all, read_text
from brownout_controller.cli.client.run_client import ClientOptions
from brownout_controller.cli.client.variables import Given
from brownout_controller.cli.console.progress import say
from brownout_controller.engine.resolve import RunRequest
from brownout_controller.lint.rule import Finding
from brownout_controller.model.experiment import read_experiment
from brownout_controller.model.variables import Variables
from brownout_controller.probes import KINDS
from brownout_core.formatting import line
from brownout_core.strict_model import ErrorCollector, gathered

_SHOWN: Final = 5
"""So many warnings are printed before a run; lint has all."""


def read_orders(
    files: Sequence[Path], variables: Given, seed: int | None, where: ClientOptions, *, warn: bool = False
) -> list[RunRequest]:
    """Each file is read once. With `warn`, what lint warns of is printed. Raises InvalidSpec with file, line
    and column, Unavailable."""
    given = variables.values
    known = Variables(given, os.environ, lenient=True)
    texts = [read_text(file) for file in files]
    if where.controller is None:  # all that is wrong is told at once
        warnings = read_all(texts, where.settings, where.environment, known).warnings
    else:
        warnings = check_all(texts, known)
    if warn:
        _print(warnings)
    replayed = variables.again(known.used)
    return [_order(one, given, replayed, seed, where) for one in texts]


def _print(warnings: Sequence[Finding]) -> None:
    for one in warnings[:_SHOWN]:
        say(line(one))
    if len(warnings) > _SHOWN:
        say(f"and {len(warnings) - _SHOWN} warnings more, which `brownout lint` shows")


def _order(
    one: Text, given: Mapping[str, str], replayed: Sequence[str], seed: int | None, where: ClientOptions
) -> RunRequest:
    if where.controller is not None:
        # What is wrong is told here, before anything is sent; of our variables only those go that it speaks of.
        # What depends on a variable that is not set here is the controller's to judge: it may have one to lend.
        known = Variables(given, os.environ, lenient=True)
        mistakes = ErrorCollector()
        with mistakes.noting():
            read_experiment(one.parsed(known), str(one.file), KINDS)
        if told := judgeable(mistakes, known):
            raise gathered(told)
        given = {name: value for name, value in known.used.items() if name in given or name in os.environ}
    replay = " ".join([shlex.join(["brownout", "run", str(one.file), *where.words]), *replayed])
    return RunRequest(one.text, str(one.file), where.environment, given, seed, replay)
