"""The experiment that the rules' own examples are put into, and what is found in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import yaml

from brownout_controller.lint.reading import lint
from brownout_controller.lint.rule import Finding
from brownout_controller.model.environment import Environment
from brownout_controller.model.variables import Variables

BASE: Final = """\
name: x
edge: checkout -> payment
fault: {latency: 3s}
baseline: 20s
duration: 30s
recovery: 30s
traffic: {url: "http://127.0.0.1:8080/pay", rate: 20/s}
hypotheses:
  - {name: p99 stays under 2 s, traffic: p99, expect: < 2s}
  - {name: errors stay below 1 %, traffic: errors, expect: < 1%}
"""
LISTENERS: Final = {"payment": ("127.0.0.1:18080", "127.0.0.1:9090")}
ASKED: Final = Environment(prometheus="http://127.0.0.1:9090")


def merged(keys: str) -> str:
    """The experiment with these keys in place of its own."""
    content: dict[str, Any] = {**yaml.safe_load(BASE), **yaml.safe_load(keys)}
    if "faults" in content:
        del content["fault"]
    return yaml.safe_dump(content, sort_keys=False, width=200)


def found(
    keys: str, environment: Environment | None = ASKED, listeners: Mapping[str, tuple[str, str]] = LISTENERS
) -> Sequence[Finding]:
    text = merged(keys)
    return lint(text, "x.yaml", Variables({}, {}, lenient=True), environment, listeners)


def codes(keys: str, **known: Any) -> list[str]:
    return [finding.code for finding in found(keys, **known)]


def claims(*texts: str) -> str:
    """Hypotheses as a file has them, each a line."""
    return "hypotheses:\n" + "".join(f"  - {{name: h{number}, {text}}}\n" for number, text in enumerate(texts))
