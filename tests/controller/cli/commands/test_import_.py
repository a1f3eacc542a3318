"""`brownout import`: files in, an architecture or additions to one out, and never a secret."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brownout_catalogue.architecture import read_architecture
from brownout_controller.cli.commands.import_ import importing
from brownout_core import document
from brownout_core.errors import BrownoutError
from brownout_proxy import cli

COMPOSE = """\
services:
  web: {environment: {CART_ADDR: "cart:7070", PAY_URL: "https://pay.elsewhere.net/v1"}, depends_on: [db]}
  cart: {}
  db: {image: postgres}
"""
POD = "kind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: web, image: w}]}\n"


def run(*words: str, stdin: str = "") -> Result:
    return CliRunner().invoke(importing, list(words), input=stdin, catch_exceptions=True)


@pytest.fixture(name="compose")
def _compose(tmp_path: Path) -> str:
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    return str(tmp_path / "compose.yaml")


def test_an_architecture_goes_to_stdout_and_a_summary_to_stderr(compose: str) -> None:
    result = run("compose", compose)
    assert result.exit_code == 0
    read = read_architecture(document.parse(result.stdout, "a.yaml"), "a.yaml")
    assert [edge.name for edge in read.edges] == ["web -> cart", "web -> pay.elsewhere.net", "web -> db"]
    assert result.stderr.splitlines()[0] == (
        f"{compose}: 3 services, 1 external component, 3 calls (1 strong, 1 likely, 1 weak)"
    )


def test_a_file_is_made_where_there_is_none_and_added_to_where_there_is_one(compose: str, tmp_path: Path) -> None:
    into = tmp_path / "architecture.yaml"
    result = run("compose", compose, "--into", str(into))
    assert (result.stdout, result.stderr.splitlines()[1]) == ("", f"{into}: written")
    first = into.read_text()
    result = run("compose", compose, "--into", str(into))
    assert f"{into}: nothing to add" in result.stderr
    assert into.read_text() == first
    into.write_text("services:\n  web: {replicas: 2}\n  old: {where: {image: x}}\n# mine\n")
    result = run("compose", compose, "--into", str(into))
    assert "added      web -> cart" in result.stderr
    assert "not found  old any more; it stays until you remove it" in result.stderr
    assert into.read_text().startswith("services:\n  web: {replicas: 2, calls: {")
    assert "\n# mine\n" in into.read_text()


def test_json_may_be_asked_for_before_the_command(compose: str) -> None:
    result = CliRunner().invoke(cli.root, ["--json", "import", "compose", compose])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)


def test_programs_get_json_and_nothing_else(compose: str, tmp_path: Path) -> None:
    result = run("compose", compose, "--json")
    told = json.loads(result.stdout)
    assert result.stderr == ""
    assert told["calls"][0] == {
        "from": "web", "to": "cart", "strength": "strong", "evidence": [f"CART_ADDR has cart:7070 ({compose}:2)"],
    }  # fmt: skip
    assert set(told["architecture"]["services"]) == {"web", "cart", "db"}
    into = tmp_path / "a.yaml"
    into.write_text("services: {web: {calls: [db]}, db: {replicas: 2}}")
    told = json.loads(run("compose", compose, "--json", "--into", str(into)).stdout)
    assert "web -> cart" in told["added"]
    assert told["differs"] == told["not_found"] == []


def test_line_ends_of_other_systems_are_kept(compose: str, tmp_path: Path) -> None:
    into = tmp_path / "a.yaml"
    into.write_bytes("\ufeffservices:\r\n  web: # ü\r\n".encode())
    run("compose", compose, "--into", str(into))
    content = into.read_bytes()
    assert content.startswith("\ufeffservices:\r\n  web: # ü\r\n    calls:\r\n".encode())
    assert content.count(b"\n") == content.count(b"\r\n")


def test_contradictions_are_told(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("services: {web: {scale: 1}}")
    (tmp_path / "a.yaml").write_text("services: {web: {replicas: 3}}")
    result = run("compose", str(tmp_path / "c.yaml"), "--into", str(tmp_path / "a.yaml"))
    assert "differs    web.replicas: 3 here, 1 there" in result.stderr
    assert (tmp_path / "a.yaml").read_text() == "services: {web: {replicas: 3}}"


def test_manifests_come_from_standard_input() -> None:
    result = run("kubernetes", "-", stdin=POD)
    assert result.exit_code == 0
    assert "workload: pod/web" in result.stdout
    assert result.stderr.startswith("standard input: 1 service, 0 calls\n")


@pytest.mark.parametrize("content", ["services: [", "services: {a: {extends: b}}", "{{ x }}", ""])
def test_a_bad_file_is_one_error_and_changes_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "c.yaml").write_text(content)
    into = tmp_path / "a.yaml"
    into.write_text("services: [web]")
    for kind in ("compose", "kubernetes"):
        result = run(kind, str(tmp_path / "c.yaml"), "--into", str(into))
        assert isinstance(result.exception, BrownoutError)
        assert "\n" not in str(result.exception)
        assert into.read_text() == "services: [web]"


def test_an_architecture_that_is_wrong_is_not_added_to(compose: str, tmp_path: Path) -> None:
    into = tmp_path / "a.yaml"
    for content in (b"services: {web: {calls: [gone]}}", b"\xff"):
        into.write_bytes(content)
        assert isinstance(run("compose", compose, "--into", str(into)).exception, BrownoutError)
        assert into.read_bytes() == content


_SECRET = st.text("abcdefghijkXYZ0123456789!$%^&*()+=,:;@/?#[]-_.~", min_size=10, max_size=24).filter(
    lambda text: any(letter.isalnum() for letter in text[1:-1])
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_SECRET)
def test_no_secret_of_a_compose_file_comes_out(tmp_path: Path, secret: str) -> None:
    quoted = json.dumps(secret.replace("$", "$$"))
    dsn = json.dumps(f"postgres://shop:{secret}@db:5432/x".replace("$", "$$"))
    far = json.dumps(f"postgres://shop:{secret}@db.elsewhere.net:5432/x".replace("$", "$$"))
    (tmp_path / "s.env").write_text(f"API_TOKEN='{secret}'\nDB_DSN='redis://:{secret}@cache:6379'\n")
    (tmp_path / ".env").write_text(f"PW='{secret}'\n")
    (tmp_path / "c.yaml").write_text(f"""
