"""How a cluster is found, who we are there, and what is said when it cannot be asked."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from brownout_controller.backends.cluster import Cluster, ClusterError
from brownout_controller.model.environment import Kubernetes
from tests.support.fakes.kube_api import FakeServer
from tests.support.processes.kube import LEASES, Api, api
from tests.support.running import Upstream, black_hole, nobody

_LEASE = f"{LEASES.format('shop')}/x"
_HERE = Kubernetes()


@pytest.fixture
def fake() -> Iterator[Api]:
    with api("fake") as running:
        yield running


async def refused(place: Kubernetes = _HERE, seconds: float = 5.0) -> ClusterError:
    """What is said instead of an answer."""
    cluster = Cluster(place)
    try:
        await cluster.request("GET", _LEASE, seconds=seconds)
    except ClusterError as error:
        return error
    finally:
        await cluster.close()
    raise AssertionError("it answered")


def write(path: Path, server: str, user: str = "{token: s3cret}") -> Path:
    path.write_text(
        f"""
        apiVersion: v1
        kind: Config
        clusters: [{{name: c, cluster: {{server: "{server}"}}}}]
        users: [{{name: u, user: {user}}}]
        contexts: [{{name: test, context: {{cluster: c, user: u}}}}]
        current-context: test
        """
    )
    return path


async def test_a_no_of_the_server_has_its_status_and_its_words(
    fake: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(fake.kubeconfig(tmp_path, "admin")))
    error = await refused(Kubernetes(context="test"))
    assert (error.status, str(error)) == (404, 'leases.coordination.k8s.io "x" not found')


_PLUGIN = """
import json, pathlib, sys
token = pathlib.Path(sys.argv[1]).read_text()
about = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": token}}
print(json.dumps(about))
"""


@pytest.mark.parametrize("source", ["file", "plugin"])
async def test_a_token_that_expires_in_the_middle_is_fetched_anew(
    fake: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    token, kubeconfig = tmp_path / "token", tmp_path / "config"
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": sys.executable,
        "args": ["-c", _PLUGIN, str(token)],
    }
    user = json.dumps({"exec": plugin} if source == "plugin" else {"tokenFile": str(token)})
    write(kubeconfig, fake.server.url, user)
    path = LEASES.format(fake.namespace())

    token.write_text("ci-token")
    cluster = Cluster(Kubernetes())
    try:
        body = {"metadata": {"name": "x"}, "spec": {}}
        assert (await cluster.request("POST", path, body))["metadata"]["name"] == "x"
        assert isinstance(fake.server, FakeServer)
        fake.server.change_token("ci", "a-new-one")
        token.write_text("a-new-one")
        asked = [cluster.request("GET", f"{path}/x") for _ in range(5)]
        assert [one["metadata"]["name"] for one in await asyncio.gather(*asked)] == ["x"] * 5
        fake.server.change_token("ci", "yet-another")
        with pytest.raises(ClusterError, match="Unauthorized"):
            await cluster.request("GET", f"{path}/x")
    finally:
        await cluster.close()


async def test_a_context_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "config", "http://127.0.0.1:1")
    monkeypatch.setenv("KUBECONFIG", str(path))
    said = str(await refused(Kubernetes(context="staging")))
    assert said.startswith(f"kubeconfig {path}: ")
    assert "staging" in said
    assert "s3cret" not in said


@pytest.mark.parametrize(
    "user", ["{token: s3cret, auth-provider: {name: oidc, config: {}}}", "{exec: {command: none}, token: [s3cret]}"]
)
async def test_what_is_wrong_with_credentials_is_said_without_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: str
) -> None:
    with nobody() as address:
        monkeypatch.setenv("KUBECONFIG", str(write(tmp_path / "config", f"http://{address}", user)))
        assert "s3cret" not in str(await refused())


@pytest.mark.parametrize("text", ["", "{", "[]", "clusters: 1", "contexts: [{name: test}]\ncurrent-context: test"])
async def test_a_file_that_is_no_kubeconfig_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    (tmp_path / "config").write_text(text)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    assert str(await refused()).startswith(f"kubeconfig {tmp_path}/config: ")


@pytest.mark.parametrize("context", [None, "staging"])
async def test_without_a_kubeconfig_it_is_said_how_to_name_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, context: str | None
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    assert str(await refused(Kubernetes(context=context))) == "there is no kubeconfig ~/.kube/config; set KUBECONFIG"


async def test_a_pod_without_a_service_account_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    assert "token file does not exist" in str(await refused())


async def test_a_token_that_is_just_being_replaced_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the hook of a pod's service account has it, which reads the file anew every minute."""
    from kubernetes.aio.config import ConfigException

    monkeypatch.setenv("KUBECONFIG", str(write(tmp_path / "config", "http://127.0.0.1:1")))

    def empty(_: object) -> None:
        raise ConfigException("Token file exists but empty.")

    cluster = Cluster(_HERE)
    try:
        (await cluster._connected()).configuration.refresh_api_key_hook = empty
        with pytest.raises(
            ClusterError, match=r"no credentials for http://127\.0\.0\.1:1: Token file exists but empty"
        ):
            await cluster.request("GET", _LEASE)
    finally:
        await cluster.close()


async def test_without_the_package_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kubernetes.aio", None)
    assert "the package kubernetes is not there" in str(await refused())


async def test_a_server_that_is_away_or_silent_is_told_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    with nobody() as address:
        write(tmp_path / "config", f"http://{address}")
        error = await refused()
        assert error.status == 0
        assert str(error).startswith(f"http://{address} does not answer: ")
    with black_hole() as address:
        write(tmp_path / "config", f"http://{address}")
        assert str(await refused(seconds=0.2)) == f"http://{address} does not answer within 0.2 s"


@pytest.mark.parametrize("content", [b"<html>", b"[]", b""])
async def test_an_answer_that_is_no_cluster_s_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    with closing(Upstream()) as upstream:

        def serve() -> None:
            with upstream.accept() as connection:
                connection.recv(1 << 16)
                connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: %d\r\n\r\n" % len(content) + content)

        thread = threading.Thread(target=serve)
        thread.start()
        monkeypatch.setenv("KUBECONFIG", str(write(tmp_path / "config", f"http://{upstream.address}")))
        error = await refused()
        thread.join()
    assert str(error) == f"http://{upstream.address} answers 502 with what is no object of a cluster"
