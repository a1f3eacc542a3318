"""`brownout init`: from a repository to its first experiments, without a question or at a terminal."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from brownout_controller.cli.commands.init import init
from brownout_controller.cli.commands.lint import check
from brownout_controller.cli.repository import find_repository
from brownout_controller.model.variables import Variables
from brownout_core.errors import InvalidSpec
from brownout_proxy.server import config
from tests.support.merged_compose import hops, merged

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
    assert {
        "architecture.yaml", "brownout.yaml", "compose.brownout.yaml", ".github/workflows/brownout.yml",
    } <= files.keys()  # fmt: skip
    for name in files:
        if name.startswith("experiments/") or name in ("architecture.yaml", "brownout.yaml"):
            assert not check(repository / name, Variables({}, {}, lenient=True)).mistakes, name
    up = "docker compose -f compose.yaml -f compose.brownout.yaml up --detach --wait"
    assert result.output.endswith(f"\nNext:\n  {up}\n")
    assert "u:p" not in "".join(text for name, text in files.items() if name != "compose.yaml")


def test_each_edge_of_the_experiments_has_a_proxy_beside_its_callee(repository: Path) -> None:
    _run("--yes")
    proxies = {spec.name: (spec.listen, spec.upstream) for spec in config.load(repository / "brownout.yaml").proxies}
    assert proxies["db"] == ("0.0.0.0:5432", "db:5432")
    for path in (repository / "experiments").iterdir():
        content = yaml.safe_load(path.read_text())
        assert content["edge"].rpartition(" -> ")[2] in proxies
        through = content["edge"].startswith("outside ->")
        assert content["traffic"]["url"] == f"http://127.0.0.1:{18080 if through else 8080}/"


def test_the_callers_reach_the_proxies_in_the_merged_project(repository: Path) -> None:
    _run("--yes")
    services = merged(repository / "compose.yaml", repository / "compose.brownout.yaml")
    found = {(hop.caller, hop.upstream) for hop in hops(services, repository / "brownout.yaml")}
    assert found >= {("gateway", "orders:8000"), ("orders", "db:5432")}
    assert "18080" in "".join(services["brownout"]["ports"])


def test_a_compose_file_in_a_folder_has_its_override_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy" / "compose.yaml").write_text(COMPOSE)
    monkeypatch.chdir(tmp_path)
    result = _run("--yes")
    assert result.exit_code == 0, result.output
    assert "-f deploy/compose.yaml -f deploy/compose.brownout.yaml up" in result.output
    services = merged(tmp_path / "deploy" / "compose.yaml", tmp_path / "deploy" / "compose.brownout.yaml")
    assert services["brownout"]["volumes"] == ["../brownout.yaml:/etc/brownout.yaml:ro"]
    assert list(hops(services, tmp_path / "brownout.yaml"))


def test_flows_are_guessed_from_what_is_published(repository: Path) -> None:
    _run("--yes")
    content = yaml.safe_load((repository / "architecture.yaml").read_text())
    assert content["flows"]["gateway"]["path"] == ["gateway"]
    assert "8080" in content["flows"]["gateway"]["guess"]
    assert list(content["flows"]) == ["gateway"]


def test_doing_it_again_keeps_everything(repository: Path) -> None:
    _run("--yes")
    before = _said(repository)
    (repository / "brownout.yaml").write_text("environments: {local: {}}\n")
    result = _run("--yes")
    assert _said(repository) == {**before, "brownout.yaml": "environments: {local: {}}\n"}
    assert result.output.count("kept  ") == 5
    assert "db: {listen: 0.0.0.0:5432, upstream: db:5432}" in result.output
    assert result.output.count("unchanged  ") == 3


def test_a_dry_run_shows_all_and_writes_nothing(repository: Path) -> None:
    result = _run("--yes", "--dry-run")
    assert result.exit_code == 0
    assert list(_said(repository)) == ["compose.yaml"]
    assert result.output.count("would write") == 8
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
    assert "does not exist" in str(_run(str(tmp_path / "none"), "--yes").exception)


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
    assert find_repository(repository).ci == ci
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
        assert "Jenkinsfile" in result.output
    assert ("include:" in result.output) == (ci == "gitlab")


def test_manifests_may_lie_at_the_root(tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text("replicas: 3\n")
    (tmp_path / "all.yaml").write_text(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {template: {spec: {containers: "
        "[{name: web, image: w, env: [{name: URL, value: 'http://api:80'}]}]}}}\n---\n"
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api}\n"
        "spec: {template: {metadata: {labels: {app: api}}, spec: {containers: [{name: api, image: a}]}}}\n---\n"
        "apiVersion: v1\nkind: Service\nmetadata: {name: api}\nspec: {selector: {app: api}, ports: [{port: 80}]}\n"
    )
    assert [path.name for path in find_repository(tmp_path).manifests] == ["all.yaml"]
    result = _run(str(tmp_path), "--yes")
    assert result.exit_code == 0, result.output
    assert "found all.yaml: " in result.output


def test_the_command_that_it_ends_with_works_where_the_proxies_run_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "architecture.yaml").write_text("services: {web: {calls: [db]}, db: }\n")
    monkeypatch.chdir(tmp_path)
    command = re.search(r"Next:\n +brownout (.*)\n", _run("--yes").output)
    assert command is not None
    settings = (tmp_path / "brownout.yaml").read_text()
    (tmp_path / "brownout.yaml").write_text(re.sub(r"listen: 127.0.0.1:\d+", "listen: 127.0.0.1:0", settings))
    program = [sys.executable, "-c", "from brownout_proxy.cli import main; main()", *command[1].split()]
    free = ["--port", "0", "--grpc-port", "0"]  # the usual ones may be somebody's on this machine
    with subprocess.Popen([*program, *free], cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        shown = ""
        for line in process.stderr:
            shown += line
            if "gRPC API" in line:
                break
        process.terminate()
    assert "db" in {line.split()[0] for line in shown.splitlines() if "->" in line}
