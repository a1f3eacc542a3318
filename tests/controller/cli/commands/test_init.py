"""`brownout init`: from a repository to its first experiments, without a question or at a terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from brownout_controller.cli.commands.init import detect, init
from brownout_controller.cli.commands.lint import check
from brownout_controller.model.variables import Variables
from brownout_core.errors import InvalidSpec
from brownout_proxy.server import config

COMPOSE = """\
services:
  gateway:
    image: shop/gateway:1
    ports: ["8080:80"]
    environment: {ORDERS_URL: http://orders:8000}
  orders:
    image: shop/orders:1
    environment: {DATABASE_URL: postgres://u:p@db:5432/shop, REDIS_URL: redis://cache:6379/0}
  db: {image: "postgres:16", ports: ["5433:5432"]}
  cache: {image: redis:7}
"""
PATIENCE = 60.0


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "shop"
    root.mkdir()
    (root / "compose.yaml").write_text(COMPOSE)
    monkeypatch.chdir(root)
    return root


def _run(*words: str) -> Result:
    return CliRunner().invoke(init, list(words))


def _said(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in sorted(root.rglob("*")) if path.is_file()}


def test_a_repository_with_a_compose_file_gets_all_it_needs(repository: Path) -> None:
    result = _run("--yes")
    assert result.exit_code == 0, result.output
    files = _said(repository)
    assert len([name for name in files if name.startswith("experiments/")]) == 3
    assert {"architecture.yaml", "brownout.yaml", ".github/workflows/brownout.yml"} <= files.keys()
    for name in files:
        if name.startswith("experiments/") or name in ("architecture.yaml", "brownout.yaml"):
            assert not check(repository / name, Variables({}, {}, lenient=True)).mistakes, name
    assert result.output.endswith("\nNext:\n  brownout proxy --config brownout.yaml\n")
    assert "u:p" not in "".join(text for name, text in files.items() if name != "compose.yaml")


def test_each_edge_of_the_experiments_has_a_proxy_at_a_port_of_its_own(repository: Path) -> None:
    _run("--yes")
    proxies = {spec.name: (spec.listen, spec.upstream) for spec in config.load(repository / "brownout.yaml").proxies}
    assert proxies["db"] == ("127.0.0.1:15433", "127.0.0.1:5433")
    for path in (repository / "experiments").iterdir():
        content = yaml.safe_load(path.read_text())
        assert content["edge"].rpartition(" -> ")[2] in proxies
        through = content["edge"].startswith("outside ->")
        assert content["traffic"]["url"] == f"http://127.0.0.1:{18080 if through else 8080}/"


def test_doing_it_again_keeps_everything(repository: Path) -> None:
    _run("--yes")
    before = _said(repository)
    (repository / "brownout.yaml").write_text("environments: {local: {}}\n")
    result = _run("--yes")
    assert _said(repository) == {**before, "brownout.yaml": "environments: {local: {}}\n"}
    assert result.output.count("kept  ") == 4
    assert (
        "brownout.yaml has no proxy db yet; add it under proxies, like db: {listen: 127.0.0.1:15433, " in result.output
    )
    assert result.output.count("unchanged  ") == 3


def test_a_dry_run_shows_all_and_writes_nothing(repository: Path) -> None:
    result = _run("--yes", "--dry-run")
    assert result.exit_code == 0
    assert list(_said(repository)) == ["compose.yaml"]
    assert result.output.count("would write") == 7
    assert "    proxies:\n" in result.output
    assert "    hypotheses:\n" in result.output


def test_without_a_terminal_it_wants_yes_and_never_waits(repository: Path) -> None:
    error = _run().exception
    assert isinstance(error, InvalidSpec)
    assert "give --yes" in str(error)
    assert list(_said(repository)) == ["compose.yaml"]


def test_without_anything_to_read_yes_is_not_enough(tmp_path: Path) -> None:
    error = _run(str(tmp_path), "--yes").exception
    assert isinstance(error, InvalidSpec)
    assert "has no compose file and no manifests" in str(error)
    assert not list(tmp_path.iterdir())
    assert "is no folder" in str(_run(str(tmp_path / "none"), "--yes").exception)


def test_an_architecture_that_is_there_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "architecture.yaml").write_text("services: {web: {calls: [db]}, db: }\n")
    result = _run(str(tmp_path), "--yes", "--entry", "http://127.0.0.1:3000/x")
    assert result.exit_code == 0, result.output
    assert f"kept          {tmp_path / 'architecture.yaml'}" in result.output
    assert f"  cd {tmp_path} && brownout proxy --config brownout.yaml\n" in result.output
    proxies = {spec.name: spec.upstream for spec in config.load(tmp_path / "brownout.yaml").proxies}
    assert proxies["db"] == "127.0.0.1:5432"


def test_a_broken_architecture_is_told_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "architecture.yaml").write_text("services: {web: {calls: [nobody]}}\n")
    error = _run(str(tmp_path), "--yes").exception
    assert isinstance(error, InvalidSpec)
    assert "architecture.yaml:1:" in str(error)
    assert [path.name for path in tmp_path.iterdir()] == ["architecture.yaml"]


def test_manifests_are_read_where_there_is_no_compose_file(tmp_path: Path) -> None:
    (tmp_path / "k8s").mkdir()
    (tmp_path / "k8s" / "all.yaml").write_text(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {template: {spec: {containers: "
        "[{name: web, image: w, env: [{name: DB_URL, value: 'postgres://db:5432/x'}]}]}}}\n---\n"
        "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\n"
        "spec: {template: {metadata: {labels: {app: db}}, spec: {containers: [{name: db, image: 'postgres:16'}]}}}\n"
        "---\n"
        "apiVersion: v1\nkind: Service\nmetadata: {name: db}\nspec: {selector: {app: db}, ports: [{port: 5432}]}\n"
    )
    result = _run(str(tmp_path), "--yes")
    assert result.exit_code == 0, result.output
    content = yaml.safe_load((tmp_path / "architecture.yaml").read_text())
    assert "db" in content["services"]["web"]["calls"]


@pytest.mark.parametrize(
    ("files", "ci", "written"),
    [
        ([".gitlab-ci.yml"], "gitlab", "brownout.gitlab-ci.yml"),
        ([".github/workflows/test.yml"], "github", ".github/workflows/brownout.yml"),
        (["Jenkinsfile"], None, None),
        ([], "github", ".github/workflows/brownout.yml"),
    ],
)
def test_the_job_is_for_the_ci_that_there_is(
    repository: Path, files: list[str], ci: str | None, written: str | None
) -> None:
    for name in files:
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_text("mine\n")
    assert detect(repository).ci == ci
    result = _run("--yes")
    for name in files:
        assert (repository / name).read_text() == "mine\n"
    requirements = repository / "brownout-requirements.txt"
    if written is not None:
        assert yaml.safe_load((repository / written).read_text())
        assert "--hash=sha256:" in requirements.read_text()
        assert "BROWNOUT_SOURCE" in result.output
    else:
        assert not requirements.exists()
        assert "no CI job is written beside the Jenkinsfile; let it run: brownout run" in result.output
    assert ("include:" in result.output) == (ci == "gitlab")


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [("pyproject.toml", "[project]\nname = 'till'", "till"), ("package.json", '{"name": "web-shop"}', "web-shop"),
     ("package.json", "{", "shop"), ("pyproject.toml", "[tool.x]", "shop")],
)  # fmt: skip
def test_the_system_is_called_as_the_repository_is(repository: Path, name: str, content: str, told: str) -> None:
    (repository / name).write_text(content)
    assert detect(repository).name == told


@pytest.mark.parametrize(
    ("ports", "port"),
    [("['8080:80']", 8080), ("['127.0.0.1:8081:80']", 8081), ("['80']", None),
     ("[{target: 80, published: 8082}]", 8082), ("['3000-3005:3000-3005']", 3000), ("['8443:443/tcp']", 8443),
     ("[]", None)],
)  # fmt: skip
def test_the_ports_of_this_machine_are_those_that_compose_publishes(
    repository: Path, ports: str, port: int | None
) -> None:
    (repository / "compose.yaml").write_text(f"services: {{web: {{image: w, ports: {ports}}}}}\n")
    assert detect(repository).published.get("web") == port


class _Terminal:
    """The command at a terminal of its own."""

    def __init__(self, root: Path) -> None:
        self._main, other = pty.openpty()
        program = [sys.executable, "-c", "from brownout_proxy.cli import main; main()", "init"]
        self.process = subprocess.Popen(program, cwd=root, stdin=other, stdout=other, stderr=other)
        os.close(other)
        self.shown = ""

    def until(self, text: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while text not in self.shown:
            assert time.monotonic() < deadline, self.shown
            self._read()

    def _read(self) -> bool:
        if select.select([self._main], [], [], 0.1)[0]:
            try:
                self.shown += os.read(self._main, 65536).decode()
            except OSError:  # the other end is closed
                return False
        return True

    def answer(self, question: str, text: str) -> None:
        self.until(question)
        self.shown = self.shown.rpartition(question)[2]
        os.write(self._main, text.encode() + b"\n")

    def rest(self) -> None:
        """Reads what there is for a while."""
        self._read()

    def ended(self) -> int:
        while self._read() and self.process.poll() is None:
            pass
        while self._read() and select.select([self._main], [], [], 0)[0]:
            pass
        os.close(self._main)
        return self.process.wait(PATIENCE)


def test_at_a_terminal_it_asks_for_what_it_cannot_find(tmp_path: Path) -> None:
    terminal = _Terminal(tmp_path)
    terminal.answer("Which services", "web, orders, db")
    terminal.answer("Whom does web call?", "order")
    terminal.until("there is no order besides web; there are orders, db")
    terminal.answer("Whom does web call?", "orders")
    terminal.answer("Whom does orders call?", "db")
    terminal.answer("Whom does db call?", "")
    terminal.answer("most important requests", "web, db")
    terminal.until("does not call")
    terminal.answer("most important requests", "")
    terminal.answer("before people leave?", "1.5s")
    terminal.answer("URL of a request", "3000")
    terminal.until("is neither URL nor FLOW=URL")
    terminal.answer("URL of a request", "http://127.0.0.1:3000/basket")
    terminal.until("Next:")
    assert terminal.ended() == 0, terminal.shown
    content: dict[str, Any] = yaml.safe_load((tmp_path / "architecture.yaml").read_text())
    assert content["flows"] == {"main": {"path": ["web", "orders", "db"], "tolerance": "1.5s"}}
    texts = [path.read_text() for path in (tmp_path / "experiments").iterdir()]
    assert len(texts) == 3
    assert all("expect: < 1.5s  # flows.main.tolerance" in text for text in texts)
    assert any("url: http://127.0.0.1:3000/basket" in text for text in texts)


def test_ctrl_c_at_a_question_leaves_nothing_behind(tmp_path: Path) -> None:
    terminal = _Terminal(tmp_path)
    terminal.answer("Which services", "web, db")
    terminal.until("Whom does web call?")
    deadline = time.monotonic() + PATIENCE
    while terminal.process.poll() is None and time.monotonic() < deadline:
        terminal.process.send_signal(signal.SIGINT)  # one that comes just before the read is not seen by it
        terminal.rest()
    assert terminal.ended() != 0
    assert not list(tmp_path.iterdir())


def test_the_command_that_it_ends_with_works(repository: Path) -> None:
    text = _run("--yes").output
    command = re.search(r"Next:\n +brownout (.*)\n", text)
    assert command is not None
    settings = (repository / "brownout.yaml").read_text()
    (repository / "brownout.yaml").write_text(re.sub(r"listen: 127.0.0.1:\d+", "listen: 127.0.0.1:0", settings))
    program = [sys.executable, "-c", "from brownout_proxy.cli import main; main()", *command[1].split()]
    free = ["--port", "0", "--grpc-port", "0"]  # the usual ones may be somebody's on this machine
    with subprocess.Popen([*program, *free], cwd=repository, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        shown = ""
        for line in process.stderr:
            shown += line
            if "gRPC API" in line:
                break
        process.terminate()
    assert {"db", "orders"} <= {line.split()[0] for line in shown.splitlines() if "->" in line}


def test_manifests_may_lie_at_the_root(tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text("replicas: 3\n")
    (tmp_path / "all.yaml").write_text(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {template: {spec: {containers: "
        "[{name: web, image: w, env: [{name: URL, value: 'http://api:80'}]}]}}}\n---\n"
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api}\n"
        "spec: {template: {metadata: {labels: {app: api}}, spec: {containers: [{name: api, image: a}]}}}\n---\n"
        "apiVersion: v1\nkind: Service\nmetadata: {name: api}\nspec: {selector: {app: api}, ports: [{port: 80}]}\n"
    )
    assert [path.name for path in detect(tmp_path).manifests] == ["all.yaml"]
    result = _run(str(tmp_path), "--yes")
    assert result.exit_code == 0, result.output
    assert "found all.yaml: " in result.output
