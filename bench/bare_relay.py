"""The yardstick: the least that a TCP relay on uvloop can be, as a pair of protocols per connection.

    python bench/bare_relay.py LISTENPORT=UPSTREAMPORT ...

It relays bytes, half-close and backpressure and nothing else: no faults, no counters, no control, no dial timeout. It
is written to be fast, so that what is measured against it is the price of features and not of carelessness.
"""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
from typing import Final, cast

import uvloop

_HOST: Final = "127.0.0.1"


class End(asyncio.Protocol):
    """One socket of a connection; it writes what it reads to its peer."""

    __slots__ = ("peer", "transport", "write")

    peer: End
    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.write(data)

    def eof_received(self) -> bool:
        if self.peer.transport.can_write_eof() and not self.peer.transport.is_closing():
            self.peer.transport.write_eof()
        return True

    def pause_writing(self) -> None:
        self.peer.transport.pause_reading()

    def resume_writing(self) -> None:
        self.peer.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self.peer.transport.close()


class Client(End):
    """The accepted socket: dials when it appears, and keeps what comes before the upstream is there."""

    __slots__ = ("_dialling", "_early", "_upstream_port")

    def __init__(self, upstream_port: int) -> None:
        self._upstream_port = upstream_port
        self._early: list[bytes] = []
        self.write = self._early.append

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        # While this runs, the peer is the client itself: one that leaves early only closes itself.
        self.peer = self
        self._dialling = asyncio.create_task(self._dial())

    async def _dial(self) -> None:
        try:
            _, upstream = await asyncio.get_running_loop().create_connection(End, _HOST, self._upstream_port)
        except OSError:
            self.transport.abort()
            return
        upstream.peer, self.peer = self, upstream
        upstream.write, self.write = self.transport.write, upstream.transport.write
        for data in self._early:
            self.write(data)
        if self.transport.is_closing():
            upstream.transport.close()


async def serve(ports: list[tuple[int, int]]) -> None:
    loop = asyncio.get_running_loop()
    for listen, upstream in ports:
        await loop.create_server(lambda port=upstream: Client(port), _HOST, listen, backlog=socket.SOMAXCONN)
    await asyncio.Event().wait()


if __name__ == "__main__":
    gc.freeze()
    pairs = [argument.split("=") for argument in sys.argv[1:]]
    uvloop.run(serve([(int(listen), int(upstream)) for listen, upstream in pairs]))
