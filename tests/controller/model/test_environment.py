"""brownout.yaml: environments by name, edges in any spelling, and the one that needs no file."""

from __future__ import annotations

import pytest

from brownout_controller.model.environment import CONTROL, Environment, read_environment
from brownout_proxy import document
from brownout_proxy.errors import InvalidSpec

_FILE = """\
environments:
  local:
    edges: {payment-service -> postgresql: {proxy: postgres}}
  staging:
    backend: chaos-mesh
    kubernetes: {context: staging, namespace: shop}
    prometheus: http://prometheus.monitoring:9090
    services:
      payment-service: {labels: {app: payment-service}}
      postgresql: {labels: {app: postgresql}, host: postgresql.shop.svc.cluster.local, port: 5432}
    limits: {max_pods: 1, max_percent: 34, keep_ready: 1, max_duration: 5m}
  production: {protected: true}
"""


def _read(text: str, name: str) -> Environment:
    return read_environment(document.parse(text, "brownout.yaml", columns=True), name, "brownout.yaml")


def test_the_design_s_own_file_is_read() -> None:
    assert _read(_FILE, "local").edges["payment-service -> postgresql"].proxy == "postgres"
    staging = _read(_FILE, "staging")
    assert (staging.backend, staging.limits.max_duration, staging.limits.max_percent) == ("chaos-mesh", 300, 34)
    assert staging.services["postgresql"].port == 5432
    assert _read(_FILE, "production").protected


def test_the_local_one_needs_no_file() -> None:
    assert read_environment(None, "local", "brownout.yaml") == _read("", "local") == Environment()
    assert Environment().control == (CONTROL,)


def test_one_address_is_as_good_as_a_list_and_an_edge_may_have_any_spaces() -> None:
    environment = _read('environments: {local: {control: "h:1", edges: {"a->b": {proxy: p}}}}', "local")
    assert environment.control == ("h:1",)
    assert list(environment.edges) == ["a -> b"]


@pytest.mark.parametrize(
    ("text", "name", "told"),
    [
        (_FILE, "stagin", "brownout.yaml: unknown environment 'stagin'; did you mean staging?"),
        ("", "staging", "brownout.yaml: is not there, or empty; environment 'staging' has to be in it"),
        ("[1]", "local", "brownout.yaml:1:1: must be a mapping with environments"),
        ("environments: {local: {contrl: x}}", "local", "brownout.yaml:1:24: environments.local.contrl: unknown key"),
        (
            "environments: {local: {limits: {max_pods: 1}}}",
            "local",
            "brownout.yaml:1:16: environments.local: limits.max_pods is about pods, of which backend proxy knows",
        ),
        (
            "environments: {local: {backend: memory, limits: {keep_ready: 0}}}",
            "local",
            "brownout.yaml:1:16: environments.local: limits.keep_ready is about pods, of which backend memory knows",
        ),
        (
            "environments: {local: {edges: {a: {proxy: p}}}}",
            "local",
            "brownout.yaml:1:24: environments.local.edges: ",
        ),
        ("environments: {local: {limits: {max_targets: 0}}}", "local", "brownout.yaml:1:33: environments.local.limits"),
        ("environments: {local: {backend: magic}}", "local", "brownout.yaml:1:24: environments.local.backend: must be"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, name: str, told: str) -> None:
    with pytest.raises(InvalidSpec) as refusal:
        _read(text, name)
    assert str(refusal.value).startswith(told)


def test_the_proxy_s_part_of_the_file_is_the_proxy_s_own() -> None:
    proxies = "seed: 42\nproxies: {db: {listen: '127.0.0.1:1', upstream: '${NOT_OURS}:2'}}\n"
    assert _read(proxies, "local") == Environment()
    assert _read(proxies + "environments: {local: {protected: true}}", "local").protected
    with pytest.raises(InvalidSpec, match=r"brownout.yaml:3:1: enviroments: unknown key; did you mean environments\?"):
        _read(proxies + "enviroments: {}", "local")


def test_a_token_is_not_shown() -> None:
    assert "hunter2" not in repr(_read("environments: {local: {token: hunter2}}", "local"))
