"""The backend that only keeps books; what all backends do is in tests/contract/test_backends.py."""

from __future__ import annotations

import pytest

from brownout_controller.backends.base import BackendError, LeaseLostError
from brownout_controller.backends.memory import MemoryBackend
from brownout_core.faults import make
from brownout_core.faults.spec import FaultSpec

_FAULT = FaultSpec("slow", make("latency", {"latency": 1}))


async def test_a_lease_lapses_by_the_clock() -> None:
    now = [0.0]
    backend = MemoryBackend({"a -> b": ["b"]}, connections_per_second=10, now=lambda: now[0])

    target = (await backend.targets("a -> b"))[0]
    await backend.inject(target, [_FAULT], "me", 5)
    now[0] = 4.0
    await backend.renew(target, "me")
    now[0] = 8.0
    assert (await backend.counts(target, "me")).hits == {"slow": 80}
    assert not await backend.gone(target, "me")
    now[0] = 9.5
    assert await backend.gone(target, "me")
    with pytest.raises(LeaseLostError):
        await backend.renew(target, "me")


async def test_a_name_is_taken_once() -> None:
    backend = MemoryBackend({"a -> b": ["b"]})

    target = (await backend.targets("a -> b"))[0]
    await backend.inject(target, [_FAULT], "me", 5)
    with pytest.raises(BackendError, match="slow"):
        await backend.inject(target, [_FAULT], "you", 5)
