"""slow_close: the end of the stream is late, the data is not."""

from __future__ import annotations

from tests.support.builders.fault_stages import stage


def test_only_the_end_is_late() -> None:
    one = stage("slow_close", delay="2s")
    assert (one.close_delay(), one.delay(0)) == (2, 0)
