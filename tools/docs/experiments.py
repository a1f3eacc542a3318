"""Prints docs/experiments.md: what our files declare. `make gen` writes the page, `make check` compares it.

Keys, types, defaults and meanings come from the declarations; what is prose here says how they act together.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import NoneType
from typing import Any, Final, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from brownout_controller.model.environment import (
    EdgePlace,
    Environment,
    Environments,
    Kubernetes,
    Limits,
    ServicePlace,
    Tls,
)
from brownout_controller.model.experiment import FEWEST, BlastRadius, Conditions, Load
from brownout_controller.model.hypothesis import Accepted, Terms, Tolerate
from brownout_controller.model.probe import ProbeSpec
from brownout_controller.model.prometheus_server import BasicAuth, PrometheusServer
from brownout_controller.model.safety import NETS
from brownout_controller.model.secrets import PARTS, VARIABLES, WORDS
from brownout_controller.probes import KINDS
from brownout_controller.probes.prometheus import Range
from brownout_core.units import SECONDS, SHARE, Unit, plain
from brownout_core.verdict import SEVERITY, SIGNALS, USAGE

EXAMPLE: Final = """\
name: payment-db-latency
because: PostgreSQL got slow once; checkout must get slower, not fall over.
edge: payment-service -> postgres
fault: {latency: 3s}
duration: 30s
baseline: 20s
recovery: 30s
traffic: {url: "http://127.0.0.1:8080/pay", rate: 20/s, method: POST}
hypotheses:
  - {name: p99 stays under 2 s, traffic: p99, expect: < 2s}
  - {name: errors stay below 1 %, traffic: errors, expect: < 1%, stop: "> 20%", min_events: 100}
  - name: no payment is lost
    because: what was accepted must be written once the database is back
    sql: {dsn: "${PAYMENTS_DSN}", query: "select count(*) from payments where state = 'pending'"}
    expect: == 0
    when: [recovery]
    recover_within: 20s
"""
ENVIRONMENTS: Final = """\
environments:
  local:
    control: 127.0.0.1:8473
    edges: {payment-service -> postgres: {proxy: postgres}}
  staging:
    control: [proxy-1.staging:8473, proxy-2.staging:8473]
    token: ${PROXY_TOKEN}
    tls: {ca: certs/ca.pem}
    prometheus: http://prometheus.monitoring:9090
    limits: {max_targets: 1, max_duration: 5m}
  production: {protected: true}
"""
EXPECTATIONS: Final[Mapping[str, str]] = {
    "< 2s": "a comparison: `<`, `<=`, `>`, `>=`, `==`, `!=`",
    "between 0.2 and 0.8": "a range; both ends belong to it",
    "<= 1.5 * baseline": "relative to the baseline: the median of the samples from before the fault",
    "<= baseline + 50ms": "no worse than by a margin",
    "between 0.9 * baseline and 1.1 * baseline": "both together",
}
"""Every form, and what it means."""

_HEAD: Final = """\
# Experiments

This page is computed from the declarations in `controller/brownout_controller` by `make gen`; do not edit it. The
[first experiment](first-experiment.md) is a way in that can be followed step by step.

`brownout lint FILE...` tells every mistake of a file with its line and column, and [claims that prove
nothing](lint.md). `brownout schema` prints the JSON schema that editors complete by, and
`brownout run FILE... --dry-run` shows what a run would do, without doing it.
"""
_TIMES: Final = """\
## What happens when

| phase | how long | what is done |
| --- | --- | --- |
| `baseline` | `baseline` | the load runs, hypotheses are measured; unless all of them hold, nothing is injected |
| `during` | `duration` | the fault is there, under a lease that is renewed three times in its time |
| revert | at once | the lease is released, and the proxies are asked whether the fault is gone |
| `recovery` | `recovery` | hypotheses must hold again, at the latest after `recover_within`, and stay so to the end |

A stop condition, Ctrl-C or a lost lease ends the fault early; the revert is done all the same. A sample belongs to
the phase in which it began. One that began within `settle` of a change of phase is recorded, but does not
count: what looks back over a window still sees the phase before.
"""
_QUANTITIES: Final = """\
Times are numbers with a unit (`300ms`, `1.5s`, `2m`, `1h`); a bare number is seconds. Shares are `0.01` or `1%`.
"""
_EXPECT: Final = """\
Numbers may have a unit (`300ms`, `1%`, `10MB/s`, `20/s`); without one they are in base units: seconds, shares, bytes.
`==` and `!=` allow for the rounding of floating-point numbers. NaN meets nothing.

