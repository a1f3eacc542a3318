"""Flows guessed from where requests come in: what publishes a port, a gateway, an Ingress.

They are written into architecture.yaml with their reason, so that a person corrects them there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from brownout_catalogue.architecture import STORES
from brownout_catalogue.importers.imported import Imported

_FOR_OPERATORS: Final = re.compile(
    r"(?:^|[-_.])(?:admin|adminer|pgadmin|phpmyadmin|ui|console|dashboard|mailhog|mailpit|mailcatcher|exporter|monitoring"
    r"|metrics|config|configserver|config-server|flagd|localstack|swagger|portainer|cadvisor|turbine.*)(?:$|[-_.])"
)
"""Published for those who run the system, not for those who use it."""


def guessed_flows(imported: Imported, published: Mapping[str, Mapping[int, int]]) -> Mapping[str, Any]:
    """By its first service, a flow as architecture.yaml has it; empty where nothing lets requests in."""
    edges = [edge for edge in imported.edges() if not edge.telemetry]
    telemetry = {name for name, one in imported.services.items() if one.is_telemetry or one.is_registry}
    called = {edge.sink for edge in edges if edge.source not in telemetry}
    reasons = {
        name: f"publishes port {next(iter(published[name].values()))}" if name in published else "is a gateway"
        for name, one in imported.services.items()
        if (name in published or one.seen_as == "gateway")
        and one.seen_as not in STORES
        and name not in telemetry
        and not _FOR_OPERATORS.search(name)
    }
    gateways = [name for name in reasons if imported.services[name].seen_as == "gateway"]
    first = gateways or list(reasons)
    # Others publish a port so that developers can reach them as well.
    outer = [name for name in first if name not in called] or first
    return {name: {"path": [name], "guess": f"{name} {reasons[name]}"} for name in outer}
