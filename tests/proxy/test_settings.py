"""The twin of settings.py."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from brownout_core.errors import InvalidSpec, Unavailable
from brownout_proxy.settings import Settings, flags, from_environment, merged

_TLS = {"tls_cert": Path("c"), "tls_key": Path("k")}


def test_every_field_has_a_flag_and_a_variable() -> None:
    assert [flag.field for flag in flags()] == [declared.name for declared in fields(Settings)]
    by_name = {flag.name: flag for flag in flags()}
    assert by_name["--dial-timeout"].environment == ("BROWNOUT_DIAL_TIMEOUT",)
    assert by_name["--log-level"].environment == ("BROWNOUT_LOG_LEVEL", "LOG_LEVEL")
    assert [flag.name for flag in flags() if flag.is_switch] == ["--insecure-no-auth"]


def test_the_default_that_help_shows_is_the_default() -> None:
    for flag in flags():
        if flag.default and flag.field not in ("seed", "grpc_port"):  # these are computed
            assert flag.read(flag.default) == getattr(Settings(), flag.field), flag.name


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("host", "0.0.0.0", "0.0.0.0"),
        ("host", "[::1]", "::1"),
        ("port", "0", 0),
        ("grpc_port", "9000", 9000),
        ("grpc_port", "OFF", -1),
        ("seed", "-5", -5),
        ("drain", "1500ms", 1.5),
        ("drain", "0", 0),
        ("buffer", "64KiB", 65536),
        ("dial_timeout", "1m", 60),
        ("log_level", "WARN", "warning"),
        ("log_level", "panic", "critical"),
        ("insecure_no_auth", "1", True),
        ("insecure_no_auth", "no", False),
        ("token", " abc ", "abc"),
        ("config", "a.yaml", Path("a.yaml")),
    ],
)
def test_texts_are_read_with_their_unit(name: str, text: str, value: object) -> None:
    read = {flag.field: flag.read for flag in flags()}
    assert read[name](text) == value


@pytest.mark.parametrize(
    ("name", "text", "remedy"),
    [
        ("host", "", "127.0.0.1"),
        ("host", "http://x", "127.0.0.1"),
        ("host", "localhost:8474", "the port apart"),
        ("port", "65536", "0 to 65535"),
        ("port", "http", "8474"),
        ("seed", "1e3", "42"),
        ("drain", "-1s", "at least 0"),
        ("drain", "3 parsecs", "write it like"),
        ("drain", "1e999", "out of range"),
        ("buffer", "0", "at least"),
        ("log_level", "loud", "known are"),
        ("insecure_no_auth", "perhaps", "write 1 or 0"),
        ("token", "  ", "empty"),
        ("config", "", "empty"),
    ],
)
def test_a_bad_text_is_refused_with_its_remedy(name: str, text: str, remedy: str) -> None:
    read = {flag.field: flag.read for flag in flags()}
    with pytest.raises(ValueError, match=remedy):
        read[name](text)


def test_the_environment_gives_what_flags_do_not() -> None:
    environment = {"BROWNOUT_PORT": "1", "BROWNOUT_SEED": "7", "BROWNOUT_CONFIG": "", "LOG_LEVEL": "error"}
    settings = merged({"port": 2}, environment)
    assert (settings.port, settings.seed, settings.config, settings.log_level) == (2, 7, None, "error")


def test_our_own_variable_comes_before_the_common_one() -> None:
    environment = {"LOG_LEVEL": "error", "BROWNOUT_LOG_LEVEL": "debug"}
    assert from_environment(environment) == {"log_level": "debug"}


def test_a_bad_variable_is_named() -> None:
    with pytest.raises(InvalidSpec, match=r"^BROWNOUT_PORT: 'x' is not a whole number"):
        from_environment({"BROWNOUT_PORT": "x"})


def test_the_variable_that_kubernetes_sets_for_a_service_is_no_port() -> None:
    assert from_environment({"BROWNOUT_PORT": "tcp://10.0.0.1:8474"}) == {}


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_needs_no_token(host: str) -> None:
    assert Settings(host=host).is_local


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "proxy.internal"])
def test_off_loopback_a_token_is_needed_or_the_word_that_none_is(host: str) -> None:
    with pytest.raises(InvalidSpec, match=r"--host: .*--token-file .*--insecure-no-auth"):
        Settings(host=host)
    assert Settings(host=host, token="t").secret() == "t"
    assert Settings(host=host, insecure_no_auth=True).secret() is None


def test_one_token_is_enough() -> None:
    with pytest.raises(InvalidSpec, match=r"--token: .*--token-file"):
        Settings(token="t", token_file=Path("f"))
    assert merged({"token_file": Path("f")}, {"BROWNOUT_TOKEN": "t"}).token is None


def test_a_token_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("secret\n")
    assert Settings(token_file=file).secret() == "secret"


@pytest.mark.parametrize("content", [b"", b" \n", b"a\nb", b"\xff"])
def test_a_token_file_must_hold_one_line(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(InvalidSpec, match=r"--token-file: .*token: the token is empty or not plain text"):
        Settings(token_file=file).secret()


def test_a_token_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no-such: no such file"):
        Settings(token_file=tmp_path / "no-such").secret()


def test_a_token_is_not_in_the_text_of_settings() -> None:
    assert "hunter2" not in repr(Settings(token="hunter2"))


@pytest.mark.parametrize(
    ("given", "port"),
    [
        ({}, 8473),
        ({"port": 9000}, 8999),
        ({"port": 0}, 0),
        ({"port": 1}, 0),
        ({"grpc_port": 7}, 7),
        ({"grpc_port": -1}, None),
    ],
)
def test_grpc_is_beside_the_control_api_unless_told_otherwise(given: dict[str, int], port: int | None) -> None:
    assert Settings(**given).grpc == port  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, []),
        ({"token": "x"}, []),
        ({"host": "10.0.0.1", "insecure_no_auth": True}, []),
        ({"host": "10.0.0.1", "token": "x"}, ["HTTP API has no TLS; --port off", "gRPC API: give --tls-cert"]),
        ({"host": "10.0.0.1", "token": "x", "grpc_port": -1}, ["HTTP API has no TLS"]),
        ({"host": "10.0.0.1", "token": "x", **_TLS}, ["protects the gRPC API only: .* asks for a token alone"]),
        ({**_TLS}, ["protects the gRPC API only: .* asks for neither a certificate nor a token; --port off"]),
        ({"port": -1, **_TLS}, []),
        ({"host": "10.0.0.1", "port": -1, "token": "x", **_TLS}, []),
    ],
)
def test_what_others_can_read_is_told_with_the_remedy(given: dict[str, Any], told: list[str]) -> None:
    warnings = list(Settings(**given).in_clear())
    assert len(warnings) == len(told)
    assert all(re.search(wanted, warning) for wanted, warning in zip(told, warnings, strict=True))


def test_one_of_the_two_apis_is_there() -> None:
    assert Settings(port=-1).http is None
    assert Settings(port=0).http == 0
    with pytest.raises(InvalidSpec, match="nobody could control"):
        Settings(port=-1, grpc_port=-1)


def test_hosts_are_a_list_of_names() -> None:
    (flag,) = (flag for flag in flags() if flag.name == "--allow-host")
    assert flag.read("a.example.com, b.example.com,") == ("a.example.com", "b.example.com")
    for text in ("", ",", "a.example.com:8474", "http://a", "a b"):
        with pytest.raises(ValueError, match=r"is not a list of host names; write it like proxy\.example\.com"):
            flag.read(text)
