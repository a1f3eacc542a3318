"""Prints docs/findings.md: every rule as it declares itself. `make gen` writes the file, `make check` compares it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import click

from brownout_catalogue.architecture import read_architecture
from brownout_catalogue.findings import RULES, findings, findings_text
from brownout_catalogue.findings.rule import Rule
from brownout_core import document

_HEAD: Final = """\
# Findings before any fault

This page is computed from the rules in `controller/brownout_catalogue/findings` by `make gen`; do not
edit it.

`brownout findings architecture.yaml` says what is wrong with a system by its description alone: each finding with the
line it is about, its numbers, and the values that end it. Rules use only what the file says and guess nothing:

- A timeout, a budget or a fallback that nobody has said is told as that ("says no timeout"): if the code has one, the
  line is what is missing.
- Where a rule would need a line beside one that is there, a note names it, once for each rule.
- A rule that finds no line of a kind that it needs (timeouts, pools, replicas) had nothing to look at. The last line
  counts these rules and names what to state, so that "nothing found" means something.
- What is found about a call that an importer has guessed is a note until a person removes its `guess`.

```console
$ brownout findings architecture.yaml                           # exit status 1 if there is an error
$ brownout findings architecture.yaml --fail-on warning         # or a warning
$ brownout findings architecture.yaml --sarif findings.sarif    # for code hosts: annotations on the lines
$ brownout findings architecture.yaml --json
$ brownout findings architecture.yaml --ignore single-replica   # a rule that does not apply
```

Exit status: 0 nothing of that level, 1 something, 2 the file is wrong. A flow is a revenue path unless it says
`revenue: 0%`. It is sure to go over the calls of its path, and from there over those that are `required: true`; what a
caller has a fallback for, it can do without.

A fix is what the numbers of the file allow, one place at a time: it may be too tight for what is below, and the next
run tells. Its values end the finding exactly; leave room.
"""

_EXAMPLE: Final = """\
name: shop
services:
  api-gateway:
    calls:
      payment-service: {timeout: 2s, retries: 3}
  payment-service:
    replicas: 3
    calls:
      postgres: {timeout: 1.5s, retries: 2, retry_budget: 10%, pool: 20, rate: 60/s, idempotent: true}
  postgres: {kind: database, replicas: 2}
flows:
  pay: {path: [api-gateway, payment-service, postgres], revenue: 100%, tolerance: 10s}
"""

_SHOP: Final = """\
The payment shop of `make demo` has its architectures in `deploy/demo`, with the numbers of its code: try
`brownout findings deploy/demo/architecture-naive.yaml`. It says that the naive version's pool is used up as soon as
PostgreSQL takes longer than 50 ms. Measured with the shop's experiment (20 payments a second, p99 below 600 ms), it
passes with 45 ms of latency, and is refuted with 55 ms: 0.96 s.
"""


def main() -> None:
    print(page(), end="")


def page() -> str:
    """The whole of docs/findings.md."""
    return "\n".join([_HEAD, *_example(), *_overview(), *(line for rule in RULES for line in section(rule))])


def _example() -> Iterator[str]:
    """What is found in a small file, as it is printed."""
    file = "architecture.yaml"
    root = document.parse(_EXAMPLE, file)
    assert root is not None
    shop = read_architecture(root, file)
    yield "Of this file"
    yield ""
    yield f"```yaml\n{_EXAMPLE}```"
    yield ""
    yield "it says:"
    yield ""
    yield f"```text\n{click.unstyle(findings_text.render(shop.name, findings(shop), root))}```"
    yield ""
    yield from _SHOP.splitlines()
    yield ""
    yield "## All rules"
    yield ""


def _overview() -> Iterator[str]:
    yield "| rule | level | |"
    yield "| --- | --- | --- |"
    for rule in RULES:
        yield f"| [`{rule.id}`](#{rule.id}) | {rule.level} | {rule.title} |"
    yield ""


def section(rule: Rule) -> Iterator[str]:
    """One rule: what it says, and why."""
    yield f"## {rule.id}"
    yield ""
    yield f"**{rule.title}** ({rule.level})"
    yield ""
    yield rule.reason
    yield ""


if __name__ == "__main__":
    main()
