"""The probes: one file each, declared once. This table is the only list of them."""

from __future__ import annotations

from collections.abc import Mapping

from brownout_controller.model.probe import ProbeSpec
from brownout_controller.probes.command import CommandProbe
from brownout_controller.probes.edge import EdgeProbe
from brownout_controller.probes.http import HttpProbe
from brownout_controller.probes.prometheus import PrometheusProbe
from brownout_controller.probes.redis import RedisProbe
from brownout_controller.probes.sql import SqlProbe
from brownout_controller.probes.tcp import TcpProbe
from brownout_controller.probes.traffic import TrafficProbe

_ALL: tuple[type[ProbeSpec], ...] = (
    PrometheusProbe,
    HttpProbe,
    SqlProbe,
    RedisProbe,
    TcpProbe,
    TrafficProbe,
    EdgeProbe,
    CommandProbe,
)

KINDS: Mapping[str, type[ProbeSpec]] = {probe.kind: probe for probe in _ALL}
"""Every probe by the key that names it in a hypothesis, in the order in which documentation lists them."""
