"""Rules about what stands in the file as it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from brownout_controller.lint.rule import Found, rule
from brownout_controller.lint.subject import Subject
from brownout_controller.model.secrets import SHORTEST, literals


@rule(
    "literal-secret",
    "warning",
    "A secret stands in the file",
    "put it into a variable, like ${TOKEN}, and give --var TOKEN=... or export it",
    bad="""
    traffic: {url: "http://127.0.0.1:8080/pay", rate: 20/s, headers: {Authorization: Bearer hunter22}}
    """,
    good="""
    traffic: {url: "http://127.0.0.1:8080/pay", rate: 20/s, headers: {Authorization: "Bearer ${TOKEN}"}}
    """,
)
def secret(subject: Subject) -> Iterator[Found]:
    """Outputs, journals and reports mask it, but whoever can read the file has it, and so has the history of its
    repository. A variable's value is in neither.
    """
    yield from written_secrets(subject.experiment.content, subject.inserted)


def written_secrets(content: Any, given: Iterable[str]) -> Iterator[Found]:
    """In a file of any kind; `given` is what variables have put into it."""
    inserted = [value for value in given if len(value) >= SHORTEST]
    seen = set()
    for path, value in literals(content):
        ours = "${" in value or any(one in value or value in one for one in inserted)
        placeholder = len(value) < SHORTEST or value.startswith("<")
        if not (ours or placeholder or path in seen):
            seen.add(path)
            yield Found(path, f"{path[-1]} has a secret in it")
