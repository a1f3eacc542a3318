"""Entries are added, and nothing else is touched."""

from __future__ import annotations

import pytest

from brownout_catalogue.importers.yaml.editing import Addition, add
from brownout_core.errors import InvalidSpec

S = ("services",)
A = ("services", "a")
C = ("services", "a", "calls")


@pytest.mark.parametrize(
    ("text", "additions", "expected"),
    [
        ("services:\n  a:\n", [Addition(S, "b", {})], "services:\n  a:\n  b:\n"),
        ("services:\n  a:", [Addition(S, "b", {})], "services:\n  a:\n  b:"),
        ("services:\n    a:  # x\n\n# end\n", [Addition(A, "replicas", 2)],
         "services:\n    a:  # x\n      replicas: 2\n\n# end\n"),
        ("services:\r\n  a:\r\n", [Addition(S, "b", {})], "services:\r\n  a:\r\n  b:\r\n"),
        ("services: {a: }", [Addition(S, "b", {})], "services: {a: , b: {} }"),
        ("services: {a: , c: }", [Addition(A, "replicas", 2)], "services: {a: {replicas: 2} , c: }"),
        ("services: {a: {}}", [Addition(A, "replicas", 2)], "services: {a: {replicas: 2}}"),
        ("services: {a: null}", [Addition(A, "replicas", 2)], "services: {a: {replicas: 2}}"),
        ("services: {\n  a: {},  # x\n}\n", [Addition(S, "b", {})], "services: {\n  a: {}, b: {},  # x\n}\n"),
        ("services: [a, b]  # x\n", [Addition(S, "c", {"replicas": 1})], "services: {a, b, c: {replicas: 1}}  # x\n"),
        ("services:\n- a  # x\n-   b\n", [Addition(S, "c", {})], "services:\n  a:  # x\n  b:\n  c:\n"),
        ("services:\n  a:\n    calls:\n      - b\n  b:\n", [Addition(C, "c", {"port": 1}), Addition(S, "c", {})],
         "services:\n  a:\n    calls:\n        b:\n        c: {port: 1}\n  b:\n  c:\n"),
        ("services:\n  a:\n    calls: [b]\n  b: {}\n", [Addition(A, "replicas", 1), Addition(C, "c", {})],
         "services:\n  a:\n    calls: {b, c: {}}\n    replicas: 1\n  b: {}\n"),
        ("services:\n  a: {calls: [b]}\n  b:\n", [Addition(A, "replicas", 1), Addition(C, "c", {})],
         "services:\n  a: {calls: {b, c: {}}, replicas: 1}\n  b:\n"),
        ("services:\n  a:\n    calls: {b: }\n  b:\n", [Addition(A, "replicas", 1), Addition(C, "c", {})],
         "services:\n  a:\n    calls: {b: , c: {} }\n    replicas: 1\n  b:\n"),
        ("services:\n  a:\n    because: |\n      long\n      text\n\n  b:\n", [Addition(A, "replicas", 1)],
         "services:\n  a:\n    because: |\n      long\n      text\n\n    replicas: 1\n  b:\n"),
        ("services:\n  a:\n    calls:\n      b:\n  b:\n",
         [Addition((*C, "b"), "port", 1), Addition(C, "c", {}), Addition(A, "x", 1)],
         "services:\n  a:\n    calls:\n      b:\n        port: 1\n      c:\n    x: 1\n  b:\n"),
        ("services: [a, b]\n", [Addition(A, "replicas", 1), Addition(A, "calls", {"b": {}})],
         "services: {a: {replicas: 1, calls: {b: {}}}, b}\n"),
        ("services:\n  - a # x\n  - b\n",
         [Addition(A, "replicas", 1), Addition(S, "c", {}), Addition(A, "calls", {"b": {}})],
         "services:\n    a: # x\n      replicas: 1\n      calls:\n        b:\n    b:\n    c:\n"),
        ("services:\n  a:\n    calls: [b]\n  b:\n", [Addition((*C, "b"), "port", 1)],
         "services:\n  a:\n    calls: {b: {port: 1}}\n  b:\n"),
        ("services:\n  a:\n", [Addition((), "external", {"x.io": {"guess": "y"}})],
         "services:\n  a:\nexternal:\n  x.io:\n    guess: y\n"),
        ("services:\n  a: &x {replicas: 1}\n  b: *x\n", [Addition(S, "c", {})],
         "services:\n  a: &x {replicas: 1}\n  b: *x\n  c:\n"),
        ("name: ü\nservices:\n  a: # ünï\n", [Addition(A, "replicas", 1)],
         "name: ü\nservices:\n  a: # ünï\n    replicas: 1\n"),
    ],
)  # fmt: skip
def test_entries_go_where_a_person_would_write_them(text: str, additions: list[Addition], expected: str) -> None:
    assert add(text, additions, "f.yaml") == expected


def test_what_an_alias_shares_is_not_touched() -> None:
    text = "services:\n  a: &x {replicas: 1}\n  b: *x\n"
    for name in ("a", "b"):
        with pytest.raises(InvalidSpec, match=f"services.{name} is an alias or has one; write stateful there by hand"):
            add(text, [Addition(("services", name), "stateful", True)], "f.yaml")
