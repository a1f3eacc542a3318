"""Records are one line of JSON each and come back as they went; what is not known is kept, what is torn is left out."""

from __future__ import annotations

import dataclasses
import json
import math
import sys

import pytest

from brownout_controller.model.journal import (
    KINDS,
    BadRecord,
    Entry,
    Failure,
    Interrupted,
    Judged,
    Record,
    Sample,
    Stop,
    Unknown,
    decode,
    encode,
    read,
)
from brownout_controller.model.reasons import Number, Reason


def test_every_kind_is_a_dataclass_with_a_name_of_its_own() -> None:
    assert all(dataclasses.is_dataclass(kind) and kind.kind == name for name, kind in KINDS.items())


def test_a_record_comes_back_as_it_went() -> None:
    entry = Entry(3, 1.25, Judged("passed", 0, ["naïve\n\u2028"]))
    line = encode(entry)
    assert "\n" not in line
    assert decode(line) == entry
    sample = decode(encode(Entry(0, 0.0, Sample("h", "during", None, "x", series=(("a", 1.0),)))))
    assert isinstance(sample.record, Sample)
    assert list(map(tuple, sample.record.series)) == [("a", 1.0)]


def test_what_a_newer_version_wrote_is_kept_or_left_out() -> None:
    later = decode('{"n":1,"at":2,"kind":"later","x":1}')
    assert later.record == Unknown({"kind": "later", "x": 1})
    assert decode('{"n":1,"at":2,"kind":"interrupted","signal":"SIGINT","more":1}').record == Interrupted("SIGINT")


STATE = '"kind":"state","state":"baseline","before":"planned"'
SAMPLE = '"kind":"sample","hypothesis":"h","phase":"during"'


def _line(rest: str, n: str = "1", at: str = "2") -> str:
    return f'{{"n":{n},"at":{at},{rest}}}'


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ("\ufeff{}", "is not JSON"),
        ('{"n":1\x00}', "is not JSON"),
        ("[]", "needs n, at and kind"),
        ("1", "needs n, at and kind"),
        ('{"n":1}', "needs n, at and kind"),
        (_line(STATE, at="null"), "at must be a time"),
        (_line(STATE, at='"2"'), "at must be a time"),
        (_line(STATE, at="true"), "at must be a time"),
        (_line(STATE, at="-1"), "at must be a time"),
        (_line(STATE, at="1e300"), "at must be a time"),
        (_line(STATE, at="Infinity"), "Infinity is no number"),
        (_line(STATE, at="NaN"), "NaN is no number"),
        (_line(STATE, at="1e999"), "1e999 is no number"),
        (_line(STATE, n="1" * 400), "more than 300 digits"),
        (_line(STATE, n="1" * 5000), "more than 300 digits"),
        (_line(STATE, n='"1"'), "n must be a whole number"),
        (_line(STATE, n="-1"), "n must be a whole number"),
        ('{"n":1,"at":2,"kind":[]}', "kind must be text"),
        ('{"n":1,"at":2,"kind":"error","where":"x"}', "what is missing"),
        ('{"n":1,"at":2,"kind":"error","where":"x","what":{}}', "what must be text"),
        (_line(SAMPLE + ',"value":"0.3"'), "value must be a number"),
        (_line(SAMPLE + ',"value":1e400'), "1e400 is no number"),
        (_line(SAMPLE + ',"value":null,"series":[[1,"a"]]'), r"series\[0\]\[0\] must be text"),
        ('{"n":1,"at":2,"kind":"state","state":"flying","before":"planned"}', "state must be one of"),
        ('{"n":1,"at":2,"kind":"verdict","verdict":"passed","exit":256,"reasons":[]}', "exit is a number out of"),
        (_line('"kind":"later","x":' + "[" * 100_000), "brackets within each other|is not JSON"),
        (_line('"kind":"later","x":' + "[" * 101 + "]" * 101), "brackets within each other"),
    ],
)
def test_what_is_no_record_is_refused_with_one_kind_of_error(line: str, told: str) -> None:
    with pytest.raises(BadRecord, match=told):
        decode(line)


def test_many_brackets_beside_each_other_are_not_deep() -> None:
    content = ",".join(["[{}]"] * 1000)
    assert isinstance(decode(_line(f'"kind":"later","x":[{content}]')).record, Unknown)


def test_of_a_key_that_is_there_twice_the_last_one_counts() -> None:
    assert decode('{"n":1,"at":2,"n":3,"kind":"interrupted","signal":"a","signal":"b"}').record == Interrupted("b")


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_record_can_be_read_as_it_is_declared(kind: type[Record]) -> None:
    with pytest.raises(BadRecord, match="is missing"):  # or what it declares has no reader
        decode(f'{{"n":0,"at":0,"kind":"{kind.kind}"}}')


def test_a_torn_last_line_is_left_out_and_any_other_is_an_error() -> None:
    whole = encode(Entry(0, 0.0, Failure("probe", "x")))
    assert len(list(read([whole, "", whole[:-5]]))) == 1
    with pytest.raises(BadRecord, match="line 2"):  # its end was written, so that nothing was cut off
        list(read([whole + "\n", "{}\n"]))
    with pytest.raises(BadRecord, match="line 1") as caught:
        list(read([whole[:-5], whole]))
    assert caught.value.line == 1


def test_nothing_that_is_not_json_is_written() -> None:
    nothing = json.loads(encode(Entry(0, 0.0, Sample("h", "during", math.nan))))
    assert nothing["value"] is None
    endless = Sample("h", "during", -math.inf, series=(("a", math.inf), ("b", 1.0)))
    written = json.loads(encode(Entry(0, 0.0, endless)))
    largest = sys.float_info.max
    assert (written["value"], written["series"]) == (-largest, [["a", largest], ["b", 1.0]])
    met = Reason("stop-met", "h", numbers={"value": Number(math.inf, "s")})
    assert "Infinity" not in encode(Entry(0, 0.0, Stop("condition", reason=met.plain())))
    assert json.loads(encode(Entry(0, 0.0, Failure("probe", "x"))))["kind"] == "error"


def test_half_a_surrogate_pair_is_a_question_mark_wherever_it_comes_from() -> None:
    assert '"what":"a?b"' in encode(Entry(0, 0.0, Failure("probe", "a\ud800b")))
    for half in ("\\ud800", "\\uDfff"):
        line = f'{{"n":0,"at":0,"kind":"error","where":"probe","what":"a{half}","{half}":[{{"{half}":"{half}"}}]}}'
        assert decode(line).record == Failure("probe", "a?")
    assert decode('{"n":0,"at":0,"kind":"error","where":"x","what":"\\ud83d\\ude00"}').record == Failure(
        "x", "\U0001f600"
    )


@pytest.mark.parametrize("kind", Record.__subclasses__())
def test_what_is_not_masked_are_fields_of_the_record(kind: type[Record]) -> None:
    assert kind.unmasked <= {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]  # a dataclass
