"""The twin of cli/mapping.py."""

from __future__ import annotations

import pytest

from brownout_core.errors import InvalidSpec
from brownout_proxy.cli.mapping import read
from brownout_proxy.server.proxy import ProxySpec


@pytest.mark.parametrize(
    ("word", "spec"),
    [
        ("15432=5432", ProxySpec("postgres", "127.0.0.1:15432", "127.0.0.1:5432")),
        ("db@15432=10.0.0.5:5432", ProxySpec("db", "127.0.0.1:15432", "10.0.0.5:5432")),
        ("0=localhost:6379", ProxySpec("redis", "127.0.0.1:0", "localhost:6379")),
        (":1=cache.shop.svc:6379", ProxySpec("cache", ":1", "cache.shop.svc:6379")),
        ("1=127.0.0.1:4711", ProxySpec("port-4711", "127.0.0.1:1", "127.0.0.1:4711")),
        ("[::1]:1=[::1]:2", ProxySpec("port-2", "[::1]:1", "[::1]:2")),
        ("unix:/a@b=unix:/run/.s.PGSQL.5432", ProxySpec("s.PGSQL.5432", "unix:/a@b", "unix:/run/.s.PGSQL.5432")),
        ("my db@1=h:2", ProxySpec("my db", "127.0.0.1:1", "h:2")),
        ("1=unix:/...", ProxySpec("unix", "127.0.0.1:1", "unix:/...")),
    ],
)
def test_a_word_is_a_proxy(word: str, spec: ProxySpec) -> None:
    assert read([word]) == [spec]


def test_names_that_nobody_chose_are_made_unique() -> None:
    names = [spec.name for spec in read(["1=5432", "2=5432", "postgres-2@3=5432", "4=5432"])]
    assert names == ["postgres", "postgres-3", "postgres-2", "postgres-4"]


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("15432", "is not LISTEN=UPSTREAM; write it like 15432=127.0.0.1:5432"),
        ("=5432", "is not LISTEN=UPSTREAM"),
        ("1=", "is not LISTEN=UPSTREAM"),
        ("@1=2", "the name before @ is empty"),
        ("99999=1", "invalid port '99999'; it must be 0 to 65535"),
        ("1=localhost", "missing port in address; write it like"),
        ("1=:2", "':2' cannot be dialled"),
        ("1=unix:", "names no socket"),
    ],
)
def test_a_bad_word_is_named_with_its_remedy(word: str, reason: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        read(["1=2", word])
    assert str(caught.value).startswith(f"{word!r}: ")
    assert reason in str(caught.value)