An expectation is refused when it is in another unit than its probe measures, and when every value that the probe can
give would meet it, or none: `errors` is a share, so that `< 2` tests nothing and `stop: "> 5"` never stops. Write
text that begins with `>`, `!`, `%` or `*` in quotes, as YAML has other plans for it.
"""
_JUDGED: Final = """\
### How samples are judged

- In the baseline, and where nothing is said by `tolerate`, one bad sample is one too many. `tolerate` counts during
  the fault.
- Of each phase, `(phase - settle) / every` measurements are due, rounded down. Each is good, bad, unanswered
  (neither, as it has no data, no answer, or nothing to compare with) or missing (never taken); all four are in every
  output. Missing ones are a doubt, but for 250 ms together, which a busy machine loses at the end of a phase.
- A measurement that has no answer holds up no other: as many may be under way as its probe allows, and what falls due
  beyond that waits with the oldest of them. When a phase ends, what is under way has waited for so long: that is bad
  once it is longer than a latency may be; bad for `measure: ok` and for a `command` with `service`, if it is longer
  than 250 ms and than twice the slowest answer before or under the fault; else unanswered.
- A service that answered in the baseline and refuses, resets or closes the connection, or answers nonsense, is bad. So
  it is for `http`, `tcp`, `sql`, `redis`, and a `command` with `service`. A Prometheus that is away is no data.
- Under the fault and after it, two measurements in a row that are neither good nor bad are a doubt, if the baseline did
  not have as many in a row: a target that is too busy to be scraped looks like that. In the baseline, half of those
  that are due must be good or bad. What the end of a phase cut short is no doubt, where it had no more time than an
  answer took in that phase, and at least half of the phase's measurements are good or bad.
- A phase in which nothing was measured, and `no_data: {pass: REASON}` accepts that, is `accepted` and not `held`.
- In the recovery, what counts is when the samples became good for good: after a bad one, three good ones have to
  follow, or half of those that are due if that is fewer.
- What is claimed of the recovery only is measured once at the beginning of the baseline. If it does not hold in the
  recovery, and did not hold before either, the fault is not to blame: inconclusive.
- What is relative to the baseline is unknown if there is none, if it is 0 (but for `<= baseline` and what has a
  distance of its own, as in `<= baseline + 50ms`), and, of the load's `errors`, if every request of it failed.
- `stop` is looked at with each sample during the fault. A stop condition that cannot be seen for 5 s, and for three
  samples, is taken for met: nobody may be blind under a fault.
- `min_events` is held against the sample that rests on the most events: a probe that counts them says how many there
  were in its window. Those are `traffic`, `edge`, `http` (one each time), and `prometheus` with `events`.
- What is relative to the baseline needs `baseline` among its phases.
"""
_NETS: Final = """\
## Safety nets

Each is on. A net is switched off by its own name, with a reason that the journal keeps: `nets: {already-faulted: this
latency is part of the test}`.
"""
_NETS_END: Final = """\
A maximum duration, the lease, the verification of the revert, and that a proxy takes one lease at a time are no nets:
nothing switches them off. An edge's targets are those of its environment; `blast_radius` chooses among them, by the
seed.
"""
_EVIDENCE: Final = """\
## Evidence

`passed` needs more than hypotheses that held. Each verdict has a paragraph of evidence, in reports, in JSON
(`evidence`) and in the summary:

- **What met the fault.** Every fault must do something on every target. `met: any` or `met: 2` ask for less.
- **How much met it.** With `traffic`, requests of the load; without, what the edge carries. An exchange is a turn of
  a client on the edge: it speaks after its server has, or first. So one kept connection of a pool counts for all its
  queries. At least `min_share` (5 %) must meet the fault, of what `blast_radius` and the fault's selectors leave;
  with `clients` or `first` nobody knows how much that is, and nothing is asked for. A breaker that opens and a pool
  that runs dry end the exchanges; therefore the edge's part in the load counts as well, as it was in the second half
  of the baseline.
  The share has no sender: the proxy cannot see whose exchange it was, and whoever else uses the edge counts too. A
  health checker that asks once a second is 5 % of a load of 20 a second, and would be all the evidence of a load that
  goes around the proxy. Send at least twice the load for which the others are `min_share` (here 40 a second), or raise
  `min_share` above what they send: what "on the edge" has for the baseline of a run whose load goes elsewhere
  is theirs.
