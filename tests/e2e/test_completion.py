"""Completion in a shell, by the one line that docs/commands.md has for it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.requirements import needs, program

_PAGE = Path(__file__).parents[2] / "docs" / "commands.md"
_BIN = Path(sys.executable).parent


def _environment() -> dict[str, str]:
    return {"PATH": f"{_BIN}:/usr/bin:/bin", "HOME": "/nowhere"}


@needs("bash")
@pytest.mark.parametrize(
    ("words", "wanted"),
    [(["brownout", "ru"], {"run", "runs"}), (["brownout", "run", "--con"], {"--config", "--controller"})],
)
def test_bash_completes_commands_and_flags_by_the_line_of_the_page(words: list[str], wanted: set[str]) -> None:
    (line,) = re.findall(r"eval \"\$\(_BROWNOUT_COMPLETE=bash_source brownout\)\"", _PAGE.read_text("utf-8"))
    quoted = " ".join(f"'{word}'" for word in words)
    script = f"""{line}
        COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}
        function compopt() {{ :; }}
        _brownout_completion brownout; printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    bash = program("bash")
    assert bash is not None
    ended = subprocess.run(
        [bash, "-ec", script],
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.stderr == ""
    assert set(ended.stdout.split()) == wanted


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_a_script_that_they_can_read(shell: str) -> None:
    assert f"{shell}_source" in _PAGE.read_text("utf-8")
    environment = {**_environment(), "_BROWNOUT_COMPLETE": f"{shell}_source"}
    ended = subprocess.run(
        [_BIN / "brownout"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert f"_BROWNOUT_COMPLETE={shell}_complete" in ended.stdout
    if (there := shutil.which(shell)) is not None:
        assert subprocess.run([there, "-n"], input=ended.stdout, text=True, timeout=60, check=False).returncode == 0
