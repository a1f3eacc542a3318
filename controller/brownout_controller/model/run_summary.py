"""A run as the history keeps it: one flat row, and what makes two runs runs of the same test.

Two runs are of the same test if experiment, environment and fingerprint are the same. The fingerprint is over what the
experiment file says, so that whoever tightens a limit, or adds a hypothesis, sees a changed test that fails and not a
system that got worse. It leaves out what does not change what is tested: reasons (`because`), the seed, the lease, nets
that are off, the order of keys, and where things are (host and port of URLs), which is the environment's business. What
variables held is masked in journals, so it does not count either. `3s` and `3000ms` are different texts, hence
different tests: a change too many is listed as a change, a change too few would be a false regression.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple

from brownout_core.faults import KINDS

Finding = Literal["held", "broke", "nothing"]
"""The result of a run: its hypotheses held under the fault, one broke, or nothing can be concluded."""

_ASIDE: Final = frozenset(("name", "because", "seed", "lease", "nets"))
"""Keys of an experiment that its fingerprint leaves out."""
_HOST: Final = re.compile(r"(?<=://)[^/?#\s]*")
FINGERPRINT_LENGTH: Final = 12
"""Digits of a fingerprint: enough for the versions that an experiment ever has."""


class Identity(NamedTuple):
    """What runs of the same test have in common."""

    experiment: str
    environment: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run of which the journal was read. Times are in seconds, `started` is in UTC, texts are clean.

    `ended`: it has a verdict of its own; `running`: it has none yet, and a process is at it.
    """

    run: str
    directory: str
    experiment: str
    edge: str
    environment: str
    faults: tuple[str, ...]
    """Their kinds."""
    started: datetime
    duration: float
    verdict: str
    exit: int
    finding: Finding
    reason: str
    recovery: float | None
    """From the verified revert until every hypothesis held again."""
    unrecovered: bool
    """It was watched for its recovery, and did not recover."""
    stopping: float | None
    seed: str
    version: str
    source: str
    fingerprint: str
    ended: bool
    running: bool = False
    part_of: str = ""
    """The search of which it was one trial."""
    claims: bool = True
    """Ad-hoc faults claim nothing, so there is nothing to conclude."""
    played: tuple[str, ...] = ()
    """The faults as the journal has them, in JSON."""

    @property
    def state(self) -> str:
        """The verdict, if there is one."""
        return self.verdict if self.ended else "running" if self.running else "unfinished"

    @property
    def identity(self) -> Identity:
        return Identity(self.experiment, self.environment, self.fingerprint)

    @property
    def place(self) -> tuple[str, str]:
        """Experiment and environment: what a person calls the same test, whatever has changed in it."""
        return self.experiment, self.environment

    @property
    def conclusive(self) -> bool:
        return self.ended and self.finding != "nothing"


def fingerprint(experiment: Mapping[str, Any]) -> str:
    """Of an experiment as the journal has it."""
    kept = {key: item for key, item in experiment.items() if key not in _ASIDE}
    written = json.dumps(_plain(kept), sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(written.encode(errors="replace")).hexdigest()[:FINGERPRINT_LENGTH]


def _plain(content: Any) -> Any:
    if isinstance(content, Mapping):
        return {str(key): _plain(item) for key, item in content.items() if key != "because"}
    if isinstance(content, (list, tuple)):
        return [_plain(item) for item in content]
    return _HOST.sub("", content) if isinstance(content, str) else content


def fault_kinds(experiment: Mapping[str, Any]) -> tuple[str, ...]:
    """The kinds of faults that an experiment has; one that this version does not know by its first key."""
    return tuple(dict.fromkeys(kind for entry in _faults(experiment) if (kind := _kind(entry))))


def faults_played(experiment: Mapping[str, Any]) -> tuple[str, ...]:
    """Each fault with its attributes, in JSON."""
    return tuple(json.dumps(entry, default=str) for entry in _faults(experiment) if _kind(entry))


def _faults(experiment: Mapping[str, Any]) -> Sequence[Any]:
    several = experiment.get("faults")
    return several if isinstance(several, Sequence) and not isinstance(several, str) else [experiment.get("fault")]


def _kind(entry: Any) -> str:
    if not isinstance(entry, Mapping):
        return entry if isinstance(entry, str) else ""
    return next((key for key in entry if key in KINDS), str(next(iter(entry), "")))


def utc(started: str) -> datetime:
    """The time that a journal has; one without a zone is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(started)
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(str(error)) from None
