"""The file with the environments: read once by a command, each time by a controller, and never silently empty."""

from __future__ import annotations

from pathlib import Path

import pytest

from brownout_controller.engine.settings_file import SettingsFile, unreadable
from brownout_controller.model.variables import Variables
from brownout_core.errors import InvalidSpec, Unavailable

NONE = Variables({}, {})


def test_a_command_reads_it_once_and_a_controller_each_time(tmp_path: Path) -> None:
    path = tmp_path / "b.yaml"
    path.write_text("environments: {a: {}}")
    once, always = SettingsFile(path, once=True), SettingsFile(path)
    assert once.read(NONE) is not None
    assert always.read(NONE) is not None
    path.write_text("environments: {b: {}}")
    for settings, name in ((once, "a"), (always, "b")):
        root = settings.read(NONE)
        assert root is not None
        assert list(root.plain()["environments"]) == [name]


def test_the_one_of_this_folder_need_not_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert SettingsFile().read(NONE) is None
    with pytest.raises(InvalidSpec, match="no such file"):
        SettingsFile(Path("brownout.yaml")).read(NONE)


@pytest.mark.parametrize("text", ["", "# nothing\n", "null", "---\n"])
def test_an_empty_one_is_a_mistake_wherever_it_is(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("brownout.yaml").write_text(text)
    for settings in (SettingsFile(), SettingsFile(Path("brownout.yaml"), once=True)):
        with pytest.raises(InvalidSpec, match=r"brownout\.yaml: is empty"):
            settings.read(NONE)


def test_a_file_that_cannot_be_read_is_a_mistake_of_who_named_it() -> None:
    with pytest.raises(InvalidSpec, match="gone"), unreadable():
        raise Unavailable("gone")
