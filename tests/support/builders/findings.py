"""Architectures for the tests of the rules: written by hand, drawn at random, and changed as a fix says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from brownout_catalogue.architecture import Architecture, read_architecture
from brownout_catalogue.findings import findings
from brownout_catalogue.findings.rule import Finding, Fix
from brownout_core import document


def read(text: str) -> Architecture:
    return read_architecture(document.parse(text, "x.yaml", columns=True), "x.yaml")


def of(rule: str, text: str) -> list[Finding]:
    """What one rule finds in the file, the notes about missing lines apart."""
    return [one for one in findings(read(text)) if one.rule.id == rule and not one.missing]


def missing(rule: str, text: str) -> list[str]:
    """The lines that one rule misses."""
    found = [one for one in findings(read(text)) if one.rule.id == rule and one.missing]
    return [".".join(map(str, path)) for one in found for path in one.missing]


def changed(architecture: Architecture, fix: Fix) -> Architecture:
    """As the file would be read with these lines in it."""
    content = architecture.model_dump(exclude_unset=True)
    for change in fix.changes:
        here: Any = content
        for step in change.path[:-1]:
            if here.get(step) is None:
                here[step] = {}
            here = here[step]
        here[change.path[-1]] = change.value
    return Architecture.model_validate(content)


def told(found: Sequence[Finding]) -> list[tuple[object, ...]]:
    """All that a finding says, but for where it stands in the file."""
    return [(one.rule.id, one.level, one.path, one.sentence, one.fixes, one.missing) for one in found]


NAMES = ("gateway", "orders", "stock", "postgres", "redis", "rabbit")
_times: st.SearchStrategy[float | None] = st.one_of(
    st.none(), st.sampled_from([0.001, 0.05, 0.1, 0.3, 1.0, 2.5, 7.0]), st.floats(0.0005, 50)
)
_calls = st.fixed_dictionaries(
    {},
    optional={
        "timeout": _times, "retries": st.integers(0, 4), "retry_budget": st.sampled_from([None, 0.1, 0.5, 1.0]),
        "pool": st.integers(1, 50), "rate": st.sampled_from([0.5, 7.0, 50.0, 333.3]), "breaker": st.booleans(),
        "fallback": st.sampled_from([None, "something", False]), "required": st.booleans(),
        "idempotent": st.booleans(), "mtls": st.booleans(),
    },
)  # fmt: skip
_services = st.fixed_dictionaries(
    {},
    optional={
        "replicas": st.integers(0, 4), "stateful": st.booleans(), "answers_in": _times, "timeout": _times,
        "probes": st.sampled_from([(), ("liveness",), ("liveness", "readiness")]),
        "certificate": st.fixed_dictionaries(
            {},
            optional={
                "rotation": st.sampled_from(["manual", "automatic"]),
                "expires": st.sampled_from(["2026-01-01", "2026-12-01", "2027-12-01", "soon"]),
            },
        ),
    },
)  # fmt: skip


@st.composite
def architectures(draw: st.DrawFn) -> Architecture:
    """Up to six components with all that may be said of them; calls go anywhere, in circles as well."""
    names = NAMES[: draw(st.integers(2, len(NAMES)))]
    services: dict[str, Any] = {name: draw(_services) for name in names}
    for name in names:
        others = [other for other in names if other != name]
        sinks = draw(st.lists(st.sampled_from(others), unique=True, max_size=3))
        services[name]["calls"] = {sink: draw(_calls) for sink in sinks}
    flows = {}
    for number in range(draw(st.integers(0, 2))):
        path = [draw(st.sampled_from(names))]
        for _ in range(draw(st.integers(0, len(names)))):
            further = [sink for sink in services[path[-1]]["calls"] if sink not in path]
            path.extend([draw(st.sampled_from(further))] if further else [])
        shares = {"revenue": draw(st.sampled_from([None, 0.0, 0.4])), "tolerance": draw(_times)}
        flows[f"flow {number}"] = {"path": path, **shares}
    external = {names[-1]: services.pop(names[-1])} if draw(st.booleans()) else {}
    return Architecture.model_validate({"services": services, "external": external, "flows": flows})
