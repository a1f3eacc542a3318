"""Leases as locks, by one suite on the fake API server and on a real one; and the fake held to the real one's answers.

The real one needs KUBEBUILDER_ASSETS. Leases last three seconds here instead of fifteen.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from brownout_controller.engine.cluster_lock import leases, name_of
from brownout_controller.engine.locks import Claim
from brownout_controller.model.environment import Kubernetes
from brownout_core.errors import Conflict, Unavailable
from tests.support.processes.kube import KINDS, LEASES, Api, api
from tests.support.running import SECONDS

_LASTS: Final = 3
_TARGET: Final = "127.0.0.1:8475/db"
_NAME: Final = name_of(_TARGET)


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest, clusters: Callable[[str], Api]) -> Api:
    return clusters(request.param)


class Ground:
    """A namespace, and runs that want targets in it."""

    def __init__(self, server: Api, folder: Path) -> None:
        self.api = server
        self.folder = folder
        self.namespace = server.namespace()
        self.kubeconfig = server.kubeconfig(folder)
        self.lost: list[str] = []

    def exclusive(
        self, run: str, *targets: str, stopped: asyncio.Event | None = None, namespace: str | None = None
    ) -> AbstractAsyncContextManager[Callable[[], None]]:
        claim = Claim(run, "an experiment", self.lost.append, stopped or asyncio.Event())
        place = Kubernetes(context="test", namespace=namespace or self.namespace)
        return leases(place, _LASTS)(targets or (_TARGET,), claim)

    def lease(self) -> dict[str, Any] | None:
        return self.api.leases(self.namespace).get(_NAME)

    def put(self, **spec: object) -> None:
        """Somebody writes the lease, whatever it says."""
        place = LEASES.format(self.namespace)
        metadata = (self.lease() or {"metadata": {}})["metadata"]
        version = {"resourceVersion": metadata["resourceVersion"]} if metadata else {}
        lease = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": _NAME, "annotations": {"brownout/by": "\x1b[31mme\n"}, **version},
            "spec": {"leaseDurationSeconds": _LASTS, **spec},
        }
        answer = self.api.ask("PUT" if version else "POST", f"{place}/{_NAME}" if version else place, lease)
        assert answer[0] in (200, 201), answer


@pytest.fixture
def ground(server: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ground:
    ground = Ground(server, tmp_path)
    monkeypatch.setenv("KUBECONFIG", str(ground.kubeconfig))
    return ground


# One run at a time.


async def test_the_lease_says_who_has_the_target_and_is_gone_afterwards(ground: Ground) -> None:
    async with ground.exclusive("run-1"):
        lease = ground.lease()
        assert lease is not None
        assert lease["spec"]["holderIdentity"] == "run-1"
        assert lease["spec"]["leaseDurationSeconds"] == _LASTS
        assert lease["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "brownout"}
        about = lease["metadata"]["annotations"]
        assert about["brownout/target"] == _TARGET
        assert (about["brownout/run"], about["brownout/experiment"]) == ("run-1", "an experiment")
        assert "@" in about["brownout/by"]
    assert ground.lease() is None


async def test_another_run_is_refused_and_told_whose_it_is(ground: Ground) -> None:
    async with ground.exclusive("run-1", "a", "b"):
        with pytest.raises(Conflict, match=r"b is in use by run-1 \(an experiment, .*@.*; wait for it, or stop it"):
            async with ground.exclusive("run-2", "c", "b"):
                pass
        async with ground.exclusive("run-2", "c"):  # what it had taken before is free again
            pass
    async with ground.exclusive("run-2", "a", "b"):
        assert len(ground.api.leases(ground.namespace)) == 2
    assert ground.lost == []


async def test_renewal_keeps_it_for_much_longer_than_it_lasts(ground: Ground) -> None:
    async with ground.exclusive("run-1"):
        first = ground.lease()
        await asyncio.sleep(2 * _LASTS)
        last = ground.lease()
        assert first is not None
        assert last is not None
        assert last["spec"]["renewTime"] > first["spec"]["renewTime"]
        assert last["spec"]["acquireTime"] == first["spec"]["acquireTime"]
        assert last["spec"].get("leaseTransitions", 0) == 0
        with pytest.raises(Conflict):
            async with ground.exclusive("run-2"):
                pass
    assert ground.lost == []


# A race of processes, and one that dies.

_WORKER: Final = """
import asyncio, sys
from brownout_controller.engine.cluster_lock import leases
from brownout_controller.engine.locks import Claim
from brownout_controller.model.environment import Kubernetes
from brownout_core.errors import BrownoutError

