"""A scenario as a commented experiment file that runs against the local environment.

The comments give the reason for the test, what goes wrong, what undoes it, and the origin of each number. Names of
files and experiments derive from the scenario's id alone, so that they stay.
"""

from __future__ import annotations

import hashlib
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from brownout_catalogue.architecture import Architecture
from brownout_catalogue.generate.baseline import Baselines
from brownout_catalogue.generate.claims import Hypothesis, examples, hypotheses, why_not, yaml_lines
from brownout_catalogue.generate.drift import PASSING, marked
from brownout_catalogue.generate.edge_proxies import carrier
from brownout_catalogue.generate.terms import (
    RATE,
    Number,
    Source,
    Times,
    delay_reason,
    outlasting,
    p99_limit,
    remember,
    source_of,
    times,
    variable,
)
from brownout_catalogue.importers.yaml.architecture_file import flow, scalar
from brownout_catalogue.rendering.listing import Listing, word
from brownout_catalogue.rendering.reasons import reasons
from brownout_catalogue.scoring.modes import CONTAINED
from brownout_catalogue.scoring.ranking import Row
from brownout_core.experiment_terms import LEASE
from brownout_core.formatting import line, percent
from brownout_core.promql import WINDOW, duration
from brownout_core.units import SECONDS

WIDTH: Final = 116
SUFFIX: Final = ".yaml"
_LONGEST_NAME: Final = 100
_UNSET: Final = re.compile(r'^  url: "\$\{([A-Z0-9_]+)\}"$', re.MULTILINE)
_UNFIT: Final = re.compile(r"[^A-Za-z0-9_-]+")


class Setting(NamedTuple):
    """The inputs of experiment files besides the ranked row."""

    architecture: Architecture
    source: str
    """The file of the architecture, as comments name it."""
    entries: Mapping[str, str] = {}
    """URLs by flow, or by edge where the edge begins outside; the empty name is for all other flows."""
    baselines: Baselines | None = None
    remembered: Mapping[str, Mapping[str, Any]] = {}
    """By the same keys, the inputs of the files that exist already."""


class Written(NamedTuple):
    """A file as the catalogue would write it now."""

    name: str
    of: str
    """The scenario's id."""
    text: str


class Passed(NamedTuple):
    """A row for which no file is written."""

    place: int
    title: str
    why: str


def write_top(listing: Listing, top: int, setting: Setting) -> tuple[Sequence[Written], Sequence[Passed]]:
    """Files for the first `top` rows that can be injected locally, and the rows passed over before them."""
    written: list[Written] = []
    passed: list[Passed] = []
    for place, row in enumerate(listing.rows, 1):
        if len(written) == top:
            break
        if row.scenario.faults and row.scenario.edge is not None:
            written.append(write(row, place, len(listing.rows), setting))
        else:
            why = row.scenario.fill(row.scenario.mode.local.none) or "nothing calls it, so that no edge leads to it"
            passed.append(Passed(place, row.scenario.title, why))
    return written, passed


def write(row: Row, place: int, of: int, setting: Setting) -> Written:
    """The file for a row that can be injected locally."""
    source = source_of(row.scenario, setting.architecture, setting.entries, setting.baselines, setting.remembered)
    limit = p99_limit(source) if source.stake is not None and source.kind != "edge" else None
    scenario = row.scenario if limit is None else outlasting(row.scenario, limit.value)
    row = replace(row, scenario=scenario)
    name = file_stem(scenario.id)
    parts = [_head(row, place, of, setting), _body(row, name, source, setting)]
    text = "\n".join("\n".join(part) for part in parts) + "\n"
    return Written(name + SUFFIX, _plain(scenario.id), marked(_plain(scenario.id), text, remember(source)))


def file_stem(scenario: str) -> str:
    """A file name such as `database-slow.orders.postgres`. Characters that file systems refuse are replaced; a digest
    of the id then keeps the name unique."""
    plain = ".".join(_UNFIT.sub("_", part) for part in scenario.split("/"))
    if plain == scenario.replace("/", ".") and "." not in scenario and len(plain) <= _LONGEST_NAME:
        return plain
    digest = hashlib.sha256(scenario.encode()).hexdigest()[:6]
    return f"{plain[:_LONGEST_NAME]}-{digest}"


