"""The experiment file, as the design has it, and the mistakes that people make in it."""

from __future__ import annotations

import pytest

from brownout_controller.model.experiment import Experiment, read_experiment
from brownout_controller.probes import KINDS
from brownout_core import document
from brownout_core.errors import InvalidSpec
from brownout_core.faults import make
from brownout_core.strict_model import InvalidSpecs, each

_DESIGN = """\
name: payment-db-latency
because: PostgreSQL got slow once; checkout must get slower, not fall over.
edge: payment-service -> postgresql
fault: {latency: {delay: 30s}}
blast_radius: {mode: one}
duration: 120s
baseline: 30s
recovery: 60s
hypotheses:
  - name: payment p99 stays under 2 s
    prometheus: histogram_quantile(0.99, sum by (le) (rate(seconds_bucket{job="payment"}[${window}])))
    expect: < 2s
  - name: errors stay below 1 %
    prometheus: sum(rate(errors[${window}])) / sum(rate(requests[${window}]))
    expect: < 1%
    stop: "> 5%"
  - name: no transaction is lost
    sql: {dsn: "postgresql://x", query: "select count(*) from payments where state = 'pending'"}
    expect: == 0
    when: [recovery]
"""
_SMALL = """\
name: x
edge: a -> b
fault: {latency: 1s}
duration: 10s
hypotheses:
  - {name: h, tcp: "127.0.0.1:1", expect: < 1s}
"""


def _read(text: str) -> Experiment:
    return read_experiment(document.parse(text, "x.yaml", columns=True), "x.yaml", KINDS)


def test_the_design_s_own_file_is_read() -> None:
    experiment = _read(_DESIGN)
    assert experiment.faults[0].fault == make("latency", {"latency": 30_000})
    assert experiment.longest == 210
    assert [hypothesis.terms.settle for hypothesis in experiment.hypotheses] == [10, 10, 0]
    assert experiment.content["name"] == "payment-db-latency"


def test_a_small_one_has_sensible_times() -> None:
    conditions = _read(_SMALL).conditions
    assert (conditions.baseline, conditions.recovery, conditions.lease) == (30, 60, 10)
    assert conditions.blast_radius.mode == "one"


def test_several_faults_are_a_list_and_traffic_has_a_rate() -> None:
    text = _SMALL.replace("fault: {latency: 1s}", "faults: [{latency: 1s}, {cut: 2s, direction: upstream}]")
    experiment = _read(text + "traffic: {url: 'http://x/', rate: 50/s}\n")
    assert [spec.name for spec in experiment.faults] == ["latency_downstream", "cut_upstream"]
    assert experiment.conditions.traffic is not None
    assert experiment.conditions.traffic.rate == 50


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("duration: 10s\n", "", "x.yaml:1:1: duration is missing"),
        ("duration: 10s", "duration: 0", "x.yaml:4:1: duration: must be greater than 0"),
        ("duration: 10s", "duration: for ever", "x.yaml:4:1: duration: 'for ever' is not a quantity"),
        ("edge: a -> b", "edge: a", "x.yaml:2:1: edge: 'a' is not an edge; write it like payment-service"),
        ("edge:", "egde:", "x.yaml:2:1: egde: unknown key; did you mean edge?"),
        ("fault: {latency: 1s}\n", "", "x.yaml:1:1: needs one of: fault"),
        ("{latency: 1s}", "{latncy: 1s}", "x.yaml:3:9: fault.latncy: unknown key; did you mean latency?"),
        ("fault: {latency: 1s}", "faults: []", "x.yaml:3:1: faults: is empty"),
        ("fault: {latency: 1s}", "faults: [{cut: 1}, {cut: 2}]", "x.yaml:3:20: faults[1]: there is a fault"),
        ("name: x", "name: ''", "x.yaml:1:1: name: is empty"),
        ("duration: 10s", "duration: 10s\nlease: 1ms", "x.yaml:5:1: lease: must be from 1s to 1h"),
        ("duration: 10s", "duration: 10s\nlease: 30s", "x.yaml:5:1: lease: is longer than duration (10s), so that"),
        ("name: x", "name: yes", "x.yaml:1:1: name: must be text; put it in quotes"),
        ("name: x", "name:", "x.yaml:1:1: name: is empty; write it like name: payment-db-latency"),
        ("duration: 10s", "duration: 10s\ntraffic: {url: x, rate: 1}", "x.yaml:5:11: traffic.url: "),
        ("duration: 10s", "duration: 10s\ntraffic: {url: 'http://x', rate: 5/m}", "x.yaml:5:28: traffic.rate: '5/m'"),
        ("< 1s", "!=1", "x.yaml:6:46: is not YAML: expected ' ', but found '}'; put a text that begins with ! in"),
        ("name: x", "name: !=1", "x.yaml:1:1: name: has the tag !=1; put a text that begins with ! in quotes"),
        ("duration: 10s", "duration: 10s\nblast_radius: {mode: some}", "x.yaml:5:16: blast_radius.mode: must be 'one'"),
        ("duration: 10s", "duration: 10s\nnets: {lok: x}", "x.yaml:5:1: nets: unknown safety net; did you mean lock?"),
        ("tcp: \"127.0.0.1:1\"", "traffic: p99", "x.yaml:6:5: hypotheses[0]: looks at traffic, so the"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place_and_the_remedy(before: str, after: str, told: str) -> None:
    assert before in _SMALL
    with pytest.raises(InvalidSpec) as refusal:
        _read(_SMALL.replace(before, after))
    assert str(refusal.value).startswith(told)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "x.yaml: is empty; an experiment has name"),
        ("just text", "x.yaml:1:1: must be an experiment with name"),
        (_SMALL.partition("hypotheses")[0], "x.yaml:1:1: hypotheses is missing"),
        (_SMALL.partition("hypotheses")[0] + "hypotheses: []", "x.yaml:5:1: hypotheses: is empty"),
        (
            _SMALL + '  - {name: h, tcp: "127.0.0.1:1", expect: < 1s}',
            "x.yaml:7:5: hypotheses[1]: there is a",
        ),
    ],
)
def test_what_is_no_experiment_is_refused(text: str, told: str) -> None:
    with pytest.raises(InvalidSpec) as refusal:
        _read(text)
    assert str(refusal.value).startswith(told)


