"""What compose files say of services and their calls; each test has a trait of some well-known file."""

from __future__ import annotations

from pathlib import Path

import pytest

from brownout_core.errors import InvalidSpec
from tests.support.builders.imports import composed, edges, files, guess


def shop(folder: Path, content: str, **more: str) -> None:
    files(folder, {"compose.yaml": content, **{name.replace("_", "."): text for name, text in more.items()}})


def test_addresses_in_the_environment_are_strong_and_told_with_line_and_key(tmp_path: Path) -> None:
    shop(
        tmp_path,
        "services:\n"
        "  web:\n"
        "    environment:\n"
        "      DATABASE_URL: postgres://shop:Hunter2@db:5432/shop\n"
        "      CART_ADDR: ${CART_ADDR}\n"
        "  cart:\n"
        "    environment:\n"
        "      - REDIS_HOST=cache\n"
        "      - REDIS_PORT=${REDIS_PORT:-6379}\n"
        "      - KAFKA_BROKERS=kafka:9092,kafka.elsewhere.net:9092\n"
        "  db: {image: postgres}\n"
        "  cache: {image: redis}\n"
        "  kafka: {image: bitnami/kafka}\n",
        _env="CART_ADDR=cart:7070\n",
    )
    found = composed(tmp_path, "compose.yaml")
    assert edges(found) == dict.fromkeys(
        ("web -> db", "web -> cart", "cart -> cache", "cart -> kafka", "cart -> kafka.elsewhere.net"), "strong"
    )
    assert guess(found, "web -> db") == f"strong: DATABASE_URL has db:5432 ({tmp_path}/compose.yaml:4)"
    assert guess(found, "cart -> cache") == f"strong: REDIS_HOST has cache:6379 ({tmp_path}/compose.yaml:8)"
    assert found.external["kafka.elsewhere.net"].content()["where"] == {"host": "kafka.elsewhere.net", "port": 9092}


def test_the_order_of_starting_is_a_weak_guess(tmp_path: Path) -> None:
    shop(
        tmp_path,
        "services: {web: {depends_on: [cart], links: ['db:database']}, cart:"
        " {depends_on: {db: {condition: service_healthy},"
        " migrate: {condition: service_completed_successfully}}}, migrate: {}, db: {image: postgres}}",
    )
    assert edges(composed(tmp_path, "compose.yaml")) == {
        "web -> db": "likely", "web -> cart": "weak", "cart -> db": "weak",
    }  # fmt: skip


def test_without_a_network_in_common_there_is_no_call(tmp_path: Path) -> None:
    shop(
        tmp_path,
        "services: {a: {networks: [x], depends_on: [b, c]}, b: {networks: {y: {}}}, c:"
        " {networks: [x, y], depends_on: [d]}, d: {}}",
    )
    assert edges(composed(tmp_path, "compose.yaml")) == {"a -> c": "weak"}


def test_merge_keys_and_anchors_carry_settings(tmp_path: Path) -> None:
    shop(
        tmp_path,
        "x-env: &env {DB_URL: 'postgres://db:5432/x', CART_URL: 'http://cart:80'}\n"
        "services:\n  a: {environment: {<<: *env, MORE: 1}}\n  b: {environment: *env}\n"
        "  db: {image: postgres}\n  cart: {}\n",
    )
    found = composed(tmp_path, "compose.yaml")
    assert edges(found) == {"a -> db": "strong", "a -> cart": "likely", "b -> db": "strong", "b -> cart": "likely"}
    assert guess(found, "a -> cart") == f"likely: CART_URL has cart:80, which several share ({tmp_path}/compose.yaml:1)"


def test_other_names_of_a_service_lead_to_it(tmp_path: Path) -> None:
    shop(
        tmp_path,
        "services:\n"
        "  web: {links: ['db:database'], environment: {A: 'http://cart-service:1', B:"
        " 'http://carts:2', C: 'database:5432'}}\n"
        "  cart: {container_name: cart-service, hostname: carts}\n"
        "  user: {networks: {default: {aliases: [people]}}, environment: {U: 'http://PEOPLE:1', V: 'http://carts:2'}}\n"
        "  db: {image: postgres}\n",
    )
    assert edges(composed(tmp_path, "compose.yaml")) == {
        "web -> cart": "strong", "web -> db": "strong", "user -> cart": "strong",
    }  # fmt: skip


