"""docs/limits.md: every bound on what comes over a network, from `brownout_core.limits`."""

from __future__ import annotations

from collections.abc import Sequence

from brownout_core.limits import LIMITS, Limit


def page(limits: Sequence[Limit]) -> str:
    """docs/limits.md."""
    head = """# Limits

This page is computed from `proxy/brownout_core/limits.py` by `make gen`; do not edit it.

Whoever reaches a port can send anything. These bounds keep a proxy and a controller responsive and small whatever that
is. No request holds up a connection or a lease, and nothing that is refused here has changed anything.

| what | at most | beyond it |
| --- | --- | --- |
"""
    return head + "".join(f"| {limit.what} | {limit} | {limit.beyond} |\n" for limit in limits)


if __name__ == "__main__":
    print(page(LIMITS), end="")
