"""`brownout controller` and those who use it: real processes on both sides, real proxies, and kill -9 in between.

Whatever happens, no fault may be left behind.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.certificates import Authority
from tests.support.processes.controller import PATIENCE, ControllerProcess, Ended, controller_process, finished, start
from tests.support.processes.proxy import ProxyProcess, proxy_process
from tests.support.requirements import needs
from tests.support.running import eventually

LEASE = "3s"
"""Longer than a busy machine may forget to renew it."""
pytestmark = pytest.mark.timeout(500)  # several commands, each a process


class _Service(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@contextmanager
def _service() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Service) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@dataclass
class Stage:
    """A proxy before a service, and a folder for the controller and one for its clients."""

    proxy: ProxyProcess
    root: Path

    @property
    def controlled(self) -> Path:
        return self.root / "controller"

    def write(self, file: str = "x.json", /, **changes: Any) -> Path:
        """An experiment with a latency of 300 ms on the service, which is asked through the proxy all the time."""
        content = {
            "name": "service-latency", "edge": "shop -> service", "fault": {"latency": "300ms"}, "duration": "1s",
            "baseline": "0.3s", "recovery": "2s", "lease": LEASE, "hypotheses": [self.claim()],
            "nets": {"own-traffic": "the probe is the client"}, **changes,
        }  # fmt: skip
        path = self.root / file
        path.write_text(json.dumps(content))
        return path

    def claim(self, expect: str = "< 4s", **changes: Any) -> dict[str, Any]:
        url = f"http://{self.proxy.listen('service')}/"
        return {"name": "it answers", "http": {"url": url, "fresh": True}, "expect": expect, "every": "0.1s", **changes}

    @contextmanager
    def controller(self, *flags: str, **environment: str) -> Iterator[ControllerProcess]:
        self.controlled.mkdir(exist_ok=True)
        content = {"environments": {"local": {"control": self.proxy.control}}}
        (self.controlled / "brownout.yaml").write_text(json.dumps(content))
        with controller_process(self.controlled, *flags, **environment) as process:
            yield process

    def start(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        return start(self.root / "client", *words, **environment)

    def run(self, controller: ControllerProcess, path: Path, *flags: str, **environment: str) -> Ended:
        return finished(self.start("run", str(path), "--controller", controller.address, *flags, **environment))

    def faults(self) -> list[str]:
        """What the proxy itself lists."""
        return faults_of(self.proxy)

    def journal(self) -> list[Mapping[str, Any]]:
        """The records of the controller's newest run so far."""
        runs = sorted((self.controlled / ".brownout" / "runs").glob("*/journal.jsonl"))
        lines = runs[-1].read_text().splitlines() if runs else []
        return [json.loads(line) for line in lines if line.endswith("}")]

    def until_state(self, state: str) -> None:
        eventually(lambda: any(record.get("state") == state for record in self.journal()), f"state {state}", PATIENCE)


def faults_of(proxy: ProxyProcess) -> list[str]:
    with urllib.request.urlopen(f"http://{proxy.api}/proxies") as answer:
        return [toxic["name"] for each in json.load(answer).values() for toxic in each["toxics"]]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with _service() as service, proxy_process(f"service@0={service}") as proxy:
        yield Stage(proxy, tmp_path)


