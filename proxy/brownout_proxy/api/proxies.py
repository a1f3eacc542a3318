"""The proxy object of the HTTP API: from JSON to a proxy's specification and back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from brownout_core import limits
from brownout_core.errors import Conflict, InvalidSpec
from brownout_core.faults.spec import FaultSpec
from brownout_proxy.api.codec import Object, as_list, as_object, flag, text
from brownout_proxy.api.toxics import read_toxic, show_active
from brownout_proxy.server.proxy import Proxy, ProxySpec


class _Fields(NamedTuple):
    """The keys of a proxy object that mean something; None where nothing was given."""

    name: str | None
    listen: str | None
    upstream: str | None
    enabled: bool | None


class Change(NamedTuple):
    """What an update changes of a proxy; None keeps."""

    listen: str | None
    upstream: str | None
    enabled: bool | None


def _fields(values: Object) -> _Fields:
    return _Fields(
        text(values, "name"),
        text(values, "listen"),
        text(values, "upstream"),
        flag(values, "enabled"),
    )


def read_proxy(body: object) -> ProxySpec:
    """The proxy that a client asks for, with its toxics. Raises InvalidSpec or Conflict."""
    values = as_object(body)
    return _spec(_fields(values), values, "")


class Proxies:
    """The proxies of a populate request, read in small steps, so that nobody has to wait for all of them.

    As Toxiproxy does it, all are looked at before the first is checked, and all are checked before one is made.
    """

    def __init__(self) -> None:
        self._entries: list[tuple[_Fields, Object]] = []

    def add(self, entry: object) -> None:
        """The next one. Raises InvalidSpec, TooMuch."""
        values = as_object(entry, f"proxy {len(self._entries) + 1}")
        limits.PROXIES.check(len(self._entries) + 1)
        self._entries.append((_fields(values), values))

    def specs(self) -> Iterator[ProxySpec]:
        """Each is checked when it is asked for. Raises InvalidSpec, Conflict, TooMuch."""
        for place, (given, _) in enumerate(self._entries, 1):
            _require(given, f" at proxy {place}")
        for place, (given, values) in enumerate(self._entries, 1):
            yield _spec(given, values, f" at proxy {place}")


def read_proxy_change(body: object) -> Change:
    """What an update asks for. Raises InvalidSpec.

    Its name and toxics are ignored: clients send the whole object.
    """
    given = _fields(as_object(body))
    return Change(given.listen, given.upstream, given.enabled)


def show_proxy(proxy: Proxy, *, status: bool = False) -> dict[str, object]:
    """The proxy object that clients get; with its `status` only where it is asked for, as some know no other keys."""
    shown: dict[str, object] = {
        "name": proxy.name,
        "listen": proxy.listen,
        "upstream": proxy.upstream,
        "enabled": proxy.enabled,
        "toxics": [show_active(active, status=status) for active in proxy.ordered_faults()],
    }
    return {**shown, "status": _status(proxy)} if status else shown


def _status(proxy: Proxy) -> dict[str, object]:
    return {
        "connections": proxy.live,
        "accepted": proxy.accepted,
        "dial_failures": proxy.dial_failures,
        "last_error": proxy.reach.last_error,
        "unreachable": proxy.reach.failing,
    }


def _require(given: _Fields, place: str) -> tuple[str, str]:
    """The name and the upstream, which are all that a proxy must have."""
    if not given.name:
        raise InvalidSpec("", f"missing required field: name{place}")
    if not given.upstream:
        raise InvalidSpec("", f"missing required field: upstream{place}")
    return given.name, given.upstream


def _spec(given: _Fields, values: Object, place: str) -> ProxySpec:
    name, upstream = _require(given, place)
    return ProxySpec(
        name=name,
        listen=given.listen or "",
        upstream=upstream,
        enabled=given.enabled is not False,
        faults=_faults(values, place),
    )


def _faults(values: Object, place: str) -> tuple[FaultSpec, ...]:
    specs: dict[str, FaultSpec] = {}
    toxics = as_list(values.get("toxics"), "toxics")
    limits.FAULTS.check(len(toxics), f"toxics{place}")
    for number, entry in enumerate(toxics, 1):
        where = f" at toxic {number}{place}"
        try:
            spec = read_toxic(as_object(entry), specs)
        except InvalidSpec as error:
            raise InvalidSpec("", f"{error}{where}") from None
        except Conflict as error:
            raise Conflict(f"{error}{where}") from None
        specs[spec.name] = spec
    return tuple(specs.values())
