"""Unmodified clients of Toxiproxy, as their registries hold them, drive the real process."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support import requirements
from tests.support.processes.control_server import ControlServer, brownout, serving
from tests.support.requirements import needs
from tests.support.running import echoing, said_back

with warnings.catch_warnings():
    # What the client was written for is not what Python is today.
    warnings.simplefilter("ignore")
    from toxiproxy import Toxiproxy
    from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists

_NODE: Final = Path(__file__).parent / "node"


@pytest.fixture(scope="module")
def server() -> Iterator[ControlServer]:
    with serving(brownout()) as running:
        yield running


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with echoing() as address:
        yield address


@pytest.fixture
def toxiproxy(server: ControlServer) -> Iterator[Any]:
    client = Toxiproxy()
    client.update_api_consumer("127.0.0.1", server.port)
    client.destroy_all()
    yield client
    client.destroy_all()


def test_the_python_client_makes_proxies_that_carry_bytes(toxiproxy: Any, upstream: str) -> None:
    assert toxiproxy.running()
    assert toxiproxy.version() == b'{"version": "2.12.0"}\n'
    proxy = toxiproxy.create(upstream=upstream, name="python")
    assert (proxy.upstream, proxy.enabled) == (upstream, True)
    assert said_back(proxy.listen, b"hello") == b"hello"
    assert list(toxiproxy.proxies()) == ["python"]


def test_the_python_client_adds_and_removes_toxics(toxiproxy: Any, upstream: str) -> None:
    proxy = toxiproxy.create(upstream=upstream, name="python")
    proxy.add_toxic(type="limit_data", attributes={"bytes": 2})
    assert said_back(proxy.listen, b"hello") == b"he"
    toxic = proxy.get_toxic("limit_data_downstream")
    assert (toxic.type, toxic.stream, toxic.toxicity) == ("limit_data", "downstream", 1)
    assert toxic.attributes == {"bytes": 2}
    assert proxy.destroy_toxic("limit_data_downstream")
    assert proxy.toxics() == {}
    assert said_back(proxy.listen, b"hello") == b"hello"


def test_the_python_client_takes_a_proxy_down_and_resets(toxiproxy: Any, upstream: str) -> None:
    proxy = toxiproxy.create(upstream=upstream, name="python")
    with proxy.down(), pytest.raises(ConnectionRefusedError):
        said_back(proxy.listen, b"hello")
    assert said_back(proxy.listen, b"hello") == b"hello"
    proxy.add_toxic(type="limit_data", stream="upstream", attributes={"bytes": 1})
    proxy.disable()
    assert toxiproxy.reset()
    assert said_back(proxy.listen, b"hello") == b"hello"
    assert proxy.destroy()
    with pytest.raises(ConnectionRefusedError):
        said_back(proxy.listen, b"hello")


def test_the_python_client_populates(toxiproxy: Any, upstream: str) -> None:
    wanted = [{"name": name, "upstream": upstream, "listen": "127.0.0.1:0"} for name in ("b", "a")]
    proxies = toxiproxy.populate(wanted)
    assert [proxy.name for proxy in proxies] == ["b", "a"]
    assert [said_back(proxy.listen, b"hello") for proxy in proxies] == [b"hello"] * 2
    again = {proxy.name: proxy.listen for proxy in toxiproxy.proxies().values()}
    assert list(again) == ["a", "b"]
    same = [{"name": name, "upstream": upstream, "listen": again[name]} for name in again]
    assert toxiproxy.populate(same) == []


def test_the_python_client_understands_our_errors(toxiproxy: Any, upstream: str) -> None:
    proxy = toxiproxy.create(upstream=upstream, name="python")
    with pytest.raises(ProxyExists):
        toxiproxy.create(upstream=upstream, name="python")
    with pytest.raises(NotFound):
        proxy.destroy_toxic("nope")
    with pytest.raises(InvalidToxic):
        proxy.add_toxic(type="nope")


@pytest.fixture(scope="module")
def node_client(request: pytest.FixtureRequest) -> Path:
    """A folder with the driver and the client, which npm installs once for each lock file."""
    lock = (_NODE / "package-lock.json").read_bytes()
    digest = hashlib.sha256(lock).hexdigest()[:16]
    cache = request.config.cache
    assert cache is not None
    folder = cache.mkdir(f"node-{digest}")
    for name in ("package.json", "package-lock.json", "drive.mjs"):
        shutil.copy(_NODE / name, folder)
    if not (folder / "node_modules" / ".package-lock.json").is_file():  # npm writes it last
        npm = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
        done = subprocess.run(npm, cwd=folder, capture_output=True, text=True, timeout=150, check=False)
        if done.returncode:
            reason = f"npm cannot install the client: {done.stderr.strip()}"
            (pytest.fail if requirements.in_ci(os.environ) else pytest.skip)(reason)
    return folder


@needs("node", "npm")
def test_the_node_client_does_all_that_it_can(server: ControlServer, upstream: str, node_client: Path) -> None:
    drive = ("node", "drive.mjs", server.url, upstream)
    done = subprocess.run(drive, cwd=node_client, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    listen = seen["created"]["listen"]
    proxy = {"name": "node", "listen": listen, "upstream": upstream, "enabled": True}
    toxic = {
        "name": "limit_data_downstream",
        "type": "limit_data",
        "stream": "downstream",
        "toxicity": 1,
    }
    assert listen.startswith("127.0.0.1:")
    assert seen == {
        "version": '{"version": "2.12.0"}\n',
        "created": proxy,
        "clean": "hello",
        "toxic": {**toxic, "attributes": {"bytes": 2}},
        "limited": "he",
        "changed": {**toxic, "attributes": {"bytes": 4}},
        "lessLimited": "hell",
        "found": {**toxic, "attributes": {"bytes": 4}},
        "unlimited": "hello",
        "off": {**proxy, "enabled": False},
        "refused": "ECONNREFUSED",
        "reset": proxy,
        "afterReset": "hello",
        "populated": {"one": True, "two": False},
        "throughPopulated": "hello",
        "nothingPopulated": {},
        "all": ["node", "one", "two"],
        "left": {},
        "afterRemoval": "ECONNREFUSED",
        "missing": "Request failed with status code 404",
    }
