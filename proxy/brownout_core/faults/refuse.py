"""refuse: nobody new gets in."""

from __future__ import annotations

from typing import ClassVar

from brownout_core.faults.spec import Fault


class Refuse(Fault):
    """Refuses new connections with RST; live ones stay."""

    kind: ClassVar[str] = "refuse"
    refuses: ClassVar[bool] = True
