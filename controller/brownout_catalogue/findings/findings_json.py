"""Findings for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from brownout_catalogue.architecture import dotted
from brownout_catalogue.findings.rule import LEVELS, Finding, Idle, position
from brownout_core.document import Value
from brownout_core.safe_text import json_text


def render(name: str, found: Sequence[Finding], root: Value, idle: Idle | None = None) -> str:
    """`root` is the file of which they are."""
    content = {
        "architecture": name,
        "file": root.file,
        "counts": {level: sum(finding.level == level for finding in found) for level in LEVELS},
        "findings": [_finding(finding, root) for finding in found],
        "rules": None if idle is None else idle.of,
        "nothing_to_look_at": []
        if idle is None
        else [{"rule": one.id, "needs": list(one.needs)} for one in idle.rules],
    }
    return json_text(content) + "\n"


def _finding(finding: Finding, root: Value) -> dict[str, Any]:
    row, column = position(root, finding.path)
    return {
        "rule": finding.rule.id,
        "level": finding.level,
        "title": finding.rule.title,
        "sentence": finding.sentence,
        "path": dotted(finding.path),
        "line": row,
        "column": column,
        "fixes": [
            {
                "text": fix.text,
                "changes": [{"path": list(change.path), "value": change.value} for change in fix.changes],
            }
            for fix in finding.fixes
        ],
        "missing": [dotted(path) for path in finding.missing],
    }
