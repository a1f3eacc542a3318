"""Rules about times: that phases are long enough for what is measured in them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from brownout_controller.lint.rule import Found, rule
from brownout_controller.lint.subject import KEYS, CheckedHypothesis, Subject
from brownout_controller.probes.http import HttpProbe
from brownout_controller.probes.tcp import TcpProbe
from brownout_controller.probes.traffic import TrafficProbe
from brownout_core.experiment_terms import PHASES
from brownout_core.units import SECONDS

_ENOUGH: Final = 3
"""Measurements: fewer show neither a trend nor a recovery that lasts."""


@rule(
    "duration-below-timeout",
    "warning",
    "The fault ends before a request that hangs is given up",
    "lengthen duration, or shorten the timeout",
    bad="""
    duration: 15s
    traffic: {url: "http://127.0.0.1:8080/pay", rate: 20/s, timeout: 20s}
    """,
    good="""
    duration: 30s
    traffic: {url: "http://127.0.0.1:8080/pay", rate: 20/s, timeout: 20s}
    """,
)
def hanging(subject: Subject) -> Iterator[Found]:
    """A request that hangs is an error when its `timeout` is over. When the fault ends earlier, all requests that hang
    under it are answered by a healthy system. The same is true of a measurement that may take longer than the fault.
    """
    during, load = subject.seconds("during"), subject.conditions.traffic
    if load is not None and during < load.timeout:
        yield Found(
            ("duration",),
            f"the fault lasts {SECONDS.format(during)}, and a request of the load is given up after "
            f"{SECONDS.format(load.timeout)} only",
            "lengthen duration, or shorten traffic.timeout",
        )
    for checked in subject.during:
        if (
            isinstance(checked.probe, (HttpProbe, TcpProbe))
            and math.isfinite(checked.patience)
            and during < checked.patience
        ):
            yield Found(
                ("duration",),
                f"the fault lasts {SECONDS.format(during)}, and a measurement of {checked.name!r} may take "
                f"{SECONDS.format(checked.terms.timeout)}",
                "lengthen duration, or give the hypothesis a shorter timeout",
            )


@rule(
    "few-samples",
    "warning",
    "A phase has time for fewer than three measurements",
    "lengthen the phase, or shorten every, window or settle of the hypothesis",
    bad="baseline: 12s",
    good="baseline: 20s",
)
def few(subject: Subject) -> Iterator[Found]:
    """A phase has time for `(phase - settle) / every` measurements; a probe that looks back settles for its window. One
    or two good ones may be luck, and one good one at the end of a recovery does not show that it lasts.
    """
    for phase in PHASES:
        short = [
            checked
            for checked in subject.hypotheses
            if phase in checked.terms.when and subject.due(checked, phase) < _ENOUGH
        ]
        if short:
            worst = max(short, key=_needed)
            due, key = subject.due(worst, phase), KEYS[phase]
            yield Found(
                (key,),
                f"{key} of {SECONDS.format(subject.seconds(phase))} has time for {due} "
                f"measurement{'' if due == 1 else 's'} of {worst.name!r}",
                f"lengthen it to at least {SECONDS.format(_needed(worst))}, or shorten every, window or settle of the "
                "hypothesis",
            )


def _needed(checked: CheckedHypothesis) -> float:
    return checked.terms.settle + _ENOUGH * checked.terms.every


@rule(
    "recover-within-beyond-recovery",
    "warning",
    "recover_within is longer than the recovery",
    "lengthen recovery, or shorten recover_within",
    bad="""
    recovery: 30s
    hypotheses:
      - {name: errors stay below 1 %, traffic: errors, expect: < 1%, recover_within: 60s}
    """,
    good="""
    recovery: 90s
    hypotheses:
      - {name: errors stay below 1 %, traffic: errors, expect: < 1%, recover_within: 60s}
    """,
)
def beyond(subject: Subject) -> Iterator[Found]:
    """Nobody looks after the end of the recovery, so that the time that the hypothesis has is the recovery's."""
    recovery = subject.seconds("recovery")
    for checked in subject.hypotheses:
        within = checked.terms.recover_within
        if within is not None and within > recovery and "recovery" in checked.terms.when:
            yield Found(
                checked.at("recover_within"),
                f"it may take {SECONDS.format(within)} to hold again, and the recovery is watched for "
                f"{SECONDS.format(recovery)}",
            )


@rule(
    "gaps-between-windows",
    "warning",
    "What happens between two windows is never looked at",
    "shorten every, or lengthen window",
    bad="""
    hypotheses:
      - {name: errors stay below 1 %, traffic: errors, expect: < 1%, window: 4s, every: 5s}
    """,
    good="""
    hypotheses:
      - {name: errors stay below 1 %, traffic: errors, expect: < 1%, window: 5s, every: 5s}
    """,
)
def gaps(subject: Subject) -> Iterator[Found]:
    """A probe that looks back over its window sees nothing of the time before it. Where `every` is longer than
    `window`, the system may fail between two measurements and nobody sees it.
    """
    for checked in subject.hypotheses:
        terms = checked.terms
        if checked.probe.looks_back and terms.every > terms.window:
            unseen = SECONDS.format(terms.every - terms.window)
            yield Found(
                checked.at("every"),
                f"each measurement looks {SECONDS.format(terms.window)} back, so that {unseen} of each "
                f"{SECONDS.format(terms.every)} are never looked at",
            )


@rule(
    "min-events-out-of-reach",
    "warning",
    "The load sends fewer requests in a window than min_events asks for",
    "raise traffic.rate or window, or lower min_events",
    bad="""
    traffic: {url: "http://127.0.0.1:8080/pay", rate: 5/s}
    hypotheses:
      - {name: errors stay below 1 %, traffic: errors, expect: < 1%, min_events: 100}
    """,
    good="""
    traffic: {url: "http://127.0.0.1:8080/pay", rate: 20/s}
    hypotheses:
      - {name: errors stay below 1 %, traffic: errors, expect: < 1%, min_events: 100}
    """,
)
def too_few_events(subject: Subject) -> Iterator[Found]:
    """A phase in which no measurement rests on `min_events` events is inconclusive. The load sends `rate` times
    `window` requests in a window: where that is less, the run cannot pass, whatever the system does.
    """
    for checked in subject.hypotheses:
        wanted, sent = checked.terms.min_events, subject.requests(checked.terms.window)
        if isinstance(checked.probe, TrafficProbe) and wanted is not None and sent is not None and sent < wanted:
            window = SECONDS.format(checked.terms.window)
            yield Found(
                checked.at("min_events"), f"min_events is {wanted:g}, and the load sends {sent:g} requests in {window}"
            )
