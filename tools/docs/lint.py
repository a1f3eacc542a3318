"""Prints docs/lint.md: every rule as it declares itself. `make gen` writes the file, `make check` compares it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from brownout_controller.lint import RULES
from brownout_controller.lint.rule import SEVERITIES, Rule

_HEAD: Final = """\
# Lint

This page is computed from the rules in `controller/brownout_controller/lint` by `make gen`; do not edit it.

`brownout lint` says what can be seen in a file, before anything is run. In an experiment that can be read it looks for
two things:

- **Errors** are claims that cannot fail and faults that cannot act: such a run would pass, or prove nothing, whatever
  the system does. `brownout run`, a dry run and a controller refuse them as a file that is wrong (exit status 2).
- **Warnings** are what makes a verdict worth less. `brownout run` prints them once, and runs.

```console
$ brownout lint experiments/*.yaml                  # exit status 2 if there is an error
$ brownout lint experiments/*.yaml --strict         # or a warning: for CI
$ brownout lint experiments/*.yaml --env staging    # also what depends on the environment
$ brownout lint experiments/*.yaml --json           # file, line, column, path, severity, code, reason, remedy
```

A finding names its place, what is wrong, what to do, and in brackets its code. An experiment that means what it says
accepts a finding by its code, with the reason, as in `lint: {fault-fits-claim: the call is made three times}`.

Each rule below has an example that it finds something in, and the same mended. The lines stand for keys of an
experiment whose other keys are in order.
"""


def main() -> None:
    print(page(), end="")


def page() -> str:
    """The whole of docs/lint.md."""
    return "\n".join([_HEAD, *_overview(), *(line for rule in RULES for line in section(rule))])


def _overview() -> Iterator[str]:
    for severity in SEVERITIES:
        yield f"## {severity.capitalize()}s"
        yield ""
        yield "| code | |"
        yield "| --- | --- |"
        for rule in RULES:
            if rule.severity == severity:
                yield f"| [`{rule.code}`](#{rule.code}) | {rule.title} |"
        yield ""


def section(rule: Rule) -> Iterator[str]:
    """One rule: what it is about, why, what to do, and both examples."""
    yield f"### {rule.code}"
    yield ""
    yield f"**{rule.title}** ({rule.severity}). {rule.reason}"
    yield ""
    yield f"What to do: {rule.remedy}."
    yield ""
    yield f"```yaml\n{rule.bad}\n```"
    yield ""
    yield "Mended:"
    yield ""
    yield f"```yaml\n{rule.good}\n```"
    yield ""


if __name__ == "__main__":
    main()
