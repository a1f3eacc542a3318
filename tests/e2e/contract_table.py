"""Toxiproxy's HTTP contract as requests and answers, in cases that each start without a proxy.

In an expected answer PORT stands for any port and VERSION for any version; one that ends in dots
may go on in the server's own words. In a request, `$BUSY` is a port that is taken and `$FREE` one
that is not. A row that says why it is better is one where Toxiproxy 2.12.0 answers otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

ANY: Final = "..."


@dataclass(frozen=True)
class Row:
    """One request and its answer."""

    request: str
    body: str | None
    status: int
    answer: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    better: str = ""
    always: bool = True
    """Whether Toxiproxy always answers otherwise where ours is better."""

    @property
    def is_routed(self) -> bool:
        return self.status != 405 and self.answer != NO_PATH

    @property
    def content_type(self) -> str | None:
        """What the answer has to call itself; None where that does not matter."""
        if not self.answer:
            return None
        if self.request.endswith("/version") and self.status == 200:
            return "application/json;charset=utf-8"
        if self.status < 400 or (self.request.endswith("/populate") and self.status != 405):
            return "application/json"
        return "text/plain; charset=utf-8"


def ask(request: str, body: str | None, status: int, answer: str = "", *, better: str = "") -> Row:
    return Row(request, body, status, answer, better=better)


def get(path: str, answer: str, *, better: str = "") -> Row:
    return ask(f"GET {path}", None, 200, answer, better=better)


def refused(request: str, body: str | None, status: int, text: str, *, better: str = "") -> Row:
    """A row whose answer is an error."""
    answer = f'{{"error":"{text}'
    if not text.endswith(ANY):
        answer += f'","status":{status}}}\n'
    return ask(request, body, status, answer, better=better)


def populated(body: str, *proxies: str, better: str = "") -> Row:
    answer = f'{{"proxies":[{",".join(proxies)}]}}'
    return ask("POST /populate", body, 201, answer, better=better)


def not_populated(body: str, status: int, text: str, *done: str) -> Row:
    """A row whose answer is an error with what was done before it; ours is a list even if empty."""
    answer = f'{{"error":"{text}'
    if not text.endswith(ANY):
        answer += f'","status":{status},"proxies":[{",".join(done)}]}}'
    better = "" if done or text.endswith(ANY) else EMPTY_LIST
    return ask("POST /populate", body, status, answer, better=better)


def wanted(name: str, listen: str | None = None, more: str = "") -> str:
    """The body that asks for a proxy."""
    where = "" if listen is None else f',"listen":"{listen}"'
    return f'{{"name":"{name}","upstream":"u:1"{where}{more}}}'


def proxy(name: str, listen: str, *toxics: str, enabled: bool = True, upstream: str = "u:1") -> str:
    return (
        f'{{"name":"{name}","listen":"{listen}","upstream":"{upstream}",'
        f'"enabled":{"true" if enabled else "false"},"toxics":[{",".join(toxics)}]}}'
    )


def off(name: str, *toxics: str, upstream: str = "u:1") -> str:
    return proxy(name, "localhost:0", *toxics, enabled=False, upstream=upstream)


def toxic(kind: str, attributes: str = "", name: str = "", stream: str = "downstream", share: str = "1") -> str:
    return (
        f'{{"attributes":{{{attributes}}},"name":"{name or f"{kind}_{stream}"}","type":"{kind}",'
        f'"stream":"{stream}","toxicity":{share}}}'
    )


def latency(latency: int | float, jitter: int = 3, name: str = "", share: str = "1") -> str:
    return toxic("latency", f'"latency":{latency},"jitter":{jitter}', name, share=share)


def with_header(name: str, value: str, row: Row) -> Row:
    return replace(row, headers={name: value})


NO_PATH: Final = "404 page not found\n"
NO_BROWSER: Final = (
    "User agent not allowed: a browser's (Mozilla/...) needs the token; send another one, such as curl/8\n"
)
WHY: Final = "the text says why"
BAD: Final = "bad request body: "
BUSY: Final = "listen tcp 127.0.0.1:PORT: bind: address already in use"
NO_STREAM: Final = "stream was invalid, can be either upstream or downstream"
EMPTY_LIST: Final = "a list is a list, if an empty one"
# Not a name: a part of one is at most 63 characters long. So no name server is asked for it.
LONG: Final = "x" * 64
LATENCY_7: Final = '{"type":"latency","attributes":{"latency":7,"jitter":3}}'
NOOP: Final = toxic("noop")
ON: Final = proxy("p", "127.0.0.1:PORT")
TOXICS: Final = "POST /proxies/p/toxics"
T: Final = "/proxies/p/toxics/latency_downstream"
OFF: Final = ',"enabled":false'
CREATED_ON: Final = ask("POST /proxies", wanted("p", "localhost:0"), 201, ON)
CREATED: Final = ask("POST /proxies", wanted("p", "localhost:0", OFF), 201, off("p"))
ADDED: Final = ask(TOXICS, LATENCY_7, 200, latency(7))
DELETED: Final = ask("DELETE /proxies/p", None, 204)


def created(listen: str | None, shown: str) -> Sequence[Row]:
    """A proxy that is created, as it is then shown, and deleted."""
    return ask("POST /proxies", wanted("p", listen), 201, proxy("p", shown)), DELETED


TABLE: Final[Mapping[str, Sequence[Row]]] = {
    "a server without proxies": [
        get("/proxies", "{}"),
        get("/version", '{"version": "VERSION"}\n'),
        ask("POST /reset", None, 204),
        ask("POST /reset", "garbage", 204),
        ask("GET /proxies", "a body", 200, "{}"),
        refused("GET /proxies/p", None, 404, "proxy not found"),
    ],
    "unknown paths": [
        ask(f"GET {path}", None, 404, NO_PATH)
        for path in ("/", "/nope", "/proxies/", "/proxies/p/toxics/", "/proxies/p/nope", "/Proxies")
    ],
    "other methods": [
        ask(request, None, 405)
        for request in (
            "PUT /proxies",
            "HEAD /proxies",
            "OPTIONS /version",
            "GET /reset",
            "GET /populate",
            "PUT /proxies/p",
            "PATCH /proxies/p/toxics",
            "HEAD /proxies/p/toxics/t",
        )
    ],
    "browsers": [
        with_header("User-Agent", "Mozilla/5.0", ask("GET /proxies", None, 403, NO_BROWSER, better=WHY)),
        with_header("User-Agent", "Mozilla/4.0", ask("GET /version", None, 403, NO_BROWSER, better=WHY)),
        with_header("User-Agent", "mozilla/5.0", get("/proxies", "{}")),
        with_header("User-Agent", "Mozilla/5.0", ask("GET /nope", None, 404, NO_PATH)),
        with_header("User-Agent", "Mozilla/5.0", ask("PUT /proxies", None, 405)),
        with_header(
            "Origin",
            "http://evil.test",
            refused("GET /proxies", None, 403, ANY, better="a page may come from anywhere"),
        ),
        with_header(
            "Host",
            "evil.test",
            refused("GET /proxies", None, 403, ANY, better="a name may point at 127.0.0.1"),
        ),
    ],
    "bodies": [
        refused("POST /proxies", None, 400, BAD + "EOF"),
        refused("POST /proxies", " \n", 400, BAD + "EOF"),
        refused("POST /proxies", '{"name":"p', 400, BAD + "unexpected EOF"),
        refused("POST /proxies", '{"name":tru', 400, BAD + "unexpected EOF"),
        refused("POST /proxies", "x", 400, BAD + ANY),
        refused("POST /proxies", "[]", 400, BAD + ANY),
        refused("POST /proxies", '{"name":1}', 400, BAD + ANY),
        refused("POST /proxies", '{"enabled":"yes"}', 400, BAD + ANY),
        refused("POST /proxies", "null", 400, "missing required field: name"),
        refused("POST /proxies", '{"name":""}', 400, "missing required field: name"),
        refused("POST /proxies", '{"name":"p"}', 400, "missing required field: upstream"),
        ask(
            "POST /proxies",
            '{"NAME":"p","Upstream":"u:1","listen":"localhost:0","x":{"name":1}} garbage',
            201,
            ON,
        ),
        refused("POST /proxies", wanted("p", "localhost:0"), 409, "proxy already exists"),
        refused("POST /proxies", '{"name":"p"}', 400, "missing required field: upstream"),
        DELETED,
        ask("POST /proxies", wanted("p", "localhost:0", ',"enabled":null'), 201, ON),
    ],
    "listen addresses": [
        *created(None, "[::]:PORT"),
        *created("", "[::]:PORT"),
        *created(":0", "[::]:PORT"),
        *created("0.0.0.0:0", "[::]:PORT"),
        *created("[::]:0", "[::]:PORT"),
        *created("localhost:0", "127.0.0.1:PORT"),
        *created("127.0.0.1:0", "127.0.0.1:PORT"),
        *created("[::1]:0", "[::1]:PORT"),
        ask("POST /proxies", wanted("p", None, ',"listen":null'), 201, proxy("p", "[::]:PORT")),
    ],
    "listen addresses that are refused": [
        refused("POST /proxies", wanted("p", "127.0.0.1:$BUSY"), 500, BUSY),
        refused(
            "POST /proxies",
            wanted("p", "localhost"),
            500,
            "listen tcp: address localhost: missing port in address",
        ),
        refused(
            "POST /proxies",
            wanted("p", "1234"),
            500,
            "listen tcp: address 1234: missing port in address",
        ),
        *(
            refused(
                "POST /proxies",
                wanted("p", f"{name}:0"),
                500,
                f"listen tcp: lookup {name}: no such host",
            )
            for name in (LONG, "a..b")
        ),
        refused("GET /proxies/p", None, 404, "proxy not found"),
    ],
    "disabling and enabling": [
        CREATED,
        get("/proxies", f'{{"p":{off("p")}}}'),
        ask("POST /proxies/p", '{"enabled":true}', 200, ON),
        ask("POST /proxies/p", '{"enabled":true}', 200, ON),
        ask("PATCH /proxies/p", '{"enabled":false}', 200, ON.replace("true", "false")),
        ask("PATCH /proxies/p", '{"enabled":null}', 200, ON.replace("true", "false")),
        ask("PATCH /proxies/p", '{"enabled":false}', 200, ON.replace("true", "false")),
    ],
    "updates of a proxy": [
        CREATED_ON,
        ask("POST /proxies/p", "null", 200, ON),
        ask("PATCH /proxies/p", '{"name":"q","toxics":[{"type":"noop"}]}', 200, ON),
        ask("POST /proxies/p", '{"listen":"[::1]:0"}', 200, proxy("p", "[::1]:PORT")),
        ask(
            "POST /proxies/p",
            '{"upstream":"u:2"}',
            200,
            (moved := proxy("p", "[::1]:PORT", upstream="u:2")),
        ),
        ask("POST /proxies/p", '{"listen":":0"}', 200, moved.replace("::1", "::")),
        refused("POST /proxies/p", "", 400, BAD + "EOF"),
        refused("POST /proxies/p", "[]", 400, BAD + ANY),
        refused("POST /proxies/p", '{"enabled":1}', 400, BAD + ANY),
        refused(
            "POST /proxies/p",
            '{"listen":"localhost"}',
            500,
            "address localhost: missing port in address",
        ),
        refused("POST /proxies/p", f'{{"listen":"{LONG}:0"}}', 500, f"lookup {LONG}: no such host"),
        refused("POST /proxies/q", "{", 404, "proxy not found"),
        refused("DELETE /proxies/q", None, 404, "proxy not found"),
        DELETED,
        refused("GET /proxies/p", None, 404, "proxy not found"),
    ],
    "an update with an empty text": [
        CREATED_ON,
        ask("POST /proxies/p", '{"upstream":""}', 200, ON, better="no proxy is without an upstream"),
        ask("POST /proxies/p", '{"listen":""}', 200, ON, better="not asked for: every interface"),
    ],
    "a proxy may widen and narrow its own address": [
        ask("POST /proxies", wanted("p", "127.0.0.1:$FREE"), 201, ON),
        ask("POST /proxies/p", '{"listen":"0.0.0.0:$FREE"}', 200, proxy("p", "[::]:PORT")),
        ask("POST /proxies/p", '{"listen":"127.0.0.1:$FREE"}', 200, ON),
        populated(f"[{wanted('p', ':$FREE')}]", proxy("p", "[::]:PORT")),
        populated(f"[{wanted('p', 'localhost:$FREE')}]", ON),
    ],
    "a change that fails": [
        CREATED_ON,
        refused("POST /proxies/p", '{"listen":"127.0.0.1:$BUSY"}', 500, BUSY),
        get("/proxies/p", ON, better="the proxy goes on as it was"),
    ],
    "a disabled proxy stores an address that is taken": [
        CREATED,
        ask(
            "POST /proxies/p",
            '{"listen":"127.0.0.1:$BUSY"}',
            200,
            proxy("p", "127.0.0.1:PORT", enabled=False),
        ),
        refused("POST /proxies/p", '{"enabled":true}', 500, BUSY),
        get("/proxies/p", proxy("p", "127.0.0.1:PORT", enabled=False)),
    ],
    "names": [
        *(ask("POST /proxies", wanted(name, "localhost:0", OFF), 201, off(name)) for name in ("é a", "b", "B")),
        get("/proxies/%C3%A9%20a", off("é a")),
        get("/proxies", f'{{"B":{off("B")},"b":{off("b")},"é a":{off("é a")}}}'),
    ],
    "toxics": [
        CREATED,
        get("/proxies/p/toxics", "[]"),
        ADDED,
        ask(
            TOXICS,
            '{"type":"noop","stream":"upstream"}',
            200,
            (up := toxic("noop", stream="upstream")),
        ),
        ask(
            TOXICS,
            '{"type":"bandwidth","stream":"UpStream","toxicity":0.25}',
            200,
            (slow := toxic("bandwidth", '"rate":0', stream="UpStream", share="0.25")),
        ),
        get("/proxies/p/toxics", f"[{up},{slow},{latency(7)}]"),
        get("/proxies/p", off("p", up, slow, latency(7))),
        get(T, latency(7)),
        ask(f"DELETE {T}", None, 204),
        refused(f"DELETE {T}", None, 404, "toxic not found"),
        refused(f"GET {T}", None, 404, "toxic not found"),
        refused(f"PATCH {T}", "{", 404, "toxic not found"),
        refused("GET /proxies/q/toxics", None, 404, "proxy not found"),
        refused("POST /proxies/q/toxics", "{", 404, "proxy not found"),
        refused("GET /proxies/q/toxics/t", None, 404, "proxy not found"),
    ],
    "every type with its defaults": [
        CREATED,
        *(
            ask(TOXICS, f'{{"type":"{kind}","attributes":null}}', 200, toxic(kind, attributes))
            for kind, attributes in {
                "latency": '"latency":0,"jitter":0',
                "bandwidth": '"rate":0',
                "slow_close": '"delay":0',
                "timeout": '"timeout":0',
                "reset_peer": '"timeout":0',
                "slicer": '"average_size":0,"size_variation":0,"delay":0',
                "limit_data": '"bytes":0',
                "noop": "",
            }.items()
        ),
    ],
    "toxics survive what happens to their proxy": [
        CREATED_ON,
        ADDED,
        ask("POST /proxies/p", '{"enabled":false}', 200),
        ask("POST /proxies/p", '{"upstream":"u:2"}', 200),
        ask("POST /proxies/p", '{"enabled":true,"listen":"[::1]:0"}', 200),
        get("/proxies/p", proxy("p", "[::1]:PORT", latency(7), upstream="u:2")),
    ],
    "toxics that are refused": [
        CREATED,
        ADDED,
        refused(TOXICS, "", 400, BAD + "EOF"),
        refused(TOXICS, "[]", 400, BAD + ANY),
        refused(TOXICS, '{"type":"latency","toxicity":"x","stream":"x"}', 400, BAD + ANY),
        refused(TOXICS, '{"type":"latency","attributes":"x","stream":"x"}', 400, BAD + ANY),
        refused(TOXICS, '{"type":"nope","stream":"x"}', 400, NO_STREAM),
        refused(TOXICS, '{"type":"latency","stream":""}', 400, NO_STREAM),
        refused(TOXICS, '{"type":"x","name":"latency_downstream"}', 400, "invalid toxic type"),
        refused(TOXICS, '{"type":"Latency"}', 400, "invalid toxic type"),
        refused(TOXICS, "null", 400, "invalid toxic type"),
        refused(
            TOXICS,
            '{"type":"latency","attributes":{"latency":"x"}}',
            409,
            "toxic already exists",
        ),
        refused(
            TOXICS,
            '{"type":"noop","stream":"upstream","name":"latency_downstream"}',
            409,
            "toxic already exists",
        ),
        *(
            refused(TOXICS, f'{{"type":"{kind}","attributes":{{{attributes}}}}}', 400, BAD + ANY)
            for kind, attributes in (
                ("bandwidth", '"rate":"5"'),
                ("bandwidth", '"rate":true'),
                ("limit_data", '"bytes":0.5'),
                ("slicer", '"average_size":[]'),
            )
        ),
        get("/proxies/p/toxics", f"[{latency(7)}]"),
    ],
    "values that Toxiproxy refuses": [
        CREATED,
        ask(
            TOXICS,
            '{"type":"latency","name":"a","attributes":[]}',
            200,
            latency(0, 0, "a"),
            better="no attributes, however written",
        ),
        ask(
            TOXICS,
            '{"type":"latency","name":"b","attributes":{"latency":100.0,"jitter":1e3}}',
            200,
            latency(100, 1000, "b"),
            better="these are integers",
        ),
        ask(
            TOXICS,
            '{"type":"latency","name":"c","attributes":{"latency":0.5}}',
            200,
            latency(0.5, 0, "c"),
            better="a time may be a fraction",
        ),
    ],
    "values that Toxiproxy takes": [
        CREATED,
        ask(
            TOXICS,
            '{"type":"latency","name":"a","attributes":{"speed":5}}',
            200,
            latency(0, 0, "a"),
        ),
        *(
            refused(TOXICS, body, 400, BAD + ANY, better="below 0 means nothing, or a crash")
            for body in (
                '{"type":"bandwidth","attributes":{"rate":-1}}',
                '{"type":"slicer","attributes":{"average_size":-1}}',
                '{"type":"timeout","attributes":{"timeout":-1}}',
                '{"type":"noop","toxicity":-1}',
            )
        ),
        ask(
            TOXICS,
            '{"type":"noop","name":"d","toxicity":80}',
            200,
            toxic("noop", name="d"),
            better="more than all is all",
        ),
    ],
    "updates of a toxic": [
        CREATED,
        ADDED,
        ask(
            f"POST {T}",
            '{"name":"x","type":"noop","stream":"upstream","attributes":{"Latency":8}}',
            200,
            latency(8),
        ),
        ask(f"PATCH {T}", '{"toxicity":0.1}', 200, latency(8, share="0.1")),
        ask(f"PATCH {T}", '{"attributes":{"latency":7},"toxicity":1}', 200, latency(7)),
        ask(f"PATCH {T}", "null", 200, latency(7)),
        ask(f"PATCH {T}", '{"attributes":null,"toxicity":null}', 200, latency(7)),
        refused(f"PATCH {T}", "", 400, BAD + "EOF"),
        refused(f"PATCH {T}", '{"toxicity":"x"}', 400, BAD + ANY),
        refused(f"PATCH {T}", '{"attributes":{"latency":9,"jitter":"x"}}', 400, BAD + ANY),
        get(T, latency(7), better="all or nothing"),
    ],
    "populate": [
        populated("[]", better=EMPTY_LIST),
        populated("null", better=EMPTY_LIST),
        populated(f"[{wanted('b', 'localhost:0', OFF)},{wanted('p', 'localhost:0')}]", off("b"), ON),
        get("/proxies", f'{{"b":{off("b")},"p":{ON}}}'),
        populated(f"[{wanted('c', 'localhost:0', OFF)}]", off("c")),
        get("/proxies", f'{{"b":{off("b")},"c":{off("c")},"p":{ON}}}'),
    ],
    "populate leaves alone what is as asked": [
        ask("POST /proxies", wanted("p", "127.0.0.1:$FREE"), 201, ON),
        ask(TOXICS, '{"type":"noop"}', 200, NOOP),
        populated(f"[{wanted('p', '127.0.0.1:$FREE')}]", ON.replace("[]", f"[{NOOP}]")),
        populated(f"[{wanted('p', 'localhost:$FREE', OFF)}]", ON.replace("[]", f"[{NOOP}]")),
        populated('[{"name":"p","listen":"127.0.0.1:$FREE","upstream":"u:2"}]', ON.replace("u:1", "u:2")),
    ],
    "populate knows a proxy again that has no port yet": [
        CREATED,
        ask(TOXICS, '{"type":"noop"}', 200, NOOP),
        populated(
            f"[{wanted('p', 'localhost:0', OFF)}]",
            off("p", NOOP),
            better="port 0 is the port that the proxy has",
        ),
    ],
    "populate knows a wildcard again": [
        ask("POST /proxies", wanted("p"), 201, proxy("p", "[::]:PORT")),
        ask(TOXICS, '{"type":"noop"}', 200, NOOP),
        populated(
            f"[{wanted('p', '0.0.0.0:0')}]",
            proxy("p", "[::]:PORT", NOOP),
            better="port 0 is the port that the proxy has",
        ),
    ],
    "populate that is refused": [
        not_populated("", 400, BAD + "EOF"),
        not_populated("[", 400, BAD + "unexpected EOF"),
        not_populated("{}", 400, BAD + ANY),
        not_populated('[{"name":1}]', 400, BAD + ANY),
        not_populated("[null]", 400, "missing required field: name at proxy 1"),
        not_populated(f'[{wanted("p")},{{"upstream":"u"}}]', 400, "missing required field: name at proxy 2"),
        not_populated(f'[{{"name":"a"}},{wanted("p")}]', 400, "missing required field: upstream at proxy 1"),
        not_populated(
            f"[{wanted('p', 'localhost')}]",
            500,
            "listen tcp: address localhost: missing port in address",
        ),
        get("/proxies", "{}"),
    ],
    "populate that fails on the way": [
        not_populated(
            f"[{wanted('a', 'localhost:0', OFF)},{wanted('b', '127.0.0.1:$BUSY')},{wanted('p')}]",
            500,
            BUSY,
            off("a"),
        ),
        get("/proxies", f'{{"a":{off("a")}}}'),
    ],
    "reset": [
        CREATED,
        ADDED,
        ask("POST /reset", None, 204),
        get("/proxies/p", ON),
        ask("POST /reset", None, 204),
    ],
    "reset with a proxy that cannot start": [
        ask("POST /proxies", wanted("a", "127.0.0.1:$BUSY", OFF), 201),
        CREATED_ON,
        ADDED,
        refused("POST /reset", None, 500, ANY),
        # Its order is random, so that sometimes it gets as far as this one.
        replace(get("/proxies/p", ON, better="the others are reset all the same"), always=False),
    ],
    "no toxics at creation": [
        *(
            row
            for value in ("null", "[]")
            for row in (
                ask(
                    "POST /proxies",
                    wanted("p", "localhost:0", f'{OFF},"toxics":{value}'),
                    201,
                    off("p"),
                ),
                DELETED,
            )
        ),
    ],
    "toxics at creation": [
        ask(
            "POST /proxies",
            wanted("p", "localhost:0", f'{OFF},"toxics":[{{"type":"noop"}}]'),
            201,
            off("p", NOOP),
            better="they are honoured",
        ),
        refused(
            "POST /proxies",
            wanted("q", "localhost:0", ',"toxics":[{"type":"noop"},{"type":"x"}]'),
            400,
            "invalid toxic type at toxic 2",
            better="a proxy is made with its toxics or not at all",
        ),
        refused("GET /proxies/q", None, 404, "proxy not found", better="and so this one was not"),
    ],
    "conditions": [
        CREATED,
        ask(
            TOXICS,
            '{"type":"noop","clients":["10.0.0.0/8"],"first":3,"every":2}',
            200,
            NOOP.replace(":1}", ':1,"clients":["10.0.0.0/8"],"first":3,"every":2}'),
            better="a toxic may select its connections",
        ),
    ],
}
