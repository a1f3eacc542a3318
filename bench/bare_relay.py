"""The yardstick: the least that a correct relay on uvloop Protocols does, with no faults, counters or control.

`python bare_relay.py PORT UPSTREAM_PORT`. Bytes, order, half-close and backpressure are right, because a relay that
leaves them out is cheaper without being comparable. It must not learn anything more.
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import uvloop


class Side(asyncio.Protocol):
    """One of the two sockets of a connection; what it reads goes to `peer`."""

    __slots__ = ("dial", "early", "ended", "peer", "transport")

    def __init__(self, peer: Side | None = None) -> None:
        self.peer = peer
        self.early: list[bytes] = []  # what came before the upstream was there
        self.ended = False  # has sent FIN
        self.dial: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        if self.peer is None:
            return
        self.peer.peer = self
        if self.peer.early:
            self.transport.writelines(self.peer.early)
        if self.peer.ended:
            self.transport.write_eof()

    def data_received(self, data: bytes) -> None:
        if self.peer is not None:
            self.peer.transport.write(data)
        else:
            self.early.append(data)

    def eof_received(self) -> bool:
        self.ended = True
        if self.peer is None:
            return True
        if not self.peer.ended:
            self.peer.transport.write_eof()
            return True
        self.peer.transport.close()
        return False

    def pause_writing(self) -> None:
        if self.peer is not None:
            self.peer.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.peer is not None:
            self.peer.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.peer is not None:
            self.peer.transport.close()
        elif self.dial is not None:
            self.dial.cancel()


async def serve(port: int, upstream: int) -> None:
    loop = asyncio.get_running_loop()

    async def dial(client: Side) -> None:
        try:
            await loop.create_connection(lambda: Side(client), "127.0.0.1", upstream)
        except OSError:
            client.transport.abort()

    class Client(Side):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = cast(asyncio.Transport, transport)
            self.dial = loop.create_task(dial(self))

    server = await loop.create_server(Client, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2])))
