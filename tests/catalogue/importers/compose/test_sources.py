"""Calls that stand in the source of a service, or in a file that it mounts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.builders.imports import composed, edges, files, guess


def shop(folder: Path, compose: str, contents: dict[str, str]) -> dict[str, str]:
    files(folder, {"compose.yaml": compose, **contents})
    return edges(composed(folder, "compose.yaml"))


def test_the_folder_that_a_service_is_built_from_says_whom_it_calls(tmp_path: Path) -> None:
    found = shop(
        tmp_path,
        "services: {web: {build: ./web}, cart: {build: {context: ., dockerfile: src/cart/Dockerfile}},"
        " db: {image: postgres}}",
        {
            "web/app.js": "fetch('http://cart:8080/')",
            "src/cart/main.go": "// code\nhost: db\n",
            "src/cart/Dockerfile": "",
        },
    )
    assert found == {"web -> cart": "likely", "cart -> db": "likely"}


def test_the_evidence_is_the_line_and_never_the_rest_of_it(tmp_path: Path) -> None:
    files(
        tmp_path,
        {
            "compose.yaml": "services: {web: {build: web}, db: {image: postgres}}",
            "web/a.py": "\nurl = 'postgres://u:Hunter2@db:5432/x'\n",
        },
    )
    seen = guess(composed(tmp_path, "compose.yaml"), "web -> db")
    assert seen == f"likely: its source has db:5432 ({tmp_path}/web/a.py:2)"


def test_a_folder_beside_the_file_that_has_the_name_of_the_image_is_its_source(tmp_path: Path) -> None:
    compose = "services: {api: {image: 'shop/shop-api:1'}, cart-db: {image: mongo}}"
    assert shop(tmp_path, compose, {"shop-api/x.yml": "host: cart-db"}) == {"api -> cart-db": "likely"}


def test_source_that_several_are_built_from_is_weak(tmp_path: Path) -> None:
    compose = "services: {api: {build: app}, jobs: {build: app}, db: {image: postgres}}"
    assert shop(tmp_path, compose, {"app/x.py": "'http://db:1'"}) == {"api -> db": "weak", "jobs -> db": "weak"}


def test_the_folder_of_the_file_itself_is_everybodys_source(tmp_path: Path) -> None:
    assert shop(tmp_path, "services: {web: {build: .}, cart: {}}", {"x.py": "'http://cart:80'"}) == {}


def test_a_mounted_file_is_strong_and_knows_the_environment(tmp_path: Path) -> None:
    found = shop(
        tmp_path,
        "services:\n  edge:\n    image: nginx\n    environment: {PORT: '81'}\n    volumes:\n"
        "    - ./nginx.conf:/etc/nginx/nginx.conf:ro\n"
        "    - {type: bind, source: ./conf.d, target: /etc/conf.d}\n  web: {}\n  cart: {}\n",
        {"nginx.conf": "proxy_pass http://web:${PORT};", "conf.d/x.conf": "server cart:80;"},
    )
    assert found == {"edge -> web": "strong", "edge -> cart": "strong"}


def test_a_file_of_everybodys_addresses_is_no_evidence(tmp_path: Path) -> None:
    mount = "{image: shop/all, volumes: ['./all.json:/all.json']}"
    compose = f"services: {{a: {mount}, b: {mount}, c: {mount}, tracer: {{}}}}"
    content = '{\n"addr": "a",\n"host": "b",\n"host": "c",\n"host": "tracer"}'
    assert shop(tmp_path, compose, {"all.json": content}) == {}


def test_a_configuration_server_has_a_file_for_each_client(tmp_path: Path) -> None:
    found = shop(
        tmp_path,
        "services: {config: {build: config}, orders: {}, orders-db: {image: mongo}}",
        {"config/shared/orders.yml": "host: orders-db", "config/shared/application.yml": "host: orders"},
    )
    assert found == {"orders -> orders-db": "likely"}


def test_a_library_for_the_only_registry_is_a_weak_call(tmp_path: Path) -> None:
    compose = "services: {orders: {build: orders}, registry: {image: shop/registry}}"
    contents = {"orders/pom.xml": "<artifactId>spring-cloud-starter-netflix-eureka-client</artifactId>"}
    assert shop(tmp_path, compose, contents) == {"orders -> registry": "weak"}


def test_a_store_calls_nobody(tmp_path: Path) -> None:
    assert shop(tmp_path, "services: {db: {build: db, image: mysql}, web: {}}", {"db/x.sh": "http://web:80"}) == {}


def test_configs_are_mounted_by_file_or_by_content(tmp_path: Path) -> None:
    files(
        tmp_path,
        {
            "compose.yaml": "services:\n  edge: {image: nginx, configs: [routes, {source: more, target: /x}]}\n"
            "  web: {}\n  cart: {}\nconfigs:\n  routes:\n    content: |\n      # edge\n      proxy_pass http://web:80;\n"
            "  more: {file: ./more.txt}\n",
            "more.txt": "upstream: cart:80",
        },
    )
    found = composed(tmp_path, "compose.yaml")
    assert edges(found) == {"edge -> web": "strong", "edge -> cart": "strong"}
    assert guess(found, "edge -> web") == f"strong: a config has web:80 ({tmp_path}/compose.yaml:9)"


@pytest.mark.parametrize(
    "service",
    [
        "{build: []}", "{build: {context: 7}}", "{build: " + "x" * 5000 + "}", "{build: 'https://x.io/a.git'}",
        "{build: '${A}'}", "{build: {context: ., dockerfile: " + "y" * 5000 + "}}", '{build: "\\0"}',
        "{volumes: [1, {}, {source: 2}, './" + "z" * 5000 + ":/x']}", "{volumes: {a: b}}", '{volumes: ["./\\0:/x"]}',
        "{configs: [a, {}, {source: b}, 7]}", "{configs: x}",
    ],
)  # fmt: skip
def test_no_way_of_writing_a_build_or_a_mount_breaks_an_import(tmp_path: Path, service: str) -> None:
    assert shop(tmp_path, f"services: {{web: {service}, cart: {{}}}}\nconfigs: {{a: 1, b: {{file: /}}}}", {}) == {}
