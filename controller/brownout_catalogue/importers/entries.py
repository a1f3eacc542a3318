"""Where requests of users come in: what is published, gateways first.

A guess, written as flows for a person to correct. Stores, telemetry, registries and tools for developers are no way in,
and neither telemetry nor a probe that calls the front door unmakes it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from brownout_catalogue.architecture import STORES
from brownout_catalogue.importers.imported import Component, Evidence, Imported

_TOOL: Final = re.compile(
    r"adminer|phpmyadmin|pgadmin|mongo-express|akhq|kafdrop|redis-?commander|redisinsight|mail(?:hog|pit|dev|catcher)"
    r"|portainer|dozzle|flower|swagger|uptime|status-?page|healthcheck|-exporter|-backup|kafka-ui|config-server"
)
"""What developers and operators look at, and what only watches."""


def guess_entries(found: Imported, exposed: Mapping[str, Evidence]) -> None:
    """Writes the entries of `exposed` (what can be reached from outside, and why) as flows."""
    inside = {name: evidence for name, evidence in exposed.items() if _takes_users(found.services.get(name))}
    called = {edge.sink for edge in found.edges() if not _watches(found.services.get(edge.source))}
    outer = [name for name in inside if name not in called]
    gateways = [name for name in outer if found.services[name].seen_as == "gateway"]
    for name in gateways or outer or list(inside)[:1]:
        found.entries[name] = inside[name]


def _watches(component: Component | None) -> bool:
    return component is not None and (
        component.is_telemetry or _TOOL.search(f"{component.name} {component.image or ''}") is not None
    )


def _takes_users(component: Component | None) -> bool:
    return (
        component is not None
        and component.seen_as not in (*STORES, "worker")
        and not component.is_registry
        and not _watches(component)
    )
