"""The frame that all our HTML pages have in common: one file each, without a script and without a link to load.

A page may be a mail attachment, so nothing outside of it is needed, and its policy lets a browser load nothing. The
texts in it come from experiment files, servers and journals: whatever a template puts out is cleaned and escaped.
"""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from typing import Any, Final, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from brownout_core import __version__
from brownout_core.formatting import clipped, line, moment, quantity, seconds
from brownout_core.safe_text import block
from brownout_core.verdict import Verdict

MARKS: Final = {
    Verdict.PASSED: "✓",
    Verdict.REFUTED: "✗",
    Verdict.INCONCLUSIVE: "?",
    Verdict.REFUSED: "⊘",
    Verdict.STOPPED: "■",
    Verdict.NOT_REVERTED: "!",
    Verdict.INTERNAL: "!",
    Verdict.DONE: "○",
}
"""A sign beside the colour, for who does not see colours."""
_PLACE: Final = "brownout_core.html"


class Tile(NamedTuple):
    """A figure that people look for first."""

    name: str
    value: str
    note: str = ""
    grave: bool = False


def render(template: str, **values: Any) -> str:
    """The page of a template that extends base.html.j2.

    It may use the filters clipped, line, moment, quantity and seconds, and the parts of parts.html.j2.
    """
    return _environment.get_template(template).render(values)


def _fit(value: object) -> object:
    """What a template puts out: markup of our own as it is, and any other text without what a page cannot take."""
    return value if isinstance(value, Markup) else block(value)


def _made() -> Environment:
    # PackageLoader finds the templates in a wheel as well as in a checkout.
    found = Environment(
        loader=PackageLoader(_PLACE), autoescape=True, undefined=StrictUndefined, finalize=_fit,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    found.filters |= {
        "clipped": clipped, "line": line, "moment": moment, "quantity": quantity, "seconds": seconds,
    }  # fmt: skip
    style = resources.files(_PLACE).joinpath("templates/page.css").read_text(encoding="utf-8")
    found.globals |= {"marks": MARKS, "style": Markup(style), "policy": policy(style), "version": __version__}
    return found


def policy(style: str) -> str:
    """A Content-Security-Policy under which a page can do nothing but be read; the one style is known by its hash."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


_environment: Final = _made()
