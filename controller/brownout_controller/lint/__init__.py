"""Lint: what can be seen in an experiment file before anything is run. `RULES` is the only list of the rules.

An error is a claim that cannot fail or a fault that cannot act: `brownout run` refuses it like any other mistake of a
file. All else is a warning. Nothing here asks a network, a clock or a disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from brownout_controller.lint import claims, coverage, faults, literals, places, queries, stops, timing
from brownout_controller.lint.rule import Finding, Rule, errors_of, find, located
from brownout_controller.lint.subject import Subject
from brownout_controller.model.environment import Environment
from brownout_controller.model.experiment import Experiment
from brownout_core.document import Value
from brownout_core.errors import InvalidSpec

RULES: Final[tuple[Rule, ...]] = (
    faults.idle,
    faults.late,
    faults.faint,
    faults.opening,
    coverage.fits,
    coverage.implicit_limit,
    coverage.only_latency,
    coverage.only_after,
    coverage.no_data,
    coverage.callee,
    coverage.health,
    claims.always,
    claims.beyond_timeout,
    claims.exit_code,
    claims.signalled,
    claims.loose,
    claims.one_is_enough,
    claims.most,
    claims.of_zero,
    claims.exact,
    claims.twice,
    stops.within,
    stops.unforgiving,
    stops.unreachable,
    timing.hanging,
    timing.few,
    timing.beyond,
    timing.gaps,
    timing.too_few_events,
    queries.literal_range,
    queries.or_vector,
    queries.step,
    places.own_address,
    places.uncarried,
    places.no_server,
    places.unknown_code,
    literals.secret,
)
CODES: Final = frozenset(rule.code for rule in RULES)


def findings(
    experiment: Experiment,
    root: Value,
    environment: Environment | None = None,
    listeners: Mapping[str, tuple[str, str]] | None = None,
    inserted: Iterable[str] = (),
) -> Sequence[Finding]:
    """What all rules find in an experiment, in the order of its file, which is `root`. `listeners` are the proxies of
    the environment by name: where each listens, and its upstream. `inserted` is what variables have put into it.
    """
    subject = Subject(experiment, environment, listeners or {}, CODES, frozenset(inserted))
    return find(RULES, subject, root)


def secrets_in(root: Value, inserted: Iterable[str] = ()) -> Sequence[Finding]:
    """Those that stand in a file which is no experiment. `inserted` is what variables have put into it."""
    return located([(literals.secret, literals.written_secrets(root.plain(), inserted))], root)


def errors(
    experiment: Experiment, root: Value, environment: Environment, listeners: Mapping[str, tuple[str, str]]
) -> Sequence[InvalidSpec]:
    """What the rules find that a run has to be refused for; the others are not asked."""
    grave = (rule for rule in RULES if rule.severity == "error")
    return errors_of(find(grave, Subject(experiment, environment, listeners, CODES), root))
