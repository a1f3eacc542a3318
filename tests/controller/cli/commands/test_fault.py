"""`brownout fault` as far as no proxy is needed; with proxies it is in tests/e2e/test_controller.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from brownout_controller.cli.commands.fault import fault, read_radius, read_word
from brownout_core.errors import InvalidSpec

_SETTINGS = "environments: {local: {backend: memory, edges: {a -> b: {proxy: p}, c -> d: {proxy: q}}}}"


def put(root: Path, *words: str, settings: str = _SETTINGS) -> Result:
    config = root / "brownout.yaml"
    config.write_text(settings)
    given = [*words, "--config", str(config), "--runs", str(root / "runs")]
    return CliRunner().invoke(fault, given, env={"BROWNOUT_CONTROLLER": "", "XDG_STATE_HOME": str(root / "state")})


def test_a_word_is_a_fault_with_attributes_and_conditions() -> None:
    spec = read_word("latency=300ms,jitter=50ms,toxicity=25%,direction=upstream,clients=10.0.0.0/8+::1,name=slow")
    assert (spec.name, spec.direction, spec.kind) == ("slow", "upstream", "latency")
    assert spec.fault.attributes()["jitter"] == 50
    assert (spec.selection.toxicity, len(spec.selection.clients)) == (0.25, 2)
    assert read_word("refuse").kind == "refuse"
    assert read_word("limit_data=1MiB,first=3").selection.first == 3
    assert read_word("bandwidth,rate=100KB/s").fault.attributes()["rate"] == 100


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("latncy=3s", "did you mean latency?"),
        ("latency=soon", "'soon' is not a quantity"),
        ("latency=3s,jiter=1s", "did you mean jitter?"),
        ("latency=3s,50ms", "'50ms' is not NAME=VALUE"),
        ("refuse=1", "value: unknown attribute"),
        ("latency=3s,toxicity=2", "toxicity"),
        ("latency=3s,direction=across", "'across' is not a direction"),
    ],
)
def test_a_word_that_is_no_fault_is_told_with_what_would_be_right(word: str, told: str) -> None:
    with pytest.raises(InvalidSpec) as error:
        read_word(word)
    assert str(error.value).startswith(f"{word}: ")
    assert told.removeprefix("value: ") in str(error.value)


def test_a_radius_is_a_word_a_number_or_a_share() -> None:
    assert [read_radius(text) for text in ("one", "all", "2", "50%")] == [
        ("one", None), ("all", None), ("fixed", 2), ("fixed-percent", 50),
    ]  # fmt: skip
    with pytest.raises(InvalidSpec, match="--blast-radius: 'some'"):
        read_radius("some")


def test_faults_are_put_held_and_reverted(tmp_path: Path) -> None:
    result = put(tmp_path, "latency=1s", "noop", "--edge", "a -> b", "--edge", "c->d", "--for", "0.2s", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["verdict"], told["hypotheses"]) == ("done", [])
    (journal,) = (tmp_path / "runs").glob("*/journal.jsonl")
    records = [json.loads(line) for line in journal.read_text().splitlines()]
    kinds = [record["kind"] for record in records if record["kind"] in ("undo", "injected", "reverted", "verdict")]
    assert kinds == ["undo", "injected"] * 2 + ["reverted"] * 2 + ["verdict"]
    assert "fault latency=1s noop --edge 'a -> b' --edge c->d" in records[0]["replay"].replace("'c->d'", "c->d")


def test_what_is_refused_says_why(tmp_path: Path) -> None:
    result = put(tmp_path, "latency=1s", "--edge", "a -> b", "--edge", "x -> y", "--for", "1s")
    assert result.exit_code == 4
    assert "nothing in environment 'local' carries 'x -> y'" in result.output


def test_it_has_an_end_and_an_edge(tmp_path: Path) -> None:
    assert put(tmp_path, "latency=1s", "--edge", "a -> b").exit_code == 2
    assert put(tmp_path, "latency=1s", "--for", "1s").exit_code == 2
    assert isinstance(put(tmp_path, "latency=1s", "--edge", "a", "--for", "1s").exception, InvalidSpec)
    assert not (tmp_path / "runs").exists()


def test_variables_are_for_the_environment_and_a_controller_has_its_own(tmp_path: Path) -> None:
    words = ("noop", "--edge", "a -> b", "--for", "0.2s", "--json")
    (tmp_path / "vars").write_text("TOKEN=abcdefgh12345678\n")
    settings = "environments: {local: {backend: memory, edges: {a -> b: {proxy: p}}, token: '${TOKEN}'}}"
    result = put(tmp_path, *words, settings=settings)
    assert isinstance(result.exception, InvalidSpec)
    assert "TOKEN" in str(result.exception)
    result = put(tmp_path, *words, "--var-file", str(tmp_path / "vars"), settings=settings)
    assert result.exit_code == 0, result.output
    with pytest.raises(InvalidSpec, match="--var"):
        CliRunner().invoke(fault, [*words, "--controller", "127.0.0.1:1", "--var", "A=b"], catch_exceptions=False)
