"""The registry: every proxy of the process by name, and the only way to change them.

What may look up a host name is a coroutine, and such changes happen one at a time; nothing waits for a client or an
upstream. Each is done entirely or not at all.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from typing import Final

from brownout_core import limits
from brownout_core.address import Address
from brownout_core.address import parse as parse_address
from brownout_core.errors import Conflict, InvalidSpec, Leased, NotFound, Unavailable
from brownout_core.faults.active import ActiveFault
from brownout_core.faults.spec import FaultSpec
from brownout_proxy.server.engine import Engine
from brownout_proxy.server.leases import ANYBODY, Authority, check
from brownout_proxy.server.listener import Listener, resolve
from brownout_proxy.server.proxy import Proxy, ProxySpec
from brownout_proxy.server.time_slice import TimeSlices
from brownout_proxy.settings import BUFFER, DIAL_TIMEOUT

_FAREWELL: Final = 1.0
"""Seconds that closing connections get to send what they have, at shutdown."""


class Registry:
    """All proxies. To be used from one running event loop; `seed` makes every decision repeatable."""

    def __init__(self, *, seed: int, buffer: int = BUFFER, dial_timeout: float = DIAL_TIMEOUT) -> None:
        self.seed = seed
        self.instance = secrets.token_hex(8)
        """Names this process, however its address is spelled: two never have the same."""
        self._buffer = buffer
        self._dial_timeout = dial_timeout
        self._proxies: dict[str, Proxy] = {}
        self._leaving: set[Proxy] = set()
        """Deleted or replaced, with connections that still have to end."""
        self._changing = asyncio.Lock()
        self._made: Engine | None = None
        self._reserved: dict[tuple[str, int], str] = {}

    def reserve(self, address: Address, owner: str) -> None:
        """Something else of this process listens there: `owner` is its name and how it is moved, for errors."""
        self._reserved[address.path, address.port] = owner

    @property
    def engine(self) -> Engine:
        """What the proxies share; made when the loop runs."""
        if self._made is None:
            loop = asyncio.get_running_loop()
            self._made = Engine(loop, buffer=self._buffer, dial_timeout=self._dial_timeout)
        return self._made

    def proxies(self) -> list[Proxy]:
        """Sorted by name, in byte order."""
        return [self._proxies[name] for name in sorted(self._proxies, key=str.encode)]

    def get(self, name: str) -> Proxy:
        """Raises NotFound."""
        if name not in self._proxies:
            raise NotFound("proxy not found")
        return self._proxies[name]

    async def create(self, spec: ProxySpec) -> Proxy:
        """Raises Conflict, InvalidSpec, TooMuch, Unavailable."""
        check_spec(spec)
        if spec.name in self._proxies:  # before a look-up, and again after it
            raise Conflict("proxy already exists")
        address = await self._resolved(spec) if spec.enabled else None
        async with self._changing:
            if spec.name in self._proxies:
                raise Conflict("proxy already exists")
            return await self._add(spec, address)

    async def _resolved(self, spec: ProxySpec) -> Address:
        return await resolve(spec.listen, self.engine.lookups)

    def _bind(self, address: Address) -> Listener:
        try:
            return Listener(address)
        except Unavailable as error:
            owner = self._reserved.get((address.path, address.port))
            if owner is None or "address already in use" not in str(error):
                raise
            raise Unavailable(f"{error}: {owner}") from None

    async def _bind_in_place_of(self, current: Proxy | None, wanted: Address) -> Listener:
        """Binds. Who has that very port steps aside first, and is back if it cannot be done. Raises Unavailable."""
        here = None if current is None else current.address
        if current is None or here is None or (here.path, here.port) != (wanted.path, wanted.port):
            return self._bind(wanted)
        current.stop_listening()
        try:
            return self._bind(wanted)
        except Unavailable:
            await current.start(self._bind(here))
            raise

    async def _add(self, spec: ProxySpec, address: Address | None, replaced: Proxy | None = None) -> Proxy:
        limits.PROXIES.check(len(self._proxies) + (replaced is None))
        listener = None
        if address is not None:
            _check_loop(address, spec.upstream)
            listener = await self._bind_in_place_of(replaced, address)
        if replaced is not None:
            self._part_with(replaced)
        proxy = Proxy(spec, self.engine, self.seed)
        if listener is not None:
            await proxy.start(listener)
        self._proxies[spec.name] = proxy
        return proxy

    async def update(
        self,
        name: str,
        *,
        listen: str | None = None,
        upstream: str | None = None,
        enabled: bool | None = None,
        by: Authority = ANYBODY,
    ) -> Proxy:
        """Changes what has a value. Another address or upstream drops the connections; the faults stay.

        If the new address cannot be bound, the proxy stays as it was. What is as it is asked for changes nothing, and
        so is nobody's to refuse. Raises NotFound, InvalidSpec, Unavailable, Leased.
        """
        for path, text in (("listen", listen), ("upstream", upstream)):
            limits.check_name(path, text or "")
        wanted: Address | None = None
        while True:
            async with self._changing:
                proxy = self.get(name)
                on = proxy.enabled if enabled is None else enabled
                if not on:
                    self._disable(proxy, listen or proxy.listen, upstream or proxy.upstream, by)
                    return proxy
                asked = listen or ("" if proxy.enabled else proxy.listen)
                if not asked or wanted is not None:
                    await self._enable(proxy, wanted, upstream or proxy.upstream, by)
                    return proxy
            wanted = await resolve(asked, self.engine.lookups, prefix="")  # which holds up no other change

    def _disable(self, proxy: Proxy, listen: str, upstream: str, by: Authority) -> None:
        if proxy.enabled or (listen, upstream) != (proxy.listen, proxy.upstream):
            proxy.guard(by)
        proxy.stop()
        proxy.listen = listen
        proxy.upstream = upstream

    async def _enable(self, proxy: Proxy, wanted: Address | None, upstream: str, by: Authority) -> None:
        """Without `wanted` it stays where it is."""
        address = wanted or proxy.address
        if address != proxy.address or upstream != proxy.upstream:
            proxy.guard(by)
        if address is not None:
            _check_loop(address, upstream)
        if wanted is not None and wanted != proxy.address:
            listener = await self._bind_in_place_of(proxy, wanted)
            proxy.stop()
            proxy.upstream = upstream
            await proxy.start(listener)
        elif upstream != proxy.upstream:
            proxy.upstream = upstream
            proxy.drop_connections()

    async def delete(self, name: str, by: Authority = ANYBODY) -> None:
        """Raises NotFound, Leased."""
        async with self._changing:
            proxy = self.get(name)
            proxy.guard(by)
            self._part_with(proxy)
            del self._proxies[name]

    def _part_with(self, proxy: Proxy) -> None:
        proxy.part()
        self._leaving = {known for known in (*self._leaving, proxy) if known.live}

    async def populate(self, specs: Sequence[ProxySpec], done: list[Proxy], by: Authority = ANYBODY) -> None:
        """Creates or replaces proxies in order. One whose address and upstream are the same keeps its connections, and
        its faults unless the request has others, as clients send proxies without any.

        Each finished proxy is appended to `done`; the first failure ends the run. Raises InvalidSpec, Unavailable,
        Leased.
        """
        turns = TimeSlices()
        for spec in specs:
            await turns.end()
            check_spec(spec)
            address = await self._resolved(spec) if spec.enabled or spec.name in self._proxies else None
            async with self._changing:
                done.append(await self._ensure(spec, address, by))

    async def _ensure(self, spec: ProxySpec, wanted: Address | None, by: Authority) -> Proxy:
        current = self._proxies.get(spec.name)
        if current is None:
            return await self._add(spec, wanted if spec.enabled else None)
        # Without `wanted` it was made since this one began, which listens nowhere: there was nothing to look up.
        same_place = wanted is not None and (spec.listen == current.listen or _is_at(current, wanted, any_port=True))
        if same_place and current.upstream == spec.upstream:
            if spec.faults:
                current.replace_faults(spec.faults, by)
            return current
        current.guard(by)
        if same_place and current.address is not None:
            wanted = current.address
        return await self._add(spec, wanted if spec.enabled else None, current)

    def add_leased_fault(self, name: str, spec: FaultSpec, lease: str, ttl: float | None = None) -> ActiveFault:
        """Adds a fault that lives as long as the lease, and gives that its full time. All or nothing.

        `ttl` is in seconds. Raises NotFound, Conflict, InvalidSpec, and Leased if another lease has the proxy.
        """
        proxy, leases = self.get(name), self.engine.leases
        check(lease, ttl)
        leases.guard_exclusive(name, proxy.faults, lease)
        proxy.check_free(spec.name)
        held = leases.take(lease, ttl)
        active = proxy.add_fault(spec, lease=lease)
        held.faults.append((proxy, active))
        return active

    async def reset(self, by: Authority = ANYBODY) -> None:
        """Enables every proxy and removes every fault. Tries all, then raises Unavailable for those that failed, or
        Leased for what is under leases that are not theirs."""
        failures: list[str] = []
        kept: list[tuple[str, ActiveFault]] = []
        turns = TimeSlices()
        for proxy in self.proxies():
            await turns.end()
            proxy.clear_faults(by)
            await proxy.settled()
            leased = [(proxy.name, active) for active in proxy.faults if not by.covers(active.lease)]
            kept += leased
            if proxy.enabled or leased:
                continue
            try:
                await self.update(proxy.name, enabled=True, by=by)
            except NotFound:
                pass  # deleted meanwhile
            except (Unavailable, Leased) as error:
                failures.append(f"{proxy.name}: {error}" if len(self._proxies) > 1 else str(error))
        if failures:
            raise Unavailable("; ".join(failures))
        if kept:
            raise self.engine.leases.refusal(kept)

    async def close(self, drain: float = 0.0) -> None:
        """Stops listening, waits up to `drain` seconds for clients to finish, then closes what is left."""
        async with self._changing:
            proxies = [*self._proxies.values(), *self._leaving]
            for proxy in proxies:
                proxy.stop_listening()
            await self._until_idle(proxies, drain)
            for proxy in proxies:
                proxy.drop_connections()
            await self._until_idle(proxies, _FAREWELL)
            for proxy in proxies:
                proxy.drop_connections(abort=True)
            await self._until_idle(proxies, _FAREWELL)
            self._proxies.clear()
            self._leaving.clear()
            if self._made is not None:
                self._made.close()
                self._made = None

    async def _until_idle(self, proxies: Sequence[Proxy], seconds: float) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while any(proxy.live for proxy in proxies) and loop.time() < deadline:
            await asyncio.sleep(0.02)


def check_spec(spec: ProxySpec) -> None:
    """Raises InvalidSpec, TooMuch for what is beyond the limits: the same for HTTP, gRPC and files."""
    for path, text in (("name", spec.name), ("listen", spec.listen), ("upstream", spec.upstream)):
        limits.check_name(path, text)
    limits.FAULTS.check(len(spec.faults), f"proxy {spec.name}")
    for fault in spec.faults:
        limits.check_name("faults.name", fault.name)


def _check_loop(listen: Address, upstream: str) -> None:
    """Raises InvalidSpec for an upstream that is the proxy itself: one client would use up every open file."""
    try:
        target = parse_address(upstream)
    except InvalidSpec:  # dialling will report it
        return
    if (listen.path, listen.port) != (target.path, target.port) or not (listen.path or listen.port):
        return
    everywhere = listen.is_wildcard and (target.is_loopback or target.is_wildcard)
    hosts = {target.host, "127.0.0.1"} if target.host == "localhost" else {target.host}
    if everywhere or listen.host in hosts:
        raise InvalidSpec("", f"upstream {upstream} is the proxy's own address; give it another port to listen on")


def _is_at(proxy: Proxy, wanted: Address, *, any_port: bool = False) -> bool:
    """Whether the proxy listens there; with `any_port`, port 0 means whatever port it has."""
    current = proxy.address
    if current is None:
        return False
    if any_port and not wanted.port and not wanted.path:
        wanted = Address(wanted.host, current.port)
    return wanted == current
