"""The twin of api/proxies.py."""

from __future__ import annotations

import pytest

from brownout_core import limits
from brownout_core.errors import Conflict, InvalidSpec, TooMuch
from brownout_proxy.api.proxies import Proxies, read_proxy, read_proxy_change
from brownout_proxy.server.proxy import ProxySpec


def _read(entries: list[object]) -> list[ProxySpec]:
    """As a populate request."""
    read = Proxies()
    for entry in entries:
        read.add(entry)
    return list(read.specs())


_LEAST: dict[str, object] = {"name": "p", "upstream": "u:1"}


def test_name_and_upstream_are_enough() -> None:
    spec = read_proxy(_LEAST)
    assert (spec.name, spec.listen, spec.upstream, spec.enabled) == ("p", "", "u:1", True)
    assert spec.faults == ()


@pytest.mark.parametrize("upstream", ["no port", "nosuch.test", "[::", " "])
def test_the_upstream_is_not_looked_at(upstream: str) -> None:
    assert read_proxy({"name": "p", "upstream": upstream}).upstream == upstream


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (None, "missing required field: name"),
        ({}, "missing required field: name"),
        ({"name": ""}, "missing required field: name"),
        ({"upstream": "u"}, "missing required field: name"),
        ({"name": "p"}, "missing required field: upstream"),
        ({"name": "p", "upstream": ""}, "missing required field: upstream"),
        ([], "bad request body: must be an object, not a list"),
        ({**_LEAST, "name": 1}, "bad request body: name must be text, not a number"),
        ({**_LEAST, "listen": 1}, "bad request body: listen must be text, not a number"),
        ({**_LEAST, "upstream": []}, "bad request body: upstream must be text, not a list"),
        ({"enabled": "no"}, "bad request body: enabled must be true or false, not text"),
        ({**_LEAST, "toxics": "x"}, "bad request body: toxics must be a list, not text"),
        ({**_LEAST, "toxics": [{}, 5]}, "invalid toxic type at toxic 1"),
        ({**_LEAST, "toxics": [5]}, "bad request body: must be an object, not a number at toxic 1"),
        ({**_LEAST, "toxics": [{"type": "noop"}, {"type": "x"}]}, "invalid toxic type at toxic 2"),
    ],
)  # fmt: skip
def test_what_is_missing_or_of_the_wrong_type_is_named(body: object, text: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        read_proxy(body)
    assert str(caught.value) == text


@pytest.mark.parametrize("enabled", [True, False])
def test_enabled_is_taken_as_said(enabled: bool) -> None:
    assert read_proxy({**_LEAST, "enabled": enabled}).enabled is enabled


def test_a_proxy_comes_with_its_toxics_in_order() -> None:
    toxics = [{"type": "latency", "attributes": {"latency": 5}}, {"type": "noop", "name": "n"}]
    faults = read_proxy({**_LEAST, "toxics": toxics}).faults
    assert [fault.name for fault in faults] == ["latency_downstream", "n"]


def test_toxics_of_one_name_conflict() -> None:
    with pytest.raises(Conflict, match=r"^toxic already exists at toxic 2$"):
        read_proxy({**_LEAST, "toxics": [{"type": "noop"}, {"type": "noop"}]})


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ([5], "bad request body: proxy 1 must be an object, not a number"),
        ([None], "missing required field: name at proxy 1"),
        ([_LEAST, {"name": "q"}], "missing required field: upstream at proxy 2"),
        ([{"name": "q"}, {}], "missing required field: upstream at proxy 1"),
        ([{"name": "q"}, {"name": 1}], "bad request body: name must be text, not a number"),
        ([_LEAST, {**_LEAST, "toxics": [{}]}], "invalid toxic type at toxic 1 at proxy 2"),
        ([{**_LEAST, "toxics": [{}]}, {}], "missing required field: name at proxy 2"),
    ],
)
def test_the_entry_of_a_list_is_named_with_its_place(body: list[object], text: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        _read(body)
    assert str(caught.value) == text


def test_no_proxies_are_no_mistake() -> None:
    assert _read([]) == []


def test_a_populate_has_an_end() -> None:
    read = Proxies()
    for number in range(limits.PROXIES):
        read.add({"name": str(number), "upstream": "u:1"})
    with pytest.raises(TooMuch, match=r"at most 10,000 proxies \(10,001 were sent\)"):
        read.add({})


def test_a_proxy_has_so_many_toxics_and_no_more() -> None:
    toxics: list[object] = [{"type": "noop", "name": str(number)} for number in range(limits.FAULTS)]
    assert len(read_proxy({**_LEAST, "toxics": toxics}).faults) == limits.FAULTS
    with pytest.raises(TooMuch, match=r"at most 100 faults \(101 were sent\)"):
        read_proxy({**_LEAST, "toxics": [*toxics, {}]})


def test_an_update_keeps_what_it_does_not_name() -> None:
    assert read_proxy_change(None) == (None, None, None)
    assert read_proxy_change({"listen": "", "upstream": "", "enabled": False}) == ("", "", False)


def test_an_update_ignores_name_and_toxics() -> None:
    assert read_proxy_change({"name": "other", "toxics": "whatever"}) == (None, None, None)


def test_an_update_is_checked() -> None:
    with pytest.raises(InvalidSpec, match=r"^bad request body: enabled must be true or false"):
        read_proxy_change({"enabled": 1})
