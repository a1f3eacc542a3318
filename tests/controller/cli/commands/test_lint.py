"""`brownout lint`: one line for each file that is wrong, and exit status 2."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from brownout_controller.cli.commands.lint import lint
from brownout_core.errors import InvalidSpec
from brownout_proxy.cli import root, run
from tests.controller.model.test_environment import _FILE
from tests.controller.model.test_experiment import _SMALL
from tests.support.builders.architectures import SHOP

_SHOP: Final = Path(__file__).parents[4] / "deploy" / "demo" / "experiments" / "payment-db-latency.yaml"


def _lint(folder: Path, **files: str) -> tuple[int, list[str]]:
    paths = []
    for name, text in files.items():
        paths.append(str(folder / f"{name}.yaml"))
        Path(paths[-1]).write_text(text)
    result = CliRunner().invoke(lint, paths)
    return result.exit_code, result.output.splitlines()


def test_files_that_are_right_say_nothing_and_variables_need_no_value(tmp_path: Path) -> None:
    variable = _SMALL.replace("127.0.0.1:1", "${WHERE}:1")
    assert _lint(tmp_path, a=_SMALL, b=variable, brownout=_FILE) == (0, [])


def test_each_file_that_is_wrong_has_its_line(tmp_path: Path) -> None:
    status, lines = _lint(
        tmp_path, a=_SMALL.replace("edge", "egde"), b=_SMALL, brownout=_FILE.replace("protected", "protcted"), c="[",
    )  # fmt: skip
    assert status == 2
    assert [line.partition(".yaml:")[2].partition(" ")[0] for line in lines] == ["2:1:", "12:16:", "1:2:"]


def test_a_file_with_services_is_an_architecture(tmp_path: Path) -> None:
    status, lines = _lint(tmp_path, architecture=SHOP, wrong=SHOP.replace("fallback:", "falback:"))
    assert status == 2
    assert len(lines) == 1
    assert "wrong.yaml:10:15: services.orders.calls.redis.falback: unknown key; did you mean fallback?" in lines[0]


def test_a_compose_file_is_no_architecture_but_can_be_made_into_one(tmp_path: Path) -> None:
    compose = 'version: "3"\nservices:\n  web: {image: nginx, ports: ["80:80"]}\n  x: {<<: {restart: always}}\n  db:\n'
    status, (line,) = _lint(tmp_path, compose=compose)
    assert status == 2
    assert line.endswith(f"make one of it with: brownout import compose {tmp_path / 'compose.yaml'}")
    status, (line,) = _lint(tmp_path, wrong=SHOP.replace("replicas: 2", "image: x"))
    assert "services.gateway.image: unknown key" in line


def test_the_demo_s_experiments_need_no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GATEWAY", "PAYMENT", "POSTGRES_DSN"):
        monkeypatch.delenv(name, raising=False)
    result = CliRunner().invoke(lint, [str(path) for path in sorted(_SHOP.parent.glob("*.yaml"))])
    assert (result.exit_code, result.output) == (0, "")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(lint, [str(tmp_path / "none.yaml")])
    assert result.exit_code == 2
    assert "none.yaml: no such file or directory" in result.output


def test_the_file_of_a_proxy_is_no_experiment(tmp_path: Path) -> None:
    text = "seed: 42\nproxies: {postgres: {listen: 127.0.0.1:15432, upstream: 127.0.0.1:5432}}\n"
    assert _lint(tmp_path, brownout=text) == (0, [])
    status, lines = _lint(tmp_path, brownout=f"{text}enviroments: {{}}\n")
    assert status == 2
    assert "did you mean environments?" in lines[0]


def test_the_name_of_a_file_moves_no_cursor(tmp_path: Path) -> None:
    (tmp_path / "a\x1bb.yaml").write_text("[")
    told = CliRunner().invoke(lint, [str(tmp_path / "a\x1bb.yaml")]).output
    assert "a\\x1bb.yaml:1:2:" in told


def test_json_may_be_asked_for_before_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yaml").write_text(_SMALL)
    assert run(root, ["--json", "lint", str(tmp_path / "a.yaml")], "brownout") == 0
    assert capsys.readouterr().out == "[]\n"


def test_all_mistakes_of_a_file_are_told_and_what_is_missing_but_misspelt_only_once(tmp_path: Path) -> None:
    text = """\
