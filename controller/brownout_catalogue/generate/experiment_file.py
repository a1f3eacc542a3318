"""A scenario as an experiment file: commented, ready to be run against the local environment.

The comments say why it is worth a test, what goes wrong, what undoes it, and where each number is from. Names of files
and experiments are made from the scenario's id and nothing else, so that they stay.
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
from brownout_catalogue.generate.claims import Hypothesis, examples, hypotheses, shown, why_not
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
    source,
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
    """What files are written from, besides a row."""

    architecture: Architecture
    source: str
    """The file of the architecture, as comments name it."""
    entries: Mapping[str, str] = {}
    """Where requests go, by flow, or by the edge where that begins outside; under an empty name of all other flows."""
    baselines: Baselines | None = None
    remembered: Mapping[str, Mapping[str, Any]] = {}
    """By the same keys, what files that are there were made with."""


class Written(NamedTuple):
    """A file as the catalogue writes it today."""

    name: str
    of: str
    """The scenario's id."""
    text: str


class Passed(NamedTuple):
    """A row for which no file can be written."""

    place: int
    title: str
    why: str


def write_top(shown_rows: Listing, top: int, setting: Setting) -> tuple[Sequence[Written], Sequence[Passed]]:
    """Files for the first so many rows that can be injected locally, and the rows before them that cannot."""
    written: list[Written] = []
    passed: list[Passed] = []
    for place, row in enumerate(shown_rows.rows, 1):
        if len(written) == top:
            break
        if row.scenario.faults and row.scenario.edge is not None:
            written.append(write(row, place, len(shown_rows.rows), setting))
        else:
            why = row.scenario.said(row.scenario.mode.local.none) or "nothing calls it, so that no edge leads to it"
            passed.append(Passed(place, row.scenario.title, why))
    return written, passed


def write(row: Row, place: int, of: int, setting: Setting) -> Written:
    """The file for a row that can be injected locally."""
    told = source(row.scenario, setting.architecture, setting.entries, setting.baselines, setting.remembered)
    limit = p99_limit(told) if told.stake is not None and told.kind != "edge" else None
    scenario = row.scenario if limit is None else outlasting(row.scenario, limit.value)
    row = replace(row, scenario=scenario)
    name = file_stem(scenario.id)
    parts = [_head(row, place, of, setting), _body(row, name, told, setting)]
    text = "\n".join("\n".join(part) for part in parts) + "\n"
    return Written(name + SUFFIX, _plain(scenario.id), marked(_plain(scenario.id), text, remember(told)))


def file_stem(scenario: str) -> str:
    """The name of a file: `database-slow.orders.postgres`. What a file system may not take is left out, and what is
    left would not be one of a kind then without a digest of the whole."""
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
    lines += [*_comment(scenario.said(mode.goes_wrong), "  "), "#", "# What to look for:"]
    for text in mode.look_for:
        lines += _comment(scenario.said(text), "  - ")
    lines += ["#", f"# How it is injected: by the proxy {line(proxy)}, which carries {line(scenario.edge)}."]
    lines += _comment(scenario.said(mode.local.note), "  ") if mode.local.note else []
    lines += _comment(
        f"What undoes it: the run, when its time is over, at a stop condition and on Ctrl-C; and the fault itself, "
        f"{SECONDS.format(LEASE)} after nobody renews its lease any more. It {CONTAINED[mode.contained].means}."
    )
    lines += ["#"]
    lines += _comment(
        f"Written from {setting.source} by `brownout catalogue --write`. Change what you like: a file that was changed "
        "is kept, and what the catalogue would say differently later is reported. `assumed` marks what nobody has said."
    )
    return [*lines, ""]


def _body(row: Row, name: str, told: Source, setting: Setting) -> list[str]:
    scenario = row.scenario
    limit = p99_limit(told) if told.stake is not None and told.kind != "edge" else None
    claimed = limit if limit is not None and why_not(scenario, told, limit) is None else None
    delay = delay_reason(scenario)
    because = re.split(r"(?<=[.;])\s", scenario.said(scenario.mode.goes_wrong), maxsplit=1)[0].rstrip(".;")
    lines = [f"name: {scalar(name)}", f"because: {scalar(line(because))}", f"edge: {scalar(scenario.edge or '')}"]
    if delay is not None:
        lines += _comment(f"{SECONDS.format(delay.value)} is {delay.comment}")
    if len(scenario.faults) == 1:
        lines.append(f"fault: {flow(scenario.faults[0])}")
    else:
        lines += ["faults:", *(f"  - {flow(fault)}" for fault in scenario.faults)]
    return [
        *lines, "", *_times(times(told, delay and delay.value, claimed and claimed.value)), *_traffic(told, claimed),
        *_hypotheses(scenario, told, limit, setting),
    ]  # fmt: skip


