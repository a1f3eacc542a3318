"""Bytes made of other bytes, from a seed: what stands in a corpus, changed a little or a lot.

No coverage guides it, so that it runs wherever the tests do. What it finds best are values of the wrong type, cut and
doubled structures, and repetitions that take more than linear time.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Final

_WORDS: Final = (
    b"null", b"true", b"-1", b"0", b"1e999", b".inf", b".nan", b"NaN", b"Infinity", b"-0.0", b"9" * 400, b"1" * 5000,
    b"18446744073709551616", b"-9223372036854775809", b"''", b'""', b"[]", b"{}", b"[[]]", b"{a: b}", b"- ", b": ",
    b"~", b"!!python/object:os.system", b"!x", b"&a ", b"*a", b"<<: *a", b"---\n", b"...\n", b"\t", b"\r", b"\x00",
    b"\xff", b"\xed\xa0\x80", b"\\ud800", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"\x1b[2J", b"::error::", b"${A:-",
    b"${A}", b"${", b"}", b"2001-01-01", b"1_000", b"0o17", b"0x1F", b"1:30", b"10m", b"1%", b"< 1s", b"between ",
    b" and ", b"a -> b", b"a" * 2000, b"\xc3\xa9" * 300, b"../" * 20, b"/dev/zero", b"http://", b"[::1]:", b"@",
    b"://u:p@", b'"', b"'", b"|", b">", b"?", b"%", b"`", b"#", b",", b"\n", b" ",
)  # fmt: skip
_MOST: Final = 64 * 1024
"""Bytes of a made input, most of the time: larger ones cost more than they find."""


class Mutator:
    """Makes inputs out of `corpus`. The same seed makes the same inputs."""

    def __init__(self, corpus: Sequence[bytes], seed: int) -> None:
        self._corpus = corpus
        self._random = random.Random(seed)
        self._steps: tuple[Callable[[bytearray], None], ...] = (
            self._flip, self._insert, self._replace, self._cut, self._double, self._swap, self._repeat, self._graft,
            self._drop_line, self._move_line, self._value,
        )  # fmt: skip

    def make(self) -> bytes:
        """The next input."""
        return self.mutated(self._random.choice(self._corpus))

    def mutated(self, original: bytes) -> bytes:
        """That one, changed."""
        content = bytearray(original)
        for _ in range(self._random.choice((1, 1, 1, 2, 3, 5, 8))):
            self._random.choice(self._steps)(content)
        return bytes(content[:_MOST])

    def _place(self, content: bytearray) -> int:
        return self._random.randrange(len(content) + 1)

    def _piece(self, content: bytearray, most: int = 64) -> tuple[int, int]:
        start = self._place(content)
        return start, min(len(content), start + self._random.randrange(1, most))

    def _word(self) -> bytes:
        return self._random.choice(_WORDS)

    def _flip(self, content: bytearray) -> None:
        if content:
            content[self._random.randrange(len(content))] = self._random.randrange(256)

    def _insert(self, content: bytearray) -> None:
        at = self._place(content)
        content[at:at] = self._word()

    def _replace(self, content: bytearray) -> None:
        start, end = self._piece(content, 12)
        content[start:end] = self._word()

    def _cut(self, content: bytearray) -> None:
        start, end = self._piece(content)
        del content[start:end]

    def _double(self, content: bytearray) -> None:
        start, end = self._piece(content)
        content[start:start] = content[start:end]

    def _swap(self, content: bytearray) -> None:
        start, end = self._piece(content)
        at = self._place(content)
        content[at:at] = content[start:end]

    def _repeat(self, content: bytearray) -> None:
        """Thousands of times, which is what a quadratic expression needs."""
        if self._random.random() < 0.8:
            return
        start, end = self._piece(content, 16)
        piece = bytes(content[start:end]) if self._random.random() < 0.5 else self._word()
        content[end:end] = piece * self._random.randrange(100, 1 + _MOST // max(1, len(piece)) // 4 + 100)

    def _graft(self, content: bytearray) -> None:
        other = self._random.choice(self._corpus)
        start = self._random.randrange(len(other) + 1)
        at = self._place(content)
        content[at:at] = other[start : start + self._random.randrange(1, 200)]

    def _lines(self, content: bytearray) -> list[bytes]:
        return bytes(content).splitlines(keepends=True)

    def _drop_line(self, content: bytearray) -> None:
        lines = self._lines(content)
        if lines:
            del lines[self._random.randrange(len(lines))]
            content[:] = b"".join(lines)

    def _move_line(self, content: bytearray) -> None:
        lines = self._lines(content)
        if lines:
            line = lines.pop(self._random.randrange(len(lines)))
            lines.insert(self._random.randrange(len(lines) + 1), line)
            content[:] = b"".join(lines)

    def _value(self, content: bytearray) -> None:
        """Another value after a colon."""
        colons = [at for at, byte in enumerate(content) if byte == 0x3A]
        if colons:
            start = self._random.choice(colons) + 1
            end = start
            while end < len(content) and content[end] not in b",}]\n":
                end += 1
            content[start:end] = b" " + self._word()
