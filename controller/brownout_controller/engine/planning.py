"""What a run would do, before anything is done: its targets, and every reason why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from brownout_controller.backends.base import Backend, Target
from brownout_controller.engine.locks import Exclusive
from brownout_controller.model.environment import Environment
from brownout_controller.model.experiment import Experiment
from brownout_controller.model.journal import Refusal
from brownout_controller.model.safety import choose, refusals
from brownout_controller.model.variables import Masker


@dataclass(frozen=True, slots=True)
class Setup:
    """What a run needs to know. `seed` chooses targets; `replay` is the command that runs it once more."""

    experiment: Experiment
    environment: Environment
    environment_name: str
    backend: Backend
    seed: int
    replay: str
    masker: Masker = field(default_factory=Masker)
    allowed_commands: frozenset[str] | None = None
    locks: Path | None = None
    """Where the lock files of this machine are; None is the user's place for them."""
    exclusive: Exclusive | None = None
    """Keeps other runs away from the targets; None is what the environment asks for."""


class Planned:
    """Targets and what speaks against them."""

    def __init__(self, found: Sequence[Target], chosen: Sequence[Target], refused: Sequence[Refusal]) -> None:
        self.found, self.chosen, self.refused = found, chosen, refused


async def plan(setup: Setup) -> Planned:
    """What would be hit, and every reason why not. Touches nothing. Raises BackendError."""
    conditions = setup.experiment.conditions
    found = {target.id: target for target in await setup.backend.targets(conditions.edge)}
    chosen = [found[name] for name in choose(list(found), conditions.blast_radius, setup.seed)]
    faulted = {target.id: await setup.backend.faults_on(target) for target in chosen}
    said = [
        Refusal(*item)
        for item in refusals(
            conditions,
            environment=setup.environment_name,
            protected=setup.environment.protected,
            limits=setup.environment.limits,
            found=list(found),
            chosen=[target.id for target in chosen],
            faulted=faulted,
        )
    ]
    if found and not chosen:
        said.append(Refusal("zero-targets", "blast_radius chooses none of the targets", "widen it, or use mode: one"))
    return Planned(list(found.values()), chosen, said)
