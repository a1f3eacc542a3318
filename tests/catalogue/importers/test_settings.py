"""Which settings are calls: those that reach somebody, not those that show or name."""

from __future__ import annotations

import pytest

from brownout_catalogue.importers.imported import Component, Imported
from brownout_catalogue.importers.settings import Setting, arguments, configuration, understand
from brownout_catalogue.importers.source import Place

NAMES = ("cart", "db", "redis", "cartservice", "kafka", "image-provider")


def calls(*told: Setting, images: dict[str, str] | None = None) -> list[tuple[str, str]]:
    """The callees of `web` with the strength of their guesses."""
    found = Imported("x")
    for name in ("web", *NAMES):
        found.services[name] = Component(name, image=(images or {}).get(name))
    understand(found, "web", told, lambda host, _: host if host in found.services else None)
    return [(edge.sink, edge.strength.word) for edge in found.edges()]


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("DATABASE_URL", "postgres://u:p@db:5432/x", [("db", "strong")]),
        ("CART_SERVICE_ADDR", "cartservice:7070", [("cartservice", "strong")]),
        ("mongo", "db:27017", [("db", "strong")]),
        ("DB_HOST", "db", [("db", "likely")]),
        ("spring.redis.host", "redis", [("redis", "likely")]),
        ("IMAGE_PROVIDER_HOST", "image-provider", [("image-provider", "likely")]),
        ("ZIPKIN", "zipkin.tracing.svc.cluster.local", [("zipkin.tracing.svc.cluster.local", "likely")]),
        ("PAYMENT_API_URL", "https://api.stripe.com/v1", [("api.stripe.com", "likely")]),
        ("PAYMENT_GATEWAY", "https://www.worldpay.com", [("www.worldpay.com", "likely")]),
        ("LLM_BASE_URL", "https://api.llm.io", [("api.llm.io", "likely")]),
        ("DB", "postgres://u:p@db.shop.io:5432/x", [("db.shop.io", "strong")]),
        ("DB_HOST", "10.0.0.5", [("10.0.0.5", "likely")]),
        ("BROKERS", "broker.elsewhere.net:9092", [("broker.elsewhere.net", "strong")]),
        ("DB_URL", "postgres://u:p@legacy:5432/x", [("legacy", "strong")]),
        ("API_TOKEN_URL", "postgres://db:5432", [("db", "strong")]),
        ("DB_URL", "postgres://u:p@ss.word.com/x@db:5432/y", [("db", "strong")]),
        ("CONN_STR", "Server=db,1433;Password=x,ss.word.com:80;", [("db", "strong")]),
        ("CASSANDRA_SEEDS", "db,redis", [("db", "likely"), ("redis", "likely")]),
        ("API_BASE", "cart", [("cart", "likely")]),
        ("ConnectionStrings__Redis", "redis,abortConnect=false", [("redis", "likely")]),
        ("CORS_ORIGINS", "http://cart:80", []),
        ("REDIRECT_URI", "http://cart:80/back", []),
        ("API_EXTERNAL_URL", "http://cart:8000", []),
        ("SpaClient", "http://cart:80", []),
        ("NEXT_PUBLIC_APP_URL", "http://cart:80", []),
        ("CDN_URL", "http://cart:80", []),
        ("FRONTEND_URL", "http://cart:80", []),
        ("OAUTH_AUTHORIZE_URL", "https://login.elsewhere.net/", []),
        ("POSTGRES_USER", "db", []),
        ("POSTGRES_DB", "db", []),
        ("SERVICE_NAME", "cart", []),
        ("LISTEN_ADDR", "0.0.0.0:8080", []),
        ("KAFKA_ADVERTISED_LISTENERS", "PLAINTEXT://kafka:9092", []),
        ("NO_PROXY", "db:1,redis:2", []),
        ("REDIS_IMAGE", "redis:7", []),
        ("PUBLIC_URL", "https://www.shop.io", []),
        ("CORS_ORIGINS", "https://www.shop.io", []),
        ("HEALTH_URL", "http://localhost:8080", []),
        ("DOCS_URL", "https://docs.shop.io", []),
        ("WELCOME", "see https://www.shop.io", []),
        ("SOCKET_URL", "unix:///var/run/db.sock", []),
        ("API_KEY", "sk.live.abcdef.com:443", []),
        ("SECRET_TOKEN_URL", "https://hooks.slack.com/services/T0/B0/xyz", []),
        ("JAVA_OPTS", "-Xms64m -Djava.security.egd=file:/dev/urandom", []),
    ],
)
def test_a_setting_is_a_call_if_it_reaches_somebody(key: str, value: str, expected: list[tuple[str, str]]) -> None:
    assert calls(Setting(key, value)) == expected


