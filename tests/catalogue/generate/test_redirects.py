"""How a caller reaches a proxy: by its setting, by the callee's name, or by a step for a person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from brownout_catalogue.architecture import read_architecture
from brownout_catalogue.generate.edge_proxies import EdgeProxy, Machine, container_proxies
from brownout_catalogue.generate.redirects import ComposeProject, ManualStep, Redirect, redirects
from brownout_catalogue.importers.compose.files import load
from brownout_catalogue.importers.compose.reader import read_compose
from brownout_catalogue.importers.source import read_text
from brownout_catalogue.importers.yaml import architecture_file
from brownout_core import document


def _made(folder: Path, web: str, sink: str = "db", listen: int = 0, others: str = "") -> list[Redirect | ManualStep]:
    """What `web` gets, of whom only the rest of its mapping is written."""
    file = folder / "compose.yaml"
    file.write_text(f"services:\n  web:\n    image: w\n{web}\n  {sink}: {{image: x}}\n{others}")
    imported = read_compose([file])
    text = architecture_file.document(imported.content(), "x")
    architecture = read_architecture(document.parse(text, "a.yaml"), "a.yaml")
    services = load([file], (), frozenset(), lambda _: None)
    project = ComposeProject(services, imported, "brownout", read_text)
    (proxy,) = container_proxies(architecture, [f"web -> {sink}"], Machine(), services)
    return list(redirects(project, proxy._replace(listen=listen or proxy.listen), "web"))


def _environment(value: str, key: str = "URL") -> str:
    return f"    environment:\n      {key}: {value}"


@pytest.mark.parametrize(
    ("value", "changed"),
    [
        ("http://db:8000/x", "http://brownout:8000/x"),
        ("http://db:5432", "http://brownout:5432"),
        ("db:8000", "brownout:8000"),
        ("postgres://db:5432/db?user=db", "postgres://brownout:5432/db?user=db"),
        ("postgres://db:${PW}@db:5432/db", "postgres://db:${PW}@brownout:5432/db"),
        ("jdbc:postgresql://db:5432/db", "jdbc:postgresql://brownout:5432/db"),
        ("redis://db:6379,other:6379", "redis://brownout:6379,other:6379"),
        ("Server=db;Database=db", "Server=brownout;Database=db"),
        ("db", "brownout"),
    ],
)
def test_a_setting_gets_the_proxy_where_it_had_the_callee_and_nothing_else_changes(
    value: str, changed: str, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("PW=secret\n")
    (made,) = _made(tmp_path, _environment(value))
    assert isinstance(made, Redirect)
    assert (made.key, made.value) == ("URL", changed)
    assert str(made.place).endswith("compose.yaml:5")


def test_no_address_is_left_behind_in_a_setting_with_several(tmp_path: Path) -> None:
    for made in _made(tmp_path, _environment("'http://db:8000,http://db:8000/y'")):
        assert isinstance(made, Redirect)
        assert made.alias == "db" or "db" not in made.value


@pytest.mark.parametrize(
    ("value", "changed"),
    [
        ("http://db:8000/x", "http://brownout:9000/x"),
        ("db:8000", "brownout:9000"),
        ("postgres://db:${PW}@db:8000/db", "postgres://db:${PW}@brownout:9000/db"),
        ("http://db:${PORT}/x", "http://brownout:9000/x"),
    ],
)
def test_where_the_proxy_has_another_port_the_setting_gets_it(value: str, changed: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PW=secret\nPORT=8000\n")
    (made,) = _made(tmp_path, _environment(value), listen=9000)
    assert isinstance(made, Redirect)
    assert made.value == changed


def test_a_list_and_a_shared_anchor_are_settings_of_their_caller(tmp_path: Path) -> None:
    (listed,) = _made(tmp_path, "    environment: ['URL=http://db:8000']")
    assert isinstance(listed, Redirect)
    assert (listed.key, listed.value) == ("URL", "http://brownout:8000")
    file = "    environment: &common\n      URL: http://db:8000"
    (shared,) = _made(tmp_path, file, others="  job: {image: j, environment: *common}\n")[:1]
    assert isinstance(shared, Redirect)
    assert (shared.key, shared.value) == ("URL", "http://brownout:8000")


def test_a_value_of_an_env_file_is_set_for_the_caller_with_its_dollars_kept(tmp_path: Path) -> None:
    (tmp_path / "web.env").write_text("URL='http://db:8000/$x'\n")
    (made,) = _made(tmp_path, "    env_file: web.env")
    assert isinstance(made, Redirect)
    assert (made.key, made.value) == ("URL", "http://brownout:8000/$$x")
    assert str(made.place).endswith("web.env:1")


def test_a_host_beside_its_port_is_changed_with_it(tmp_path: Path) -> None:
    settings = "    environment: {DB_HOST: db, DB_PORT: '5433'}"
    assert [one.value for one in _made(tmp_path, settings) if isinstance(one, Redirect)] == ["brownout"]
    moved = _made(tmp_path, settings, listen=6000)
    assert [(one.key, one.value) for one in moved if isinstance(one, Redirect)] == [
        ("DB_HOST", "brownout"), ("DB_PORT", "6000"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("URL", "postgres://u:secret@db:5432/x", "password"),
        ("URL", "'postgres://u:${PW:-secret}@db:5432/x'", "password"),
        ("URL", "'Server=db,1433;Password=secret'", "password"),
        ("URL", "https://db:8443", "TLS"),
        ("URL", "http://${DB:-db}:8000", "variable"),
        ("BROKERS", "kafka://db:9092", "names"),
        ("URL", "mongodb://db:27017/x?replicaSet=rs0", "names"),
    ],
)
def test_what_cannot_be_written_again_is_found_by_name_and_no_secret_is_copied(
    key: str, value: str, code: str, tmp_path: Path
) -> None:
    (made,) = _made(tmp_path, _environment(value, key))
    assert isinstance(made, Redirect)
    assert (made.key, made.value, made.alias) == ("", "", "db")
    assert code in made.because
    assert "secret" not in repr(made)


def test_an_address_in_the_code_is_found_by_name(tmp_path: Path) -> None:
    (made,) = _made(tmp_path, "    depends_on: [db]")
    assert isinstance(made, Redirect)
    assert made.alias == "db"


def test_a_container_s_other_names_are_aliases_as_well(tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text(
        "services:\n  web: {image: w, environment: {B: 'x://u:p@store:1', C: 'x://u:p@store:1/y'}}\n"
        "  db: {image: x, container_name: store}\n"
    )
    imported = read_compose([file])
    project = ComposeProject(load([file], (), frozenset(), lambda _: None), imported, "brownout", read_text)
    proxy = EdgeProxy("db", "db", ("web -> db",), "0.0.0.0", 1, 1, "db:1", "", None)
    made = list(redirects(project, proxy, "web"))
    assert [one.alias for one in made if isinstance(one, Redirect)] == ["store"]


@pytest.mark.parametrize(
    ("web", "listen", "why"),
    [
        ("    network_mode: host\n    environment: {URL: 'http://db:8000'}", 0, "network_mode"),
        ("    environment: {URL: 'mongodb+srv://db/x'}", 0, "DNS"),
        ("    environment: {URL: 'x://u:p@db:8000'}", 9000, "another proxy"),
    ],
)
def test_what_neither_can_do_is_a_step_by_hand(web: str, listen: int, why: str, tmp_path: Path) -> None:
    (made,) = _made(tmp_path, web, listen=listen)
    assert isinstance(made, ManualStep)
    assert (made.source, made.sink) == ("web", "db")
    assert why in made.why
    assert made.step


def test_a_caller_outside_of_the_project_is_told_where_the_proxy_is(tmp_path: Path) -> None:
    project: Any = ComposeProject({}, read_compose([_one(tmp_path)]), "brownout", read_text)
    proxy = EdgeProxy("db", "db", ("web -> db",), "0.0.0.0", 5432, 5432, "db:5432", "", 15432)
    (made,) = redirects(project, proxy, "web")
    assert isinstance(made, ManualStep)
    assert "127.0.0.1:15432" in made.step


def _one(folder: Path) -> Path:
    (folder / "compose.yaml").write_text("services: {db: {image: postgres}}\n")
    return folder / "compose.yaml"
