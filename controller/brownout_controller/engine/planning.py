"""What a run would do, before anything is done: its targets, and every reason why not."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from brownout_controller.backends.base import Backend, Target
from brownout_controller.engine.locks import Exclusive
from brownout_controller.model.endpoint import Endpoint, endpoints_of
from brownout_controller.model.environment import Environment
from brownout_controller.model.experiment import Experiment
from brownout_controller.model.journal import Refusal
from brownout_controller.model.safety import Listener, choose, own_traffic, refusals, too_many
from brownout_controller.model.secrets import Masker
from brownout_controller.probes.command import CommandProbe

LOCAL_POWERS: Final = "local-powers"
"""The net that nothing switches off: strangers do not use this machine."""
LARGE_LOAD: Final = "large-load"
"""Nor do they take all of it."""
MAX_REQUESTS: Final = 500
"""A second, for which the load takes a tenth of a core; at about 2,000 it falls behind its schedule (measured)."""
MAX_SAMPLES: Final = 200
_LOOKUP_TIMEOUT: Final = 2.0  # seconds that a name server may take


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
    """None for an experiment of this machine; one that came over the network has only these."""
    locks: Path | None = None
    """Where the lock files of this machine are; None is the user's place for them."""
    exclusive: Exclusive | None = None
    """Keeps other runs away from the targets; None is what the environment asks for."""
    also: tuple[str, ...] = ()
    """Edges beside the experiment's own, for coordinated faults."""
    part_of: str = ""
    """The search of which the run is one trial."""

    @property
    def edges(self) -> Sequence[str]:
        return tuple(dict.fromkeys((self.experiment.conditions.edge, *self.also)))


class Planned:
    """Targets and what speaks against them."""

    def __init__(self, found: Sequence[Target], chosen: Sequence[Target], refused: Sequence[Refusal]) -> None:
        self.found, self.chosen, self.refused = found, chosen, refused


async def plan(setup: Setup) -> Planned:
    """What would be hit, and every reason why not. Touches nothing. Raises BackendError."""
    refused = [] if setup.allowed_commands is None else [*_local_powers(setup), *_too_busy(setup.experiment)]
    if refused:
        return Planned([], [], refused)
    conditions, limits = setup.experiment.conditions, setup.environment.limits
    everywhere: dict[str, Target] = {}
    chosen: dict[str, Target] = {}
    for edge in setup.edges:
        found = {target.id: target for target in await setup.backend.targets(edge)}
        here = choose(list(found), conditions.blast_radius, setup.seed)
        refused += refusals(
            conditions.model_copy(update={"edge": edge}),
            environment=setup.environment_name,
            protected=setup.environment.protected,
            limits=limits,
            found=list(found),
            chosen=here,
            faulted={name: await setup.backend.faults_on(found[name]) for name in here},
            proxies=[] if found else [place.proxy for place in await setup.backend.places([]) if place.proxy],
        )
        if found and not here:
            refused.append(
                Refusal("zero-targets", f"blast_radius chooses no target of {edge}", "widen it, or mode: one")
            )
        listeners = [
            Listener(target.id, target.listen, target.upstream, target.where)
            for target in found.values()
            if target.listen
        ]
        refused += own_traffic(conditions, await _asked(setup.experiment), listeners)
        everywhere |= found
        chosen |= {name: found[name] for name in here}
    if len(chosen) > limits.max_targets and "large-scope" not in conditions.nets:
        refused.append(too_many(len(chosen), limits))
    return Planned(list(everywhere.values()), list(chosen.values()), list(dict.fromkeys(refused)))


async def _asked(experiment: Experiment) -> dict[str, list[Endpoint]]:
    """Where each probe and the load connect to, as written and as looked up, each by what it is called."""
    load = experiment.conditions.traffic
    found = {f"hypothesis {one.name!r}": list(one.probe.endpoints()) for one in experiment.hypotheses}
    if load is not None:
        found["traffic"] = list(endpoints_of(load.url))
    names = {one.host for places in found.values() for one in places if one.port and one.host}
    known = dict(zip(names, await asyncio.gather(*map(_looked_up, names)), strict=True))
    return {
        who: places + [Endpoint(address, one.port) for one in places for address in known.get(one.host, ())]
        for who, places in found.items()
    }


async def _looked_up(host: str) -> Sequence[str]:
    """The addresses of a name; none where nobody knows it, which its probe reports."""
    try:
        async with asyncio.timeout(_LOOKUP_TIMEOUT):
            answers = await asyncio.get_running_loop().getaddrinfo(host, None)
    except (OSError, UnicodeError, TimeoutError):
        return ()
    return list(dict.fromkeys(str(address[0]) for *_, address in answers))


def _local_powers(setup: Setup) -> list[Refusal]:
    """What an experiment that came over the network asks of this machine, and may not."""
    allowed = setup.allowed_commands or frozenset()
    refused = []
    for hypothesis in setup.experiment.hypotheses:
        probe = hypothesis.probe
        if isinstance(probe, CommandProbe) and probe.is_among(allowed):
            continue
        if powers := probe.local_powers():
            remedy = "run it without --controller"
            if isinstance(probe, CommandProbe):
                remedy = f"start the controller with --allow-command {shlex.quote(shlex.join(probe.run))}, or {remedy}"
            why = f"hypothesis {hypothesis.name!r} ({hypothesis.place}) {powers}, and it came over the network"
            refused.append(Refusal(LOCAL_POWERS, why, remedy))
    return refused


def _too_busy(experiment: Experiment) -> list[Refusal]:
    """What would keep a loop so busy that the measurements of other runs on it are wrong."""
    refused, load = [], experiment.conditions.traffic
    if load is not None and load.rate > MAX_REQUESTS:
        why = f"a load of {load.rate:g}/s is over the {MAX_REQUESTS}/s that a controller gives to one run"
        refused.append(Refusal(LARGE_LOAD, why, "lower traffic.rate, or run it without --controller"))
    samples = sum(1 / hypothesis.terms.every for hypothesis in experiment.hypotheses)
    if samples > MAX_SAMPLES:
        why = f"{samples:.0f} measurements a second are over the {MAX_SAMPLES} that a controller gives to one run"
        refused.append(Refusal(LARGE_LOAD, why, "lengthen `every` of the hypotheses, or run it without --controller"))
    return refused