def test_a_host_with_its_port_beside_it_is_an_address() -> None:
    found = Imported("x")
    found.services = {name: Component(name) for name in ("web", "db")}
    told = [Setting("DB_HOST", "db", Place("c.yaml", 4)), Setting("DB_PORT", "5432"), Setting("DB_PASSWORD", "db")]
    understand(found, "web", told, lambda host, _: host if host == "db" else None)
    (edge,) = found.edges()
    assert edge.content() == {"port": 5432, "guess": "strong: DB_HOST has db:5432 (c.yaml:4)"}


@pytest.mark.parametrize(
    ("key", "sink"),
    [("KAFKA_SERVICE_ADDR", "kafka"), ("CART_ADDR", None), ("DATABASE_URL", "db"), ("REDIS_URL", "redis"),
     ("FOO_URL", None), ("PASSWORD", None), ("URL", None)],
)  # fmt: skip
def test_a_setting_without_a_value_may_be_named_after_a_callee(key: str, sink: str | None) -> None:
    assert calls(Setting(key, None)) == ([] if sink is None else [(sink, "weak")])


def test_the_machine_itself_is_nobody_but_is_told() -> None:
    found = Imported("x")
    found.services = {"web": Component("web")}
    understand(found, "web", [Setting("DB_URL", "postgres://host.docker.internal:5432/x")], lambda *_: None)
    assert list(found.edges()) == []
    assert "host.docker.internal:5432" in found.notes[0]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["-h", "cart"], [("cart", "likely")]),
        (["--db-host", "db"], [("db", "likely")]),
        (["--prometheus.server-url=http://cart:9090"], [("cart", "strong")]),
        (["--redis-addr=redis"], [("redis", "likely")]),
        (["sh", "-c", "wait-for db:5432 && node app.js"], [("db", "strong")]),
        (["DB_HOST=db", "node"], [("db", "likely")]),
        (["--user", "db"], []),
        (["redis"], []),
        (["--config=/etc/redis.yml"], []),
        (["-port=80"], []),
    ],
)
def test_arguments_are_calls_where_an_option_wants_a_host(words: list[str], expected: list[tuple[str, str]]) -> None:
    assert calls(*arguments([(word, None) for word in words], "command")) == expected


def test_no_option_that_may_be_a_password_is_told() -> None:
    told = list(arguments([("-pHunter2", None), ("db:3306", None), ("-pHun=db:5432", None), ("aHV=", None)], "args"))
    assert [setting.key for setting in told] == ["args", "args"]


def test_comments_of_a_configuration_say_nothing() -> None:
    assert calls(configuration("nginx.conf", "# proxy_pass http://cart:80;\n  proxy_pass http://db:80;\n", None)) == [
        ("db", "strong")
    ]


def test_a_gateway_calls_also_what_it_hands_to_clients() -> None:
    found = Imported("x")
    for name in ("gateway", "cart"):
        found.services[name] = Component(name)
    setting = Setting("FRONTEND_URL", "http://cart:80")
    understand(found, "gateway", [setting], lambda host, _: host if host in found.services else None)
    assert [edge.sink for edge in found.edges()] == ["cart"]


@pytest.mark.parametrize(
    ("key", "kind"), [("CELERY_BROKER_URL", "queue"), ("QUEUE_BULL_REDIS_HOST", "queue"), ("REDIS_URL", "cache")]
)
def test_a_redis_through_which_jobs_are_handed_over_is_a_queue(key: str, kind: str) -> None:
    found = Imported("x")
    for name in ("web", "redis"):
        found.services[name] = Component(name)
    understand(found, "web", [Setting(key, "redis://redis:6379")], lambda host, _: host if host == "redis" else None)
    found.finish()
    assert found.services["redis"].seen_as == kind