async def main(run, namespace, lasts):
    exclusive = leases(Kubernetes(context="test", namespace=namespace), int(lasts))
    ask = lambda: asyncio.to_thread(sys.stdin.readline)
    print("ready", flush=True)
    while target := (await ask()).strip():
        try:
            async with exclusive([target], Claim(run)):
                print("won", flush=True)
                await ask()
        except BrownoutError as error:
            print("lost", error, flush=True)
            await ask()
        print("done", flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


class Worker:
    """A process that takes targets and gives them back when it is told to."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def say(self, word: str = "") -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()

    def hear(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


@contextmanager
def worker(ground: Ground, run: str) -> Iterator[Worker]:
    words = [sys.executable, "-c", _WORKER, run, ground.namespace, str(_LASTS)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            one = Worker(process)
            assert one.hear() == "ready"
            yield one
        finally:
            process.kill()


def test_of_two_processes_that_want_a_target_at_once_exactly_one_has_it_each_time(ground: Ground) -> None:
    with worker(ground, "run-1") as one, worker(ground, "run-2") as two:
        for number in range(20):
            for each in (one, two):
                each.say(f"target-{number}")
            said = [each.hear() for each in (one, two)]
            assert sorted(text.partition(" ")[0] for text in said) == ["lost", "won"], said
            winner = "run-1" if said[0] == "won" else "run-2"
            assert f"is in use by {winner} " in max(said, key=len).replace("won", "")
            assert [lease["spec"]["holderIdentity"] for lease in ground.api.leases(ground.namespace).values()] == [
                winner
            ]
            for each in (one, two):
                each.say()
            assert [each.hear() for each in (one, two)] == ["done", "done"]
            assert ground.api.leases(ground.namespace) == {}


async def test_the_target_of_a_killed_process_is_taken_over_when_its_lease_is_over_and_not_before(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    with worker(ground, "run-1") as one:
        one.say(_TARGET)
        assert one.hear() == "won"
        one.process.kill()
        one.process.wait(SECONDS)
    killed = time.monotonic()

    async with ground.exclusive("run-2"):
        assert time.monotonic() - killed >= _LASTS
        lease = ground.lease()
        assert lease is not None
        assert lease["spec"]["holderIdentity"] == "run-2"
        assert lease["spec"]["leaseTransitions"] == 1
    assert ground.lease() is None
    assert f"{_TARGET} is held by run-1" in caplog.text
    assert f"waiting for a sign of life, for {_LASTS} s at most" in caplog.text


def test_of_two_processes_that_wait_for_a_dead_run_one_takes_over(ground: Ground) -> None:
    ground.put(holderIdentity="dead")
    with worker(ground, "run-1") as one, worker(ground, "run-2") as two:
        for each in (one, two):
            each.say(_TARGET)
        said = sorted(each.hear() for each in (one, two))
        assert said[1] == "won"
        assert said[0].startswith(f"lost {_TARGET} is in use by run-")
        lease = ground.lease()
        assert lease is not None
        assert lease["spec"]["leaseTransitions"] == 1


# Clocks that are wrong, and leases that others wrote.


@pytest.mark.parametrize("year", [2001, 2099])
async def test_a_dead_run_whose_clock_was_wrong_is_waited_for_as_long_as_its_lease_lasts(
    ground: Ground, year: int
) -> None:
    ground.put(holderIdentity="dead", renewTime=f"{year}-01-01T00:00:00.000000Z")
    began = time.monotonic()

    async with ground.exclusive("run-2"):
        assert time.monotonic() - began >= _LASTS


@pytest.mark.parametrize("year", [2001, 2099])
async def test_a_run_that_renews_is_alive_whatever_its_clock_says(ground: Ground, year: int) -> None:
    over = threading.Event()

    def renew() -> None:
        number = 0
        while not over.wait(_LASTS / 3):
            number += 1
            ground.put(holderIdentity="skewed", renewTime=f"{year}-01-01T00:00:{number:02}.000000Z")

    ground.put(holderIdentity="skewed", renewTime=f"{year}-01-01T00:00:00.000000Z")
    thread = threading.Thread(target=renew)
    thread.start()

    try:
        with pytest.raises(Conflict, match="in use by skewed"):
            async with ground.exclusive("run-2"):
                pass
    finally:
        over.set()
        thread.join(SECONDS)


@pytest.mark.parametrize("spec", [{"holderIdentity": ""}, {"holderIdentity": None}, {"holderIdentity": "run-2"}])
async def test_a_lease_that_nobody_or_the_run_itself_holds_is_taken_at_once(
    ground: Ground, spec: Mapping[str, Any]
) -> None:
    ground.put(**spec)
    began = time.monotonic()

    async with ground.exclusive("run-2"):
        assert time.monotonic() - began < _LASTS


@pytest.mark.parametrize("lasts", [3600, None])
async def test_a_lease_whose_end_is_not_worth_waiting_for_is_refused_at_once(ground: Ground, lasts: int | None) -> None:
    ground.put(holderIdentity="somebody", leaseDurationSeconds=lasts)

    with pytest.raises(Conflict, match=f"in use by somebody .*\\(lease {_NAME} in namespace {ground.namespace}"):
        async with ground.exclusive("run-2"):
            pass


async def test_a_run_that_is_stopped_does_not_wait_for_a_lease_to_end(ground: Ground) -> None:
    ground.put(holderIdentity="dead")

    stopped = asyncio.Event()
    asyncio.get_running_loop().call_later(0.2, stopped.set)
    with pytest.raises(Conflict, match="stopped while it waited"):
        async with ground.exclusive("run-2", stopped=stopped):
            pass
    lease = ground.lease()
    assert lease is not None
    assert lease["spec"]["holderIdentity"] == "dead"


# A lock that is lost, and one that cannot be had.


async def test_a_lease_that_somebody_else_takes_or_deletes_is_lost_and_left_to_them(ground: Ground) -> None:
    async def scenario(what: str) -> None:
        async with ground.exclusive("run-1"):
            if what == "taken":
                ground.put(holderIdentity="run-2")
            else:
                assert ground.api.ask("DELETE", f"{LEASES.format(ground.namespace)}/{_NAME}", {})[0] == 200
            while not ground.lost:
                await asyncio.sleep(0.02)

    await scenario("taken")
    assert ground.lost == [f"the lease on {_TARGET} is lost: run-2 (\\x1b[31mme ) has it"]
    lease = ground.lease()
    assert lease is not None
    assert lease["spec"]["holderIdentity"] == "run-2"
    ground.put(holderIdentity="")
    ground.lost.clear()
    await scenario("deleted")
    assert ground.lost == [f"the lease on {_TARGET} is lost: somebody deleted it"]
    assert ground.lease() is None


async def test_a_lease_that_somebody_annotates_is_still_ours(ground: Ground) -> None:
    async with ground.exclusive("run-1"):
        lease = ground.lease()
        assert lease is not None
        lease["metadata"]["annotations"]["team"] = "payments"
        assert ground.api.ask("PUT", f"{LEASES.format(ground.namespace)}/{_NAME}", lease)[0] == 200
        await asyncio.sleep(_LASTS)
        renewed = ground.lease()
        assert renewed is not None
        assert renewed["spec"]["renewTime"] > lease["spec"]["renewTime"]
        assert renewed["metadata"]["annotations"]["team"] == "payments"
        lease = ground.lease()
        assert lease is not None
        lease["metadata"]["annotations"]["team"] = "orders"  # just before the release
        assert ground.api.ask("PUT", f"{LEASES.format(ground.namespace)}/{_NAME}", lease)[0] == 200
    assert ground.lost == []
    assert ground.lease() is None


async def test_a_server_that_dies_is_told_before_the_lease_can_be_anyone_else_s(ground: Ground) -> None:
    try:
        async with ground.exclusive("run-1"):
            killed = time.monotonic()
            ground.api.server.kill()
            while not ground.lost:
                await asyncio.sleep(0.02)
            assert time.monotonic() - killed < _LASTS
    finally:
        ground.api.server.start()
    assert re.fullmatch(
        rf"the lease on {_TARGET} could not be renewed for \d\.\d s: cannot update leases in namespace .* does not .*",
        ground.lost[0],
    )
    lease = ground.lease()
    assert lease is not None
    assert lease["spec"]["holderIdentity"] == "run-1"


async def test_a_lease_that_is_lost_while_a_later_one_is_waited_for_is_a_refusal(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    ground.put(holderIdentity="dead")
    assert _TARGET > "0"  # so that this one is taken first

    taking = asyncio.create_task(_enter(ground.exclusive("run-1", "0", _TARGET)))
    while "waiting for a sign of life" not in caplog.text:
        await asyncio.sleep(0.02)
    assert ground.api.ask("DELETE", f"{LEASES.format(ground.namespace)}/{name_of('0')}", {})[0] == 200
    with pytest.raises(Conflict, match="the lease on 0 is lost: somebody deleted it"):
        await taking
    assert ground.api.leases(ground.namespace) == {}


async def _enter(exclusive: AbstractAsyncContextManager[object]) -> None:
    async with exclusive:
        raise AssertionError("nobody has all of it")


async def test_a_user_without_the_right_is_told_which_is_missing(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(ground.api.kubeconfig(ground.folder, "nobody")))

    with pytest.raises(Unavailable, match=f"may not get leases in namespace {ground.namespace}") as told:
        async with ground.exclusive("run-1"):
            pass
    assert "the lock needs get, create, update and delete on leases.coordination.k8s.io" in str(told.value)
    assert 'User "nobody" cannot get' in str(told.value)


async def test_a_right_to_renew_that_is_missing_is_known_before_anything_is_injected(ground: Ground) -> None:
    ground.namespace = ground.api.namespace("get", "create", "delete")

    with pytest.raises(Unavailable, match="may not update leases in namespace"):
        async with ground.exclusive("run-1"):
            pass
    assert ground.lease() is None


async def test_a_lease_that_may_not_be_deleted_is_told_and_ends_by_itself(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    ground.namespace = ground.api.namespace("get", "create", "update")

    async with ground.exclusive("run-1"):
        pass
    assert "may not delete leases in namespace" in caplog.text
    async with ground.exclusive("run-2"):
        lease = ground.lease()
        assert lease is not None
        assert lease["spec"]["holderIdentity"] == "run-2"


async def test_a_namespace_that_is_not_there_is_named(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(ground.api.kubeconfig(ground.folder, "admin")))

    with pytest.raises(Unavailable, match="there is no namespace nowhere in the cluster"):
        async with ground.exclusive("run-1", namespace="nowhere"):
            pass


async def test_a_token_that_nobody_knows_is_told_as_such(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(ground.api.kubeconfig(ground.folder, "wrong-token")))

    with pytest.raises(Unavailable, match=r"cannot get leases in namespace .*: Unauthorized"):
        async with ground.exclusive("run-1"):
            pass


@pytest.mark.xdist_group("cluster-real")
async def test_a_pod_uses_its_service_account(
    clusters: Callable[[str], Api], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kubernetes.aio.config import incluster_config

    server = clusters("real")  # the fake has no TLS, which a service account always has
    namespace = server.namespace()
    (tmp_path / "token").write_text("ci-token")
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(server.server.authority))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "localhost")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", server.server.url.rpartition(":")[2])
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)

    async with leases(Kubernetes(namespace=namespace), _LASTS)([_TARGET], Claim("run-1")):
        assert _NAME in server.leases(namespace)


# The fake is as the real one is.


def _answers(server: Api) -> list[tuple[int, str]]:
    """What a server answers to everything that a lock may ask, with what differs from run to run left out."""
    namespace = server.namespace()
    place = LEASES.format(namespace)
    told: list[tuple[int, str]] = []

    def ask(method: str, path: str, body: Mapping[str, Any] | None = None, user: str = "ci") -> dict[str, Any]:
        status, answer = server.ask(method, path, body, user)
        text = str(answer.get("message", answer["kind"])).replace(namespace, "NAMESPACE")
        told.append((status, re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|(?<=record \()\d+", "ID", text)))
        return answer

    body = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "a"},
        "spec": {"holderIdentity": "x", "leaseDurationSeconds": 2},
    }
    for user in ("nobody", "wrong-token", "ci"):
        ask("GET", f"{place}/a", user=user)
    ask("POST", place, body, "nobody")
    ask("GET", place)
    ask("POST", LEASES.format("absent"), body, "admin")
    made = ask("POST", place, body)
    ask("POST", place, body)
    moved = ask("PUT", f"{place}/a", {**made, "spec": {**made["spec"], "holderIdentity": "y"}})
    ask("PUT", f"{place}/a", made)
    ask("PUT", f"{place}/a", body)
    ask("PUT", f"{place}/a", {**moved, "spec": {**moved["spec"], "leaseDurationSeconds": 0}})
    ask("PUT", f"{place}/a", {**moved, "spec": {"holderIdentity": "", "leaseDurationSeconds": 1}})
    known = ask("GET", f"{place}/a")["metadata"]
    for preconditions in ({"uid": "other"}, {"uid": known["uid"], "resourceVersion": "1"}, {"uid": known["uid"]}):
        ask("DELETE", f"{place}/a", {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions})
    ask("PUT", f"{place}/a", moved)
    ask("DELETE", f"{place}/a", {})
    ask("PUT", f"{place}/a", body)
    return told


def test_the_fake_answers_as_a_real_server_does(server: Api) -> None:
    with api("fake") as fake:
        assert _answers(server) == _answers(fake)


def test_the_example_gives_no_other_right(ground: Ground) -> None:
    place = LEASES.format(ground.namespace)
    assert ground.api.ask("GET", place, user="ci")[0] == 403
    assert ground.api.ask("GET", f"{LEASES.format('default')}/x", user="ci")[0] == 403
    assert ground.api.ask("GET", f"/api/v1/namespaces/{ground.namespace}/pods/x", user="ci")[0] == 403