services:
  web:
    env_file: s.env
    environment: {{DATABASE_URL: {dsn}, FAR_URL: {far}, DB_PASSWORD: {quoted}, PW: , API_KEY: {quoted},
      CONN: "Server=db;User Id=sa;Password=${{PW}};", TOKEN_URL: {quoted}}}
    command: ["--password", {quoted}, {json.dumps("-p" + secret.replace("$", "$$"))}, {dsn}]
    entrypoint: {json.dumps("run --token=" + secret.replace("$", "$$"))}
  db: {{image: postgres}}
  cache: {{image: redis}}
""")
    for words in ([], ["--json"]):
        result = run("compose", str(tmp_path / "c.yaml"), *words)
        assert result.exit_code == 0, result.exception
        said = result.stdout + result.stderr
        assert "web" in said
        assert secret.lower() not in said.lower()
        assert not [part for part in _parts(secret) if part in said.lower()]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_SECRET)
def test_no_secret_of_a_cluster_comes_out(tmp_path: Path, secret: str) -> None:
    dsn = f"postgres://shop:{secret}@db.elsewhere.net:5432/x"
    objects = [
        {"kind": "Secret", "metadata": {"name": "s"}, "stringData": {"PLAIN_URL": secret, "DSN": dsn},
         "data": {"ENC_HOST": base64.b64encode(secret.encode()).decode(),
                  "ENC_DSN": base64.b64encode(dsn.encode()).decode()}},
        {"kind": "Deployment", "metadata": {"name": "web"}, "spec": {"template": {"spec": {"containers": [{
            "name": "web", "image": "w", "args": ["--password=" + secret, "-p", secret, "--url", dsn],
            "envFrom": [{"secretRef": {"name": "s"}}],
            "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "PLAIN_URL"}}},
                    {"name": "B_HOST", "value": "$(A)"}, {"name": "DB_PASSWORD", "value": secret}]}]}}}},
    ]  # fmt: skip
    for words in ([], ["--json"]):
        result = run("kubernetes", "-", *words, stdin=json.dumps({"kind": "List", "items": objects}))
        assert result.exit_code == 0, result.exception
        said = (result.stdout + result.stderr).lower()
        assert "db.elsewhere.net" in said or set(secret) & set("@/?#;")
        assert not [part for part in (secret.lower(), *_parts(secret)) if part in said]


def _parts(secret: str) -> list[str]:
    """Pieces that are long enough to be no accident."""
    lowered = secret.lower()
    return [lowered[start : start + 8] for start in range(len(lowered) - 7)]


_COMPOSE_KEYS = (
    *("include", "extends", "environment", "env_file", "depends_on", "networks", "links", "ports", "volumes", "deploy"),
    *("healthcheck", "command", "profiles", "image", "file", "web"),
)
_CLUSTER_KEYS = (
    *("metadata", "name", "namespace", "spec", "template", "containers", "env", "envFrom", "configMapRef", "valueFrom"),
    *("secretKeyRef", "data", "selector", "matchLabels", "labels", "rules", "http", "paths", "backend", "items"),
    *("scaleTargetRef", "annotations", "ingress", "from", "podSelector", "kind"),
)
_WORDS = (
    "web",
    "cart:80",
    "Deployment",
    "Service",
    "Ingress",
    "NetworkPolicy",
    "CronJob",
    "List",
    "${A:-$B}",
    "",
    "-h",
)
_KEYS = st.sampled_from(_COMPOSE_KEYS + _CLUSTER_KEYS)
_LEAVES = st.sampled_from([*_WORDS, 3, True, None, 1.5])
_ANYTHING = st.recursive(_LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4))
_OBJECT = st.fixed_dictionaries(
    {"kind": st.sampled_from(["Deployment", "Service", "Pod", "Ingress", "Secret", "ConfigMap", "HTTPRoute"]),
     "metadata": st.fixed_dictionaries({"name": st.sampled_from(["web", "cart"])}), "spec": _ANYTHING,
     "data": _ANYTHING}
)  # fmt: skip


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    st.dictionaries(st.sampled_from(["web", "cart"]), st.dictionaries(_KEYS, _ANYTHING) | _ANYTHING),
    st.lists(_OBJECT | _ANYTHING, max_size=4),
)
def test_whatever_a_file_says_it_is_read_or_refused(
    tmp_path: Path, services: dict[str, object], objects: list[object]
) -> None:
    (tmp_path / "c.yaml").write_text(json.dumps({"services": services}))
    for result in (
        run("compose", str(tmp_path / "c.yaml")),
        run("kubernetes", "-", stdin=json.dumps({"kind": "List", "items": objects})),
    ):
        assert result.exception is None or isinstance(result.exception, BrownoutError), result.exc_info
