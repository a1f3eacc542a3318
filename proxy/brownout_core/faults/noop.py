"""noop: the smallest fault, to copy when writing a new one.

A fault is a class with a `kind`, a docstring whose first line the documentation shows, and fields with units. If it
touches bytes it returns a `Stage` that overrides only the hooks it needs; this one needs none.
"""

from __future__ import annotations

from typing import ClassVar

from brownout_core.faults.spec import Fault


class Noop(Fault):
    """Does nothing; every byte passes."""

    kind: ClassVar[str] = "noop"
    in_toxiproxy: ClassVar[bool] = True