def test_the_machine_leads_to_who_publishes_the_port(tmp_path: Path) -> None:
    shop(
        tmp_path,
        "services:\n  jaeger: {environment: {ES: 'http://host.docker.internal:9201', X: 'http://host.docker.internal:1'}}\n"
        "  es: {ports: ['127.0.0.1:9201:9200']}\n  other: {ports: [{target: 1, published: '1'}]}\n",
    )
    assert edges(composed(tmp_path, "compose.yaml")) == {"jaeger -> es": "strong", "jaeger -> other": "strong"}


def test_commands_and_env_files_are_read(tmp_path: Path) -> None:
    shop(
        tmp_path,
        "services:\n"
        "  sim: {command: '-d 60 -r 200 -h edge'}\n"
        "  jaeger: {command: ['--prometheus.server-url=http://${PROM}']}\n"
        '  broken: {command: "it\'s --db-host edge"}\n'
        "  web: {env_file: [web.env, {path: gone.env, required: false}], environment: {B: own}}\n"
        "  edge: {}\n  prom: {}\n  db: {image: postgres}\n",
        _env="PROM=prom:9090",
        web_env="A=postgres://u:Hunter2@db/x\nB=http://edge:1\n",
    )
    found = composed(tmp_path, "compose.yaml")
    assert edges(found) == {
        "sim -> edge": "likely", "jaeger -> prom": "strong", "broken -> edge": "likely", "web -> db": "strong",
    }  # fmt: skip
    assert guess(found, "web -> db") == f"strong: A has db ({tmp_path}/web.env:1)"
    assert any("gone.env cannot be read" in note for note in found.notes)


def test_a_healthcheck_calls_nobody_and_is_a_probe(tmp_path: Path) -> None:
    shop(
        tmp_path,
        "services: {a: {healthcheck: {test: [CMD, curl, 'http://b:1']}}, b: {healthcheck: {disable: true}},"
        " c: {healthcheck: {test: [NONE]}}}",
    )
    found = composed(tmp_path, "compose.yaml")
    assert edges(found) == {}
    assert [found.services[name].probes for name in "abc"] == [("readiness",), (), ()]


def test_a_variable_that_nobody_sets_leaves_only_the_name_of_its_setting(tmp_path: Path) -> None:
    shop(
        tmp_path,
        "services: {a: {environment: [KAFKA_SERVICE_ADDR, 'URL=http://${HOST}:1']},"
        " kafka: {image: '${REPO}/kafka:${TAG}'}}",
    )
    found = composed(tmp_path, "compose.yaml")
    assert edges(found) == {"a -> kafka": "weak"}
    assert "image" not in found.services["kafka"].content().get("where", {})


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("deploy: {replicas: 3, resources: {limits: {memory: 512M}}}", {"replicas": 3, "memory": "512Mi"}),
        ("scale: 2\n    mem_limit: 1g", {"replicas": 2, "memory": "1Gi"}),
        ("mem_limit: '1000000'", {"memory": "1000000"}),
        ("mem_limit: 300mb", {"memory": "300Mi"}),
        ("mem_limit: much", {}),
        ("ports: ['127.0.0.1:8080:80/tcp']", {"where": {"port": 80}}),
        ("ports: [22:2222]", {"where": {"port": 2222}}),
        ("ports: [{target: 81}]", {"where": {"port": 81}}),
        ("ports: ['3000-3005']", {"where": {"port": 3000}}),
        ("expose: ['9000']", {"where": {"port": 9000}}),
        ("ports: ['${P}']", {}),
        (
            "image: redis:7\n    volumes: ['data:/data']",
            {"stateful": True, "where": {"image": "redis:7"}, "kind": "cache"},
        ),
        ("image: redis:7\n    volumes: ['./data:/data']", {"where": {"image": "redis:7"}}),
        (
            "image: redis:7\n    volumes: [{type: volume, source: d, target: /d}]",
            {"stateful": True, "where": {"image": "redis:7"}},
        ),
    ],
)
def test_what_a_service_says_of_itself(tmp_path: Path, written: str, expected: dict[str, object]) -> None:
    shop(tmp_path, f"services:\n  some:\n    {written}\n")
    expected.pop("kind", None)
    assert composed(tmp_path, "compose.yaml").services["some"].content() == expected


def test_nothing_to_start_is_an_error(tmp_path: Path) -> None:
    shop(tmp_path, "services: {a: {profiles: [x]}}")
    with pytest.raises(InvalidSpec, match="has no service that would be started"):
        composed(tmp_path, "compose.yaml")


def test_a_published_port_is_a_way_in(tmp_path: Path) -> None:
    shop(
        tmp_path, "services: {web: {ports: ['8080:80']}, cart: {expose: ['80']}, db: {image: postgres, ports: ['1:1']}}"
    )
    assert list(composed(tmp_path, "compose.yaml").entries) == ["web"]