- **How strong it was**, second by second, and whether somebody changed it.
- **What moved.** A value has changed when at least two samples under the fault, and 5 % of them, are out of the
  baseline's range by more than its width (which is at least 5 % of its largest value). A run in which nothing changed
  says so when it passes.
- **What was claimed.** A run whose hypotheses are all `when: [recovery]` passes with nothing claimed for the time of
  the fault.

### What others do

The targets are watched each second from the plan to the end of the recovery. A run is inconclusive, and says what
happened, when, for how long and in whose lease, when one of them

- has a fault that is not the run's, or has lost or changed the run's own;
- is disabled, deleted, restarted, or sent to another upstream;
- stood still for 2 s or more by its own clock, refused or closed connections, or was not heard for 3 s. The time in
  which the run's own process was late does not count, so that a busy machine blames nobody.

Probes and loads must not talk to the proxy of the run itself: they would meet the fault, and no service would have to
cope with it. `own-traffic` refuses them, except on an edge from `outside`, where the load stands for the clients.
"""
_VERDICTS: Final = """\
## Verdicts and exit statuses

| verdict | exit status | meaning |
| --- | --- | --- |
"""
_VERDICTS_END: Final = """\
Of several experiments in one call the worst verdict wins, in the order of the table from its end. Status {usage}
means that a file or a flag is wrong: all files are read before anything is started, and nothing was run. {signals}
mean that a signal ended the run and the revert is verified. `passed` has to be proved: no data, no hits of the fault,
or a run that did not come to its end are never a pass.
"""
_VARIABLES: Final = """\
## Variables and secrets

`${{NAME}}` in any text is the value of `--var NAME=VALUE`, or else of the environment variable; `${{NAME:-default}}`
has a default. `${{window}}` is left for the probe. What variables held, the environment's token, and passwords in URLs
are written to no output, journal or report: `***` stands there. So a password belongs into a variable.

A secret that stands in a file all the same is known by its name, and masked like one of a variable: in headers, in
bodies (as mappings, JSON or forms), under `json`, in queries of URLs, in DSNs, and in commands (`NAME=VALUE`,
`--NAME VALUE`, `-u USER:PASSWORD`, header lines, `AUTH`). Such a name contains {parts}, whatever its dashes and
capitals; or one of its words is {words}. What is masked is masked in every spelling: escaped, percent-encoded, as
basic authentication has it, or broken over lines. A password that is also a public name of the file, such as the edge's
`postgres`, is masked only where it stands. `brownout lint` warns of secrets in experiments: put them into variables.

What is evidently no secret stays readable: values of fewer than four characters, numbers of up to nine digits,
quantities (`200ms`), expectations (`< 200ms`), true and false, and addresses: `HOST:PORT`, where HOST is localhost, an
IP address or a name with a dot, and `http(s)://HOST[:PORT]` with words of letters as its path, without a user or a
query. A variable whose name contains {secretive} has a
secret in it, from four characters on and whatever it looks like. The command that a run ends with, to run it once more,
repeats `--var NAME=VALUE` for what is readable and `--var NAME="$NAME"` for the rest.
"""
_TRAFFIC: Final = """\
#### What counts as an error

An answer is good when it is as `traffic` wishes: a `status` from 200 to 299, or those that you name, and
`body_contains` and `json` where you give them. No redirect is followed: one is a failure, and good only where its
status is named. Failures are counted by kind, in the journal and in the report: `3xx`, `4xx`, `5xx`, `body`,
`refused`, `reset`, `closed`, `timeout`, `name`, `certificate`, and `unsent`, see below.

A request that still waits is no success either. It counts as unanswered from the strictest limit on that a hypothesis
claims for `p99`, `p99.9` or `max`, or from the shortest window of a hypothesis on `traffic` where there is no such
claim, and for as long as it waits. So a service that hangs until the fault is over fails under the fault, also where
`timeout` is longer than the fault. `errors` is the share of failed and unanswered requests.

A report has the load by phase, and for the time in which the fault is put in place or reverted; an answer counts where
it came. The last row is the whole run: there, good, failed and unanswered requests are all that were sent, but for the
failed ones of the kind `unsent`, which were due and never left this machine.

As many requests may be under way as the rate has in one `timeout`, and at most 4,096. When the oldest of so many is
unanswered, the service holds up the load: what is due then counts as `unsent`. Otherwise it is this machine that
falls short. A run whose load had less than 95 % of its rate in a phase is inconclusive, with both rates: lower
`traffic.rate`, or run it on a machine that can send so much.

