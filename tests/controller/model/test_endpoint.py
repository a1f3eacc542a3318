"""Addresses are compared as a client would meet them, without a look-up."""

from __future__ import annotations

import pytest

from brownout_controller.model.endpoint import Endpoint, endpoint_of, endpoints_of, reaches


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("http://Shop.example/pay", Endpoint("shop.example", 80)),
        ("https://shop.example:8443/", Endpoint("shop.example", 8443)),
        ("redis://:secret@cache/0", Endpoint("cache", 6379)),
        ("postgresql://reader:secret@db/shop", Endpoint("db", 5432)),
        ("127.0.0.1:5432", Endpoint("127.0.0.1", 5432)),
        ("[::1]:5432", Endpoint("::1", 5432)),
        (":5432", Endpoint("", 5432)),
        ("unix:/tmp/redis.sock", None),
        ("unix:///tmp/redis.sock", None),
        ("shop.example", None),
        ("http://[::1/", None),
        ("db:port", None),
    ],
)
def test_the_endpoint_of_what_people_write(text: str, found: Endpoint | None) -> None:
    assert endpoint_of(text) == found


@pytest.mark.parametrize(
    ("asked", "listen", "control", "same"),
    [
        ("localhost:8080", "127.0.0.1:8080", None, True),
        ("[::1]:8080", "127.0.0.1:8080", None, True),
        ("0.0.0.0:8080", "127.0.0.1:8080", None, True),
        ("localhost:8080", ":8080", "127.0.0.1:8475", True),
        ("localhost:8080", "0.0.0.0:8080", "localhost:8475", True),
        ("127.0.0.1:8081", "127.0.0.1:8080", None, False),
        ("shop:8080", ":8080", None, False),
        ("shop:8080", ":8080", "shop:8475", True),
        ("shop:8080", "[::]:8080", "other:8475", False),
        ("10.0.0.7:8080", "10.0.0.7:8080", "10.0.0.7:8475", True),
        ("127.0.0.1:8080", "127.0.0.1:8080", "proxy.staging:8475", False),  # two machines, each with its own
    ],
)
def test_who_asks_a_proxy_itself_is_known(asked: str, listen: str, control: str | None, same: bool) -> None:
    known = [endpoint_of(text) for text in (asked, listen)]
    assert known[0] is not None
    assert known[1] is not None
    assert reaches(known[0], known[1], None if control is None else endpoint_of(control)) == same


def test_an_endpoint_is_shown_as_it_is_written() -> None:
    assert str(Endpoint("::1", 80)) == "[::1]:80"
    assert str(Endpoint("db", 5432)) == "db:5432"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("http://shop/", [("shop", 80)]),
        ("unix:/run/redis.sock", [("/run/redis.sock", 0)]),
        ("unix:///run/../run/redis.sock?db=1", [("/run/redis.sock", 0)]),
        ("postgresql://u:p@one:5433,two/shop", [("one", 5433), ("two", 5432)]),
        ("postgres://u:p@[::1]:5433/shop", [("::1", 5433)]),
        ("postgresql://u:p@/shop?host=10.0.0.7&port=6432", [("10.0.0.7", 6432)]),
        ("postgresql://u:p@%2Frun%2Fpg:6432/shop", [("/run/pg/.s.PGSQL.6432", 0)]),
        ("postgresql://u:p@/shop?host=/run/pg", [("/run/pg/.s.PGSQL.5432", 0)]),
        ("postgresql://u:p@/shop", []),
        ("postgresql://[/", []),
        ("nonsense", []),
    ],
)
def test_all_endpoints_of_what_people_write(text: str, found: list[tuple[str, int]]) -> None:
    assert list(endpoints_of(text)) == [Endpoint(*one) for one in found]


def test_a_unix_socket_is_known_by_its_path_on_its_own_machine() -> None:
    (asked,) = endpoints_of("unix:///run/a.sock?db=1")
    (listen,), (other,) = endpoints_of("unix:/run/a.sock"), endpoints_of("unix:/run/b.sock")
    assert reaches(asked, listen)
    assert reaches(asked, listen, Endpoint("127.0.0.1", 8475))
    assert not reaches(asked, other)
    assert not reaches(asked, listen, Endpoint("staging", 8475))
    assert str(asked) == "unix:/run/a.sock"
