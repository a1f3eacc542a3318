"""Hosts and ports are found in every spelling, and what may be a password is not taken for a host."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brownout_catalogue.importers.addresses import Address, addresses, is_here, is_real


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("postgres://user:pw@db:5432/shop?sslmode=disable", ["db:5432"]),
        ("postgresql+asyncpg://user:pw@db/shop", ["db"]),
        ("redis://:pw@cache:6379/0", ["cache:6379"]),
        ("rediss://cache", ["cache"]),
        ("amqp://guest:guest@rabbitmq:5672//", ["rabbitmq:5672"]),
        ("mongodb://u:p@m1:27017,m2:27017/shop?replicaSet=rs", ["m1:27017", "m2:27017"]),
        ("mongodb+srv://u:p@cluster0.abcde.mongodb.net/shop", ["cluster0.abcde.mongodb.net"]),
        ("jdbc:postgresql://db:5432/shop?user=u&password=p", ["db:5432"]),
        ("jdbc:sqlserver://sql:1433;databaseName=x;password=y", ["sql:1433"]),
        ("jdbc:oracle:thin:@ora:1521:xe", ["ora:1521"]),
        ("user:pw@tcp(mysql:3306)/shop?parseTime=true", ["mysql:3306"]),
        ("host=db port=5432 user=u password=p dbname=x", ["db:5432"]),
        ("Server=tcp:sql,1433;Database=x;User Id=sa;Password=y", ["sql:1433"]),
        ("Host=postgres;Port=5432;Username=u;Password=p", ["postgres:5432"]),
        ("cache:6379,password=pw,ssl=False", ["cache:6379"]),
        ("cache,abortConnect=false", ["cache"]),
        ("kafka-1:9092,kafka-2:9092", ["kafka-1:9092", "kafka-2:9092"]),
        ("es01,es02, es03", ["es01", "es02", "es03"]),
        ("http://es01:9200,http://es02:9200", ["es01:9200", "es02:9200"]),
        ("[ http://es01:9200 ]", ["es01:9200"]),
        ("[http://es01:9200]", ["es01:9200"]),
        ("dns:///cart:7070", ["cart:7070"]),
        ("dns://9.9.9.9/cart:7070", ["cart:7070"]),
        ("s3://bucket?region=x&endpoint=store:8333&tls=no", ["store:8333", "bucket"]),
        ("jdbc:oracle:thin:@//ora:1521/shop", ["ora:1521"]),
        ("jdbc:oracle:thin:scott/Hunter2@ora:1521:shop", ["ora:1521"]),
        ("jdbc:oracle:thin:@(DESCRIPTION=(ADDRESS=(PROTOCOL=TCP)(HOST=ora)(PORT=1521)))", ["ora:1521"]),
        ("PLAINTEXT://kafka:9092", ["kafka:9092"]),
        ("1@kafka:9093", ["kafka:9093"]),
        ("http://cart:7070/api?x=1", ["cart:7070"]),
        ("cartservice:7070", ["cartservice:7070"]),
        ("cartservice:7070/path", ["cartservice:7070"]),
        ("  Cart.Shop.SVC.cluster.local. ", ["cart.shop.svc.cluster.local"]),
        ("[fd00::1]:5432", ["fd00::1:5432"]),
        ("http://[::1]:8080/", ["::1:8080"]),
        ("wait-for db:5432 -- node app.js", ["db:5432"]),
        ("proxy_pass http://cart:8080; proxy_pass http://user:8080;", ["cart:8080", "user:8080"]),
        ("file:///etc/flagd", []),
        ("http://:4318", []),
        ("http://*:8080", []),
        ("db:99999", []),
        ("true", ["true"]),
        ("two words", []),
        ("-Xms64m -XX:+UseG1GC -Djava.security.egd=file:/dev/urandom", []),
        ("", []),
    ],
)
def test_an_address_is_found_in_each_spelling(written: str, found: list[str]) -> None:
    assert [address.name for address in addresses(written)] == found


def test_the_scheme_is_known() -> None:
    assert [a.scheme for a in addresses("jdbc:mysql://db:3306/x")] == ["mysql"]
    assert next(addresses("db:3306")) == Address("db", 3306)


@pytest.mark.parametrize(
    "written",
    ["postgres://u:p@ss.word.com/x@db:5432/y", "postgres://u:p@ss@db:5432/y", "redis://u:a/b.com@db:6379"],
)
def test_an_unescaped_password_makes_every_reading_unsure(written: str) -> None:
    found = list(addresses(written))
    assert Address("db", found[-1].port, found[-1].scheme, sure=False) in found
    assert not any(address.sure for address in found)


@pytest.mark.parametrize(
    "written",
    [
        "Server=db;Password=a,ss.word.com:80",
        "Server=db;Password=a;host=ss.word.com",
        "db:1,password=a;ss.word.com:80",
        "u@ss.io:1 x",
    ],
)
def test_what_may_be_a_password_in_a_connection_string_is_unsure(written: str) -> None:
    assert not any(address.sure for address in addresses(written) if address.host.startswith("ss."))


_WORD = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123456789!$%^&*()+=,:;@/?#[]-_.~ '\"", min_size=8, max_size=24)


@given(_WORD)
def test_no_part_of_a_password_is_ever_a_sure_host(password: str) -> None:
    for address in addresses(f"postgres://shop:{password}@db.shop.io:5432/x"):
        assert not address.sure or address.host == "db.shop.io"


@given(_WORD)
def test_no_part_of_a_password_in_a_connection_string_is_a_sure_host(password: str) -> None:
    for address in addresses(f"Server=db.shop.io,1433;User Id=sa;Password={password};Encrypt=yes"):
        assert not address.sure or address.host == "db.shop.io"


@pytest.mark.parametrize(
    ("host", "real"),
    [
        ("api.stripe.com", True),
        ("db.internal", True),
        ("zipkin.jaeger.svc.cluster.local", True),
        ("10.0.0.5", True),
        ("8.8.8.8", True),
        ("127.0.0.1", False),
        ("0.0.0.0", False),
        ("localhost", False),
        ("cart", False),
        ("app.js2", False),
        ("host.docker.internal", False),
        ("api.example.com", False),
        ("169.254.169.254", False),
        ("a..com", False),
        ("1.2.3", False),
    ],
)
def test_a_real_host_is_a_domain_or_an_address_that_is_not_our_own(host: str, real: bool) -> None:
    assert is_real(host) is real


def test_here_is_this_machine() -> None:
    assert [is_here(host) for host in ("localhost", "127.0.0.1", "::1", "0.0.0.0", "a.localhost", "db")] == [
        True, True, True, True, True, False,
    ]  # fmt: skip
