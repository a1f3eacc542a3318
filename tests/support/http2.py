"""HTTP/2 by hand, for tests of what no gRPC client would send: streams that stay half full, and frames of any kind."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import Final

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM: Final = 1
END_HEADERS: Final = 4
_ACK: Final = 1
_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_FRAME: Final = 16384
_WINDOW: Final = 65535
_INITIAL_WINDOW: Final = 4
"""SETTINGS_INITIAL_WINDOW_SIZE."""


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """RFC 9113, section 4.1."""
    return struct.pack(">I", len(payload))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + payload


def _integer(value: int) -> bytes:
    """RFC 7541, section 5.1, with a prefix of seven bits."""
    if value < 127:
        return bytes((value,))
    out, value = bytearray((127,)), value - 127
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    out.append(value)
    return bytes(out)


def header(name: str, value: str) -> bytes:
    """A literal that no table remembers: RFC 7541, section 6.2.2."""
    return b"\0" + b"".join(_integer(len(text)) + text for text in (name.encode(), value.encode()))


def call_headers(path: str, *more: tuple[str, str]) -> bytes:
    """Of a gRPC call."""
    fixed = (
        (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "localhost"), ("te", "trailers"),
        ("content-type", "application/grpc"),
    )  # fmt: skip
    return b"".join(header(*pair) for pair in (*fixed, *more))


def message_head(size: int) -> bytes:
    """What stands before a message of so many bytes."""
    return struct.pack(">BI", 0, size)


class Http2:
    """One connection. It keeps to the windows that the server gives, and nothing else."""

    def __init__(self, address: str, seconds: float = 10.0) -> None:
        host, _, port = address.rpartition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=seconds)
        self._socket.sendall(_PREFACE + frame(SETTINGS, 0, 0))
        self._received = b""
        self._initial = _WINDOW
        self._windows: dict[int, int] = {0: _WINDOW}
        self.closed: set[int] = set()
        """Streams that the server has ended; 0 is the connection."""
        self.data: dict[int, bytes] = {}
        """What it has sent on each stream, headers apart."""
        self._next = 1

    def __enter__(self) -> Http2:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, content: bytes) -> None:
        """Bytes as they are. Raises OSError."""
        self._socket.sendall(content)

    def open(self, block: bytes) -> int:
        """A new stream with that block of headers; its number. Raises OSError."""
        stream, self._next = self._next, self._next + 2
        self._windows[stream] = self._initial
        self.send(frame(HEADERS, END_HEADERS, stream, block))
        return stream

    def push(self, stream: int, content: memoryview) -> int:
        """Sends what the windows allow; how many bytes those were. Raises OSError."""
        sent = 0
        while sent < len(content) and stream not in self.closed:
            room = min(_FRAME, self._windows[0], self._windows[stream], len(content) - sent)
            if room <= 0:
                break
            self.send(frame(DATA, 0, stream, bytes(content[sent : sent + room])))
            self._windows[0] -= room
            self._windows[stream] -= room
            sent += room
        return sent

    def call(self, stream: int, message: bytes) -> None:
        """Sends a whole message and ends our half of the stream. Raises OSError."""
        self.send(frame(DATA, END_STREAM, stream, message_head(len(message)) + message))

    def listen(self, seconds: float) -> bool:
        """Reads what has come, waiting for so long for the first of it; whether there was anything."""
        self._socket.settimeout(max(seconds, 0.0001))
        try:
            received = self._socket.recv(1 << 18)
        except TimeoutError:
            return False
        except OSError:
            received = b""
        finally:
            self._socket.settimeout(10.0)
        if not received:
            self.closed.add(0)
            return False
        self._received += received
        for kind, flags, stream, payload in self._frames():
            self._take(kind, flags, stream, payload)
        return True

    def _frames(self) -> Iterator[tuple[int, int, int, bytes]]:
        while len(self._received) >= 9:
            size = int.from_bytes(self._received[:3], "big")
            if len(self._received) < 9 + size:
                return
            kind, flags, stream = self._received[3], self._received[4], int.from_bytes(self._received[5:9], "big")
            payload, self._received = self._received[9 : 9 + size], self._received[9 + size :]
            yield kind, flags, stream, payload

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == SETTINGS and not flags & _ACK:
            for at in range(0, len(payload), 6):
                number, value = struct.unpack(">HI", payload[at : at + 6])
                if number == _INITIAL_WINDOW:
                    grown, self._initial = value - self._initial, value
                    for known in self._windows.keys() - {0}:
                        self._windows[known] += grown
            self.send(frame(SETTINGS, _ACK, 0))
        elif kind == PING and not flags & _ACK:
            self.send(frame(PING, _ACK, 0, payload))
        elif kind == WINDOW_UPDATE:
            self._windows[stream] = self._windows.get(stream, self._initial) + int.from_bytes(payload, "big")
        elif kind == DATA:
            self.data[stream] = self.data.get(stream, b"") + payload
            if payload:
                grant = struct.pack(">I", len(payload))
                self.send(frame(WINDOW_UPDATE, 0, 0, grant))
        elif kind == GOAWAY:
            self.closed.add(0)
        if kind == RST_STREAM or (kind in (DATA, HEADERS) and flags & END_STREAM):
            self.closed.add(stream)


def fill(connections: list[Http2], path: str, streams: int, size: int, rounds: int = 400) -> int:
    """On each connection so many calls, with all but the last byte of a message of `size` bytes, as far as the server
    takes it; how many bytes that were."""
    content = memoryview(message_head(size) + bytes(size - 1))
    left: dict[tuple[Http2, int], int] = {}
    for connection in connections:
        connection.listen(1.0)
        for _ in range(streams):
            try:
                left[connection, connection.open(call_headers(path))] = 0
            except OSError:
                connection.closed.add(0)
                break
    quiet = 0
    for _ in range(rounds):
        moved = 0
        for (connection, stream), sent in left.items():
            if sent < len(content) and not connection.closed & {0, stream}:
                try:
                    pushed = connection.push(stream, content[sent:])
                except OSError:
                    connection.closed.add(0)
                    continue
                left[connection, stream] += pushed
                moved += pushed
        for connection in connections:
            if 0 not in connection.closed:
                connection.listen(0.01)
        quiet = 0 if moved else quiet + 1
        if quiet > 20:
            break
    return sum(left.values())
