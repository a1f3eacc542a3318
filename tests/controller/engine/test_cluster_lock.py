"""What needs no contract of a lock by Leases: its names, the choice of it, and a moment without the server.

What it does with a server is in tests/contract/test_cluster_lock.py.
"""

from __future__ import annotations

import asyncio
import getpass
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from brownout_controller.backends.cluster import Cluster
from brownout_controller.engine import cluster_lock
from brownout_controller.engine.cluster_lock import exclusion, leases, name_of
from brownout_controller.engine.locks import Claim
from brownout_controller.model.environment import Environment, Kubernetes
from brownout_core.errors import Conflict, Unavailable
from tests.support.processes.kube import Api, api
from tests.support.running import nobody


@pytest.mark.parametrize(
    "target", ["127.0.0.1:8475/db", "[::1]:8475/db", "ÄÖ/ü", "x" * 300, "a" * 36 + "-b", "-", "proxy.shop.svc:8475/Db"]
)
def test_a_name_is_a_dns_label(target: str) -> None:
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", name_of(target))
    assert len(name_of(target)) <= 63
    assert name_of(target).startswith("brownout-")


def test_names_differ_where_targets_do_and_stay_what_they_are() -> None:
    assert name_of("127.0.0.1:8475/db") == "brownout-127-0-0-1-8475-db-967732c6aa1f0f84"
    assert len({name_of(target) for target in ("a/b", "a-b", "A/b", "a/b ")}) == 4


async def test_an_environment_without_a_cluster_is_excluded_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    async with exclusion(Environment())(["db"], Claim("run-1")):
        with pytest.raises(Conflict, match="db is in use by run-1"):
            async with exclusion(Environment())(["db"], Claim("run-2")):
                pass


def test_a_run_on_this_machine_does_not_load_the_client_of_clusters() -> None:
    code = "import sys, brownout_controller.cli.commands.run; sys.exit('kubernetes' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


async def test_a_cluster_that_cannot_be_asked_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with nobody() as address:
        (tmp_path / "config").write_text(_KUBECONFIG.format(server=f"http://{address}"))
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))

        with pytest.raises(Unavailable, match=f"cannot get leases in namespace shop: http://{address} does not"):
            async with exclusion(Environment(kubernetes=Kubernetes(namespace="shop")))(["db"], Claim("run-1")):
                pass


def test_a_user_without_a_name_has_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert re.match(r"\d+@", cluster_lock._me())


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    with api("fake") as running:
        monkeypatch.setenv("KUBECONFIG", str(running.kubeconfig(tmp_path)))
        yield running


async def test_a_server_that_is_away_for_a_moment_loses_nothing(fake: Api) -> None:
    place, lost = Kubernetes(namespace=fake.namespace()), list[str]()

    async with leases(place, 3)(["db"], Claim("run-1", lost=lost.append)):
        fake.server.kill()
        await asyncio.sleep(1.4)  # one renewal fails
        fake.server.start()
        await asyncio.sleep(2)  # and the next is in time
    assert lost == []
    assert fake.leases(place.namespace) == {}


async def test_a_release_that_does_not_reach_the_server_is_told(fake: Api, caplog: pytest.LogCaptureFixture) -> None:
    place = Kubernetes(namespace=fake.namespace())

    async with leases(place, 2)(["db"], Claim("run-1")):
        fake.server.kill()
    assert "the lease on db could not be released, and ends by itself: cannot delete leases" in caplog.text


async def test_a_run_that_was_held_up_for_too_long_gives_up_though_the_server_would_have_it(
    fake: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, lost = Kubernetes(namespace=fake.namespace()), list[str]()

    async with leases(place, 2)(["db"], Claim("run-1", lost=lost.append)) as check:
        check()
        assert lost == []
        time.sleep(1.5)  # noqa: ASYNC251  # as a process that was suspended
        check()  # at once, without a turn of the loop
        assert len(lost) == 1
        while len(lost) < 2:
            await asyncio.sleep(0.01)
    for told in lost:
        assert re.fullmatch(r"the lease on db could not be renewed for \d\.\d s: the run was held up", told)


async def test_a_renewal_that_fails_in_any_way_is_tried_again_and_the_loss_is_told(
    fake: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, lost = Kubernetes(namespace=fake.namespace()), list[str]()

    async def broken(*_: object) -> None:
        raise KeyError("metadata")

    async with asyncio.timeout(20), leases(place, 2)(["db"], Claim("run-1", lost=lost.append)):
        monkeypatch.setattr(Cluster, "request", broken)
        while not lost:
            await asyncio.sleep(0.01)
    assert re.fullmatch(r"the lease on db could not be renewed for \d\.\d s: KeyError: 'metadata'", lost[0])


_KUBECONFIG = """
apiVersion: v1
kind: Config
clusters: [{{name: c, cluster: {{server: "{server}"}}}}]
users: [{{name: u, user: {{token: t}}}}]
contexts: [{{name: test, context: {{cluster: c, user: u}}}}]
current-context: test
"""
