"""What commands say at their end. A reader who has left, or a disk that is full, changes no exit status."""

from __future__ import annotations

import os
import sys

import click

from brownout_core.errors import os_error_text
from brownout_core.safe_text import block


def say(text: str, *, err: bool = False, end: str = "\n", styled: bool = False) -> None:
    """Lines on stdout or stderr, as far as that still goes anywhere; nothing obeys them. Where `text` is `styled`, in
    colours of ours, every foreign piece of it has gone through `safe_text` before."""
    try:
        click.echo((text if styled else block(text)) + end, err=err, nl=False)
    except OSError as error:
        _drop(err)
        if not err and not isinstance(error, BrokenPipeError):
            say(f"the output could not be written: {os_error_text(error)}", err=True)


def _drop(err: bool) -> None:
    """What is left in the stream would fail once more when the process ends, and decide on its exit status."""
    stream = sys.stderr if err else sys.stdout
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    except (OSError, ValueError):  # it is no file
        return
