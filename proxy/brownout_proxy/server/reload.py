"""A config file that was read again: makes the proxies equal to it and disturbs nothing that did not change.

What is under a lease is a running experiment's. Its faults stay, whatever the file has. The proxy itself becomes what
the file has, since nobody could see later that it had not; the lease's owner notices.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import partial

from brownout_core import address
from brownout_core.address import Address
from brownout_core.errors import BrownoutError, Leased, NotFound
from brownout_proxy.server.config import Config
from brownout_proxy.server.leases import FORCED
from brownout_proxy.server.proxy import Proxy, ProxySpec
from brownout_proxy.server.registry import Registry
from brownout_proxy.server.time_slice import TimeSlices

log = logging.getLogger(__name__)


async def apply(registry: Registry, before: Config, after: Config) -> list[str]:
    """Makes the proxies of `after` what it says and deletes those that only `before` had; others are left alone.

    A proxy whose faults alone changed keeps its connections; one that cannot move stays where it is. Leased faults go
    only with a proxy that the file has no longer. Returns a line for each that failed; the others are done.
    """
    kept = {spec.name for spec in after.proxies}
    turns = TimeSlices()
    for spec in before.proxies:
        await turns.end()
        if spec.name not in kept:
            await _delete(registry, spec.name)
    # Twice: one proxy may want the address that another is about to leave.
    failed = await _ensure_all(registry, after.proxies)
    failed = await _ensure_all(registry, [spec for spec in after.proxies if spec.name in failed])
    return [f"{after.places.get(name, name)}: {error}" for name, error in failed.items()]


async def _ensure_all(registry: Registry, specs: Iterable[ProxySpec]) -> dict[str, BrownoutError]:
    failed: dict[str, BrownoutError] = {}
    turns = TimeSlices()
    for spec in specs:
        await turns.end()
        try:
            await _ensure(registry, spec)
        except BrownoutError as error:
            failed[spec.name] = error
    return failed


async def _ensure(registry: Registry, spec: ProxySpec) -> None:
    try:
        proxy = registry.get(spec.name)
    except NotFound:
        await registry.create(spec)
        return
    update = partial(
        registry.update, spec.name, listen=wanted(spec.listen, proxy), upstream=spec.upstream, enabled=spec.enabled
    )
    try:
        await update()
    except Leased:
        _warn(proxy, "changed")
        await update(by=FORCED)
    proxy.replace_faults(spec.faults)


def wanted(listen: str, proxy: Proxy) -> str:
    """`listen` with the port that the proxy has where any port will do."""
    asked = address.parse(listen) if listen else Address()
    if asked.path or asked.port or not proxy.enabled:
        return listen
    return str(Address(asked.host, address.parse(proxy.listen).port))


async def _delete(registry: Registry, name: str) -> None:
    try:
        try:
            await registry.delete(name)
        except Leased:
            _warn(registry.get(name), "deleted")
            await registry.delete(name, FORCED)
    except NotFound:  # somebody was faster
        return


def _warn(proxy: Proxy, what: str) -> None:
    leases = ", ".join(sorted({active.lease for active in proxy.faults if active.lease}))
    log.warning("reload: proxy %s is %s under the lease of a running experiment: %s", proxy.name, what, leases)
