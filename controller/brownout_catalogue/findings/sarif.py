"""Findings as SARIF 2.1.0 (OASIS), which code hosts show as annotations on the lines of a change.

Section numbers are the standard's.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from brownout_catalogue.findings.rule import Finding, Rule, position
from brownout_core import __version__
from brownout_core.document import Value
from brownout_core.formatting import line
from brownout_core.markdown import escaped
from brownout_core.safe_text import json_text

MOST: Final = 25_000
"""Results in one run; GitHub refuses a file with more."""
_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT: Final = "%SRCROOT%"
"""What code hosts take for the root of the repository."""


def render(found: Sequence[Finding], rules: Sequence[Rule], root: Value) -> str:
    """The gravest findings come first, so that they are the ones that stay where there are too many."""
    return json_text(log(found, rules, root)) + "\n"


def log(found: Sequence[Finding], rules: Sequence[Rule], root: Value) -> dict[str, Any]:
    """The whole file, with one run (3.13)."""
    places = {rule.id: place for place, rule in enumerate(rules)}
    where = artifact(Path(root.file))
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "brownout",
                        "semanticVersion": __version__,
                        "rules": [_rule(rule) for rule in rules],
                    }
                },
                "columnKind": "unicodeCodePoints",  # as YAML counts, unlike the default (3.14.27)
                "results": [_result(finding, places[finding.rule.id], where, root) for finding in found[:MOST]],
            }
        ],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    """A reportingDescriptor (3.49)."""
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in rule.id.split("-")),  # an identifier (3.49.7)
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": _flat(rule.reason)},
        "help": {"text": rule.reason, "markdown": f"**{rule.title}.**\n\n{rule.reason}"},
        "defaultConfiguration": {"level": rule.level},
        "properties": {"tags": ["reliability"], "precision": "high"},
    }


def _result(finding: Finding, index: int, where: dict[str, str], root: Value) -> dict[str, Any]:
    """A result (3.27)."""
    row, column = position(root, finding.path)
    region = {"startLine": row, "startColumn": column}
    fingerprint = identity(finding)
    return {
        "ruleId": finding.rule.id,
        "ruleIndex": index,
        "level": finding.level,
        "message": _message(finding),
        "locations": [{"physicalLocation": {"artifactLocation": where, "region": region}}],
        # The second name is the only one that GitHub goes by; without it, it makes one of the line's text, and an alert
        # that was dismissed comes back as soon as a number on the line changes.
        "partialFingerprints": {"brownout/v1": fingerprint, "primaryLocationLineHash": fingerprint},
    }


def _message(finding: Finding) -> dict[str, str]:
    """Names may hold anything; in Markdown they are no markup."""
    sentence = f"{finding.sentence}."  # begins with a name, which stays as it is
    fixes = [fix.text for fix in finding.fixes]
    text = "\n".join([sentence, *(f"{'Or' if number else 'Fix:'} {fix}" for number, fix in enumerate(fixes))])
    listed = [f"- {'or ' if number else ''}`{line(fix).replace('`', '')}`" for number, fix in enumerate(fixes)]
    return {"text": text, "markdown": "\n".join([escaped(sentence), "", *listed]).strip()}


def identity(finding: Finding) -> str:
    """The same as long as the rule finds something at this key, wherever its line moves and whatever its number is."""
    about = () if finding.missing else finding.path
    words = json.dumps([finding.rule.id, "missing" if finding.missing else "found", *about])
    return hashlib.sha256(words.encode()).hexdigest()[:32]


def artifact(file: Path) -> dict[str, str]:
    """An artifactLocation (3.4): relative to the root of the repository, or absolute if the file is in none."""
    path = Path(os.path.abspath(file))  # not resolved: a link is called what the repository calls it
    for folder in path.parents:
        if (folder / ".git").exists():
            return {"uri": quote(path.relative_to(folder).as_posix()), "uriBaseId": _ROOT}
    return {"uri": path.as_uri()}


def _flat(text: str) -> str:
    return " ".join(text.split())
