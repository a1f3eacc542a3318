"""A person's file keeps every byte, gains what is missing, and does not change twice."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from brownout_catalogue.architecture import read_architecture
from brownout_catalogue.importers.yaml.architecture_file import flow, lines
from brownout_catalogue.importers.yaml.merging import merge
from brownout_core import document
from brownout_core.errors import InvalidSpec

MINE = """\
# Our shop, as we know it.
name: shop
services:
  web:            # the door
    replicas: 3   # since the outage
    calls: [cart]
  cart:
    calls:
      db: {timeout: 2s}   # confirmed by hand

  db: {kind: database}
# nothing follows
"""
FOUND: dict[str, Any] = {
    "services": {
        "web": {
            "replicas": 1,
            "where": {"port": 80},
            "calls": {"cart": {"guess": "strong: x"}, "user": {"guess": "weak: y"}},
        },
        "cart": {"calls": {"db": {"port": 5432, "guess": "strong: z"}}},
        "user": {"replicas": 1},
        "db": {},
    }
}


def test_what_is_missing_is_added_and_nothing_else_changes() -> None:
    merged = merge(MINE, "a.yaml", FOUND)
    assert merged.text == (
        MINE.replace("calls: [cart]\n", 'calls: {cart, user: {guess: "weak: y"}}\n    where: {port: 80}\n')
        .replace("{timeout: 2s}", "{timeout: 2s, port: 5432}")
        .replace("{kind: database}\n", "{kind: database}\n  user:\n    replicas: 1\n")
    )
    assert set(merged.added) == {"web -> user", "web.where.port", "cart -> db.port", "user"}


def test_the_file_wins_and_the_difference_is_told() -> None:
    assert merge(MINE, "a.yaml", FOUND).contradictions == ("web.replicas: 3 here, 1 there",)


def test_merging_again_changes_nothing() -> None:
    once = merge(MINE, "a.yaml", FOUND)
    twice = merge(once.text, "a.yaml", FOUND)
    assert twice.text == once.text
    assert twice.added == ()
    assert twice.contradictions == once.contradictions


def test_a_confirmed_call_stays_confirmed() -> None:
    merged = read_architecture(document.parse(merge(MINE, "a.yaml", FOUND).text, "a.yaml"), "a.yaml")
    assert merged.edge("web", "cart").call.guess is None
    assert merged.edge("cart", "db").call.guess is None
    assert merged.edge("web", "user").call.guess == "weak: y"


@pytest.mark.parametrize("entry", ["web -> user", " web  ->  user "])
def test_an_ignored_call_does_not_come_back(entry: str) -> None:
    merged = merge(MINE + f"ignore: ['{entry}']\n", "a.yaml", FOUND)
    assert "web -> user" not in merged.added
    assert "user" in merged.added


def test_an_ignored_component_does_not_come_back_nor_do_calls_to_it() -> None:
    merged = merge(MINE + "ignore: [user]\n", "a.yaml", FOUND)
    assert not any("user" in title for title in merged.added)


def test_an_external_component_that_only_ignored_calls_reach_is_left_out() -> None:
    found = {
        "services": {"web": {"calls": {"x.io": {"guess": "likely: x"}}}},
        "external": {"x.io": {"guess": "likely: x"}},
    }
    assert merge(MINE + "ignore: [web -> x.io]\n", "a.yaml", found).added == ()
    assert set(merge(MINE, "a.yaml", found).added) == {"x.io", "web -> x.io"}


def test_what_has_gone_is_told_and_stays() -> None:
    text = (
        "services:\n  a: {calls: {b: {guess: 'weak: x'}, c: }}\n  b:\n  c: {where: {workload: deployment/c}}\n"
        "  mine: {calls: [b]}\n"
    )
    merged = merge(text, "a.yaml", {"services": {"a": {}, "b": {}}})
    assert merged.text == text
    assert merged.gone == ("a -> b", "c")


def test_a_component_that_a_person_renamed_is_found_by_its_workload() -> None:
    text = "services:\n  basket: {where: {workload: deployment/cart, namespace: shop}}\n  web: {calls: [basket]}\n"
    found = {
        "services": {
            "cart": {"replicas": 2, "where": {"workload": "deployment/cart", "namespace": "shop"}},
            "web": {"calls": {"cart": {"guess": "strong: x"}}},
        }
    }
    merged = merge(text, "a.yaml", found)
    assert merged.added == ("basket.replicas",)


def test_a_new_version_of_an_image_is_no_contradiction_but_another_image_is() -> None:
    text = "services:\n  a: {where: {image: 'reg:5000/shop/a:1'}}\n"
    assert merge(text, "a.yaml", {"services": {"a": {"where": {"image": "reg:5000/shop/a:2"}}}}).contradictions == ()
    other = merge(text, "a.yaml", {"services": {"a": {"where": {"image": "reg:5000/shop/b:1"}}}})
    assert other.contradictions == ("a.where.image: reg:5000/shop/a here, reg:5000/shop/b there",)


def test_what_a_person_called_external_stays_so() -> None:
    text = "services:\n  web: {calls: [db]}\nexternal:\n  db:\n"
    merged = merge(text, "a.yaml", {"services": {"web": {}, "db": {"replicas": 1}}})
    assert merged.text == text + "    replicas: 1\n"


def test_line_ends_and_a_byte_order_mark_are_kept() -> None:
    merged = merge("\ufeffservices:\r\n  web:\r\n", "a.yaml", {"services": {"web": {"replicas": 1}}})
    assert merged.text == "\ufeffservices:\r\n  web:\r\n    replicas: 1\r\n"


@pytest.mark.parametrize("text", ["", "services: {a: {calls: [b]}}", "services: [a\n", "nonsense: 1"])
def test_a_file_that_is_no_architecture_is_refused(text: str) -> None:
    with pytest.raises(InvalidSpec):
        merge(text, "a.yaml", FOUND)


_NAMES = st.sampled_from(["web", "cart", "db", "user", "pay"])
_CALL = st.fixed_dictionaries(
    {}, optional={"port": st.just(80), "guess": st.just("weak: it's a, b"), "retries": st.just(2)}
)


@st.composite
def _contents(draw: st.DrawFn) -> dict[str, Any]:
    names = sorted(draw(st.sets(_NAMES, min_size=1)))
    services: dict[str, Any] = {}
    for name in names:
        service: dict[str, Any] = draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "replicas": st.integers(1, 3),
                    "probes": st.just(["readiness"]),
                    "where": st.fixed_dictionaries({"port": st.just(80)}, optional={"image": st.just("a:1")}),
                },
            )
        )
        callees = [other for other in names if other != name and draw(st.booleans())]
        if callees:
            service["calls"] = {other: draw(_CALL) for other in callees}
        services[name] = service
    return {"services": services}


@st.composite
def _files(draw: st.DrawFn) -> str:
    """An architecture, written in one of the ways that people write in."""
    content = draw(_contents())
    style = draw(st.sampled_from(["ours", "block", "flow", "mixed", "names"]))
    if style == "ours":
        text = "\n".join(line for key, value in content.items() for line in lines(key, value, (), 0)) + "\n"
    elif style == "block":
        text = str(yaml.safe_dump(content, default_flow_style=False, indent=draw(st.integers(2, 4))))
    elif style == "flow":
        text = flow(content) + "\n"
    elif style == "mixed":
        text = str(yaml.safe_dump(content, default_flow_style=None))
    else:
        for service in content["services"].values():
            if "calls" in service:
                service["calls"] = list(service["calls"])
        text = str(yaml.safe_dump(content, default_flow_style=draw(st.sampled_from([None, False]))))
    if draw(st.booleans()):
        text = text.replace("\n", "  # why\n")
    return text if draw(st.booleans()) else text.removesuffix("\n")


@settings(max_examples=150, deadline=None)
@given(_files(), _contents())
def test_however_it_is_written_nothing_is_lost_and_it_is_done_at_once(text: str, found: dict[str, Any]) -> None:
    merged = merge(text, "a.yaml", found)
    before = read_architecture(document.parse(text, "a.yaml"), "a.yaml")
    after = read_architecture(document.parse(merged.text, "a.yaml"), "a.yaml")
    for name, service in before.services.items():
        said = service.model_dump(exclude_unset=True)
        now = after.services[name].model_dump(exclude_unset=True)
        assert {key: now[key] for key in said if key not in ("calls", "where")} == {
            key: value for key, value in said.items() if key not in ("calls", "where")
        }
        for sink, call in said.get("calls", {}).items():
            assert call.items() <= now["calls"][sink].items()
    assert {edge.name for edge in after.edges} >= {
        f"{name} -> {sink}" for name, one in found["services"].items() for sink in one.get("calls", {})
    }
    assert merge(merged.text, "a.yaml", found)[:2] == (merged.text, ())
    rest = iter(merged.text)
    assert all(letter in rest for letter in text if letter not in "-[]"), "only the dashes and brackets of lists may go"
