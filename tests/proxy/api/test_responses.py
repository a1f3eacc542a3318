"""The twin of api/answers.py."""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import web
from aiohttp.test_utils import make_mocked_request  # builds a request, mocks nothing of ours

from brownout_proxy.api import responses
from brownout_proxy.api.guard import Refusal


def test_an_error_is_json_that_says_it_is_text() -> None:
    answer = responses.failed(409, 'toxic "x" exists')
    assert (answer.status, answer.body) == (409, b'{"error":"toxic \\"x\\" exists","status":409}\n')
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_value_is_json_without_a_charset() -> None:
    answer = responses.ok({"a": 1}, 201)
    assert (answer.status, answer.body) == (201, b'{"a":1}')
    assert answer.headers["Content-Type"] == "application/json"


def test_nothing_is_a_204_without_a_body() -> None:
    answer = responses.nothing()
    assert (answer.status, answer.body) == (204, None)


def test_a_plain_refusal_is_its_text_and_another_an_error() -> None:
    assert responses.refused(Refusal(403, "no", plain=True)).body == b"no\n"
    other = responses.refused(Refusal(401, "no"))
    assert other.body == b'{"error":"no","status":401}\n'
    assert other.headers["WWW-Authenticate"] == "Bearer"


def test_the_router_refuses_paths_in_words_and_methods_without() -> None:
    assert responses.not_routed(web.HTTPNotFound()).body == b"404 page not found\n"
    answer = responses.not_routed(web.HTTPMethodNotAllowed("PUT", ["POST", "GET"]))
    assert (answer.status, answer.body) == (405, None)
    assert answer.headers["Allow"] == "GET, POST"


async def _pieces(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def test_a_list_is_json_of_any_number_of_entries() -> None:
    async def made(*entries: bytes) -> bytes:
        return b"".join([piece async for piece in responses.listed(b"[", _pieces(*entries), b"]")])

    assert [await made(*entries) for entries in ((), (b"1",), (b"1", b"2"))] == [b"[]", b"[1]", b"[1,2]"]


async def test_a_short_answer_has_its_length() -> None:
    async def main() -> web.StreamResponse:
        return await responses.streamed(make_mocked_request("GET", "/"), _pieces(b"a", b"b"), "text/plain")

    answer = await main()
    assert isinstance(answer, web.Response)
    assert (answer.body, answer.headers["Content-Type"]) == (b"ab", "text/plain")
