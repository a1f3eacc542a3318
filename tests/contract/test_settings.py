"""Whatever a hand makes of a brownout.yaml: it is read, or refused with one kind of error that has its place.

1,000 files are spoilt by a seeded generator, in their text and in their values, and go through everything that reads
environments.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from brownout_controller.model.environment import read_environments
from brownout_controller.model.variables import Variables
from brownout_core import document
from brownout_core.errors import InvalidSpec
from brownout_core.verdict import USAGE
from brownout_proxy.cli import root, run

SEEDS: Final = 10
EACH: Final = 100
WHOLE: Final = """\
proxies:
  postgres: {listen: 127.0.0.1:15432, upstream: 127.0.0.1:5432}
environments:
  local: {control: 127.0.0.1:8473}
  staging:
    backend: proxy
    control: ["10.0.0.1:8473", "unix:/run/brownout.sock"]
    token: ${TOKEN}
    tls: {ca: certs/ca.pem, cert: certs/me.pem, key: certs/me.key}
    edges: {payment -> postgresql: {proxy: postgres}}
    services: {payment: {host: payment.shop, labels: {app: payment}}}
    prometheus: {url: "https://prometheus:9090", headers: {X-Scope-OrgID: shop}, ca: ca.pem,
                 basic_auth: {user: shop, password: "${PASSWORD}"}}
    limits: {max_duration: 10m, max_targets: 3}
    protected: true
"""
VALUES: Final[tuple[Any, ...]] = (
    None, True, 0, -1, 1e308, float("nan"), float("inf"), 10**400, "", "x", "\x1b[31m", "${", "${UNSET}", "${TOKEN:-x}",
    "a -> b -> c", "->", "::", ":70000", "http://", "http://[", "https://u:p@h:x/", "unix:", "3 fortnights",
    [], {}, [[]], [None], {"": None}, {"a": {"b": {"c": []}}}, ["a", 1], "y" * 100_000,
)  # fmt: skip
TEXTS: Final = (
    "\t",
    "{",
    "}",
    "[",
    ": ",
    "&a ",
    "*a",
    "<<: *a",
    "!!python/name:os.system ",
    "\x00",
    "\ufeff",
    "- ",
    "%YAML 9\n",
)


def _spoilt(draw: random.Random) -> str:
    if draw.randrange(3) == 0:
        place = draw.randrange(len(WHOLE))
        return WHOLE[:place] + draw.choice(TEXTS) + WHOLE[place + draw.randrange(3) :]
    content = yaml.safe_load(WHOLE)
    for _ in range(draw.choice((1, 1, 2, 4))):
        holder, key = draw.choice(list(_places(content)))
        kind = draw.randrange(6)
        if kind == 0:
            del holder[key]
        elif kind == 1 and isinstance(holder, dict):
            holder[draw.choice(("x", "control", "\x1b", "prometheus", 7, True))] = holder.pop(key)
        else:
            holder[key] = draw.choice(VALUES)
    return str(yaml.safe_dump(content, allow_unicode=True)) if draw.randrange(2) else json.dumps(content)


def _places(content: Any) -> Iterator[tuple[Any, Any]]:
    inside = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, item in list(inside):
        yield content, key
        yield from _places(item)


def test_the_file_that_is_spoilt_is_right() -> None:
    found = read_environments(
        document.parse(WHOLE, "brownout.yaml", Variables({"TOKEN": "t", "PASSWORD": "p"}, {}).expand)
    )
    assert set(found) == {"local", "staging"}


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_spoilt_file_is_read_or_is_one_kind_of_error(
    seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw = random.Random(seed)
    refused: list[str] = []
    for number in range(EACH):
        text = _spoilt(draw)
        variables = Variables({"TOKEN": "secret-token-1", "PASSWORD": "secret-word-1"}, {})
        try:
            read_environments(document.parse(text, "brownout.yaml", variables.expand, columns=True))
        except InvalidSpec as error:
            refused.append(str(error))
        if number % 10:
            continue
        file = tmp_path / "brownout.yaml"
        file.write_text(text, "utf-8", errors="surrogateescape")
        assert run(root, ["lint", str(file)], "brownout") in (0, USAGE)
        words = ["targets", "--env", "staging", "--config", str(file), "--var", "TOKEN=secret-token-1"]
        if run(root, ["lint", str(file)], "brownout") == USAGE:
            assert run(root, words[:-2], "brownout") == USAGE
        told = capsys.readouterr()
        assert "\x1b" not in told.out + told.err
    assert all(told.startswith("brownout.yaml") for told in refused)
    assert 10 < len(refused) < EACH  # else it would be no test of both