nme: x
edge: a b
fault: {latency: soon}
duraton: 3s
baseline: -1
hypotheses:
  - {name: h, tcp: "127.0.0.1", expect: quick, every: never}
  - {name: g, http: "http://x/", expct: < 1}
  - {name: i, traffic: errors, expect: < 2}
"""
    status, lines = _lint(tmp_path, a=text)
    assert status == 2
    told = "\n".join(lines)
    for part in (
        "nme: unknown key; did you mean name?",
        "edge: 'a b' is not an edge",
        "fault.latency: 'soon'",
        "duraton: unknown",
        "baseline: must be greater than 0",
        "hypotheses[0].tcp: must be host:port",
        "hypotheses[0].expect: 'quick'",
        "hypotheses[0].every: 'never'",
        "hypotheses[1].expct: unknown key",
        "'< 2' would always hold",
    ):
        assert part in told
    assert len(lines) == 10
    assert "missing" not in told


def test_what_depends_on_a_variable_that_is_not_set_is_no_mistake(tmp_path: Path) -> None:
    text = _SMALL.replace('tcp: "127.0.0.1:1"', 'http: "${URL}/x"').replace("duration: 10s", "duration: ${TIME}")
    assert _lint(tmp_path, a=text) == (0, [])
    assert _lint(tmp_path, a=text.replace("edge", "egde"))[0] == 2
    slow = text.replace("duration: ${TIME}", "duration: 10s") + '  - {name: g, tcp: "h:1", expect: < 1s, settle: 12s}\n'
    status, lines = _lint(tmp_path, a=slow)
    assert status == 2, "what can be judged is judged beside it"
    assert "a duration of 10s is over before 'g' has settled" in lines[0]


def test_json_has_the_place_in_parts(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(_SMALL.replace("< 1s", "quick"))
    result = CliRunner().invoke(lint, [str(tmp_path / "a.yaml"), str(tmp_path / "none.yaml"), "--json"])
    assert result.exit_code == 2
    first, second = json.loads(result.output)
    assert (first["line"], first["column"], first["path"]) == (6, 35, "hypotheses[0].expect")
    assert first["reason"].startswith("'quick' is not an expectation")
    assert (second["line"], second["file"]) == (None, str(tmp_path / "none.yaml"))
    good = CliRunner().invoke(lint, [str(_SHOP), "--json"])
    assert (good.exit_code, json.loads(good.output)) == (0, [])


_WEAK = _SMALL.replace("{latency: 1s}", "{latency: 1ms}")
_NOTHING = _SMALL.replace("{latency: 1s}", "{latency: 0s}")


def _ended(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(lint, list(words))
    return result.exit_code, result.output


def test_a_warning_is_printed_and_is_no_failure_unless_it_is_strict(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(_WEAK)
    status, told = _ended(str(tmp_path / "a.yaml"))
    assert (status, told.count("\n")) == (0, 1)
    assert "a.yaml:3:1: fault: warning: " in told
    assert told.endswith("[fault-hardly-noticeable]\n")
    status, told = _ended(str(tmp_path / "a.yaml"), "--strict")
    assert status == 2
    assert "a.yaml:3:1: fault: error: " in told


def test_a_claim_or_a_fault_that_proves_nothing_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(_NOTHING)
    status, told = _ended(str(tmp_path / "a.yaml"))
    assert status == 2
    assert told.endswith("[fault-does-nothing]\n")
    (tmp_path / "a.yaml").write_text(f"{_NOTHING}lint: {{fault-does-nothing: it rehearses the run}}\n")
    assert _ended(str(tmp_path / "a.yaml"), "--strict") == (0, "")


def test_json_has_severity_code_and_remedy(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(_WEAK)
    (tmp_path / "b.yaml").write_text(_SMALL.replace("edge", "egde"))
    status, told = _ended(str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml"), "--json")
    assert status == 2
    weak, mistake = json.loads(told)
    assert (weak["severity"], weak["code"], weak["line"], weak["path"]) == (
        "warning", "fault-hardly-noticeable", 3, "fault",
    )  # fmt: skip
    assert weak["remedy"]
    assert (mistake["severity"], mistake["code"]) == ("error", "mistake")
    status, told = _ended(str(tmp_path / "a.yaml"), "--json", "--strict")
    assert (status, json.loads(told)[0]["severity"]) == (2, "error")


_CONFIG = """\
proxies: {b: {listen: 127.0.0.1:18080, upstream: "127.0.0.1:8080"}}
environments: {local: {}, staging: {control: "proxy.staging:8475"}}
"""


def test_an_environment_is_looked_at_where_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "brownout.yaml").write_text(_CONFIG)
    (tmp_path / "a.yaml").write_text(_SMALL.replace("127.0.0.1:1", "127.0.0.1:18080"))
    monkeypatch.chdir(tmp_path)
    assert _ended("a.yaml") == (0, "")
    status, told = _ended("a.yaml", "--env", "local")
    assert status == 2
    assert told.endswith("[asks-the-proxy]\n")
    assert _ended("a.yaml", "--env", "staging") == (0, ""), "whose proxies are on another machine"


@pytest.mark.parametrize(
    ("words", "told"),
    [(("--env", "stagng"), "did you mean staging?"), (("--config", "brownout.yaml"), "is for --env"),
     (("--env", "x", "--config", "none.yaml"), "none.yaml: no such file")],
)  # fmt: skip
def test_an_environment_that_cannot_be_had_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], told: str
) -> None:
    (tmp_path / "brownout.yaml").write_text(_CONFIG)
    (tmp_path / "a.yaml").write_text(_SMALL)
    monkeypatch.chdir(tmp_path)
    error = CliRunner().invoke(lint, ["a.yaml", *words]).exception
    assert isinstance(error, InvalidSpec)
    assert told in str(error)


def test_a_secret_of_a_variable_is_not_repeated(tmp_path: Path) -> None:
    text = f'{_SMALL}  - {{name: "${{PASSWORD}}", tcp: "127.0.0.1:1", expect: < 1s}}\n'
    (tmp_path / "a.yaml").write_text(text)
    status, told = _ended(str(tmp_path / "a.yaml"), "--var", "PASSWORD=hunter2")
    assert (status, "duplicate-claim" in told, "hunter2" in told) == (0, True, False)


def test_the_experiment_of_the_readme_has_no_mistake(tmp_path: Path) -> None:
    readme = (Path(__file__).parents[4] / "README.md").read_text("utf-8")
    (text,) = re.findall(r"```yaml\n# payment-db-latency\.yaml\n(.*?)```", readme, re.DOTALL)
    assert _lint(tmp_path, a=text) == (0, [])


def test_a_secret_is_found_in_files_of_every_kind(tmp_path: Path) -> None:
    settings = "environments: {staging: {control: 'h:1', token: hunter22hunter22}}"
    services = "services: {web: {calls: [db]}, db: {note: 'postgres://app:hunter22@db/x'}}"
    for name, text in (("brownout", settings), ("architecture", services)):
        _, lines = _lint(tmp_path, **{name: text})
        if name == "architecture" and any("unknown key" in line for line in lines):
            continue
        assert [line for line in lines if "[literal-secret]" in line], (name, lines)
        assert "hunter22" not in "".join(lines)
    assert _lint(tmp_path, brownout=settings.replace("hunter22hunter22", "'${TOKEN}'")) == (0, [])
