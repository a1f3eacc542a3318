"""brownout.yaml: environments by name, edges in any spelling, and the one that needs no file."""

from __future__ import annotations

import pytest

from brownout_controller.model.environment import CONTROL, Environment, read_environment, read_environments
from brownout_controller.model.prometheus_server import PrometheusServer
from brownout_core import document
from brownout_core.errors import InvalidSpec

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


_ASKING = """
environments:
  here: {prometheus: "http://127.0.0.1:9090"}
  there:
    token: hunter21
    prometheus:
      url: https://prometheus.example
      headers: {X-Scope-OrgID: hunter22}
      basic_auth: {user: me, password: hunter23}
      ca: certs/ca.pem
"""


def test_a_prometheus_is_a_url_or_a_mapping_whose_ca_is_beside_the_file() -> None:
    found = read_environments(document.parse(_ASKING, "shop/brownout.yaml"))
    assert found["here"].prometheus == "http://127.0.0.1:9090"
    server = found["there"].prometheus
    assert isinstance(server, PrometheusServer)
    assert server.ca == "shop/certs/ca.pem"
    absolute = read_environments(document.parse(_ASKING.replace("certs/", "/certs/"), "shop/brownout.yaml"))["there"]
    assert isinstance(absolute.prometheus, PrometheusServer)
    assert absolute.prometheus.ca == "/certs/ca.pem"


def test_what_a_prometheus_asks_for_is_secret_and_in_no_journal() -> None:
    there = read_environments(document.parse(_ASKING, "shop/brownout.yaml"))["there"]
    assert {"hunter21", "hunter22", "hunter23"} <= set(there.secrets)
    assert "hunter" not in str(there.for_journal())
    assert there.for_journal()["prometheus"] == {"url": "https://prometheus.example", "ca": "shop/certs/ca.pem"}
    Environment.model_validate(there.for_journal())  # as a later start reads it
    assert Environment(prometheus="http://x").for_journal()["prometheus"] == "http://x"


def test_a_mistake_in_a_prometheus_is_told_with_its_place() -> None:
    for wrong, told in (("basic_auth: {usr", "usr: unknown key; did you mean user"), ("urll", "urll: unknown key")):
        text = _ASKING.replace("basic_auth: {user" if "basic" in wrong else "url", wrong)
        with pytest.raises(InvalidSpec, match=told) as caught:
            read_environments(document.parse(text, "brownout.yaml", columns=True))
        assert "hunter" not in str(caught.value)


@pytest.mark.parametrize("address", ["127.0.0.1", "http://127.0.0.1:8475", "h:port", "[::1]"])
def test_a_control_address_that_is_none_is_told(address: str) -> None:
    root = document.parse(f"environments: {{x: {{control: '{address}'}}}}", "b.yaml", columns=True)
    with pytest.raises(InvalidSpec, match=r"is no address; write it like "):
        read_environments(root)


@pytest.mark.parametrize("address", ["127.0.0.1:8475", "[::1]:8475", "proxy.staging:8475", "unix:/run/proxy.sock"])
def test_a_control_address_is_taken_as_grpc_takes_it(address: str) -> None:
    root = document.parse(f"environments: {{x: {{control: '{address}'}}}}", "b.yaml", columns=True)
    assert read_environments(root)["x"].control == (address,)
