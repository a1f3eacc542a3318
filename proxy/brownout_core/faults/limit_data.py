"""limit_data: exactly so many bytes, then the connection closes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from brownout_core.faults.spec import Fault, Size, Stage, StageContext, Worse


class LimitData(Fault):
    """Passes exactly that many bytes of its direction, counted per connection from when the fault met it, then closes.

    With 0 bytes the connection closes at the first byte, which is not forwarded.
    """

    kind: ClassVar[str] = "limit_data"
    in_toxiproxy: ClassVar[bool] = True
    unlike_toxiproxy: ClassVar[str] = "Toxiproxy takes a negative number for 0, where here it is refused."
    severities: ClassVar[Mapping[str, Worse]] = {"bytes": "less"}

    limit: Size = Field(0, alias="bytes")  # `bytes` would hide the type

    def stage(self, site: StageContext) -> Stage:
        return _Limit(site.offset + self.limit)


class _Limit(Stage):
    __slots__ = ("_end",)

    def __init__(self, end: int) -> None:
        self._end = end

    def end(self) -> float:
        return self._end
