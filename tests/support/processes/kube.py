"""An API server for tests: a real one from KUBEBUILDER_ASSETS, and a fake that passes the same suite without any.

Both are set up by the same requests: a namespace for each test, and the rights of deploy/kubernetes/lock-role.yaml for
the user `ci`. `nobody` may log in and nothing else.
"""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final, Protocol

import pytest
import yaml

from tests.support.certificates import Authority
from tests.support.fakes.kube_api import FakeServer
from tests.support.ports import free_port
from tests.support.running import SECONDS, eventually

ROLE: Final = Path(__file__).parents[3] / "deploy" / "kubernetes" / "lock-role.yaml"
TOKENS: Final[Mapping[str, str]] = {"admin": "admin-token", "ci": "ci-token", "nobody": "nobody-token"}
LEASES: Final = "/apis/coordination.k8s.io/v1/namespaces/{}/leases"
KINDS: Final = [pytest.param(kind, marks=pytest.mark.xdist_group(f"cluster-{kind}")) for kind in ("fake", "real")]
"""What the fixture `clusters` makes; tests on one of them run on one worker, so that it is started once."""
_RBAC: Final = "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/{}"
_GROUPS: Final = {"admin": "system:masters"}
_START: Final = 150.0  # seconds; 6 on an idle machine


class Server(Protocol):
    """What can be started and killed; it keeps what it stores."""

    url: str
    authority: Path | None

    def start(self) -> None: ...

    def kill(self) -> None: ...

    def close(self) -> None: ...


class Api:
    """A running API server and its users."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._numbers = count(1)

    def ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, user: str = "admin"
    ) -> tuple[int, dict[str, Any]]:
        """What it answers to a user: the status, and the object."""
        request = urllib.request.Request(self.server.url + path, method=method)
        request.add_header("Authorization", f"Bearer {TOKENS.get(user, user)}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        authority = self.server.authority
        tls = None if authority is None else ssl.create_default_context(cafile=str(authority))
        try:
            with urllib.request.urlopen(request, timeout=SECONDS, context=tls) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def namespace(self, *verbs: str) -> str:
        """A new one, in which `ci` has the rights of the example, or `verbs`. It stays: nothing here deletes it."""
        name = f"test-{os.getpid()}-{next(self._numbers)}"
        self._made("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        for manifest in yaml.safe_load_all(ROLE.read_text()):
            for rule in manifest.get("rules", []):
                rule["verbs"] = list(verbs) or rule["verbs"]
            self._made(_RBAC.format(name, f"{manifest['kind'].lower()}s"), manifest)
        # The server answers from a cache of roles that lags behind by a moment.
        path = f"{LEASES.format(name)}/none"
        eventually(lambda: self.ask("GET", path, user="ci")[0] == 404, "the rights of ci")
        return name

    def _made(self, path: str, body: Mapping[str, Any]) -> None:
        status, answer = self.ask("POST", path, body)
        assert status == 201, answer

    def leases(self, namespace: str) -> dict[str, dict[str, Any]]:
        """All of a namespace, by their names."""
        status, answer = self.ask("GET", LEASES.format(namespace))
        assert status == 200, answer
        return {item["metadata"]["name"]: item for item in answer["items"]}

    def kubeconfig(self, folder: Path, user: str = "ci") -> Path:
        """A file with the context `test`."""
        cluster: dict[str, Any] = {"server": self.server.url}
        if self.server.authority is not None:
            cluster["certificate-authority"] = str(self.server.authority)
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": user, "user": {"token": TOKENS.get(user, user)}}],
            "contexts": [{"name": "test", "context": {"cluster": "c", "user": user}}],
            "current-context": "test",
        }
        path = folder / f"kubeconfig-{user}"
        path.write_text(yaml.safe_dump(content))
        return path


@contextmanager
def api(kind: str) -> Iterator[Api]:
    """A `fake` or a `real` one. Skips when there is no real one, or fails when BROWNOUT_REQUIRE_KUBE says so."""
    with tempfile.TemporaryDirectory(prefix="kube-") as folder:
        server: Server = FakeServer(TOKENS) if kind == "fake" else RealServer(Path(folder), _assets())
        try:
            server.start()
            yield Api(server)
        finally:
            server.close()


def _binaries() -> Mapping[str, Path]:
    """Those that are there, by the convention of controller-runtime's envtest."""
    folder = Path(os.environ.get("KUBEBUILDER_ASSETS", "/usr/local/kubebuilder/bin"))
    places = {
        "etcd": Path(os.environ.get("TEST_ASSET_ETCD", folder / "etcd")),
        "kube-apiserver": Path(os.environ.get("TEST_ASSET_KUBE_APISERVER", folder / "kube-apiserver")),
    }
    return {name: path for name, path in places.items() if os.access(path, os.X_OK)}


