"""Whatever a disk, a merge or another hand makes of a journal: it is read or left out, and nothing else ends.

1,600 journals are spoilt by a seeded generator, in their bytes, their lines and their values, and go through everything
that reads journals. The only error is that of a journal that cannot be read.
"""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from brownout_controller.engine import history, store
from brownout_controller.engine.journal_file import JOURNAL
from brownout_controller.engine.journal_tail import Tail
from brownout_controller.model.journal import BadRecord, encode, read
from brownout_controller.model.judge import judge
from brownout_controller.report.run import junit, run_json, run_markdown, run_page
from brownout_controller.report.run.run_report import run_report
from brownout_core.errors import BrownoutError
from brownout_proxy.cli import root, run
from tests.support.builders import journals
from tests.support.builders.journals import Story

SEEDS: Final = 16
EACH: Final = 100
STORIES: Final[Sequence[Callable[[], Story]]] = (
    *journals.ALL.values(), journals.killed, journals.closed_later, journals.nasty, journals.interrupted,
)  # fmt: skip
VALUES: Final = (
    "null", "true", "0", "-1", "1e999", "NaN", "-Infinity", "1e308", "9" * 400, "9" * 5000, "1e300", "-0.0", '""',
    '"x"', '"\\ud800"', '"\\u0000\\u001b[31m"', "[]", "{}", "[[]]", '[["a",1,2]]', '{"a":{"b":null}}', '["a"]',
    "[1,null]", "[" * 100_000, "[" * 150 + "]" * 150, '"' + "y" * 100_000 + '"', '"2026-13-45"', '"passed"', '"during"',
    '"p99 stays low"',
)  # fmt: skip
"""What is put in the place of a value, as it is written."""


def _spoilt(draw: random.Random) -> bytes:
    """One journal that was whole, spoilt once or a few times."""
    lines = [encode(entry) for entry in STORIES[draw.randrange(len(STORIES))]().entries]
    for _ in range(draw.choice((1, 1, 1, 2, 5))):
        number = draw.randrange(len(lines))
        kind = draw.randrange(10)
        if kind < 6:
            lines[number] = _value_spoilt(draw, lines[number])
        elif kind == 6:
            lines.insert(number, draw.choice((*VALUES, lines[draw.randrange(len(lines))], "", "\t", "{}")))
        elif kind == 7:
            lines[number], lines[-1] = lines[-1], lines[number]
        elif kind == 8 and len(lines) > 1:
            del lines[number]
        else:
            return _bytes_spoilt(draw, "\n".join(lines).encode(errors="surrogatepass"))
    return "\n".join(lines).encode(errors="surrogatepass") + b"\n" * draw.randrange(2)


def _bytes_spoilt(draw: random.Random, content: bytes) -> bytes:
    place, length = draw.randrange(len(content)), draw.randrange(1, 40)
    middle = draw.choice((b"", draw.randbytes(length), b"\n", b"\x00" * length, content[:length], b"]" * length))
    return content[:place] + middle + content[place + draw.randrange(2) * length :]


def _value_spoilt(draw: random.Random, line: str) -> str:
    """With another value, another key, or a key twice, somewhere in it."""
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return line[: draw.randrange(len(line) + 1)]
    places = list(_places(content))
    if not places:
        return draw.choice(VALUES)
    holder, key = draw.choice(places)
    if draw.randrange(8) == 0:
        item = holder.pop(key)
        if isinstance(holder, dict) and draw.randrange(2):
            holder[draw.choice(("x", "n", "at", "kind", "\x1b", f"{key}_"))] = item
        return json.dumps(content, ensure_ascii=False)
    holder[key] = "\x01here\x01"
    written = json.dumps(content, ensure_ascii=False)
    return written.replace('"\\u0001here\\u0001"', draw.choice(VALUES), 1)


def _places(content: Any) -> Any:
    inside = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, item in inside:
        yield content, key
        yield from _places(item)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_spoilt_journal_is_read_or_is_one_kind_of_error(seed: int, tmp_path: Path) -> None:
    draw = random.Random(seed)
    left_out = 0
    for number in range(EACH):
        content = _spoilt(draw)
        directory = tmp_path / f"run-{number}"
        directory.mkdir()
        (directory / JOURNAL).write_bytes(content)
        try:
            entries = list(read(line.decode("utf-8", "replace") for line in io.BytesIO(content)))
        except BadRecord:
            left_out += 1
            with pytest.raises(BrownoutError):
                store.read(directory)
        else:
            assert store.read(directory) == entries
            judge(entries)
            told = run_report(entries, directory.name)
            for render in (
                run_json.render,
                run_markdown.render,
                junit.render,
                *([run_page.render] if number % 4 == 0 else []),
            ):
                render(told)
        _looked_at(directory)
    assert 10 < left_out < EACH - 10  # else it would be no test of both
    found = history.collect([tmp_path])
    assert len(found.left_out) >= left_out
    assert not [one for one in found.left_out if "makes no sense" in one.reason]
    assert history.collect([tmp_path]) == found


def _looked_at(directory: Path) -> None:
    """As those do who do not read it whole."""
    for look in (store.brief, store.is_closed, store.is_held, lambda path: Tail(path).read()):
        try:
            look(directory)
        except BrownoutError:
            continue


def test_commands_leave_spoilt_journals_out_and_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    draw = random.Random(0)
    runs = tmp_path / ".brownout" / "runs"
    journals.passed().store(runs)
    for number in range(60):
        (runs / f"run-{number:02}").mkdir()
        (runs / f"run-{number:02}" / JOURNAL).write_bytes(_spoilt(draw))
    (tmp_path / "architecture.yaml").write_text("services: {payment: {calls: [{to: postgresql}]}}\n")
    assert run(root, ["history"], "brownout") == 0
    assert "journals could not be read, and were left out:" in capsys.readouterr().err
    assert run(root, ["history", "--json"], "brownout") == 0
    left_out = json.loads(capsys.readouterr().out)["left_out"]
    assert left_out
    assert run(root, ["catalogue", "architecture.yaml", "--json"], "brownout") in (0, 2)
    for number in range(60):
        assert run(root, ["report", f"run-{number:02}"], "brownout") in (0, 1, 2)
    capsys.readouterr()
