"""A live namespace is read with the right to list and nothing else, and gives what its manifests give."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from brownout_catalogue.importers.kubernetes.manifests import Object
from brownout_catalogue.importers.kubernetes.namespace import Answer, read_namespace
from brownout_controller.cli.commands.import_ import importing
from brownout_core.errors import Unavailable
from tests.support.processes.kube import KINDS, Api

PODS = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{
    "name": "web", "image": "shop/web:1",
    "env": [{"name": "DATABASE_URL", "valueFrom": {"secretKeyRef": {"name": "s", "key": "dsn"}}}],
}]}}  # fmt: skip
DEPLOYMENT = {
    "metadata": {"name": "web"},
    "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": PODS},
}
DB = {
    "metadata": {"name": "db"},
    "spec": {
        "serviceName": "db",
        "selector": {"matchLabels": {"app": "db"}},
        "template": {
            "metadata": {"labels": {"app": "db"}},
            "spec": {"containers": [{"name": "db", "image": "postgres:16"}]},
        },
    },
}
SERVICE = {"metadata": {"name": "db"}, "spec": {"selector": {"app": "db"}, "ports": [{"port": 5432}]}}
SECRET = {"metadata": {"name": "s"}, "data": {"dsn": base64.b64encode(b"postgres://u:Hunter2@db:5432/x").decode()}}
LISTS: dict[str, list[Any]] = {
    "deployments": [DEPLOYMENT],
    "statefulsets": [DB],
    "services": [SERVICE],
    "secrets": [SECRET],
}


async def read(refused: Mapping[str, int], *, secrets: bool = False) -> tuple[list[Object], list[str], list[str]]:
    """What a cluster gives that refuses some kinds with a status; the notes; the paths that were asked."""
    notes: list[str] = []
    asked: list[str] = []

    async def get(path: str) -> Answer:
        asked.append(path)
        if path == "/apis":
            return Answer({"groups": [{"name": "cert-manager.io"}, {"name": "security.istio.io"}]})
        if path.count("/") == 3 and path.startswith("/apis/"):
            if "istio" in path:
                return Answer({}, 0, "404 page not found")
            return Answer({"resources": [{"name": "certificates"}]})
        kind = path.rpartition("/")[2]
        if kind == "shop":
            return Answer({"metadata": {"name": "shop", "labels": {"istio-injection": "enabled"}}})
        if kind in refused:
            return Answer({}, refused[kind], f"{kind} no")
        return Answer({"items": LISTS.get(kind, [])})

    return await read_namespace(get, "shop", notes.append, secrets=secrets), notes, asked


async def test_secrets_are_not_asked_for_unless_wanted() -> None:
    found, _, asked = await read({})
    assert [one.title for one in found] == ["deployment/web", "statefulset/db", "service/db", "namespace/shop"]
    assert not any("secrets" in path for path in asked)
    assert any(path.endswith("/namespaces/shop/secrets") for path in (await read({}, secrets=True))[2])


async def test_extensions_are_asked_for_where_the_cluster_has_them() -> None:
    asked = [path for path in (await read({}))[2] if "istio" in path or "cert-manager" in path or "gateway" in path]
    assert asked == [
        "/apis/security.istio.io/v1",
        "/apis/cert-manager.io/v1",
        "/apis/cert-manager.io/v1/namespaces/shop/certificates",
    ]


async def test_kinds_that_may_not_be_listed_are_told() -> None:
    found, notes, _ = await read({"configmaps": 403, "ingresses": 403})
    assert len(found) == 4
    assert notes == ["may not list configmaps, ingresses of shop; they are missing"]


async def test_who_may_list_nothing_is_told_what_the_cluster_says() -> None:
    with pytest.raises(Unavailable, match="no"):
        await read(dict.fromkeys(LISTS, 403))


@pytest.mark.parametrize("status", [0, 401, 500])
async def test_a_cluster_that_fails_is_an_error(status: int) -> None:
    with pytest.raises(Unavailable):
        await read({"services": status})


def _filled(running: Api) -> str:
    space = running.namespace()
    apps = f"/apis/apps/v1/namespaces/{space}"
    for path, body in (
        (f"{apps}/deployments", DEPLOYMENT), (f"{apps}/statefulsets", DB),
        (f"/api/v1/namespaces/{space}/services", SERVICE), (f"/api/v1/namespaces/{space}/secrets", SECRET),
    ):  # fmt: skip
        status, answer = running.ask("POST", path, body)
        assert status == 201, answer
    return space


def _imported(space: str, *words: str) -> Result:
    return CliRunner().invoke(importing, ["kubernetes", "--namespace", space, *words])


@pytest.mark.parametrize("kind", KINDS)
def test_over_http_it_gives_what_manifests_give_and_no_secret(
    kind: str, clusters: Callable[[str], Api], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = clusters(kind)
    space = _filled(running)
    monkeypatch.setenv("KUBECONFIG", str(running.kubeconfig(tmp_path, "admin")))
    plain, looking = _imported(space), _imported(space, "--secrets", "--context", "test")
    monkeypatch.setenv("KUBECONFIG", str(running.kubeconfig(tmp_path, "nobody")))
    forbidden = _imported(space)
    assert plain.exit_code == 0, plain.exception
    assert f"where: {{namespace: {space}, workload: deployment/web, labels: {{app: web}}" in plain.stdout
    assert 'db: {guess: "weak: the name of DATABASE_URL (key dsn of secret/s)"}' in plain.stdout
    assert 'db: {port: 5432, guess: "strong: DATABASE_URL (key dsn of secret/s) has db:5432"}' in looking.stdout
    assert "Hunter2" not in plain.output + looking.output
    assert isinstance(forbidden.exception, Unavailable)
    assert "nobody" in str(forbidden.exception)


@pytest.mark.parametrize(
    "words",
    [["--namespace", "A/../b"], ["--namespace", "x", "file"], ["--secrets", "-"], ["--context", "c", "-"], []],
)
def test_flags_that_do_not_go_together_are_told(words: list[str]) -> None:
    result = CliRunner().invoke(importing, ["kubernetes", *words])
    assert result.exit_code != 0
    assert "PATH" in str(result.exception) or "--" in str(result.exception)
