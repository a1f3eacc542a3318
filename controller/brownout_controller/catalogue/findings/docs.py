"""Prints docs/findings.md: every rule as it declares itself. `make gen` writes the file, `make check` compares it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from brownout_controller.catalogue.findings import RULES
from brownout_controller.catalogue.findings.rule import Rule

_HEAD: Final = """\
# Findings before any fault

This page is computed from the rules in `controller/brownout_controller/catalogue/findings` by `make gen`; do not
edit it.

`brownout findings architecture.yaml` says what is wrong with a system by its description alone: each finding with the
line it is about, its numbers, and the values that end it. Rules use only what the file says and guess nothing: where a
rule would need a line beside one that is there, a note names it, once for each rule.

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


def main() -> None:
    print(page(), end="")


def page() -> str:
    """The whole of docs/findings.md."""
    return "\n".join([_HEAD, *_overview(), *(line for rule in RULES for line in section(rule))])


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
