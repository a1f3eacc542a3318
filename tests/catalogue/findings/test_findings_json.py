"""Findings for programs have all that people are told, and the fixes as data."""

from __future__ import annotations

import json

from brownout_catalogue.findings import findings
from brownout_catalogue.findings.findings_json import render
from brownout_core import document
from tests.support.builders.findings import read

_FILE = "services: {a: {calls: {b: {timeout: 1s, pool: 3}}}, b: {timeout: 2s}}"


def test_a_finding_has_its_place_and_its_fixes() -> None:
    root = document.parse(_FILE, "x.yaml")
    assert root is not None
    content = json.loads(render("shop", findings(read(_FILE)), root))
    assert (content["architecture"], content["file"]) == ("shop", "x.yaml")
    assert content["counts"] == {"error": 1, "warning": 0, "note": 1}
    error, note = content["findings"]
    assert error == {
        "rule": "timeout-inversion", "level": "error", "title": "A caller gives up before what it calls does",
        "sentence": "a waits 1s for b, which may be busy for 2s on a request: it works on when nobody waits any more",
        "path": "services.a.calls.b.timeout", "line": 1, "column": 28, "missing": [],
        "fixes": [
            {
                "text": "services.b.timeout: 1s or less",
                "changes": [{"path": ["services", "b", "timeout"], "value": 1.0}],
            },
            {
                "text": "services.a.calls.b.timeout: 2s or more",
                "changes": [{"path": ["services", "a", "calls", "b", "timeout"], "value": 2.0}],
            },
        ],
    }  # fmt: skip
    assert (note["missing"], note["fixes"]) == (["services.a.calls.b.rate"], [])
