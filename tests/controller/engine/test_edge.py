"""The counters of several targets are one."""

from __future__ import annotations

import asyncio

import pytest

from brownout_controller.engine.edge import EdgeOf
from brownout_controller.model.probe import ProbeError
from brownout_proxy.faults import make
from brownout_proxy.faults.spec import FaultSpec
from tests.controller.engine.ground import Unruly


def test_what_the_targets_have_counted_is_added_up_and_a_target_that_is_away_is_no_data() -> None:
    async def main() -> None:
        backend = Unruly({"a -> b": ["one", "two"]})
        targets = await backend.targets("a -> b")
        for target in targets:
            await backend.inject(target, [FaultSpec("slow", make("noop", {}))], "me", 60)
        each = [await backend.counts(target, "me") for target in targets]
        counters = await EdgeOf(backend, targets, "me").read()
        assert counters.connections >= sum(counts.connections for counts in each)
        assert counters.hits.keys() == {"slow"}
        assert counters.bytes_down == 10 * counters.bytes_up
        backend.fails.add("counts")
        with pytest.raises(ProbeError, match="counts failed"):
            await EdgeOf(backend, targets, "me").read()

    asyncio.run(main())
