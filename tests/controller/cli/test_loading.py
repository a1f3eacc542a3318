"""Files and flags become orders; what is sent to a controller is no more than it needs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from brownout_controller.cli.loading import read_orders, read_variables
from brownout_controller.cli.venue import Where
from brownout_proxy.errors import InvalidSpec

_TEXT = """\
name: ${WHO} ${LENT}
edge: a -> b
fault: {latency: 1s}
duration: 99s
hypotheses: [{name: h, prometheus: "rate(x[${window}])", expect: < 1}]
"""


def where(controller: str | None = None) -> Where:
    return Where(
        environment="staging", config=None, runs=None, controller=controller, token="hidden", token_file=None,
        tls_ca=None, tls_cert=None, tls_key=None, patience=1.0,
    )  # fmt: skip


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WHO", "from-here")
    monkeypatch.setenv("SECRET", "never-sent")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "brownout.yaml").write_text("environments: {staging: {}}")
    path = tmp_path / "my x.yaml"
    path.write_text(_TEXT)
    return path


def test_an_order_has_the_text_its_name_and_how_to_ask_again(file: Path) -> None:
    (order,) = read_orders([file], ["LENT=1"], 7, where())
    assert (order.text, order.file, order.environment, order.seed) == (_TEXT, str(file), "staging", 7)
    assert order.variables == {"LENT": "1"}
    assert order.replay == f"brownout run '{file}' --env staging --var LENT=1"


def test_to_a_controller_go_the_variables_that_the_file_speaks_of(file: Path) -> None:
    (order,) = read_orders([file], ["UNUSED=1"], None, where("h:1"))
    assert order.variables == {"WHO": "from-here"}
    assert order.replay.endswith("--env staging --controller h:1")
    (order,) = read_orders([file], ["WHO=me", "LENT=mine"], None, where("h:1"))
    assert order.variables == {"WHO": "me", "LENT": "mine"}


def test_the_command_that_asks_again_has_the_variables_and_no_secret(file: Path) -> None:
    (order,) = read_orders([file], ["WHO=< 2 s", "LENT=hunter2's", "UNUSED=x"], None, where())
    words = order.replay.partition("--env staging ")[2]
    assert words == """--var 'WHO=< 2 s' --var LENT="$LENT\""""
    shell = ["sh", "-c", f'LENT="hunter2\'s"; printf "%s\\n" {words}']
    told = subprocess.run(shell, capture_output=True, text=True, check=True).stdout.splitlines()
    assert told == ["--var", "WHO=< 2 s", "--var", "LENT=hunter2's"], "as the shell reads it"


def test_what_is_wrong_is_told_before_anything_is_sent(file: Path, tmp_path: Path) -> None:
    file.write_text(_TEXT.replace("edge", "egde"))
    with pytest.raises(InvalidSpec, match=r"my x\.yaml:2:1: egde"):
        read_orders([file], [], None, where("h:1"))
    with pytest.raises(InvalidSpec, match=r"none\.yaml: no such file"):
        read_orders([tmp_path / "none.yaml"], [], None, where())
    file.write_bytes(b"a: b\n\xff")
    with pytest.raises(InvalidSpec, match=r"my x\.yaml:2: is not UTF-8"):
        read_orders([file], [], None, where())


def test_a_default_of_the_file_is_no_variable_of_ours(file: Path) -> None:
    file.write_text(_TEXT.replace("${LENT}", "${LENT:-none}"))
    (order,) = read_orders([file], [], None, where("h:1"))
    assert order.variables == {"WHO": "from-here"}


def test_variables_are_pairs() -> None:
    assert read_variables(["A=1", "B=x=y", "C="]) == {"A": "1", "B": "x=y", "C": ""}
    for word in ("A", "=1"):
        with pytest.raises(InvalidSpec, match="is not NAME=VALUE"):
            read_variables([word])