def _assets() -> Mapping[str, Path]:
    found = _binaries()
    if len(found) == 2:
        return found
    reason = "no kube-apiserver and etcd: set KUBEBUILDER_ASSETS to a folder with them, or say `make test-kube`"
    if os.environ.get("BROWNOUT_REQUIRE_KUBE") == "1":
        pytest.fail(f"{reason}; BROWNOUT_REQUIRE_KUBE=1 lets no test skip", pytrace=False)
    pytest.skip(reason)


def versions() -> str | None:
    """Which server the tests of clusters run against; for the head of a report."""
    found = _binaries()
    if len(found) != 2:
        return None
    said = [
        subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout.partition("\n")[0]
        for path in found.values()
    ]
    return f"cluster: {', '.join(reversed(said))}"


class RealServer:
    """kube-apiserver and its etcd, on loopback, in a folder of their own."""

    def __init__(self, folder: Path, assets: Mapping[str, Path]) -> None:
        self._folder, self._assets = folder, assets
        self._port, self._etcd_port, self._peer_port = free_port(), free_port(), free_port()
        self.url = f"https://localhost:{self._port}"
        authority = Authority(folder / "ca")
        self.authority: Path | None = self._file("ca.pem", authority.certificate)
        for name, host in (("server", "localhost"), ("accounts", "accounts")):
            certificate, key = authority.issue(host)
            self._file(f"{name}.pem", certificate)
            self._file(f"{name}.key", key)
        rows = [f"{token},{user},{user},{_GROUPS.get(user, '')}" for user, token in TOKENS.items()]
        self._file("tokens.csv", "\n".join(rows).encode())
        self._etcd: subprocess.Popen[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def _file(self, name: str, content: bytes) -> Path:
        path = self._folder / name
        path.write_bytes(content)
        return path

    def start(self) -> None:
        if self._etcd is None:
            self._etcd = self._run("etcd", self._etcd_flags())
        self._process = self._run("kube-apiserver", self._flags())
        eventually(self._ready, f"start of kube-apiserver; {self._folder}", _START)

    def _run(self, name: str, flags: Mapping[str, object]) -> subprocess.Popen[bytes]:
        words = [str(self._assets[name]), *(f"--{flag}={value}" for flag, value in flags.items())]
        with (self._folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(words, cwd=self._folder, stdout=log, stderr=log)

    def _etcd_flags(self) -> Mapping[str, object]:
        clients, peers = f"http://127.0.0.1:{self._etcd_port}", f"http://127.0.0.1:{self._peer_port}"
        return {
            "data-dir": self._folder / "etcd",
            "unsafe-no-fsync": "true",
            "listen-client-urls": clients,
            "advertise-client-urls": clients,
            "listen-peer-urls": peers,
            "initial-advertise-peer-urls": peers,
            "initial-cluster": f"default={peers}",
        }

    def _flags(self) -> Mapping[str, object]:
        return {
            "etcd-servers": f"http://127.0.0.1:{self._etcd_port}",
            "bind-address": "127.0.0.1",
            "advertise-address": "127.0.0.1",
            "secure-port": self._port,
            "tls-cert-file": "server.pem",
            "tls-private-key-file": "server.key",
            "token-auth-file": "tokens.csv",
            "authorization-mode": "RBAC",
            "anonymous-auth": "true",
            "service-account-issuer": "https://kubernetes.default.svc",
            "api-audiences": "https://kubernetes.default.svc",
            "service-account-key-file": "accounts.pem",
            "service-account-signing-key-file": "accounts.key",
            "service-cluster-ip-range": "10.96.0.0/24",
            "disable-admission-plugins": "ServiceAccount,StorageObjectInUseProtection",
            "endpoint-reconciler-type": "none",
        }

    def _ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "kube-apiserver.log").read_text()[-2000:]
        tls = ssl.create_default_context(cafile=str(self.authority))
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=SECONDS, context=tls) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def kill(self) -> None:
        """The server alone; what it stored stays in etcd."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(SECONDS)

    def close(self) -> None:
        self.kill()
        if self._etcd is not None:
            self._etcd.kill()
            self._etcd.wait(SECONDS)
