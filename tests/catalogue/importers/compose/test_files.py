"""Files are put together as compose does it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from brownout_catalogue.importers.compose.files import load, merged
from brownout_catalogue.importers.source import documents, place_of
from brownout_core.errors import InvalidSpec, Unavailable
from tests.support.builders import imports

Load = Callable[..., Any]


@pytest.fixture(name="loaded")
def _loaded(tmp_path: Path) -> Load:
    def loaded(contents: dict[str, str], *names: str, profiles: tuple[str, ...] = (), env: tuple[str, ...] = ()) -> Any:
        imports.files(tmp_path, contents)
        notes: list[str] = []
        paths = [tmp_path / name for name in names or ("compose.yaml",)]
        services = load(paths, [tmp_path / name for name in env], frozenset(profiles), notes.append)
        loaded_notes[:] = notes
        return services

    loaded_notes: list[str] = []
    loaded.notes = loaded_notes  # type: ignore[attr-defined]
    return loaded


def test_later_files_override_earlier_ones(loaded: Load) -> None:
    found = loaded(
        {
            "a.yaml": "services: {web: {image: 'w:1', environment: [A=1, B=2], ports: ['80'],"
            " command: [x, y], depends_on: [db]},"
            " db: {image: p}}",
            "b.yaml": "services: {web: {image: 'w:2', environment: {B: 3, C: 4}, ports: ['81', '80'], command: [z],"
            " depends_on: {cache: {condition: service_started}}}, cache: {image: r}}",
        },
        "a.yaml",
        "b.yaml",
    )
    assert list(found) == ["web", "db", "cache"]
    assert found["web"]["image"] == "w:2"
    assert found["web"]["environment"] == {"A": "1", "B": "3", "C": "4"}
    assert found["web"]["ports"] == ["80", "81"]
    assert found["web"]["command"] == ["z"]
    assert list(found["web"]["depends_on"]) == ["db", "cache"]
    assert str(place_of(found["web"]["environment"], "A")).endswith("a.yaml:1")
    assert str(place_of(found["web"]["environment"], "B")).endswith("b.yaml:1")


def test_an_override_may_reset_and_replace(loaded: Load) -> None:
    found = loaded(
        {
            "a.yaml": "services: {web: {image: w, ports: ['80'], environment: {A: 1},"
            " depends_on: [db]}, db: {image: p}}",
            "b.yaml": "services: {web: {ports: !override ['81'], environment: !override"
            " {B: 2}, depends_on: !reset []}}",
        },
        "a.yaml",
        "b.yaml",
    )
    assert found["web"] == {"image": "w", "ports": ["81"], "environment": {"B": "2"}}


def test_a_service_extends_others_also_from_other_files(loaded: Load) -> None:
    found = loaded(
        {
            "compose.yaml": "services:\n  base: {environment: {A: 1, B: 1}}\n  web: {extends:"
            " {service: base}, environment: {B: 2}}\n"
            "  far: {extends: {file: sub/other.yaml, service: far}}\n  short: {extends: web}\n",
            "sub/other.yaml": "services: {far: {extends: root, image: f}, root: {env_file: x.env}}",
        }
    )
    assert found["web"]["environment"] == {"A": "1", "B": "2"}
    assert found["short"]["environment"] == {"A": "1", "B": "2"}
    assert found["far"]["image"] == "f"
    assert found["far"]["env_file"][0].endswith("sub/x.env")


def test_included_files_bring_their_services_and_variables(loaded: Load) -> None:
    found = loaded(
        {
            "compose.yaml": "include:\n  - sub/db.yaml\n  - {path: [c.yaml], env_file: c.env}\n  - oci://shop/other\n"
            "services: {web: {image: w}, db: {restart: always}}",
            "sub/db.yaml": "services: {db: {image: 'p:${V}'}}",
            "sub/.env": "V=15",
            "c.yaml": "services: {cache: {image: 'r:${V}'}}",
            "c.env": "V=7",
        }
    )
    assert {name: service.get("image") for name, service in found.items()} == {"db": "p:15", "cache": "r:7", "web": "w"}
    assert found["db"]["restart"] == "always"
    assert any("included from elsewhere" in note for note in loaded.notes)  # type: ignore[attr-defined]


def test_variables_come_from_the_file_beside_or_from_those_named(loaded: Load) -> None:
    contents = {
        "compose.yaml": "services: {web: {image: 'w:${V:-1}', environment: [PASSED, UNSET, OWN=$V]}}",
        ".env": "V=2\nPASSED=yes",
        "other.env": "V=3",
    }
    assert loaded(contents)["web"]["environment"] == {"PASSED": "yes", "UNSET": None, "OWN": "2"}
    assert loaded(contents, env=("other.env",))["web"]["image"] == "w:3"
    with pytest.raises(Unavailable, match=r"none\.env"):
        loaded(contents, env=("none.env",))


def test_the_environment_of_this_process_takes_no_part(loaded: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("V", "secret")
    assert loaded({"compose.yaml": "services: {web: {image: 'w:${V:-1}'}}"})["web"]["image"] == "w:1"


def test_services_of_profiles_are_there_when_these_are_chosen(loaded: Load) -> None:
    contents = {
        "compose.yaml": "services: {web: {image: w}, debug: {image: d, profiles: [dev]}, t: {profiles: [test]}}"
    }
    assert list(loaded(contents)) == ["web"]
    assert any("debug, t" in note and "--profile dev" in note for note in loaded.notes)  # type: ignore[attr-defined]
    assert list(loaded(contents, profiles=("dev",))) == ["web", "debug"]
    assert list(loaded(contents, profiles=("*",))) == ["web", "debug", "t"]


@pytest.mark.parametrize(
    ("contents", "complaint"),
    [
        ({"compose.yaml": ""}, "is empty"),
        ({"compose.yaml": "[1]"}, "is no compose file"),
        ({"compose.yaml": "a: 1"}, "it has no services"),
        ({"compose.yaml": "apiVersion: v1\nkind: Pod"}, "is a Kubernetes manifest"),
        ({"compose.yaml": "services: [a]"}, "services must be a mapping"),
        ({"compose.yaml": "services: {web: 3}"}, "service web must be a mapping"),
        ({"compose.yaml": "services: {'a -> b': {}}"}, "a service's name may have"),
        ({"compose.yaml": "include: [compose.yaml]"}, "includes itself"),
        ({"compose.yaml": "include: [none.yaml]"}, "includes what cannot be read"),
        ({"compose.yaml": "services: {a: {extends: a}}"}, "extends itself"),
        ({"compose.yaml": "services: {a: {extends: b}, b: {extends: a}}"}, "extends itself"),
        ({"compose.yaml": "services: {a: {extends: {file: $X, service: b}}}"}, "a variable that nobody sets"),
        ({"compose.yaml": "services: {a: {extends: {}}}"}, "extends nothing"),
        ({"compose.yaml": "services: {a: {extends: c}}"}, "extends c, which is not in"),
        ({"compose.yaml": "services: {a: {extends: {file: none.yaml, service: b}}}"}, "extends what cannot be read"),
    ],
)
def test_what_compose_would_refuse_is_refused_in_one_line(
    loaded: Load, contents: dict[str, str], complaint: str
) -> None:
    with pytest.raises(InvalidSpec, match=complaint) as error:
        loaded(contents)
    assert "\n" not in str(error.value)


def test_what_is_merged_keeps_what_only_one_side_says() -> None:
    base, over = documents("a: {x: 1, y: [1]}\n---\na: {y: [2, 1], z:}\nb: 2\n", "f")
    assert merged(base, over) == {"a": {"x": "1", "y": ["1", "2"], "z": None}, "b": "2"}


def test_profiles_of_the_env_file_are_chosen_unless_others_are(loaded: Load) -> None:
    contents = {
        "compose.yaml": "services: {web: {}, full: {profiles: [all]}, tools: {profiles: [tools]}}",
        ".env": "COMPOSE_PROFILES=all, other\n",
    }
    assert list(loaded(contents)) == ["web", "full"]


def test_a_folder_is_read_as_compose_reads_it(tmp_path: Path) -> None:
    imports.files(
        tmp_path,
        {
            "a/compose.yaml": "services: {web: {image: a}}",
            "a/compose.override.yaml": "services: {web: {image: b}}",
            "b/.env": "COMPOSE_FILE=one.yaml:two.yaml\n",
            "b/one.yaml": "services: {one: {}}",
            "b/two.yaml": "services: {two: {}}",
        },
    )
    assert load([tmp_path / "a"], (), (), lambda _: None)["web"]["image"] == "b"
    assert list(load([tmp_path / "b"], (), (), lambda _: None)) == ["one", "two"]
    (tmp_path / "c").mkdir()
    with pytest.raises(InvalidSpec, match=r"/c: .*compose"):
        load([tmp_path / "c"], (), (), lambda _: None)