def test_a_remote_run_tells_and_ends_as_one_here_does(stage: Stage) -> None:
    path = stage.write()
    local = stage.root / "client"
    local.mkdir()
    (local / "brownout.yaml").write_text(f"environments: {{local: {{control: '{stage.proxy.control}'}}}}")
    here = finished(stage.start("run", str(path), "--seed", "7"))
    (local / "brownout.yaml").unlink()
    with stage.controller() as controller:
        there = stage.run(controller, path, "--seed", "7")
        refuted = stage.run(controller, stage.write("refuted.json", hypotheses=[stage.claim("< 200ms")]))
        as_json = stage.run(controller, path, "--json", "--report", "told.html")
        dry = stage.run(controller, path, "--dry-run")
    assert (here.status, there.status) == (0, 0), here.told + there.told

    def plain(ended: Ended) -> list[str]:
        """Without what differs from run to run."""
        lines = [re.sub(r" +[\d.]+(us|ms|s)?\b", " N", line) for line in ended.told.splitlines()]
        own = (" left", ": run N-", "again with", "report in", "it answers")  # a late sample has a line of its own
        lines = [line for line in lines if line.startswith(" N  ")]  # what happened; measurements differ
        return [line for line in lines if not any(word in line for word in own)]

    assert set(plain(here)) == set(plain(there)), here.told + there.told  # two lines of one moment may change places
    for ended in (here, there):
        assert re.search(r"it answers +during +< 4s +\S+ +.*held", ended.out), ended.told
    assert f"--controller {controller.address} --seed 7" in there.out
    assert refuted.status == 1, refuted.told
    assert re.search(r"it answers +during +< 200ms +\S+ +.*broke", refuted.out)
    assert json.loads(as_json.out)[0]["verdict"] == "passed"
    assert as_json.err == ""
    assert "<h1>" in (local / "told.html").read_text()
    assert len(list((stage.controlled / ".brownout" / "runs").glob("*/report.html"))) == 3
    assert dry.status == 0
    assert f"target   {stage.proxy.control}/service" in dry.out
    assert re.search(r"it answers +< 4s +\S+(ms|us) +ok", dry.out)
    assert "takes " in dry.out
    assert stage.faults() == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_to_the_client_stops_the_remote_run_and_waits_for_its_verdict(
    stage: Stage, number: signal.Signals, code: int
) -> None:
    with stage.controller() as controller:
        client = stage.start("run", str(stage.write(duration="60s")), "--controller", controller.address)
        stage.until_state("observing")
        client.send_signal(number)
        ended = finished(client)
        assert ended.status == code, ended.told
        assert "verified" in ended.err
        assert stage.journal()[-1]["exit"] == code
        assert stage.faults() == []
        assert controller.process.poll() is None


def test_a_client_that_dies_leaves_the_run_to_the_controller(stage: Stage) -> None:
    with stage.controller() as controller:
        client = stage.start("run", str(stage.write()), "--controller", controller.address)
        stage.until_state("observing")
        client.kill()
        client.communicate()
        eventually(lambda: stage.journal()[-1]["kind"] == "verdict", "the verdict", PATIENCE)
        assert stage.journal()[-1]["verdict"] == "passed"
        assert stage.faults() == []


def test_two_clients_on_one_target_exclude_each_other(stage: Stage) -> None:
    with stage.controller() as controller:
        first = stage.start("run", str(stage.write(duration="60s")), "--controller", controller.address)
        stage.until_state("observing")
        second = stage.run(controller, stage.write("y.json", name="second"))
        assert second.status == 4, second.told
        assert "already-faulted" in second.told
        nets = {"own-traffic": "the probe is the client", "already-faulted": "to meet the lock"}
        third = stage.run(controller, stage.write("z.json", name="third", nets=nets))
        assert third.status == 4, third.told
        assert "is in use by" in third.told
        first.terminate()
        assert finished(first).status == 143
        assert stage.faults() == []


def test_a_bad_file_of_several_runs_none_and_has_its_place(stage: Stage) -> None:
    good, bad = stage.write(), stage.write("bad.json", name="${NOBODY_KNOWS}")
    with stage.controller() as controller:
        ended = stage.run(controller, good, str(bad))
        assert ended.status == 2, ended.told
        assert re.search(r"bad\.json:1:\d+: name: \$\{NOBODY_KNOWS\} is not set", ended.err)
        assert not (stage.controlled / ".brownout").exists()


def test_a_command_is_refused_unless_the_controller_allows_it_word_for_word(stage: Stage) -> None:
    touched = stage.root / "touched"
    claim = {"name": "shell", "command": f"touch {touched}", "expect": "== 0", "every": "0.1s"}
    path = stage.write(hypotheses=[stage.claim(), claim])
    with stage.controller("--allow-command", "touch something-else") as controller:
        ended, dry = stage.run(controller, path), stage.run(controller, path, "--dry-run")
        for each in (ended, dry):
            assert each.status == 4, each.told
            assert "hypothesis 'shell'" in each.told
            assert "--allow-command 'touch " in each.told
        assert not {"undo", "sample"} & {record["kind"] for record in stage.journal()}
        assert not touched.exists()
    with stage.controller("--allow-command", f"touch {touched}") as controller:
        ended = stage.run(controller, path)
        assert ended.status == 0, ended.told
        assert touched.exists()


def test_variables_are_the_client_s_and_of_the_controller_s_only_the_allowed(stage: Stage) -> None:
    path = stage.write(name="of ${WHO}-${WHAT}")
    with stage.controller(WHO="controller", WHAT="secret1") as controller:
        ended = stage.run(controller, path, "--var", "WHO=client")
        assert ended.status == 2, ended.told
        assert "${WHAT} is not set" in ended.err
        assert "secret1" not in ended.told
    with stage.controller("--allow-var", "WHAT", WHO="controller", WHAT="secret1") as controller:
        ended = stage.run(controller, path, WHO="client-s", UNUSED="never sent")
        assert ended.status == 0, ended.told
        told = ended.told + "".join(map(str, stage.journal()))
        told += "".join(map(str, (stage.controlled / ".brownout" / "runs").iterdir()))
        assert "secret1" not in told  # masked, as the client's own are
        assert "client-s" not in told
        assert "controller-" not in told
        assert "of ***-***" in ended.err


