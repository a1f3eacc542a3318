"""The twin of cli/shown.py."""

from __future__ import annotations

from typing import Any

from brownout_proxy.cli.formatting import attributes_in_words, selection_in_words, toxic_line


def _toxic(kind: str = "latency", attributes: dict[str, Any] | None = None, **keys: Any) -> dict[str, Any]:
    given = {"latency": 1500, "jitter": 0} if attributes is None else attributes
    return {"name": "n", "type": kind, "stream": "upstream", "toxicity": 1, "attributes": given, **keys}


def test_the_line_for_programs_is_toxiproxy_clis() -> None:
    assert "\t".join(toxic_line(_toxic(toxicity=0.5))) == (
        "n\ttype=latency\tstream=upstream\ttoxicity=0.50\tattributes=[\tjitter=0\tlatency=1500\t]"
    )
    assert toxic_line(_toxic("noop", {}))[-2:] == ["attributes=[", "]"]


def test_conditions_that_it_does_not_know_follow_at_the_end() -> None:
    line = toxic_line(_toxic(clients=["10.0.0.0/8", "::1/128"], first=3, every=2))
    assert line[line.index("]") + 1 :] == ["clients=10.0.0.0/8,::1/128", "first=3", "every=2"]


def test_a_lease_is_the_last_of_a_line() -> None:
    assert toxic_line(_toxic(first=3, lease="run/p"))[-2:] == ["first=3", "lease=run/p"]


def test_people_get_units_and_no_zeros() -> None:
    assert attributes_in_words(_toxic()) == "latency=1.5s"
    assert attributes_in_words(_toxic(attributes={"latency": 300, "distribution": "pareto"})) == (
        "latency=300ms distribution=pareto"
    )
    assert attributes_in_words(_toxic("bandwidth", {"rate": 0})) == "rate=0"
    assert attributes_in_words(_toxic("slicer", {"average_size": 64000, "delay": 10})) == "average_size=64KB delay=10us"
    assert attributes_in_words(_toxic("noop", {})) == "-"


def test_a_value_is_never_rounded() -> None:
    assert attributes_in_words(_toxic(attributes={"latency": 1000001})) == "latency=1000001ms"


def test_what_is_not_known_here_is_shown_as_it_is() -> None:
    assert attributes_in_words(_toxic("future", {"x": 1.5})) == "x=1.5"
    assert attributes_in_words(_toxic(attributes={"other": 7})) == "other=7"
    assert attributes_in_words({"name": "n", "type": "noop", "attributes": None}) == "-"


def test_which_connections_are_hit_is_said_in_words() -> None:
    assert selection_in_words(_toxic()) == "all"
    assert selection_in_words(_toxic(toxicity=0.25, first=3)) == "25% first=3"
