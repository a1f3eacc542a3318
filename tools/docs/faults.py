"""Prints docs/faults.md: every fault as it declares itself. `make gen` writes the file, `make check` compares it."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, get_args, get_origin

from annotated_types import Ge, Le
from pydantic.fields import FieldInfo

from brownout_core.faults import KINDS, make
from brownout_core.faults.spec import Fault, Selection, is_extension, unit_of
from brownout_core.units import BYTES, MILLISECONDS, plain

_HEAD: Final = """\
# Faults

This page is computed from the declarations in `proxy/brownout_core/faults` by `make gen`; do not edit it.

A fault works on one direction of a proxy's connections: `downstream`, from server to client, unless told `upstream`.
It acts on live connections at once when it is added, changed or removed. Several faults on one direction add up.

| where | how attributes are written |
| --- | --- |
| config file, command line | with a unit (`300ms`, `10MB/s`, `64KiB`, `25%`), or a bare number of the table's unit |
| HTTP API | a number of the table's unit |

In the config file a scalar stands for the fault's first attribute: `latency: 300ms` is `latency: {latency: 300ms}`.
"""

_SELECTION: Final[Mapping[str, tuple[str, str]]] = {
    "toxicity": ("25%", "share of the connections; drawn from the seed once per connection"),
    "clients": ("[10.0.0.0/8]", "only clients with an address in one of these blocks"),
    "first": ("3", "only the first N, of the connections that the other conditions leave since the fault was added"),
    "every": ("10", "only every Nth of those"),
}


_COUNTING: Final = """\
`first` and `every` number the connections in the order in which they were accepted. A connection on which neither end
sent a byte, such as a health check's, does not count: the next one gets its number. `brownout inspect` shows how many
are left.
"""

_UNLIKE: Final = """\
## Differences from Toxiproxy

What Toxiproxy 2.12 does otherwise, besides what stands below at each kind. Requests and answers are the same.

- Toxicity is drawn anew whenever a toxic changes, or a neighbour comes or goes. Here it is drawn once for a connection
  and a fault, from the seed.
- A change may release bytes early, and drops them where a receiver takes nothing for 5 s. Here nothing is lost unless a
  fault says so, and what waits is timed anew.
- One end of a stream closes both directions, and RST arrives as FIN. Here both are passed on as they are.
- Toxics in the body of a new proxy, of `/populate` and of the config file are ignored. Here they are added.
- Values are not checked. Here negative ones are refused, and an update with one bad value changes nothing. A toxicity
  above 1 counts as 1.
- An upstream that is the proxy's own address is taken. Here it is refused.
"""


def main() -> None:
    print(page(), end="")


def page() -> str:
    """The whole of docs/faults.md."""
    parts = [_HEAD, _selection(), _overview(), _UNLIKE, *(section(kind) for kind in KINDS.values())]
    return "\n".join(parts)


def _selection() -> str:
    lines = ["## Which connections", "", "Each fault may have conditions; all of them must hold.", ""]
    lines += ["| condition | example | meaning |", "| --- | --- | --- |"]
    for name in Selection.model_fields:
        example, meaning = _SELECTION[name]
        lines.append(f"| `{name}` | `{example}` | {meaning} |")
    return "\n".join([*lines, "", _COUNTING])


def _overview() -> str:
    lines = ["## Kinds", "", "| kind | what it does | in Toxiproxy |", "| --- | --- | --- |"]
    for kind, fault in KINDS.items():
        lines.append(f"| [`{kind}`](#{kind}) | {fault.summary()} | {_yes(fault.in_toxiproxy)} |")
    return "\n".join([*lines, ""])


def section(fault: type[Fault]) -> str:
    """One fault: prose, attributes, and the same example in three notations."""
    lines = [f"## {fault.kind}", "", inspect.cleandoc(fault.__doc__ or ""), ""]
    fields = fault.fields()
    if fields:
        lines += ["| attribute | unit | default | bounds | in Toxiproxy |", "| --- | --- | --- | --- | --- |"]
        for name, info in fields.items():
            known = fault.in_toxiproxy and not is_extension(info)
            lines.append(f"| `{name}` | {_measure(info)} | {_default(info)} | {bounds(info)} | {_yes(known)} |")
    else:
        lines.append("It has no attributes.")
    unlike = ["", f"Unlike Toxiproxy: {fault.unlike_toxiproxy}"] if fault.unlike_toxiproxy else []
    return "\n".join([*lines, *unlike, "", *_examples(fault), ""])


def _examples(fault: type[Fault]) -> Iterator[str]:
    example = example_of(fault)
    yield "```yaml"
    yield "faults:"
    yield f"  - {fault.kind}: {_flow(example)}" if example else f"  - {fault.kind}"
    yield "```"
    yield ""
    yield "```console"
    flags = "".join(f" -a {name}={value}" for name, value in example.items())
    yield f"$ brownout toxic add -t {fault.kind}{flags} postgres"
    yield "```"
    yield ""
    yield "```http"
    yield "POST /proxies/postgres/toxics"
    yield ""
    attributes = make(fault.kind, example, text=True).model_dump(by_alias=True, exclude_unset=True)
    numbers = {name: value if isinstance(value, str) else plain(value) for name, value in attributes.items()}
    yield json.dumps({"type": fault.kind, "attributes": numbers})
    yield "```"


def example_of(fault: type[Fault]) -> dict[str, str]:
    """The first attribute as a person would type it; and a second time, so that the notation of two is seen."""
    chosen: dict[str, str] = {}
    for name, info in list(fault.fields().items())[:2]:
        unit = unit_of(info)
        if unit is None or is_extension(info):
            break
        small, *_, large = unit.example.split(" or ")
        if not chosen:
            chosen[name] = small if unit is BYTES else large
        elif unit is MILLISECONDS:
            chosen[name] = small
    return chosen


def _flow(example: Mapping[str, str]) -> str:
    if len(example) == 1:
        return next(iter(example.values()))
    return "{" + ", ".join(f"{name}: {value}" for name, value in example.items()) + "}"


def _measure(info: FieldInfo) -> str:
    unit = unit_of(info)
    return unit.symbol if unit is not None else "word"


def _default(info: FieldInfo) -> str:
    value: Any = info.default
    return f"`{value if isinstance(value, str) else plain(value)}`"


def bounds(info: FieldInfo) -> str:
    """What is accepted: `at least 0`, `0 to 1`, or the words."""
    if get_origin(info.annotation) is Literal:
        return ", ".join(f"`{word}`" for word in get_args(info.annotation))
    low = next((item.ge for item in info.metadata if isinstance(item, Ge)), None)
    high = next((item.le for item in info.metadata if isinstance(item, Le)), None)
    if low is not None and high is not None:
        return f"{low} to {high}"
    return f"at least {low}" if low is not None else "any"


def _yes(value: bool) -> str:
    return "yes" if value else "no"


if __name__ == "__main__":
    main()
