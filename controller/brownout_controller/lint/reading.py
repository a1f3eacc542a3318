"""Reads an experiment for lint, though variables are not set, and from a brownout.yaml where its proxies listen.

A variable that stands for an address is taken for one that nothing has; where another is not set, what depends on it
cannot be judged, and there is no finding.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from brownout_controller.lint import findings
from brownout_controller.lint.rule import Finding
from brownout_controller.model.endpoint import endpoint_of, is_loopback
from brownout_controller.model.environment import Environment
from brownout_controller.model.experiment import Experiment, read_experiment
from brownout_controller.model.variables import Variables
from brownout_controller.probes import KINDS
from brownout_core import document
from brownout_core.document import Value
from brownout_core.errors import InvalidSpec

Listeners = Mapping[str, tuple[str, str]]
"""Where each proxy listens, and its upstream, by its name."""
_UNSET: Final = re.compile(r"\$\{[^}]*\}")
_STANDS_FOR: Final[Sequence[tuple[str, str]]] = (
    (r"\.redis\.url", "redis://unset.invalid"),
    (r"\.dsn", "postgresql://unset.invalid/x"),
    (r"\.(?:tcp|address)", "unset.invalid:1"),
    (r"\.(?:url|http|server)", "http://unset.invalid"),
)
"""An address of the right form, by the end of its path. No host has a name below `invalid` (RFC 2606)."""


def lint(
    text: str,
    file: str,
    variables: Variables,
    environment: Environment | None = None,
    listeners: Listeners | None = None,
) -> Sequence[Finding]:
    """What is found in an experiment file; nothing in one that cannot be read. `variables` must be lenient."""
    try:
        root = document.parse(text, file, columns=True)
    except InvalidSpec:
        return ()
    return lint_value(root, variables, environment, listeners)


def lint_value(
    root: Value | None,
    variables: Variables,
    environment: Environment | None = None,
    listeners: Listeners | None = None,
) -> Sequence[Finding]:
    """The same for a file that is parsed."""
    if root is None:
        return ()
    try:
        root, experiment = _with_stand_ins(root, variables)
    except InvalidSpec:
        return ()
    return findings(experiment, root, environment, listeners, variables.used.values())


def read(text: str, file: str, variables: Variables) -> tuple[Value, Experiment]:
    """An experiment with addresses in place of variables that are not set. Raises InvalidSpec."""
    root = document.parse(text, file, columns=True)
    if root is None:
        raise InvalidSpec(file, "is empty")
    return _with_stand_ins(root, variables)


def _with_stand_ins(root: Value, variables: Variables) -> tuple[Value, Experiment]:
    """Raises InvalidSpec."""

    def expand(written: str, value: Value) -> str:
        return _stand_in(variables.expand(written, value), value.path)

    root = root.expanded_by(expand)
    return root, read_experiment(root, root.file, KINDS)


def _stand_in(text: str, path: str) -> str:
    """The text with an address in place of the variable that it begins with."""
    match = _UNSET.match(text)
    if match is None:
        return text
    known = next((address for end, address in _STANDS_FOR if re.search(f"{end}$", path)), match[0])
    rest = text[match.end() :]
    return match[0] + rest if rest.startswith(":") and "://" not in known else known + rest


def listeners_of(root: Value | None, environment: Environment) -> Listeners:
    """The proxies that a brownout.yaml declares, where the environment controls those of this machine."""
    if root is None or not root.is_mapping or not any(_is_here(address) for address in environment.control):
        return {}
    proxies = root.plain().get("proxies")
    found = {}
    for name, declared in proxies.items() if isinstance(proxies, Mapping) else ():
        listen = declared.get("listen") if isinstance(declared, Mapping) else None
        if listen is not None:
            where = str(listen)
            found[str(name)] = (f"127.0.0.1:{where}" if where.isdigit() else where, str(declared.get("upstream", "")))
    return found


def _is_here(control: str) -> bool:
    where = endpoint_of(control)
    return where is not None and is_loopback(where.host)
