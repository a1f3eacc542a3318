"""compose.brownout.yaml, merged with the project: redirected calls go over the proxy to their callees."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from brownout_catalogue.architecture import read_architecture
from brownout_catalogue.generate import setup_files
from brownout_catalogue.generate.compose_override import compose_override, redirected, service_name
from brownout_catalogue.generate.edge_proxies import Machine, container_proxies
from brownout_catalogue.generate.redirects import ComposeProject, ManualStep, Redirect
from brownout_catalogue.importers.compose.files import load
from brownout_catalogue.importers.compose.reader import read_compose
from brownout_catalogue.importers.source import read_text
from brownout_catalogue.importers.yaml import architecture_file
from brownout_core import document
from brownout_proxy.cli.proxy import proxy as command
from tests.support.merged_compose import Hop, hops, merged

PROJECT = """\
x-common: &common {CACHE_URL: redis://cache:6379/1, LOG: info}
services:
  gateway:
    image: shop/gateway:1
    ports: ["8080:80", "18080:18080"]
    environment: {ORDERS_URL: http://orders:8000, <<: *common}
    networks: [front, back]
  orders:
    image: shop/orders:1
    environment:
      - DB_HOST=db
      - DB_PORT=5432
      - CACHE_URL=redis://cache:6379/0
      - PAY_URL=https://api.pay.example.io/v1
    networks: [back, data]
    depends_on: [db]
  report: {image: r, network_mode: host, environment: {URL: "postgres://u@db:5432/x"}, profiles: [night]}
  worker: {image: w, environment: {DATABASE_URL: "postgres://u:pw@db:5432/x"}, networks: [data]}
  db: {image: "postgres:16", networks: [data]}
  cache: {image: redis:7, networks: {data: {}, back: {}}}
"""
CALLS = (
    "outside -> gateway", "gateway -> orders", "orders -> db", "worker -> db", "orders -> cache", "gateway -> cache",
    "orders -> api.pay.example.io",
)  # fmt: skip


class _Written(NamedTuple):
    services: Any
    hops: Sequence[Hop]
    made: Sequence[Redirect | ManualStep]
    text: str


def _write(folder: Path, project: str = PROJECT, edges: Sequence[str] = CALLS) -> _Written:
    base, override, settings = (folder / name for name in ("compose.yaml", "compose.brownout.yaml", "brownout.yaml"))
    base.write_text(project)
    imported = read_compose([base])
    architecture = read_architecture(
        document.parse(architecture_file.document(imported.content(), "x"), "a.yaml"), "a.yaml"
    )
    services = load([base], (), frozenset(), lambda _: None)
    compose = ComposeProject(services, imported, service_name(services), read_text)
    proxies = container_proxies(architecture, edges, Machine({"gateway": {80: 8080}}, {8080, 18080}), services)
    made = redirected(compose, architecture, proxies, set(edges))
    override.write_text(compose_override(compose, proxies, made, "docker compose up", "./brownout.yaml"))
    settings.write_text(setup_files.settings(proxies, [], "docker compose up"))
    both = merged(base, override)
    return _Written(both, list(hops(both, settings, compose.proxy)), made, override.read_text())


def test_each_call_goes_over_the_proxy_to_its_callee(tmp_path: Path) -> None:
    written = _write(tmp_path)
    assert {(hop.caller, hop.by, hop.upstream) for hop in written.hops} == {
        ("gateway", "ORDERS_URL", "orders:8000"),
        ("gateway", "CACHE_URL", "cache:6379"),
        ("orders", "DB_HOST", "db:5432"),
        ("orders", "CACHE_URL", "cache:6379"),
        ("orders", "link api.pay.example.io", "api.pay.example.io:443"),
        ("worker", "link db", "db:5432"),
    }
    assert not [one for one in written.made if isinstance(one, ManualStep)]


def test_what_the_project_says_stays_but_for_the_redirected_settings(tmp_path: Path) -> None:
    written = _write(tmp_path)
    before = merged(tmp_path / "compose.yaml")
    for name, service in before.items():
        for key, value in service.get("environment", {}).items():
            now = written.services[name]["environment"][key]
            assert now == value or "brownout" in now
    assert "report" not in written.services, "a service of a profile is not started by the override"
    assert "pw" not in written.text


def test_the_proxy_is_in_the_networks_of_both_ends_and_its_control_is_on_loopback_alone(tmp_path: Path) -> None:
    service = _write(tmp_path).services["brownout"]
    assert set(service["networks"]) == {"front", "back", "data"}
    assert service["ports"] == ["127.0.0.1:8473:8473", "127.0.0.1:18081:18081"]


def test_callers_wait_for_the_proxy(tmp_path: Path) -> None:
    services = _write(tmp_path).services
    for caller in ("gateway", "orders", "worker"):
        assert services[caller]["depends_on"]["brownout"]["condition"] == "service_healthy"
    assert "db" in services["orders"]["depends_on"]
    assert "depends_on" not in services["db"]


def test_the_service_s_command_is_one_that_the_proxy_takes(tmp_path: Path) -> None:
    words = yaml.safe_load(_write(tmp_path).text)["services"]["brownout"]["command"]
    context = command.make_context("brownout-proxy", list(map(str, words)))
    assert context.params["host"] == "0.0.0.0"
    assert context.params["grpc_port"] in (8473, "8473")


def test_the_service_takes_a_name_that_is_free() -> None:
    assert service_name([]) == "brownout"
    assert service_name(["brownout", "brownout-proxy"]) == "brownout-proxy-2"


def test_a_step_by_hand_is_in_the_file_with_its_reason(tmp_path: Path) -> None:
    project = "services:\n  web: {image: w, network_mode: host, environment: {URL: 'http://db:80'}}\n  db: {image: d}\n"
    written = _write(tmp_path, project, ["web -> db"])
    assert "web -> db: network_mode host" in written.text
    assert not written.hops
    assert list(written.services) == ["web", "db", "brownout"]


@pytest.mark.parametrize(("sink", "host"), [("db", "db:5432"), ("elsewhere", "host.docker.internal:8080")])
def test_what_is_no_service_of_the_project_is_looked_for_on_the_machine(sink: str, host: str, tmp_path: Path) -> None:
    base = tmp_path / "compose.yaml"
    base.write_text("services: {web: {image: w}, db: {image: postgres}}\n")
    architecture = read_architecture(
        document.parse("services: {web: {calls: [db, elsewhere]}, db: , elsewhere: }", "a.yaml"), "a.yaml"
    )
    services = load([base], (), frozenset(), lambda _: None)
    (proxy,) = container_proxies(architecture, [f"web -> {sink}"], Machine(), services)
    assert proxy.upstream == host
    project = ComposeProject(services, read_compose([base]), "brownout", read_text)
    text = compose_override(project, [proxy], [], "up", "./brownout.yaml")
    assert ("extra_hosts" in text) == (sink == "elsewhere")
