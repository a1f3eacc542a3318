"""Names that write: through the real commands, in a pipe and in the log, nothing of them is obeyed by anybody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.support.processes.system_under_test import Stage, staged
from tests.support.running import SECONDS

_NAMES: Final = [
    "::error::owned", "  ::add-mask::backend", "##[error]owned", "##vso[task.complete]x", "a\n::error::owned",
    "a\r::stop-commands::x", "\x1b[2J\x1b]0;owned\x07", "\x9b31mred", "\u202egnp.exe", "a\u2028::warning::x",
    "a\tb\x00c",
]  # fmt: skip
_COMMANDS: Final = ("##[", "##vso[", "##teamcity[")
pytestmark = pytest.mark.timeout(500)  # a test here starts up to 17 commands


def _check(text: str, *, tabs: bool = False) -> None:
    """As GitHub's runner, Azure's agent and a terminal read it."""
    for row in text.split("\n"):
        assert not row.lstrip().startswith("::"), row
        assert not any(command in row for command in _COMMANDS), row
        assert (row.replace("\t", "") if tabs else row).isprintable(), repr(row)


def _brownout(place: Stage | Path, *words: str, status: int | None = None) -> tuple[str, str]:
    root, api = (place, "127.0.0.1:9") if isinstance(place, Path) else (place.root, place.proxy.api)
    ended = subprocess.run(
        [sys.executable, "-c", "from brownout_proxy.cli import main; main()", *words],
        cwd=root, capture_output=True, text=True, timeout=6 * SECONDS, check=False,
        env={**os.environ, "BROWNOUT_URL": f"http://{api}", "XDG_STATE_HOME": str(root / "state")},
    )  # fmt: skip
    assert status is None or ended.returncode == status, ended.stderr
    return ended.stdout, ended.stderr


def test_names_in_a_proxy_are_obeyed_on_no_way_out(tmp_path: Path) -> None:
    with staged(tmp_path) as [stage]:
        taken = []
        for name in _NAMES:
            body = {"name": name, "type": "noop", "stream": "downstream"}
            try:
                stage.ask("POST", "/proxies/backend/toxics", body)
                taken.append(name)
                stage.ask("POST", "/proxies", {"name": name, "listen": "127.0.0.1:0", "upstream": "127.0.0.1:9"})
            except OSError:
                continue  # refused, which is as good
        assert "::error::owned" in taken
        path = stage.write(hypotheses=[stage.claim(name=name.strip() or "x") for name in _NAMES[:4]])
        outputs = [
            _brownout(stage, "list", status=0),
            _brownout(stage, "inspect", "backend", status=0),
            _brownout(stage, "inspect", "::error::nobody", status=1),
        ]
        ended = stage.run(path)
        assert ended.status == 4, ended.told
        assert "\\x3a:error::owned" in ended.told, "the reason names it"
        outputs += [
            (ended.out, ended.err),
            _brownout(stage, "targets", status=0),
            _brownout(stage, "fault", "latency=1ms", "--edge", "shop -> backend", "--for", "1s", status=4),
            _brownout(stage, "run", str(path), "--dry-run", status=4),
            _brownout(stage, "report", "last", status=0),
            _brownout(stage, "history", "--limit", "0"),
        ]
        for out, err in outputs:
            _check(out, tabs=True)
            _check(err)
        for words in (("list", "--json"), ("inspect", "backend", "--json"), ("targets", "--json")):
            out, _ = _brownout(stage, *words, status=0)
            _check(out)
            assert "::error::owned" in json.dumps(json.loads(out)), "it is exact"
        _check(stage.proxy.told())


@pytest.mark.parametrize("form", ["markdown", "junit", "json", "html"])
def test_a_report_in_a_pipe_is_obeyed_by_nobody(tmp_path: Path, form: str) -> None:
    with staged(tmp_path) as [stage]:
        names = [name.strip().replace("\x00", "") for name in _NAMES]
        fails = {"command": ["sh", "-c", "printf '::error::owned\\n##[error]x\\n\\033[2J'; exit 1"], "expect": "== 0"}
        claims = [stage.claim(name=name) for name in names] + [{"name": "c", **fails}]
        path = stage.write(name=names[4], because=names[5], hypotheses=claims)
        ended = stage.run(path)
        assert ended.records, ended.told
        _check(ended.told)
        out, err = _brownout(stage, "report", "last", "--format", form, status=0)
        _check(out, tabs=True)
        _check(err)


def test_mistakes_in_files_are_obeyed_by_nobody(tmp_path: Path) -> None:
    files = []
    for number, name in enumerate(_NAMES):
        services = {name.strip(): {"image": 1, name: 2}}
        for kind, content in {
            "key": {name: 1},
            "name": {"name": name, "edge": name},
            "map": {"services": services},
        }.items():
            files.append(tmp_path / f"{kind}{number}.json")
            files[-1].write_text(json.dumps(content))
    some = [file for file in files if file.name in ("map0.json", "map2.json", "map4.json")]
    commands = [("lint", *map(str, files)), ("lint", "--json", *map(str, files)), ("run", *map(str, files))]
    commands += [(command, str(file)) for file in some for command in ("catalogue", "findings")]
    commands += [("import", "compose", str(file)) for file in some]
    for words in commands:
        out, err = _brownout(tmp_path, *words)
        assert out or err
        _check(out)
        _check(err)
