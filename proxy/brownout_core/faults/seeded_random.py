"""Seeded decisions: a number for a place, not the next number of a stream.

Every random decision of a fault is `uniform(place)` of one `Draws`, whose key is made of (seed, proxy, fault,
connection ordinal). A place is the index of a virtual segment: the bytes of one direction, numbered from the first
byte of the connection and cut every `segment` bytes. So a decision does not depend on how TCP chunked the bytes, on
other connections, on other faults, or on what was drawn before. docs/reproducible.md has the function in words.
"""

from __future__ import annotations

import hashlib
import struct
from typing import Final

SEGMENT: Final = 1460
"""Bytes in a virtual segment unless the fault sets another size: the payload of an Ethernet-sized TCP segment
(1500 - 20 IP - 20 TCP, RFC 9293 section 3.7.1)."""

_PER_BLOCK: Final = 8  # BLAKE2b gives 64 bytes: eight 64-bit numbers a call
_BLOCK = struct.Struct("<8Q")
_LONGEST_HOLD: Final = 4096
"""Every so many places a number is fresh whatever the correlation, which bounds the search back."""
_MANTISSA: Final = 2.0**-53  # of an IEEE 754 double: 53 bits make each number in [0, 1) equally likely


class SeededRandom:
    """The random numbers of one fault on one connection: `uniform(place)` for any place, in any order."""

    __slots__ = ("_block", "_held", "_key", "_numbers")

    def __init__(self, seed: int, proxy: str, fault: str, ordinal: int, purpose: str = "bytes") -> None:
        """`ordinal` counts the proxy's connections from 1; `purpose` keeps unlike decisions independent."""
        # JSON-like framing by length: no two different tuples give the same text.
        parts = (str(seed), proxy, fault, str(ordinal), purpose)
        text = "".join(f"{len(part.encode())}:{part}" for part in parts)
        self._key = hashlib.blake2b(text.encode(), digest_size=32).digest()
        self._block = -1
        self._numbers: tuple[int, ...] = ()
        self._held = (-1, 1.0, -1)

    def uniform(self, place: int) -> float:
        """A number in [0, 1) that belongs to `place` (0, 1, 2 ...)."""
        block, index = divmod(place, _PER_BLOCK)
        if block != self._block:
            digest = hashlib.blake2b(struct.pack("<Q", block), key=self._key).digest()
            self._numbers = _BLOCK.unpack(digest)
            self._block = block
        return (self._numbers[index] >> 11) * _MANTISSA

    def correlated(self, place: int, correlation: float) -> float:
        """Like `uniform`, but with probability `correlation` the number of the place before is kept.

        That leaves the distribution of each number as it is and makes `correlation` the correlation of neighbours. It
        is still a function of the place alone: the search goes back to the last place that drew afresh.
        """
        if correlation <= 0:
            return self.uniform(2 * place)
        source = self._fresh(place, correlation)
        return self.uniform(2 * source)

    def _fresh(self, place: int, correlation: float) -> int:
        """The nearest place at or before `place` whose own number is in force."""
        known_place, known_correlation, known_source = self._held
        if place == known_place and correlation == known_correlation:
            return known_source  # many small messages in one segment must not each search anew
        source = place
        while source % _LONGEST_HOLD and self.uniform(2 * source + 1) < correlation:
            if source - 1 == known_place and correlation == known_correlation:
                source = known_source
                break
            source -= 1
        self._held = (place, correlation, source)
        return source


def chosen(share: float, seed: int, proxy: str, fault: str, ordinal: int) -> bool:
    """Whether a fault with toxicity `share` (0 to 1) hits the connection: fixed for the connection's life.

    The number drawn does not depend on `share`, so raising a toxicity only ever adds connections.
    """
    return share >= 1 or SeededRandom(seed, proxy, fault, ordinal, "toxicity").uniform(0) < share
