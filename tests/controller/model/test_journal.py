"""Records are one line of JSON each and come back as they went; what is not known is kept, what is torn is left out."""

from __future__ import annotations

import dataclasses
import json

import pytest

from brownout_controller.model.journal import (
    KINDS,
    Entry,
    Failure,
    Interrupted,
    Judged,
    Sample,
    Unknown,
    decode,
    encode,
    read,
)


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


@pytest.mark.parametrize("line", ["", "{", "[]", "1", '{"n":1}', '{"n":1,"at":2,"kind":"error","where":"x"}'])
def test_what_is_no_record_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(line)


def test_a_torn_last_line_is_left_out_and_any_other_is_an_error() -> None:
    whole = encode(Entry(0, 0.0, Failure("probe", "x")))
    assert len(list(read([whole, "", whole[:-5]]))) == 1
    with pytest.raises(ValueError, match="line 1"):
        list(read([whole[:-5], whole]))


def test_nothing_that_is_not_json_is_written() -> None:
    with pytest.raises(ValueError, match="JSON"):
        encode(Entry(0, 0.0, Sample("h", "during", float("nan"))))
    assert json.loads(encode(Entry(0, 0.0, Failure("probe", "x"))))["kind"] == "error"


def test_half_a_surrogate_pair_is_a_question_mark_wherever_it_comes_from() -> None:
    assert '"what":"a?b"' in encode(Entry(0, 0.0, Failure("probe", "a\ud800b")))
    for half in ("\\ud800", "\\uDfff"):
        line = f'{{"n":0,"at":0,"kind":"error","where":"probe","what":"a{half}","{half}":[{{"{half}":"{half}"}}]}}'
        assert decode(line).record == Failure("probe", "a?")
    assert decode('{"n":0,"at":0,"kind":"error","where":"x","what":"\\ud83d\\ude00"}').record == Failure(
        "x", "\U0001f600"
    )
