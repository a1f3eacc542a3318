"""What is asked for on a command line, as orders: files are read, variables are collected, nothing is run."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from brownout_controller.cli.files import check_all, read_all
from brownout_controller.cli.venue import Where
from brownout_controller.engine.orders import Order, unreadable
from brownout_controller.model.experiment import read_experiment
from brownout_controller.model.variables import Variables, is_plain
from brownout_controller.probes import KINDS
from brownout_proxy import document
from brownout_proxy.errors import InvalidSpec


def read_orders(files: Sequence[Path], words: Sequence[str], seed: int | None, where: Where) -> list[Order]:
    """Raises InvalidSpec with file, line and column, Unavailable."""
    given = read_variables(words)
    known = Variables(given, os.environ, lenient=True)
    if where.controller is None:
        read_all(files, where.config, where.environment, known)  # so that all that is wrong is told at once
    else:
        check_all(files, known)
    replayed = [word for name, value in given.items() if name in known.used for word in ("--var", _again(name, value))]
    return [_order(file, given, replayed, seed, where) for file in files]


def _again(name: str, value: str) -> str:
    """The variable for a command line that is shown: a secret is taken from the shell that it is typed into."""
    return shlex.quote(f"{name}={value}") if is_plain(name, value) else f'{name}="${name}"'


def _order(file: Path, given: Mapping[str, str], replayed: Sequence[str], seed: int | None, where: Where) -> Order:
    with unreadable():
        text = document.read_text(file)
    if where.controller is not None:
        # What is wrong is told here, before anything is sent; of our variables only those go that it speaks of.
        known = Variables(given, os.environ, lenient=True)
        read_experiment(document.parse(text, str(file), known.expand, columns=True), str(file), KINDS)
        given = {name: value for name, value in known.used.items() if name in given or name in os.environ}
    replay = " ".join([shlex.join(["brownout", "run", str(file), *where.words]), *replayed])
    return Order(text, str(file), where.environment, given, seed, replay)


def read_variables(words: Sequence[str]) -> dict[str, str]:
    """Of --var NAME=VALUE. Raises InvalidSpec."""
    pairs = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not name or not equals:
            raise InvalidSpec(f"--var {word}", "is not NAME=VALUE")
        pairs[name] = value
    return pairs
