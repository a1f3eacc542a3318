"""Hosts in the source and the mounted files of a component: code, Dockerfiles, nginx and Spring configuration.

Only names of components are looked for, so that a link in a page is never a call, and only hosts and ports leave here.
What is generated, tests, vendored or too large is not read.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from brownout_catalogue.importers.source import Place

MACHINE: Final = ("host.docker.internal", "gateway.docker.internal", "host.containers.internal")
"""The names of the machine itself, on which a component is behind the port that it publishes."""
MAX_FILES: Final = 4000
"""Files that are looked at below one folder."""
MAX_BYTES: Final = 512 * 2**10
"""Of one file; what is larger is data or generated."""
MAX_TOTAL: Final = 32 * 2**20
"""Of one folder."""
_MAX_LINE: Final = 1000  # characters; longer lines are minified
_SKIPPED: Final = frozenset((
    "test", "tests", "__tests__", "testing", "testdata", "spec", "specs", "e2e", "fixtures", "mocks", "__mocks__",
    "node_modules", "vendor", "third_party", "site-packages", "venv", "dist", "target", "out", "docs", "doc",
    "examples", "example", "static", "public", "assets", "locales", "i18n", "dashboards", "k8s", "kubernetes", "helm",
    "chart", "charts", "terraform",
))  # fmt: skip
_CONFIGURATION: Final = frozenset((
    ".conf", ".cfg", ".ini", ".json", ".properties", ".template", ".tmpl", ".toml", ".xml", ".yaml", ".yml", ".env",
))  # fmt: skip
_CODE: Final = frozenset((
    ".c", ".cc", ".cpp", ".cs", ".ex", ".exs", ".go", ".groovy", ".java", ".js", ".jsx", ".kt", ".lua", ".mjs", ".php",
    ".py", ".rb", ".rs", ".scala", ".sh", ".ts", ".tsx",
))  # fmt: skip
_NOT_READ: Final = re.compile(
    r"(?:docker-)?compose.*\.ya?ml|package-lock\.json|tsconfig.*|.*\.min\.js"
    r"|.*[._-](?:test|tests|spec)\.[a-z]+|test_.*|.*Tests?\.[a-z]+"
    r"|(?:application|appsettings)[-.](?:test|dev|development|local|default)\..*|.*\.(?:dev|local|test)(?:\..*)?|openapi.*|swagger.*",
    re.IGNORECASE,
)
_COMMENT: Final = re.compile(r"\s*(?://|#|\*|/\*|--|;|<!--)")
_HOST: Final = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_ADDRESS: Final = re.compile(
    r"(?<![A-Za-z0-9._/@-])(?:(?P<scheme>[a-z][a-z0-9+.-]*)://(?:[^\s/@'\"]*@)?)?"
    rf"(?P<host>{_HOST})(?::(?P<port>[0-9]{{2,5}}))?(?![A-Za-z0-9_-])"
)
_VALUE: Final = re.compile(
    r"(?<![A-Za-z0-9_.-])(?P<key>[A-Za-z_][A-Za-z0-9_.-]*)['\"]?\]?\s*(?::=|=>|[:=])\s*"
    rf"(?:\$\{{[A-Za-z_.]+:)?['\"]?(?P<host>{_HOST})['\"]?(?=[\s,;)\}}\]]|$)"
)
_QUOTED: Final = re.compile(rf"(?P<quote>['\"])(?P<host>{_HOST})(?P=quote)")
_REACHES: Final = re.compile(
    r"(?:host|hosts|hostname|addr|addrs|address|addresses|server|servers|endpoint|endpoints|url|uri|upstream|broker|brokers"
    r"|service-?id)$",
    re.IGNORECASE,
)
_VARIABLE: Final = re.compile(r"[A-Z0-9_]*(?:HOST|HOSTNAME|ADDR|ADDRESS|SERVER|ENDPOINT|URL|URI|BROKERS?)\b")
_COMPOUND: Final = re.compile(r"[a-z0-9][-_.][a-z0-9]", re.IGNORECASE)
"""A name of several words in quotes is somebody's name; `"user"` may be anything."""
_DEPENDENCIES: Final = frozenset(
    ("pom.xml", "build.gradle", "build.gradle.kts", "package.json", "requirements.txt", "go.mod", "Gemfile")
)
_LIBRARIES: Final = {
    "registry": re.compile(r"eureka-client|consul-discovery|nacos-discovery"),
    "zipkin": re.compile(r"zipkin"),
    "rabbitmq": re.compile(
        r"starter-amqp|stream-rabbit|hystrix-stream|bus-amqp|streadway/amqp|rabbitmq/amqp091|\"amqplib\"|\bpika\b|\bbunny\b"
    ),
    "kafka": re.compile(
        r"spring-kafka|stream-kafka|kafkajs|kafka-python|confluent-kafka|segmentio/kafka-go|Shopify/sarama|IBM/sarama"
    ),
}
"""Libraries that are of use only with one component: a registry, a broker, a collector."""
_SUBSTITUTE: Final = re.compile(r"\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::?-[^}]*)?\}")