def test_a_phase_that_is_over_before_a_hypothesis_has_settled_is_refused() -> None:
    slow = _SMALL.replace("expect: < 1s", "expect: < 1s, settle: 12s")
    with pytest.raises(InvalidSpec, match="duration of 10s is over before 'h' has settled"):
        _read(slow)
    _read(slow.replace("expect: < 1s", "expect: < 1s, when: [recovery]"))
    with pytest.raises(InvalidSpec, match="a baseline of 2s and a duration of 10s is over before"):
        _read(f"{slow}baseline: 2s\n")


def test_a_limit_that_no_request_can_reach_is_refused() -> None:
    text = _SMALL.replace('tcp: "127.0.0.1:1"', "traffic: p99").replace("< 1s", "< 12s, window: 1s")
    text += "traffic: {url: 'http://x/', rate: 10}\n"
    with pytest.raises(InvalidSpec, match=r"x.yaml:6:5: .*'< 12s' .* after 10s"):
        _read(text)
    _read(text.replace("rate: 10", "rate: 10, timeout: 20s"))


def test_a_percentile_of_too_few_answers_is_refused() -> None:
    text = _SMALL.replace('tcp: "127.0.0.1:1"', "traffic: p99").replace("< 1s", "< 1s, window: 2s")
    text += "traffic: {url: 'http://x/', rate: 4/s}\n"
    with pytest.raises(InvalidSpec, match=r"looks at 8 answers .*, and a percentile needs 10; raise traffic.rate"):
        _read(text)
    _read(text.replace("4/s", "5/s"))
    _read(text.replace("traffic: p99", "traffic: errors").replace("< 1s", "< 1%"))


def test_the_load_judges_answers_like_the_http_probe() -> None:
    load = "traffic: {url: 'http://x/', rate: 10, status: [200, 201], body_contains: paid, json: {state: paid}}\n"
    traffic = _read(_SMALL + load).conditions.traffic
    assert traffic is not None
    assert traffic.judged(201, b'{"state": "paid"}') == "ok"
    assert traffic.judged(201, b'{"state": "sorry", "paid": 0}') == "body"
    with pytest.raises(InvalidSpec, match=r"status"):
        _read(_SMALL + load.replace("201", "2001"))


def test_all_that_is_wrong_is_told_at_once() -> None:
    text = _SMALL.replace("duration: 10s", "duration: soon").replace("< 1s", "quick").replace("latency", "latncy")
    with pytest.raises(InvalidSpecs) as refusal:
        _read(text)
    assert [str(one).partition(": ")[0] for one in each(refusal.value)] == ["x.yaml:4:1", "x.yaml:3:9", "x.yaml:6:35"]


@pytest.mark.parametrize(
    "line",
    ["seed: 99999999999999999999", "seed: 1.0e+999", "duration: 1.0e+999", "duration: .inf", "duration: 1e999s"],
)
def test_a_number_that_no_journal_could_hold_is_refused(line: str) -> None:
    key = line.partition(":")[0]
    text = "\n".join(one for one in _SMALL.splitlines() if not one.startswith(f"{key}:"))
    with pytest.raises(InvalidSpec, match=key):
        _read(f"{text}\n{line}\n")


@pytest.mark.parametrize("number", ["inf", "nan", "1.0e+999", "1e999", "-.inf"])
def test_a_hypothesis_has_no_infinite_number_either(number: str) -> None:
    with pytest.raises(InvalidSpec, match="min_events"):
        _read(_SMALL.replace("expect: < 1s", f"expect: < 1s, min_events: {number}"))
