"""SARIF: what the standard asks of the parts that we write, and fingerprints that stay when lines move.

The schema here is ours: the standard's properties that we use and no others, so that a name which it does not know is
an error, which the standard's own schema takes for one as well.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest

from brownout_catalogue.findings import RULES, findings
from brownout_catalogue.findings.sarif import MOST, artifact, identity, log
from brownout_core import __version__, document
from tests.support.builders.architectures import EXAMPLES, example
from tests.support.builders.findings import read


def _closed(required: str, optional: str = "", **parts: Any) -> dict[str, Any]:
    """An object with these properties and no others; texts where nothing else is said."""
    names = [*required.split(), *optional.split()]
    properties = {name: parts.get(name, {"type": "string", "minLength": 1}) for name in names}
    return {"type": "object", "additionalProperties": False, "required": required.split(), "properties": properties}


_LEVEL: Final = {"enum": ["none", "note", "warning", "error"]}  # 3.27.10
_FROM_ONE: Final = {"type": "integer", "minimum": 1}  # 3.30.5, 3.30.6
_MESSAGE: Final = _closed("text", "markdown")  # 3.11
_RULE: Final = _closed(  # 3.49
    "id", "name shortDescription fullDescription help defaultConfiguration properties",
    shortDescription=_MESSAGE, fullDescription=_MESSAGE, help=_MESSAGE,
    defaultConfiguration=_closed("level", level=_LEVEL),
    properties={"type": "object"},
)  # fmt: skip
_PLACE: Final = _closed(  # 3.28, 3.29
    "physicalLocation",
    physicalLocation=_closed(
        "artifactLocation region",
        artifactLocation=_closed("uri", "uriBaseId", uri={"type": "string", "format": "uri-reference"}),
        region=_closed("startLine startColumn", startLine=_FROM_ONE, startColumn=_FROM_ONE),
    ),
)
_RESULT: Final = _closed(  # 3.27
    "message ruleId ruleIndex level locations partialFingerprints",
    message=_MESSAGE, ruleIndex={"type": "integer", "minimum": 0}, level=_LEVEL,
    locations={"type": "array", "minItems": 1, "items": _PLACE},
    partialFingerprints={"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1},
)  # fmt: skip
_RUN: Final = _closed(  # 3.14
    "tool results", "columnKind",
    tool=_closed("driver", driver=_closed("name semanticVersion rules", rules={"type": "array", "items": _RULE})),
    results={"type": "array", "items": _RESULT},
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
)  # fmt: skip
SCHEMA: Final = _closed(  # 3.13
    "$schema version runs", version={"const": "2.1.0"}, runs={"type": "array", "minItems": 1, "items": _RUN}
)

_FILE = "services: {a: {calls: {b: {timeout: 1s}}}, b: {timeout: 2s}}"


def _log(text: str, name: str = "x.yaml") -> dict[str, Any]:
    root = document.parse(text, name)
    assert root is not None
    return log(findings(read(text)), RULES, root)


@pytest.mark.parametrize("name", ["fintech", "online-shop", "streaming-pipeline"])
def test_the_log_is_as_the_standard_asks(name: str) -> None:
    root = document.read(EXAMPLES / f"{name}.yaml")
    assert root is not None
    content = log(findings(example(name)), RULES, root)
    jsonschema.validate(content, SCHEMA, format_checker=jsonschema.FormatChecker())
    (run,) = content["runs"]
    rules = run["tool"]["driver"]["rules"]
    lines = len((EXAMPLES / f"{name}.yaml").read_text().splitlines())
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"] == {"uri": f"examples/architectures/{name}.yaml", "uriBaseId": "%SRCROOT%"}
        assert place["region"]["startLine"] <= lines


def test_rules_tell_why_and_the_tool_its_version() -> None:
    driver = _log(_FILE)["runs"][0]["tool"]["driver"]
    assert driver["semanticVersion"] == __version__
    assert [rule["id"] for rule in driver["rules"]] == [rule.id for rule in RULES]
    assert driver["rules"][0]["help"]["markdown"].startswith(
        "**A caller gives up before what it calls does.**\n\nA caller"
    )
    assert driver["rules"][0]["name"] == "TimeoutInversion"


def test_a_result_has_the_sentence_and_the_fixes() -> None:
    (result,) = _log(_FILE)["runs"][0]["results"]
    assert result["message"]["text"] == (
        "a waits 1s for b, which may be busy for 2s on a request: it works on when nobody waits any more.\n"
        "Fix: services.b.timeout: 1s or less\n"
        "Or services.a.calls.b.timeout: 2s or more"
    )
    assert result["message"]["markdown"].endswith(
        "\n\n- `services.b.timeout: 1s or less`\n- or `services.a.calls.b.timeout: 2s or more`"
    )


def test_names_are_no_markup_in_the_markdown_of_a_message() -> None:
    name = "[c](x:y) <img> `d`"
    results = _log(_FILE.replace("b:", f'"{name}":'))["runs"][0]["results"]
    assert name in results[0]["message"]["text"]
    sentence, _, fixes = results[0]["message"]["markdown"].partition("\n\n")
    assert "for \\[c\\](x:y) &lt;img&gt; \\`d\\`, which" in sentence
    assert all(fix.count("`") == 2 for fix in fixes.splitlines())


def test_a_fingerprint_stays_when_lines_move_and_numbers_change() -> None:
    def prints(text: str) -> list[dict[str, str]]:
        return [result["partialFingerprints"] for result in _log(text)["runs"][0]["results"]]

    before = prints(_FILE)
    assert prints("# a line\n\n" + _FILE.replace("1s", "1.5s")) == before
    assert prints(_FILE.replace("b:", "c:")) != before
    assert set(before[0]) == {"brownout/v1", "primaryLocationLineHash"}


def test_no_two_findings_have_the_same_fingerprint() -> None:
    for name in ("fintech", "online-shop", "streaming-pipeline"):
        found = findings(example(name))
        assert len({identity(one) for one in found}) == len(found)


def test_the_note_of_a_rule_stays_the_same_while_lines_are_added() -> None:
    (one,) = (one for one in findings(example("fintech")) if one.rule.id == "pool-too-small")
    fewer = dataclasses.replace(one, missing=one.missing[1:], path=one.missing[1])
    assert identity(one) == identity(fewer)


def test_the_gravest_stay_when_there_are_too_many() -> None:
    root = document.parse(_FILE, "x.yaml")
    assert root is not None
    found = findings(example("fintech"))
    results = log([found[0], *[found[-1]] * MOST], RULES, root)["runs"][0]["results"]
    assert (len(results), results[0]["level"]) == (MOST, "error")


def test_files_are_named_from_the_root_of_their_repository(tmp_path: Path) -> None:
    (tmp_path / "shop" / ".git").mkdir(parents=True)
    file = tmp_path / "shop" / "my docs" / "é.yaml"
    assert artifact(file) == {"uri": "my%20docs/%C3%A9.yaml", "uriBaseId": "%SRCROOT%"}
    assert artifact(tmp_path / "x.yaml") == {"uri": (tmp_path / "x.yaml").as_uri()}
