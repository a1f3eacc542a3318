"""brownout.yaml and the CI job: valid for those who read them, and safe where they run."""

from __future__ import annotations

import re
import subprocess
from importlib import metadata
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from brownout_catalogue.generate.edge_proxies import Machine, container_proxies, machine_proxies
from brownout_catalogue.generate.setup_files import (
    CI_FILES,
    REQUIREMENTS,
    Job,
    ci,
    requirements,
    settings,
)
from brownout_controller.model.environment import read_environment
from brownout_core import document
from brownout_proxy.server import config
from tests.support.builders.architectures import SHOP, read

UP = "docker compose -f compose.yaml -f compose.brownout.yaml up --detach --wait"
JOB = Job("experiments", {"BUY_URL": "http://127.0.0.1:8080/"}, "")


def test_the_file_is_read_by_both_the_proxy_and_the_run() -> None:
    named = SHOP.replace("  redis:\n", "  redis: {where: {proxy: sessions}}\n")
    found = machine_proxies(read(named), ["orders -> redis", "orders -> postgres"], Machine())
    text = settings(found, ["brownout run experiments/x.yaml"])
    assert {spec.name: spec.listen for spec in config.parse(text, "brownout.yaml").proxies} == {
        "sessions": "127.0.0.1:16379", "postgres": "127.0.0.1:15432",
    }  # fmt: skip
    environment = read_environment(document.parse(text, "brownout.yaml"), "local", "brownout.yaml")
    assert {edge: place.proxy for edge, place in environment.edges.items()} == {"orders -> redis": "sessions"}
    assert "#      orders finds redis at 127.0.0.1:16379\n" in text
    assert "#      brownout run experiments/x.yaml\n" in text


def test_in_a_compose_project_the_proxies_listen_for_containers_and_the_run_takes_the_token_of_the_service() -> None:
    found = container_proxies(read(SHOP), ["orders -> redis"], Machine(), ["orders", "redis"])
    text = settings(found, [], UP)
    assert config.parse(text, "brownout.yaml").proxies[0].listen == "0.0.0.0:6379"
    environment = read_environment(document.parse(text, "brownout.yaml"), "local", "brownout.yaml")
    assert environment.control == ("127.0.0.1:8473",)
    assert environment.token == "${BROWNOUT_TOKEN:-}"
    assert f"#      {UP}\n" in text


def test_nothing_to_carry_is_a_valid_file_as_well() -> None:
    assert config.parse(settings([], []), "brownout.yaml").proxies == ()


def test_a_workflow_has_few_rights_and_takes_its_inputs_by_variables() -> None:
    text = ci("github", JOB)
    content: dict[Any, Any] = yaml.safe_load(text)
    assert content["permissions"] == {"contents": "read"}
    steps = content["jobs"]["experiments"]["steps"]
    assert {step["uses"].partition("@")[0] for step in steps if "uses" in step} == {
        "actions/checkout", "actions/setup-python", "actions/upload-artifact",
    }  # fmt: skip
    for step in steps:
        assert "${{" not in step.get("run", "")
    assert [step for step in steps if step.get("if") == "always()" and "upload-artifact" in step.get("uses", "")]
    run = next(step for step in steps if "brownout run" in step.get("run", ""))
    assert run["env"]["BUY_URL"] == "http://127.0.0.1:8080/"
    assert "brownout.xml" in run["run"]
    proxy = next(number for number, step in enumerate(steps) if "brownout proxy" in step.get("run", ""))
    assert "start the system here" in steps[proxy + 1]["run"]


@pytest.mark.parametrize("kind", ["github", "gitlab"])
def test_a_compose_project_starts_with_its_proxies_in_it(kind: Any) -> None:
    text = ci(kind, JOB._replace(up=UP))
    commands = _commands(kind, text)
    assert UP in commands
    assert not any("brownout proxy" in command for command in commands)
    assert "BROWNOUT_IMAGE" in text


def test_a_gitlab_job_keeps_its_reports_whatever_comes_of_it() -> None:
    content = yaml.safe_load(ci("gitlab", JOB))["brownout"]
    assert content["artifacts"]["when"] == "always"
    assert content["artifacts"]["reports"] == {"junit": "brownout.xml"}
    assert content["variables"]["EXPERIMENTS"] == "experiments/*.yaml"
    assert "brownout run $EXPERIMENTS --report brownout.html" in content["script"][-1]


def _commands(kind: Any, text: str = "") -> list[str]:
    content: dict[Any, Any] = yaml.safe_load(text or ci(kind, JOB))
    if kind == "gitlab":
        return list(content["brownout"]["script"])
    return [line for step in content["jobs"]["experiments"]["steps"] for line in step.get("run", "").splitlines()]


@pytest.mark.parametrize("kind", ["github", "gitlab"])
def test_a_job_installs_nothing_by_a_bare_name(kind: Any) -> None:
    """Whoever registered the name on a public index would run in the job."""
    installing = [command for command in _commands(kind) if "pip install" in command]
    assert len(installing) == 2
    assert f"--require-hashes --requirement {REQUIREMENTS}" in installing[0]
    assert '--no-deps "${BROWNOUT_SOURCE:?' in installing[1]
    done = subprocess.run(["sh", "-c", installing[1]], env={}, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "set it to where Brownout comes from" in done.stderr


def test_what_the_job_installs_is_the_lock_of_what_the_package_needs() -> None:
    locked = dict(re.findall(r"^([\w.-]+)==(\S+)", requirements(), re.MULTILINE))
    assert all("--hash=sha256:" in part for part in requirements().split("\n\n") if "==" in part)
    assert "://" not in requirements()
    needed = [Requirement(text) for text in metadata.requires("brownout") or []]
    for need in needed:
        if need.marker is None or need.marker.evaluate({"extra": "controller"}):
            assert need.specifier.contains(locked[canonicalize_name(need.name)]), need


@pytest.mark.parametrize("kind", ["github", "gitlab"])
def test_a_system_that_nobody_knows_how_to_start_is_left_to_its_people(kind: Any) -> None:
    assert "start the system here" in ci(kind, JOB)
    assert CI_FILES[kind].endswith(".yml")