def test_a_controller_that_is_killed_leaves_no_fault_and_its_client_says_so(stage: Stage) -> None:
    with stage.controller() as controller:
        path = str(stage.write(duration="60s"))
        client = stage.start("run", path, "--controller", controller.address, "--patience", "2s")
        assert client.stderr is not None
        assert any("observing" in line for line in client.stderr)  # it knows as much as we do
        controller.kill()
        eventually(lambda: stage.faults() == [], "the lapse", 30)
        ended = finished(client)
    assert ended.status == 3, ended.told
    assert "the connection to the controller is lost; trying again for 2 s" in ended.err
    assert "is not known" in ended.out
    assert "whatever it had put in place ends with its lease of 3 s" in ended.out
    assert stage.journal()[-1]["kind"] != "verdict"
    with stage.controller() as controller:
        assert re.search(r"closed \S+, which had been cut off: inconclusive", controller.told())
        assert (stage.journal()[-1]["kind"], stage.journal()[-1]["verdict"]) == ("verdict", "inconclusive")


def test_a_client_whose_controller_comes_back_gets_the_verdict_that_it_gives(stage: Stage) -> None:
    with stage.controller() as controller:
        path, address = str(stage.write(duration="60s")), controller.address
        client = stage.start("run", path, "--controller", address, "--json")
        stage.until_state("observing")
        controller.kill()
    with stage.controller("--listen", address):
        ended = finished(client)
    assert ended.status == 3, ended.told
    assert "the controller is back" in ended.err
    assert "a later start made sure that nothing of it is left" in json.loads(ended.out)[0]["reasons"][0]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 5)])
def test_a_signal_to_the_controller_reverts_everything(stage: Stage, number: signal.Signals, code: int) -> None:
    with stage.controller() as controller:
        client = stage.start("run", str(stage.write(duration="60s")), "--controller", controller.address)
        stage.until_state("observing")
        controller.process.send_signal(number)
        assert controller.end(number) == code
        assert stage.faults() == []
        ended = finished(client)
        assert ended.status == 5, ended.told
        assert f"{number.name} ended the run" in ended.out


def test_a_journal_that_is_taken_away_from_the_controller_is_no_verdict_and_the_client_hears_it(stage: Stage) -> None:
    with stage.controller() as controller:
        client = stage.start("run", str(stage.write(duration="2s", lease="10s")), "--controller", controller.address)
        stage.until_state("observing")
        shutil.rmtree(stage.controlled / ".brownout" / "runs")
        ended = finished(client)
        assert ended.status == 3, ended.told  # nothing is known; it is no failure of brownout
        assert "the journal cannot be read" in ended.out
        assert stage.faults() == []  # though its lease had seconds to go
        ended = stage.run(controller, stage.write())
        assert ended.status == 0, ended.told


def test_who_has_no_token_is_not_served(stage: Stage) -> None:
    token = stage.root / "token"
    token.write_text("of-the-controller\n")
    with stage.controller("--token-file", str(token)) as controller:
        ended = stage.run(controller, stage.write())
        assert ended.status == 2, ended.told
        assert "a token is needed" in ended.err
        ended = stage.run(controller, stage.write(), "--token-file", str(token))
        assert ended.status == 0, ended.told
        assert "of-the-controller" not in ended.told + controller.told()


def test_off_loopback_it_does_not_start_without_a_token(stage: Stage) -> None:
    ended = finished(stage.start("controller", "--listen", "0.0.0.0:0"))
    assert ended.status == 2
    assert "reachable from other machines: give --token-file" in ended.err


@needs("openssl")
def test_who_has_no_certificate_is_not_served(stage: Stage) -> None:
    ours, theirs = Authority(stage.root / "ours"), Authority(stage.root / "theirs")
    files = {"ca": ours.certificate}
    for owner, authority, name in (("server", ours, "localhost"), ("client", ours, "me"), ("other", theirs, "me")):
        files[f"{owner}.pem"], files[f"{owner}.key"] = authority.issue(name)
    for name, content in files.items():
        (stage.root / name).write_bytes(content)

    def flags(owner: str) -> list[str]:
        return ["--tls-cert", str(stage.root / f"{owner}.pem"), "--tls-key", str(stage.root / f"{owner}.key")]

    ca = str(stage.root / "ca")
    with stage.controller(*flags("server"), "--tls-client-ca", ca) as controller:
        where = ("targets", "--controller", controller.address.replace("127.0.0.1", "localhost"), "--tls-ca", ca)
        assert finished(stage.start(*where, *flags("client"))).status == 0
        for words in ((*where, *flags("other")), where, ("targets", "--controller", controller.address)):
            ended = finished(stage.start(*words))
            assert ended.status == 3, ended.told
            assert "does not answer" in ended.err


