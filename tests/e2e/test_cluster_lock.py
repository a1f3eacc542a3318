"""`brownout run` against a cluster's environment: two never share a target, and one that loses its lock reverts.

On the fake API server, and on a real one with KUBEBUILDER_ASSETS; the proxy and the runs are real processes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.processes.kube import KINDS, Api
from tests.support.processes.proxy import ProxyProcess, proxy_process
from tests.support.running import echoing, eventually

_PATIENCE: Final = 150.0


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest, clusters: Callable[[str], Api]) -> Api:
    return clusters(request.param)


class Machine:
    """A machine with a CI job: a folder of its own, and nothing shared but the cluster and the proxy."""

    def __init__(self, root: Path, proxy: ProxyProcess, kubeconfig: Path, namespace: str, baseline: str = "1s") -> None:
        root.mkdir()
        self.root = root
        self._kubeconfig = kubeconfig
        place = {"context": "test", "namespace": namespace}
        environment = {"control": proxy.control, "kubernetes": place}
        (root / "brownout.yaml").write_text(json.dumps({"environments": {"staging": environment}}))
        experiment = {
            "name": f"latency-from-{root.name}",
            "edge": "shop -> db",
            "fault": {"latency": "1s"},
            "duration": "60s",
            "baseline": baseline,
            "recovery": "1s",
            "hypotheses": [{"name": "db answers", "tcp": "127.0.0.1:1", "expect": "< 2s", "when": ["recovery"]}],
        }
        (root / "experiment.json").write_text(json.dumps(experiment))

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [
                sys.executable, "-c", "from brownout_proxy.cli import main; main()",
                "run", "experiment.json", "--env", "staging",
            ],
            cwd=self.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "XDG_STATE_HOME": str(self.root / "state"), "KUBECONFIG": str(self._kubeconfig)},
        )  # fmt: skip

    def journal(self) -> list[Mapping[str, Any]]:
        lines = [
            line for path in (self.root / ".brownout" / "runs").glob("*/journal.jsonl")
            for line in path.read_text().splitlines()
        ]  # fmt: skip
        return [json.loads(line) for line in lines if line.endswith("}")]

    def until_state(self, state: str) -> None:
        eventually(lambda: any(record.get("state") == state for record in self.journal()), f"state {state}", _PATIENCE)


@pytest.fixture
def proxy() -> Iterator[ProxyProcess]:
    with echoing() as backend, proxy_process(f"db@0={backend}") as process:
        yield process


def _faults(proxy: ProxyProcess) -> list[str]:
    with urllib.request.urlopen(f"http://{proxy.api}/proxies/db") as answer:
        return [toxic["name"] for toxic in json.load(answer)["toxics"]]


def test_the_second_of_two_machines_is_refused_and_told_which_run_has_the_target(
    server: Api, proxy: ProxyProcess, tmp_path: Path
) -> None:
    namespace, kubeconfig = server.namespace(), server.kubeconfig(tmp_path)
    one, two = (Machine(tmp_path / name, proxy, kubeconfig, namespace, "60s") for name in ("one", "two"))
    with one.start() as first:
        try:
            one.until_state("baseline")  # nothing is injected yet, so that only the lease can tell
            run = next(record["run_id"] for record in one.journal() if record["kind"] == "run")
            with two.start() as second:
                out, err = second.communicate(timeout=_PATIENCE)
            assert second.returncode == 4, out + err
            assert f"{proxy.control}/db is in use by {run} (latency-from-one, " in out
            assert f"in namespace {namespace}); wait for it, or stop it (lock)" in out
            assert not any(record["kind"] == "undo" for record in two.journal())
        finally:
            first.terminate()
            first.communicate(timeout=_PATIENCE)
    assert first.returncode == 143
    assert _faults(proxy) == []
    assert server.leases(namespace) == {}


def test_a_run_whose_cluster_goes_away_ends_and_reverts(server: Api, proxy: ProxyProcess, tmp_path: Path) -> None:
    machine = Machine(tmp_path / "one", proxy, server.kubeconfig(tmp_path), server.namespace())
    with machine.start() as process:
        try:
            machine.until_state("observing")
            server.server.kill()
            out, err = process.communicate(timeout=_PATIENCE)
        finally:
            process.kill()
            server.server.start()
    assert process.returncode == 5, out + err
    assert f"the lease on {proxy.control}/db could not be renewed for" in out
    assert [record["cause"] for record in machine.journal() if record["kind"] == "stop"] == ["unlocked"]
    assert [record["verified"] for record in machine.journal() if record["kind"] == "reverted"] == [True]
    assert _faults(proxy) == []


def test_a_job_without_the_right_is_refused_with_the_right_that_is_missing(
    server: Api, proxy: ProxyProcess, tmp_path: Path
) -> None:
    namespace = server.namespace()
    machine = Machine(tmp_path / "one", proxy, server.kubeconfig(tmp_path, "nobody"), namespace)
    with machine.start() as process:
        out, err = process.communicate(timeout=_PATIENCE)
    assert process.returncode == 4, out + err
    assert f"may not get leases in namespace {namespace}" in out
    assert "nobody-token" not in out + err + json.dumps(machine.journal())
    assert _faults(proxy) == []
