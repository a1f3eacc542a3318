"""Addresses as operators write them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brownout_core.address import Address, parse
from brownout_core.errors import InvalidSpec


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("localhost:80", Address("localhost", 80)),
        ("[::1]:80", Address("::1", 80)),
        (":80", Address("", 80)),
        ("unix:/run/a.sock", Address(path="/run/a.sock")),
        ("unix:///run/a.sock", Address(path="/run/a.sock")),
    ],
)
def test_an_address_is_read(text: str, address: Address) -> None:
    assert parse(text) == address


def test_a_bare_port_is_an_address_only_where_there_is_a_default_host() -> None:
    assert parse("80", default_host="127.0.0.1") == Address("127.0.0.1", 80)
    with pytest.raises(InvalidSpec, match="missing port in address"):
        parse("80")


@pytest.mark.parametrize(
    "text", ["", "localhost", "::1:80", "host:http", "host:65536", "host:-1", "host:٣", "host:", "unix:"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidSpec):
        parse(text)


@pytest.mark.parametrize("text", ["[::1:80", "::1]:80", "[host:80", "host]:80", "[[::1]]:80", "a]b:80", "[:80"])
def test_brackets_come_in_one_pair(text: str) -> None:
    with pytest.raises(InvalidSpec, match=r"unmatched bracket|missing port in address"):
        parse(text)


@pytest.mark.parametrize("text", ["ho\0st:80", "unix:/run/a\0.sock", "80\0"])
def test_what_the_system_would_choke_on_is_refused_here(text: str) -> None:
    with pytest.raises(InvalidSpec, match="NUL"):
        parse(text, default_host="127.0.0.1")


@pytest.mark.parametrize("digits", [6, 21, 5000])
def test_a_port_with_more_digits_than_a_number_may_have_is_refused_like_any_other(digits: int) -> None:
    with pytest.raises(InvalidSpec, match="invalid port"):
        parse("host:" + "9" * digits)
    assert parse("host:00080") == Address("host", 80)


@settings(derandomize=True, deadline=None)
@given(st.ip_addresses(), st.integers(0, 65535))
def test_every_literal_and_port_is_written_so_that_it_reads_back_the_same(host: object, port: int) -> None:
    address = Address(str(host), port)
    assert parse(str(address)) == address
    assert address.is_ip


@pytest.mark.parametrize("text", ["localhost:80", "[::1]:80", "unix:/run/a.sock"])
def test_an_address_is_written_as_it_is_read(text: str) -> None:
    assert str(parse(text)) == text


def test_what_only_this_machine_reaches_is_known() -> None:
    near = ["localhost:1", "127.9.9.9:1", "[::1]:1", "unix:/a"]
    far = ["0.0.0.0:1", "10.0.0.1:1", "example.org:1", ":1"]
    assert [parse(text).is_loopback for text in near + far] == [True] * 4 + [False] * 4


def test_wildcards_and_literals_are_known() -> None:
    assert [parse(text).is_wildcard for text in ("0.0.0.0:1", "[::]:1", ":1", "unix:/a", "h:1")] == [True] * 3 + [
        False
    ] * 2
    assert parse("[::1]:1").is_ip
    assert not parse("h:1").is_ip


def test_a_socket_without_a_file_is_refused() -> None:
    with pytest.raises(InvalidSpec, match="sockets without a file are not supported"):
        parse("unix:@name")


@pytest.mark.parametrize(
    ("text", "remedy"),
    [("http://db:80", "db:80"), ("https://user:secret@db/x?y", "db:443"), ("HTTP://db", "db:80"),
     ("redis://cache:6380/0", "cache:6380"), ("amqp://queue", "queue:5672"),
     ("gopher://x", "x:port"), ("tcp://[::1]:5", "[::1]:5")],
)  # fmt: skip
def test_a_scheme_is_refused_with_the_address_that_was_meant(text: str, remedy: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        parse(text)
    assert str(caught.value).endswith(f"://; that is, {remedy}")
    assert "secret" not in str(caught.value)