# Ad-hoc faults.


@dataclass
class Three:
    """Three proxy processes behind one environment."""

    proxies: list[ProxyProcess]
    root: Path

    words = ("fault", "latency=1s", "--edge", "a -> p0", "--edge", "b -> p1", "--edge", "c -> p2", "--lease", "1s")

    def faults(self) -> list[str]:
        return [name for proxy in self.proxies if proxy.process.poll() is None for name in faults_of(proxy)]

    def start(self, *flags: str) -> subprocess.Popen[str]:
        return start(self.root, *self.words, *flags)

    def journal(self) -> str:
        return "".join(path.read_text() for path in sorted(self.root.glob(".brownout/runs/*/journal.jsonl")))


@pytest.fixture
def three(tmp_path: Path) -> Iterator[Three]:
    with ExitStack() as stack:
        service = stack.enter_context(_service())
        proxies = [stack.enter_context(proxy_process(f"p{number}@0={service}")) for number in range(3)]
        content = {"environments": {"local": {"control": [proxy.control for proxy in proxies]}}}
        (tmp_path / "brownout.yaml").write_text(json.dumps(content))
        yield Three(proxies, tmp_path)


@pytest.mark.parametrize("remote", [False, True])
def test_coordinated_faults_hold_for_their_time_and_are_gone(three: Three, remote: bool) -> None:
    with ExitStack() as stack:
        flags = ["--for", "1s"]
        if remote:
            flags += ["--controller", stack.enter_context(controller_process(three.root)).address]
        client = three.start(*flags)
        eventually(lambda: len(three.faults()) == 3, "the faults", PATIENCE)
        ended = finished(client)
    assert ended.status == 0, ended.told
    assert ended.err.count("verified") == 3
    assert "verdict: done" in ended.out
    assert three.faults() == []


def test_ctrl_c_ends_coordinated_faults(three: Three) -> None:
    client = three.start("--for", "60s")
    eventually(lambda: len(three.faults()) == 3, "the faults", PATIENCE)
    client.send_signal(signal.SIGINT)
    ended = finished(client)
    assert ended.status == 130, ended.told
    assert three.faults() == []


def test_the_death_of_their_controller_ends_coordinated_faults_on_all_proxies(three: Three) -> None:
    client = three.start("--for", "60s")
    eventually(lambda: len(three.faults()) == 3, "the faults", PATIENCE)
    client.kill()
    client.communicate()
    eventually(lambda: three.faults() == [], "the lapse", 15)


def test_with_one_of_three_proxies_dead_no_fault_is_left_and_none_is_put(three: Three) -> None:
    three.proxies[1].kill()
    ended = finished(three.start("--for", "60s"))
    assert ended.status == 3, ended.told
    assert "does not answer" in ended.out
    assert '"injected"' not in three.journal()
    assert three.faults() == []


def test_when_one_of_three_proxies_dies_the_others_are_reverted(three: Three) -> None:
    with controller_process(three.root) as controller:
        flags = ("--for", "60s", "--controller", controller.address)
        client = three.start(*flags)
        eventually(lambda: len(three.faults()) == 3, "the faults", PATIENCE)
        three.proxies[2].kill()
        ended = finished(client)
        assert ended.status == 6, ended.told  # of the dead one nobody knows
        assert ended.err.count(": verified") == 2
        assert three.faults() == []
        assert controller.process.poll() is None


def test_targets_are_told_with_what_is_on_them_and_who_does_not_answer(three: Three) -> None:
    client = three.start("--for", "60s")
    eventually(lambda: len(three.faults()) == 3, "the faults", PATIENCE)
    told = finished(start(three.root, "targets", "--edge", "b -> p1", "--json"))
    assert [(place["proxy"], place["edges"]) for place in json.loads(told.out)] == [("p1", ["b -> p1"])]
    assert json.loads(told.out)[0]["faults"][0].startswith("latency_downstream.")
    client.terminate()
    assert finished(client).status == 143
    three.proxies[0].kill()
    told = finished(start(three.root, "targets"))
    assert told.status == 3, told.told
    assert "not reachable" in told.out
    assert told.out.count("no faults") == 2