#### What a percentile is

The load is open: a request is due each `1/rate` seconds whatever became of those before, and its time counts from
when it was due. A percentile is the shortest time that at least that share of the requests did not exceed (nearest
rank, nothing is interpolated), from a histogram of the HDR kind: what it says is exact to the microsecond below 2 ms,
above that at most 0.1 % too long and never too short; `max` is exact. It is over good answers: a refusal or an error
page is fast, but nobody was served by it. A request that timed out or is under way counts with the time that it has
waited, where that is longer than the percentile is without it. With fewer than {fewest} of them in the window there is
no data, and a rate that cannot give so many is refused. A window is taken in quarters of a second and is never
longer than it says. If this machine sends so late that its own lateness would be most of the answer, there is no
data.
"""
_PROMQL: Final = """\
#### Traps of PromQL, and what is done about them

- **An empty answer** is no data, never 0 and never good. A vector of errors is empty when there was none: divide by
  the number of requests, or say `no_data`. `or vector(0)` would make a dead scrape look perfect; count with `events`
  and `min_events` instead.
- **0/0 is NaN**, and NaN is no data, for all series if for one of them, and by name.
- **`rate()` needs scrapes**: a window of fewer than four scrape intervals is no data, with a sentence that says so.
  The interval is asked of the server: that of the job that the query names, or else the shortest of all.
  `scrape_interval` says it where a server does not tell.
- **`histogram_quantile()` cannot see beyond its highest finite bucket** and gives that bucket's bound instead. An
  expectation or a stop whose limit is above it could never be missed: no data, with the bound.
- **Several series**: under `series: one` that is no data, and the surplus ones are named by their labels.
- **Time**: each query is for the moment at which it is asked, by our clock; where the server's differs by more than
  `max_skew`, there is no data. Windows reach back over a change of phase, so `settle` is the window unless you say
  otherwise.
