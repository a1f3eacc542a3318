"""Experiments that the catalogue wrote, run against the shop of the demo: they hold where they should, only there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from deploy.demo import story

ARCHITECTURE: Final = """\
# The shop of `make demo` with its resilient payment-service, as its code has it (deploy/demo/shop).
name: demo-shop
services:
  api-gateway:
    calls: {auth-service: {timeout: 3s}}
  auth-service:
    calls:
      redis: {timeout: 100ms, fallback: sessions that were seen in the last minute}
      payment-service: {timeout: 2.5s}
  payment-service:
    calls:
      postgres: {timeout: 200ms, pool: 4, breaker: true, fallback: written later}
  redis:
  postgres:
flows:
  pay: {path: [api-gateway, auth-service, payment-service, postgres], revenue: 100%, tolerance: 600ms}
"""
QUICK: Final = {"baseline: 15s": "baseline: 12s", "duration: 30s": "duration: 14s", "recovery: 30s": "recovery: 13s"}
"""A test has less patience than a person; a window of 10s must fit."""
PAYS: Final = {
    "# method: POST": "method: POST",
    '# headers: {Authorization: "Bearer ${TOKEN}"}': "headers: {Authorization: Bearer alice}",
}


def _brownout(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-c", "from brownout_proxy.cli import main; main()", *words]
    return subprocess.run(program, cwd=root, capture_output=True, text=True, timeout=500, check=False)


def _written(root: Path, shop: story.Shop) -> Path:
    """The folder of all experiments of the shop, changed as a person would to pay instead of to look."""
    (root / "architecture.yaml").write_text(ARCHITECTURE)
    (root / "brownout.yaml").write_text(f"environments: {{local: {{control: '{shop.control}'}}}}\n")
    words = ("catalogue", "architecture.yaml", "--write", "e", "--top", "0")
    done = _brownout(root, *words, "--entry", f"{shop.gateway}/pay")
    assert done.returncode == 0, done.stderr
    for file in (root / "e").iterdir():
        text = file.read_text()
        for before, now in (*PAYS.items(), *QUICK.items()):
            text = text.replace(before, now)
        file.write_text(text)
    again = _brownout(root, *words, "--check")
    assert again.returncode == 0, again.stdout  # what a person changed is kept, and is no drift
    assert "updated" not in again.stdout
    return root / "e"


def _verdict(root: Path, name: str) -> dict[str, Any]:
    done = _brownout(root, "run", f"e/{name}.yaml", "--json")
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)[0]
    return found


@pytest.mark.timeout(600)
def test_the_resilient_shop_does_without_its_cache_and_a_rehearsal_of_all_finds_no_fault(
    resilient_shop: story.Shop, tmp_path: Path
) -> None:
    folder = _written(tmp_path, resilient_shop)
    inside = sorted(str(file) for file in folder.iterdir() if "edge: outside" not in file.read_text())
    assert len(inside) > 8
    rehearsed = _brownout(tmp_path, "run", *inside, "--dry-run")
    assert rehearsed.returncode == 0, rehearsed.stdout + rehearsed.stderr
    assert len(re.findall(r"a dry run, nothing is touched", rehearsed.stdout)) == len(inside)
    judged = _verdict(tmp_path, "cache-gone.redis")
    assert judged["verdict"] == "passed", judged
    listed = json.loads(_brownout(tmp_path, "catalogue", "architecture.yaml", "--json").stdout)["rows"]
    row = next(row for row in listed if row["id"] == "cache-gone/redis")
    assert "passed today" in json.dumps(row)  # so that the next one to write is another


@pytest.mark.timeout(600)
def test_the_naive_shop_does_not_do_without_its_database(tmp_path: Path) -> None:
    with story.shop("naive") as shop:
        _written(tmp_path, shop)
        judged = _verdict(tmp_path, "database-gone.postgres")
        assert judged["verdict"] in ("refuted", "stopped"), judged
        assert any("pay does not fail" in reason for reason in judged["reasons"])
