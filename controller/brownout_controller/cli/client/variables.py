"""`--var` and `--var-file`, for every command that reads files with variables in them."""

from __future__ import annotations

import functools
import shlex
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click

from brownout_controller.engine.settings_file import unreadable
from brownout_controller.model.var_file import read_var_file
from brownout_controller.model.variables import is_plain
from brownout_core import document
from brownout_core.errors import InvalidSpec


class VariableFlags(NamedTuple):
    """Variables of a command line; those of the environment come after them."""

    values: Mapping[str, str] = {}
    files: Mapping[str, Path] = {}
    """From which file a variable came that can be read once more."""

    def again(self, used: Collection[str]) -> list[str]:
        """The words of a command line that gives the `used` ones once more, as a shell reads them. A secret is never
        among them: it is in its file, or in the shell that they are typed into."""
        names = [name for name in self.values if name in used]
        files = dict.fromkeys(self.files[name] for name in names if name in self.files)
        words = [word for file in files for word in ("--var-file", shlex.quote(str(file)))]
        for name in names:
            if name not in self.files:
                value = self.values[name]
                text = shlex.quote(f"{name}={value}") if is_plain(name, value) else f'{name}="${name}"'
                words += ["--var", text]
        return words


def read_variable_flags(words: Sequence[str] = (), files: Sequence[Path] = ()) -> VariableFlags:
    """Of `--var NAME=VALUE`, and of files, of which a later one goes before an earlier one, and `--var` before all.
    Each file is read once, so that it may be a pipe. Raises InvalidSpec."""
    values: dict[str, str] = {}
    places: dict[str, Path] = {}
    for file in files:
        with unreadable():
            found = read_var_file(document.read_text(file), str(file))
        values.update(found)
        for name in found:
            places.pop(name, None)
            if file.is_file():
                places[name] = file
    for word in words:
        name, equals, value = word.partition("=")
        if not name or not equals:
            raise InvalidSpec(f"--var {word}", "is not NAME=VALUE")
        values[name] = value
        places.pop(name, None)
    return VariableFlags(values, places)


def variable_options(function: Callable[..., None]) -> Callable[..., None]:
    """Gives a command both flags, as its argument `variables`."""

    @click.option(
        "--var", "variable_words", multiple=True, metavar="NAME=VALUE", help="What ${NAME} in the files means."
    )
    @click.option(
        "--var-file",
        "variable_files",
        multiple=True,
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The same from a file of lines NAME=VALUE; --var goes before it; may be repeated.",
    )
    @functools.wraps(function)
    def command(*args: Any, variable_words: Sequence[str], variable_files: Sequence[Path], **options: Any) -> None:
        function(*args, variables=read_variable_flags(variable_words, variable_files), **options)

    return command