class Mention(NamedTuple):
    """A component that is named in a file."""

    component: str
    host: str
    """As the file has it."""
    port: int | None
    place: Place
    is_address: bool
    """With a scheme, with a port, or as the value of a setting for a host; else only its name in quotes."""

    @property
    def spelled(self) -> str:
        return self.host if self.port is None else f"{self.host}:{self.port}"


def files_below(folder: Path) -> Iterator[Path]:
    """What may name hosts, in a fixed order. Links are not followed, so that nothing outside is read."""
    seen = total = 0
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name.lower() not in _SKIPPED and not name.startswith("."))
        for name in sorted(names):
            path = Path(root, name)
            seen += 1
            if seen > MAX_FILES:
                return
            if not is_read(path) or path.is_symlink():
                continue
            try:
                size = path.stat().st_size
            except OSError:
                continue  # gone meanwhile
            total += size
            if total > MAX_TOTAL:
                return
            if size <= MAX_BYTES:
                yield path


def is_read(path: Path) -> bool:
    """Whether it is code or configuration, by its name."""
    if _NOT_READ.fullmatch(path.name):
        return False
    return path.suffix.lower() in _CODE | _CONFIGURATION or path.name.startswith(("Dockerfile", "Caddyfile"))


class Names:
    """The hosts that are looked for, each with its component."""

    def __init__(self, hosts: Mapping[str, str], published: Mapping[int, str] | None = None) -> None:
        self._hosts = hosts
        self._published = published or {}
        self._any = re.compile("|".join(re.escape(host) for host in sorted({*hosts, *MACHINE})), re.IGNORECASE)

    def component(self, host: str, port: int | None) -> str | None:
        if host in MACHINE:
            return None if port is None else self._published.get(port)
        return self._hosts.get(host.lower())

    def within(self, line: str) -> bool:
        """Whether a line can name one, which is found much faster than where."""
        return self._any.search(line) is not None


def mentions(path: Path, names: Names, variables: Mapping[str, str | None]) -> Iterator[Mention]:
    """Components that a file names; `variables` has what `${NAME}` stands for."""
    try:
        text = path.read_bytes()[:MAX_BYTES].decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return
    yield from mentions_in(text, Place(str(path), 1), names, variables)


def mentions_in(text: str, place: Place, names: Names, variables: Mapping[str, str | None]) -> Iterator[Mention]:
    """Components that a text names, which begins at a place."""
    for number, line in enumerate(text.splitlines(), place.line):
        if len(line) > _MAX_LINE or _COMMENT.match(line):
            continue
        if "${" in line:
            line = _SUBSTITUTE.sub(lambda match: variables.get(match[1]) or match[0], line)
        if names.within(line):
            yield from _in_line(line, names, Place(place.file, number))


def _in_line(line: str, names: Names, place: Place) -> Iterator[Mention]:
    found: dict[str, Mention] = {}

    def add(host: str, port: int | None, *, is_address: bool) -> None:
        component = names.component(host, port)
        if component is not None:
            found.setdefault(component, Mention(component, host, port, place, is_address))

    for match in _ADDRESS.finditer(line):
        if match["scheme"] or match["port"]:
            port = int(match["port"] or 0)
            add(match["host"], port if 0 < port < 65536 else None, is_address=True)
    for match in _VALUE.finditer(line):
        if _REACHES.search(match["key"]):
            add(match["host"], None, is_address=True)
    has_variable = _VARIABLE.search(line) is not None
    for match in _QUOTED.finditer(line):
        if has_variable or _COMPOUND.search(match["host"]):
            add(match["host"], None, is_address=has_variable)
    yield from found.values()


def libraries(folder: Path) -> Iterator[tuple[str, Place]]:
    """Technologies for which a component has a client library, by its list of dependencies."""
    for path in sorted(folder.glob("*")):
        if path.name not in _DEPENDENCIES or path.is_symlink() or not path.is_file():
            continue
        try:
            text = path.read_bytes()[:MAX_BYTES].decode("utf-8", "replace")
        except OSError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            for technology, pattern in _LIBRARIES.items():
                if pattern.search(line):
                    yield technology, Place(str(path), number)
