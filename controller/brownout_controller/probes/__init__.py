"""The probes: one file each, declared once. This table is the only list of them."""

from __future__ import annotations

from collections.abc import Mapping

from brownout_controller.model.probe import ProbeSpec
from brownout_controller.probes.command import Command
from brownout_controller.probes.edge import Edge
from brownout_controller.probes.http import Http
from brownout_controller.probes.prometheus import Prometheus
from brownout_controller.probes.redis import Redis
from brownout_controller.probes.sql import Sql
from brownout_controller.probes.tcp import Tcp
from brownout_controller.probes.traffic import Traffic

_ALL: tuple[type[ProbeSpec], ...] = (Prometheus, Http, Sql, Redis, Tcp, Traffic, Edge, Command)

KINDS: Mapping[str, type[ProbeSpec]] = {probe.kind: probe for probe in _ALL}
"""Every probe by the key that names it in a hypothesis, in the order in which documentation lists them."""
