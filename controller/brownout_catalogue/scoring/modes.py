"""The library of failure modes: what goes wrong with a kind of component, and how that is tried out.

The modes themselves are in modes.yaml, in the order in which documentation lists them; here is what may be said of one.
How often a mode happens and how well it is contained are words of two short scales, not numbers of each mode's own:
so an order of scenarios comes from few numbers, and nobody can push one row by a number in its mode.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import Field, model_validator

from brownout_catalogue.architecture import Kind
from brownout_core import document
from brownout_core.experiment_terms import PHASES, Phase
from brownout_core.spelling import unknown
from brownout_core.strict_model import StrictModel, read

Often = Literal["weekly", "monthly", "quarterly", "yearly"]
Contained = Literal["edge", "component", "instance", "spreads", "lasting"]
Shield = Literal[
    "timeout", "breaker", "fallback", "retries", "idempotent", "replicas", "replicas-of-source", "replicas-of-all",
    "probes", "rotation",
]  # fmt: skip
Condition = Literal[
    "called", "external", "ours", "mtls", "writes", "no-writes", "writes-there", "objects", "no-objects",
]  # fmt: skip


class Level(NamedTuple):
    """A step of a scale: its number, and what it means."""

    value: float
    means: str


OFTEN: Final[Mapping[Often, Level]] = {
    "weekly": Level(1.0, "every week or so"),
    "monthly": Level(0.8, "every month or so"),
    "quarterly": Level(0.6, "a few times a year"),
    "yearly": Level(0.4, "once a year or less"),
}
"""How often the mode happens to a component in practice.

Even steps, not frequencies: what happens fifty times as often is better known and better handled already, so that a
test of it is not worth fifty times as much. Nobody has counted for your system; your own incidents know better.
"""

CONTAINED: Final[Mapping[Contained, Level]] = {
    "edge": Level(1.0, "hits the calls of one edge and ends at once when it is taken away"),
    "component": Level(0.85, "hits everybody who uses the component and ends at once when it is taken away"),
    "instance": Level(0.7, "hits one instance, which is not undone but replaced"),
    "spreads": Level(0.5, "may hit more than its target, and ends when it is taken away"),
    "lasting": Level(0.35, "may leave something behind that a person must mend"),
}
"""How well the mode stays where it is put, and how it is undone; for a test that is made on purpose."""


class Claim(StrictModel):
    """A default hypothesis: what must hold, and which probe can tell."""

    name: str
    because: str = ""
    probe: Literal["traffic", "prometheus", "sql", "tcp"]
    measure: str = ""
    """What the probe measures, where that is the same everywhere."""
    yours: str = ""
    """What only somebody who knows the system can write, such as a query."""
    expect: str
    stop: str | None = None
    when: tuple[Phase, ...] = PHASES

    @model_validator(mode="after")
    def _measured(self) -> Claim:
        if bool(self.measure) == bool(self.yours):
            raise ValueError("needs one of measure and yours")
        return self


class Local(StrictModel):
    """How it is injected by the proxy, or why it is not."""

    faults: tuple[Mapping[str, Any], ...] = ()
    """As an experiment file has them."""
    note: str = ""
    none: str = ""
    """The reason why there is none, with what comes nearest."""

    @model_validator(mode="after")
    def _either(self) -> Local:
        if bool(self.faults) == bool(self.none):
            raise ValueError("needs one of faults and none")
        return self


class Cluster(StrictModel):
    """How it is injected by Chaos Mesh, or why it is not."""

    kind: str = ""
    action: str = ""
    note: str = ""
    none: str = ""
    """The reason why there is none, with what to do instead."""

    @model_validator(mode="after")
    def _either(self) -> Cluster:
        if bool(self.kind and self.action) == bool(self.none):
            raise ValueError("needs kind and action, or none")
        return self


class Mode(StrictModel):
    """One failure mode. See modes.yaml for what its texts may speak of."""

    id: str = ""
    on: Literal["edge", "component", "system"]
    """What it happens to."""
    to: tuple[Kind, ...] = ()
    """The kinds of component, or of an edge's sink, that can have it."""
    from_: Annotated[tuple[Kind, ...], Field(alias="from")] = ()
    """The kinds of an edge's source; any if none is named."""
    only: tuple[Condition, ...] = ()
    title: str
    goes_wrong: str
    look_for: Annotated[tuple[str, ...], Field(min_length=1)]
    delay: str = ""
    """Longer than timeouts are, where nobody has said what they are."""
    claims: Annotated[tuple[str, ...], Field(min_length=1)]
    local: Local
    cluster: Cluster
    strikes: Literal["whole", "instance", "some"] = "whole"
    """Whether all of the target fails, one instance of several, or some requests."""
    loses_data: bool = False
    """What it breaks may stay broken after it is over."""
    shields: tuple[Shield, ...]
    """What an architecture may have against it."""
    often: Often
    often_because: str
    contained: Contained
    contained_because: str = ""


class Library(StrictModel):
    """The whole file."""

    claims: Mapping[str, Claim]
    modes: Mapping[str, Mode]

    @model_validator(mode="after")
    def _coherent(self) -> Library:
        for mode in self.modes.values():
            for claim in mode.claims:
                if claim not in self.claims:
                    raise ValueError(unknown("claim", claim, self.claims))
        return self


@cache
def library() -> Library:
    """The modes that there are."""
    name = "modes.yaml"
    text = resources.files("brownout_catalogue.scoring").joinpath(name).read_text(encoding="utf-8")
    root = document.parse(text, name, columns=True)
    assert root is not None
    content = root.plain()
    for key, mode in content["modes"].items():
        mode["id"] = key
    return read(Library, root, content)