def _head(row: Row, place: int, of: int, setting: Setting) -> list[str]:
    scenario, mode = row.scenario, row.scenario.mode
    proxy = carrier(setting.architecture, scenario.edge or "")
    lines = [*_comment(scenario.title), "#", "# Why this one:"]
    for name, factor in row.factors:
        if name != "ignorance" and (name, factor.value) != ("certainty", 1):
            lines += _comment(f"{word(factor.value)}: {'; '.join(reasons(factor))}", f"  {name:<9} ")
    known = f"ignorance {word(row.ignorance.value)}: {'; '.join(reasons(row.ignorance))}"
    lines += [f"{PASSING}row {place} of {of}, score {100 * row.score:.0f}; {line(known)}", "#", "# What goes wrong:"]
    lines += [*_comment(scenario.fill(mode.goes_wrong), "  "), "#", "# What to look for:"]
    for text in mode.look_for:
        lines += _comment(scenario.fill(text), "  - ")
    lines += ["#", f"# How it is injected: by the proxy {line(proxy)}, which carries {line(scenario.edge)}."]
    lines += _comment(scenario.fill(mode.local.note), "  ") if mode.local.note else []
    lines += _comment(
        f"What undoes it: the run, when its time is over, at a stop condition and on Ctrl-C; and the fault itself, "
        f"{SECONDS.format(LEASE)} after nobody renews its lease any more. It {CONTAINED[mode.contained].means}."
    )
    lines += ["#"]
    lines += _comment(
        f"Written from {setting.source} by `brownout catalogue --write`. Change what you like: the catalogue keeps a "
        "changed file and reports where the architecture differs later. `assumed` marks a number that nobody stated."
    )
    return [*lines, ""]


def _body(row: Row, name: str, source: Source, setting: Setting) -> list[str]:
    scenario = row.scenario
    limit = p99_limit(source) if source.stake is not None and source.kind != "edge" else None
    claimed = limit if limit is not None and why_not(scenario, source, limit) is None else None
    delay = delay_reason(scenario)
    because = re.split(r"(?<=[.;])\s", scenario.fill(scenario.mode.goes_wrong), maxsplit=1)[0].rstrip(".;")
    lines = [f"name: {scalar(name)}", f"because: {scalar(line(because))}", f"edge: {scalar(scenario.edge or '')}"]
    if delay is not None:
        lines += _comment(f"{SECONDS.format(delay.value)} is {delay.comment}")
    if len(scenario.faults) == 1:
        lines.append(f"fault: {flow(scenario.faults[0])}")
    else:
        lines += ["faults:", *(f"  - {flow(fault)}" for fault in scenario.faults)]
    return [
        *lines, "", *_times(times(source, delay and delay.value, claimed and claimed.value)),
        *_traffic(source, claimed), *_hypotheses(scenario, source, limit, setting),
    ]  # fmt: skip


def _times(lasting: Times) -> list[str]:
    lines = _comment("Times for a laptop, assumed: traffic that is slow to come, or minutes in staging, need more.")
    return [*lines, *(f"{name}: {SECONDS.format(seconds)}" for name, seconds in lasting._asdict().items())]