- **Warnings** of a server, such as Thanos gives when a store is away, are no data: half an answer is none.
- A scrape of 15 s is too slow for a stop condition: `traffic` and `edge` see what happens within a second.
"""


def main() -> None:
    print(page(), end="")


def page() -> str:
    """The whole of docs/experiments.md."""
    return "\n".join(
        [*_experiment(), *_hypotheses(), *_probes(), *_safety(), *_verdicts(), _variables(), *_environments()]
    )


def _experiment() -> Iterator[str]:
    yield _HEAD
    yield f"```yaml\n{EXAMPLE}```\n"
    yield _TIMES
    yield "## The experiment\n"
    yield _QUANTITIES
    more = {
        "fault": ("fault", "one of the two", "What is injected, [see there](faults.md): `{latency: 3s}`, or with "
                  "conditions `{latency: 3s, direction: upstream, toxicity: 25%}`."),
        "faults": ("list", "one of the two", "Several of them, instead of `fault`."),
        "hypotheses": ("list", "required", "What must hold."),
    }  # fmt: skip
    yield fields(Conditions, more)
    yield section("blast_radius", BlastRadius)
    yield section("traffic", Load)


def _hypotheses() -> Iterator[str]:
    yield "## Hypotheses\n"
    yield fields(Terms, {"(a probe)": ("probe", "required", "Exactly one of those [below](#probes).")})
    yield section("tolerate", Tolerate)
    yield section("no_data", Accepted)
    yield "### Expectations\n"
    rows = [f"| `{text}` | {meaning} |" for text, meaning in EXPECTATIONS.items()]
    yield "\n".join(["| written | meaning |", "| --- | --- |", *rows, ""])
    yield _EXPECT
    yield _JUDGED


def _probes() -> Iterator[str]:
    yield "## Probes\n"
    yield "A scalar stands for the field in bold: `traffic: p99` is `traffic: {measure: p99}`.\n"
    for kind, probe in KINDS.items():
        yield probe_section(kind, probe)


def probe_section(kind: str, probe: type[ProbeSpec]) -> str:
    """One probe: prose, fields, an example, and what is special about it."""
    parts = [f"### {kind}\n", inspect.cleandoc(probe.__doc__ or "") + "\n", fields(probe, bold=probe.scalar)]
    if kind == "prometheus":
        parts += ["`range` has:\n", fields(Range)]
    parts.append(f"```yaml\nhypotheses:\n  - {probe.example}\n```\n")
    if probe.looks_back:
        parts.append("It looks back over `window`, so that `settle` is as long unless something else is said.\n")
    if kind == "traffic":
        parts.append(_TRAFFIC.format(fewest=FEWEST))
    if kind == "prometheus":
        parts.append(_PROMQL)
    return "\n".join(parts)


def _safety() -> Iterator[str]:
    yield _NETS
    rows = [f"| `{name}` | {meaning} |" for name, meaning in NETS.items()]
    yield "\n".join(["| net | what it does |", "| --- | --- |", *rows, ""])
    yield _NETS_END
    yield _EVIDENCE


def _verdicts() -> Iterator[str]:
    rows = [f"| `{verdict}` | {verdict.exit} | {verdict.meaning} |" for verdict in SEVERITY]
    yield _VERDICTS + "\n".join([*rows, ""])
    signals = " and ".join(f"{status} ({name})" for name, status in SIGNALS.items())
    yield _VERDICTS_END.format(usage=USAGE, signals=signals)


def _variables() -> str:
    lists = {"secretive": VARIABLES, "parts": PARTS, "words": sorted(WORDS)}
    return _VARIABLES.format(**{name: f"{', '.join(words[:-1])} or {words[-1]}" for name, words in lists.items()})


def _environments() -> Iterator[str]:
    yield "## brownout.yaml\n"
    yield "Where edges are found and how far a run may go. `--env` chooses; `local` needs no file.\n"
    yield f"```yaml\n{ENVIRONMENTS}```\n"
    yield fields(Environments)
    yield "Each environment has:\n"
    yield fields(Environment)
    for name, part in (
        ("limits", Limits),
        ("edges", EdgePlace),
        ("tls", Tls),
        ("prometheus", PrometheusServer),
        ("basic_auth", BasicAuth),
        ("kubernetes", Kubernetes),
    ):
        yield section(name, part)
    yield section("services", ServicePlace)


def section(name: str, part: type[BaseModel]) -> str:
    """A part that stands under a key."""
    return f"### {name}\n\n{inspect.cleandoc(part.__doc__ or '')}\n\n{fields(part)}"


def fields(part: type[BaseModel], more: Mapping[str, tuple[str, str, str]] | None = None, bold: str = "") -> str:
    """The table of a part's keys; `more` has those that are read otherwise."""
    lines = ["| key | type | default | meaning |", "| --- | --- | --- | --- |"]
    own = inspect.get_annotations(part)
    for name, info in sorted(part.model_fields.items(), key=lambda field: field[0] not in own):
        key = f"**`{info.alias or name}`**" if (info.alias or name) == bold else f"`{info.alias or name}`"
        lines.append(f"| {key} | {kind_of(info.annotation, info)} | {_default(info)} | {_meaning(info)} |")
    for name, (what, default, meaning) in (more or {}).items():
        lines.append(f"| {name if name.startswith('(') else f'`{name}`'} | {what} | {default} | {meaning} |")
    return "\n".join([*lines, ""])


def kind_of(annotation: Any, info: FieldInfo | None = None) -> str:
    """A type in words."""
    units = [item for item in (info.metadata if info is not None else ()) if isinstance(item, Unit)]
    if units:
        return {SECONDS: "time", SHARE: "share"}.get(units[0], units[0].symbol)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return ", ".join(f"`{word}`" for word in arguments)
    if hasattr(annotation, "__metadata__"):
        return kind_of(arguments[0], FieldInfo.from_annotation(annotation))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return "mapping"
    if origin in (list, tuple):
        return "list"
    if arguments:  # a choice
        kinds = [kind_of(argument) for argument in arguments if argument is not NoneType]
        return " or ".join(dict.fromkeys(kinds))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "mapping"
    return _WORDS.get(annotation, "value")


_WORDS: Final[Mapping[Any, str]] = {
    str: "text", int: "whole number", float: "number", bool: "true or false", Path: "file",
}  # fmt: skip


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "required"
    default = info.default
    if default is PydanticUndefined or default is None or default in ("", {}, ()) or isinstance(default, BaseModel):
        return ""
    if kind_of(info.annotation, info) == "time":
        return f"`{SECONDS.format(default)}`"
    if isinstance(default, tuple):
        return ", ".join(f"`{item}`" for item in default)
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{plain(default) if isinstance(default, float) else default}`"


def _meaning(info: FieldInfo) -> str:
    text = " ".join((info.description or "").split())
    examples = f" Like `{info.examples[0]}`." if info.examples and info.is_required() else ""
    return text.replace("|", "\\|") + examples


if __name__ == "__main__":
    main()
