"""A config file that was read again: makes the proxies equal to it and disturbs nothing that did not change."""

from __future__ import annotations

from collections.abc import Iterable

from brownout_proxy import address
from brownout_proxy.address import Address
from brownout_proxy.errors import BrownoutError, NotFound
from brownout_proxy.server.config import Config
from brownout_proxy.server.proxy import Proxy, ProxySpec
from brownout_proxy.server.registry import Registry


async def apply(registry: Registry, before: Config, after: Config) -> list[str]:
    """Makes the proxies of `after` what it says and deletes those that only `before` had; others are left alone.

    A proxy whose faults alone changed keeps its connections; one that cannot move stays where it is. Returns a line
    for each that failed; the others are done.
    """
    kept = {spec.name for spec in after.proxies}
    for spec in before.proxies:
        if spec.name not in kept:
            await _delete(registry, spec.name)
    # Twice: one proxy may want the address that another is about to leave.
    failed = await _ensure_all(registry, after.proxies)
    failed = await _ensure_all(registry, [spec for spec in after.proxies if spec.name in failed])
    return [f"{after.places.get(name, name)}: {error}" for name, error in failed.items()]


async def _ensure_all(registry: Registry, specs: Iterable[ProxySpec]) -> dict[str, BrownoutError]:
    failed: dict[str, BrownoutError] = {}
    for spec in specs:
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
    await registry.update(spec.name, listen=wanted(spec.listen, proxy), upstream=spec.upstream, enabled=spec.enabled)
    proxy.replace_faults(spec.faults)


def wanted(listen: str, proxy: Proxy) -> str:
    """`listen` with the port that the proxy has where any port will do."""
    asked = address.parse(listen) if listen else Address()
    if asked.path or asked.port or not proxy.enabled:
        return listen
    return str(Address(asked.host, address.parse(proxy.listen).port))


async def _delete(registry: Registry, name: str) -> None:
    try:
        await registry.delete(name)
    except NotFound:  # somebody was faster
        return
