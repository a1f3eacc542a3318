"""The token of a control API, from a variable or a file."""

from __future__ import annotations

from pathlib import Path

from brownout_core.errors import InvalidSpec, Unavailable, os_error_text


def plain_token(text: str) -> str:
    """Without the blanks around it. Raises ValueError."""
    if not text.strip() or not text.strip().isprintable():
        raise ValueError("the token is empty or not plain text")
    return text.strip()


def read_token(path: Path) -> str:
    """The token that a --token-file holds. Raises Unavailable, InvalidSpec."""
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise Unavailable(f"--token-file: {path}: {os_error_text(error)}") from None
    except UnicodeDecodeError:
        text = ""
    try:
        return plain_token(text)
    except ValueError as error:
        raise InvalidSpec("--token-file", f"{path}: {error}; it must hold one line") from None
