"""What makes an HTTP answer good: conditions that a probe and the load declare alike, and the one way to judge."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue

KEPT: Final = 1 << 20
"""Bytes of a body that conditions look at; the rest is read, because the latency is that of the whole answer."""
GOOD: Final = "ok"
BODY: Final = "body"
"""The status is as wished, the body is not."""
_MISSING: Final = object()

Status = Annotated[int, Field(ge=100, le=599)]


class AnswerConditions(BaseModel):
    """Conditions on an answer; all of them must hold."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    status: Status | list[Status] | None = Field(default=None, examples=["[200, 204]"])
    """The wished status, or several; 200 to 299 if nothing is said. No redirect is followed: one is good only where its
    status is named here."""
    body_contains: str | None = Field(default=None, examples=["healthy"])
    """A text that the first MiB of the body has to have."""
    json_: dict[str, JsonValue] | None = Field(default=None, alias="json", examples=["{orders.0.state: paid}"])
    """Paths with dots into the body, and the values that have to be there."""

    @property
    def needs_body(self) -> bool:
        return self.body_contains is not None or self.json_ is not None

    def judged(self, status: int, body: bytes) -> str:
        """`ok` for a good answer; else what is wrong with it: the class of its status, as `5xx`, or `body`.

        `body` is its beginning, of up to `KEPT` bytes.
        """
        if not self._is_wished(status):
            return f"{status // 100}xx"
        return GOOD if self._fits(body) else BODY

    def _is_wished(self, status: int) -> bool:
        if self.status is None:
            return 200 <= status <= 299
        return status in ([self.status] if isinstance(self.status, int) else self.status)

    def _fits(self, body: bytes) -> bool:
        if self.body_contains is not None and self.body_contains.encode() not in body:
            return False
        if self.json_ is None:
            return True
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            return False
        return all(_same(_found(document, path), wanted) for path, wanted in self.json_.items())


def _found(document: Any, path: str) -> Any:
    """What is at `orders.0.state`."""
    for part in path.split("."):
        if isinstance(document, dict) and part in document:
            document = document[part]
        elif isinstance(document, list) and part.isdecimal() and int(part) < len(document):
            document = document[int(part)]
        else:
            return _MISSING
    return document


def _same(found: Any, wanted: JsonValue) -> bool:
    """As JSON has it, where true is not 1."""
    return isinstance(found, bool) == isinstance(wanted, bool) and bool(found == wanted)