def _times(lasting: Times) -> list[str]:
    lines = _comment("Times for a laptop, assumed: traffic that is slow to come, or minutes in staging, need more.")
    return [*lines, *(f"{name}: {SECONDS.format(seconds)}" for name, seconds in lasting._asdict().items())]


def _traffic(told: Source, limit: Number | None) -> list[str]:
    if told.kind != "traffic":
        return []
    assert told.stake is not None
    name = variable(told.key)
    lines = ["", *_comment(f"A load of its own, through all phases: what a client of {told.stake.name} sends.")]
    if told.url is None:
        url = f"${{{name}}}"
        entry = (
            told.stake.flow.path[0]
            if told.key == told.stake.name
            else f"the proxy before {told.key.rpartition(' ')[2]}"
        )
        lines += _comment(f"Where {entry} answers: brownout run FILE --var {name}=http://127.0.0.1:8080/")
    else:
        url = told.url
    fixed = limit is not None and not limit.relative
    timeout = max(2.0, 2 * limit.value) if limit is not None and fixed else SECONDS.parse("10s")
    return [
        *lines, "traffic:", f"  url: {scalar(url)}",
        *_with_comment(f"  rate: {RATE:g}/s", "assumed: a hundred in a window of 10s; fewer tell little of a p99"),
        *_with_comment(
            f"  timeout: {SECONDS.format(timeout)}",
            "twice what an answer may take" if fixed else "assumed: who waits longer has left",
        ),
        "  # method: POST", '  # headers: {Authorization: "Bearer ${TOKEN}"}', "  # body: '{\"amount\": 1}'",
    ]  # fmt: skip


def _hypotheses(scenario: Any, told: Source, limit: Any, setting: Setting) -> list[str]:
    lines = [""]
    one = told.baseline
    if one is not None:
        lines += [f"{PASSING}{text}" for text in _measured(told)]
    if told.kind == "edge":
        lines += _comment(
            "What the proxy counts is all that can be measured without an entry or a Prometheus. It tells whether the "
            "edge recovers, not whether people notice: add what they would see."
        )
        if told.stake is not None and not told.speaks_http:
            lines += _comment(f"No load is sent to {told.stake.flow.path[0]}, as it answers no plain HTTP request.")
    elif limit is not None and (why := why_not(scenario, told, limit)):
        lines += _comment(f"No claim about the time of answers: {why}.")
    lines.append("hypotheses:")
    for hypothesis in hypotheses(scenario, told):
        lines += _hypothesis(hypothesis)
    for example in examples(scenario, setting.architecture):
        lines += _comment(f"To fill in, as only you know how: {example.name} ({example.because}).", margin="  ")
        lines += _comment(f"It needs {example.yours}; like this:", margin="  ")
        lines += [f"  # {text}" for text in shown(example.content)]
    return lines


def _measured(told: Source) -> Iterator[str]:
    """What the baselines were, and how they were asked for."""
    one = told.baseline
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
    """The comment behind it, or above it where there is no room."""
    if not comment:
        return [text]
    beside = f"{text}  # {line(comment)}"
    if len(beside) <= WIDTH:
        return [beside]
    return [*_comment(comment, margin=" " * (len(text) - len(text.lstrip(" -")))), text]


def _comment(text: str, first: str = "", margin: str = "") -> list[str]:
    """Whatever a name holds, it stays on lines that begin with #."""
    start = f"{margin}# {first}"
    rest = f"{margin}# {' ' * len(first)}"
    return textwrap.wrap(line(text), WIDTH, initial_indent=start, subsequent_indent=rest, break_on_hyphens=False) or [
        start.rstrip()
    ]


def unset(text: str) -> Sequence[str]:
    """The variables for where requests go that nobody has said: to be given with each run."""
    return _UNSET.findall(text)


def _plain(scenario: str) -> str:
    return line(scenario)
