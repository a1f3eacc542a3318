"""Components that are named in source and configuration files, and what is not read."""

from __future__ import annotations

from pathlib import Path

import pytest

from brownout_catalogue.importers import code
from brownout_catalogue.importers.code import Names, files_below, libraries, mentions

NAMES = Names({"cart": "cart", "cart-db": "cart-db", "user": "user", "redis": "redis", "web": "web"}, {8000: "web"})


def found(folder: Path, name: str, content: str, **variables: str) -> list[tuple[str, int | None, bool]]:
    path = folder / name
    path.write_text(content)
    return [(one.component, one.port, one.is_address) for one in mentions(path, NAMES, variables)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("proxy_pass http://cart:8080/;", ("cart", 8080, True)),
        ("uri: lb://cart", ("cart", None, True)),
        ("mongodb://u:p@cart-db:27017/x", ("cart-db", 27017, True)),
        ("server cart:8080 max_fails=0;", ("cart", 8080, True)),
        ("const host = process.env.CART_HOST || 'cart'", ("cart", None, True)),
        ('CART = os.getenv("CART_HOST", "cart")', ("cart", None, True)),
        ('g.redis = Redis(host="redis", db=0)', ("redis", None, True)),
        ("    host: cart-db", ("cart-db", None, True)),
        ("ENV CART_HOST=cart \\", ("cart", None, True)),
        ('"addr": "cart-db",', ("cart-db", None, True)),
        ("host: ${MONGO:cart-db}", ("cart-db", None, True)),
        ('@FeignClient(name = "cart-db")', ("cart-db", None, False)),
        ("targets: ['host.docker.internal:8000']", ("web", 8000, True)),
    ],
)
def test_a_host_is_found_in_each_form(tmp_path: Path, line: str, expected: tuple[str, int | None, bool]) -> None:
    assert found(tmp_path, "x.conf", line) == [expected]


@pytest.mark.parametrize(
    "line",
    [
        "// see http://cart:8080",
        "# http://cart:8080",
        'name = "user"',
        "import cart from './cart'",
        "https://example.com/cart",
        "postgres://cart:secret@elsewhere/x",
        "x" * 2000 + " http://cart:8080",
        "host.docker.internal:9999",
    ],
)
def test_what_only_looks_like_a_host_is_none(tmp_path: Path, line: str) -> None:
    assert found(tmp_path, "x.conf", line) == []


def test_variables_stand_for_what_the_component_is_given(tmp_path: Path) -> None:
    line = "endpoint: ${env:CART_HOST}:${CART_PORT}"
    assert found(tmp_path, "x.yml", line, CART_HOST="cart", CART_PORT="7070") == [("cart", 7070, True)]
    assert found(tmp_path, "x.yml", line) == []


def test_neither_tests_nor_what_is_generated_nor_links_are_read(tmp_path: Path) -> None:
    for name in (
        "a.py",
        "tests/b.py",
        "node_modules/c.js",
        "d.min.js",
        "e_test.go",
        "f.png",
        "compose.yaml",
        ".git/g.py",
    ):
        (tmp_path / "src" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "src" / name).write_text("http://cart")
    (tmp_path / "outside.py").write_text("http://cart")
    (tmp_path / "src/link.py").symlink_to(tmp_path / "outside.py")
    (tmp_path / "src/large.json").write_text("x" * (code.MAX_BYTES + 1))
    assert [path.name for path in files_below(tmp_path / "src")] == ["a.py"]


def test_a_file_that_is_no_text_has_nothing(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_bytes(b"\xff\xfe http://cart")
    assert list(mentions(tmp_path / "x.py", NAMES, {})) == []


def test_a_client_library_names_its_technology(tmp_path: Path) -> None:
    (tmp_path / "pom.xml").write_text("<x>\n<artifactId>spring-cloud-starter-netflix-eureka-client</artifactId>")
    assert [(technology, place.line) for technology, place in libraries(tmp_path)] == [("registry", 2)]
