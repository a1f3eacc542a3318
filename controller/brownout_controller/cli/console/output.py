"""Output of commands. A reader that has left, or a full disk, does not change the exit status."""

from __future__ import annotations

import os
import sys

import click

from brownout_core.errors import os_error_text
from brownout_core.safe_text import block


def echo(text: str, *, err: bool = False, end: str = "\n", styled: bool = False) -> None:
    """Writes lines to stdout, or to stderr with `err`; a closed stream is ignored. Control characters are escaped,
    unless the text is `styled`: then the caller has passed every foreign part of it through `safe_text`."""
    try:
        click.echo((text if styled else block(text)) + end, err=err, nl=False)
    except OSError as error:
        _drop(err)
        if not err and not isinstance(error, BrokenPipeError):
            echo(f"the output could not be written: {os_error_text(error)}", err=True)


def _drop(err: bool) -> None:
    """Redirects the stream to the null device: a flush at the end of the process would fail and set its exit status."""
    stream = sys.stderr if err else sys.stdout
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    except (OSError, ValueError):  # it is no file
        return