def _traffic(source: Source, limit: Number | None) -> list[str]:
    if source.kind != "traffic":
        return []
    assert source.stake is not None
    name = variable(source.key)
    lines = ["", *_comment(f"A load of its own, through all phases: what a client of {source.stake.name} sends.")]
    if source.url is None:
        url = f"${{{name}}}"
        entry = (
            source.stake.flow.path[0]
            if source.key == source.stake.name
            else f"the proxy before {source.key.rpartition(' ')[2]}"
        )
        lines += _comment(f"Where {entry} answers: brownout run FILE --var {name}=http://127.0.0.1:8080/")
    else:
        url = source.url
    fixed = limit is not None and not limit.relative
    timeout = max(2.0, 2 * limit.value) if limit is not None and fixed else SECONDS.parse("10s")
    return [
        *lines, "traffic:", f"  url: {scalar(url)}",
        *_with_comment(f"  rate: {RATE:g}/s", "assumed: a hundred in a window of 10s; with fewer, a p99 means little"),
        *_with_comment(
            f"  timeout: {SECONDS.format(timeout)}",
            "twice what an answer may take" if fixed else "assumed: who waits longer has left",
        ),
        "  # method: POST", '  # headers: {Authorization: "Bearer ${TOKEN}"}', "  # body: '{\"amount\": 1}'",
    ]  # fmt: skip


def _hypotheses(scenario: Any, source: Source, limit: Any, setting: Setting) -> list[str]:
    lines = [""]
    one = source.baseline
    if one is not None:
        lines += [f"{PASSING}{text}" for text in _measured(source)]
    if source.kind == "edge":
        lines += _comment(
            "What the proxy counts is all that can be measured without an entry or a Prometheus. It shows whether the "
            "edge recovers, not whether people notice: add what they would see."
        )
        if source.stake is not None and not source.speaks_http:
            lines += _comment(f"No load is sent to {source.stake.flow.path[0]}, as it answers no plain HTTP request.")
    elif limit is not None and (why := why_not(scenario, source, limit)):
        lines += _comment(f"No claim about the time of answers: {why}.")
    lines.append("hypotheses:")
    for hypothesis in hypotheses(scenario, source):
        lines += _hypothesis(hypothesis)
    for example in examples(scenario, setting.architecture):
        lines += _comment(f"To fill in, as only you know how: {example.name} ({example.because}).", margin="  ")
        lines += _comment(f"It needs {example.yours}; like this:", margin="  ")
        lines += [f"  # {text}" for text in yaml_lines(example.content)]
    return lines


def _measured(source: Source) -> Iterator[str]:
    """The baselines, and the query that measured them."""
    one = source.baseline
    assert one is not None
    p99 = "not known" if one.p99 is None else SECONDS.format(float(f"{one.p99:.3g}"))
    errors = "not known" if one.errors is None else percent(one.errors, 2)
    rate = "not known" if one.rate is None else f"{float(f'{one.rate:.3g}'):g}"
    yield f"{one.service} over {SECONDS.format(one.looked)}: p99 {p99}, errors {errors}, requests a second {rate}"
    if one.family.unit:
        yield f"p99 is {one.p99_query.replace(WINDOW, duration(one.looked))}"


def _hypothesis(hypothesis: Hypothesis) -> list[str]:
    lines = _comment(hypothesis.remark, margin="  ") if hypothesis.remark else []
    for number, (key, value, comment) in enumerate(hypothesis.lines):
        margin = "    " if number else "  - "
        if isinstance(value, Mapping):
            lines += [f"{margin}{key}:", *(f"      {inner}: {scalar(part)}" for inner, part in value.items())]
        else:
            lines += _with_comment(f"{margin}{key}: {flow(value)}", comment)
    return lines


def _with_comment(text: str, comment: str) -> list[str]:
    """The comment after the text, or above it where the line has no room."""
    if not comment:
        return [text]
    beside = f"{text}  # {line(comment)}"
    if len(beside) <= WIDTH:
        return [beside]
    return [*_comment(comment, margin=" " * (len(text) - len(text.lstrip(" -")))), text]


def _comment(text: str, first: str = "", margin: str = "") -> list[str]:
    """Each line begins with #, whatever characters a name holds."""
    start = f"{margin}# {first}"
    rest = f"{margin}# {' ' * len(first)}"
    return textwrap.wrap(line(text), WIDTH, initial_indent=start, subsequent_indent=rest, break_on_hyphens=False) or [
        start.rstrip()
    ]


def unset(text: str) -> Sequence[str]:
    """The variables for URLs that are unknown: each run has to set them."""
    return _UNSET.findall(text)


def _plain(scenario: str) -> str:
    return line(scenario)
