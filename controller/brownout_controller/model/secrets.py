"""Secrets, and how they are kept out of whatever leaves the process: the one list of names, and the one way to mask.

A secret is what a variable held (see `variables.is_plain`), and what stands in a file under a name of the list: in
headers, bodies, queries of URLs, DSNs and commands. It is masked in every spelling that a server, a library or a
terminal may give it: escaped, percent-encoded, in base64 as basic authentication, or broken over lines.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import quote, quote_plus, unquote_plus

MASK: Final = "***"
SHORTEST: Final = 4
"""Characters: masking every `1` would make a report unreadable. A shorter secret is masked only at its own place in a
file."""
PARTS: Final = (
    "authorization", "cookie", "password", "passwd", "passphrase", "secret", "token", "apikey", "accesskey",
    "privatekey", "signingkey", "subscriptionkey", "credential", "signature",
)  # fmt: skip
"""What the name of a secret contains, without its dashes, underscores and capitals."""
WORDS: Final = frozenset({"pwd", "pass", "auth", "key", "jwt", "sig", "sid", "session"})
"""What the name of a secret may be, or have as one of its words, in headers, bodies, queries and DSNs."""
VARIABLES: Final = ("pass", "pw", "secret", "token", "key", "cred", "auth", "dsn")
"""Parts of the names of variables whose values are secrets whatever they look like."""
FIELDS: Final = frozenset({"headers", "body", "json", "basic_auth", "basicauth", "form", "query_params"})
"""Keys whose mappings have names that others chose."""
_PROSE: Final = frozenset({"name", "because", "edge", "expect", "stop", "when", "nets", "lint"})
_PUBLIC: Final = frozenset({"name", "edge", "edges", "services", "control", "proxy", "namespace", "context"})
_MOST: Final = 1000
"""Secrets of one file that are looked for in every text; those beyond are masked where they stand."""
_LOOSE: Final = (64, 128)
"""So many secrets of up to so many characters are looked for letter by letter, in whatever mixture of spellings."""
_LONGEST: Final = 300
"""As much of a server's words as a line can bear."""

_SCHEME: Final = r"(?:(?:bearer|basic|token|digest|apikey|negotiate)\s{1,5})?"
_USERINFO: Final = re.compile(r"(?<=://)([^/?#\s:@\"']*):([^/?#\s\"']+)@")
_ASSIGNED: Final = re.compile(
    r"""(?P<quote>["']?)(?<![\w.-])(?P<name>[A-Za-z][\w.-]{0,60})(?P=quote)"""
    r"""(?P<sign>\s{0,5}=\s{0,5}|\s{0,5}:\s{1,5}|(?<=["']):)"""
    r"""(?:"(?P<double>(?:\\.|[^"\\]){0,2000})"|'(?P<single>(?:\\.|[^'\\]){0,2000})'"""
    rf"""|(?P<scheme>{_SCHEME})(?P<bare>[^\s&;,"'{{}}\[\]#]+))""",
    re.IGNORECASE,
)
"""`NAME=VALUE`, `NAME: VALUE` or `"NAME":"VALUE"`; bounded, so that quotes without an end take linear time."""
_FLAG: Final = re.compile(r"(?<!\S)--?(?P<name>[A-Za-z][\w-]{0,60})\s{1,5}(?P<bare>[^\s\"'-][^\s\"']*)")
_USER: Final = re.compile(r"(?<!\S)(?:-u|--user)[\s=]{1,5}[\"']?(?P<pair>[^\s:\"']{1,200}:[^\s\"']{1,200})")
_ARGUMENT: Final = re.compile(r"-{0,2}(?P<name>[A-Za-z][\w.-]{0,60})(?:=|:\s{0,5})(?P<bare>.+)", re.DOTALL)
"""One argument of a command: its value goes to the end, whatever it has in it."""
_USER_FLAGS: Final = frozenset({"-u", "--user"})
_REDIS: Final = re.compile(
    r"^\s{0,5}(?:AUTH\s+(?:\S+\s+)?|CONFIG\s+SET\s+requirepass\s+)(?P<password>\S+)\s*$", re.IGNORECASE
)
_BASIC: Final = re.compile(r"^basic\s+(\S+)$", re.IGNORECASE)


Path = tuple[str | int, ...]


def is_secret_name(name: str, *, field: bool = False) -> bool:
    """Whether what is called so is a secret; `field` where others choose the names, as of headers and bodies."""
    bare = re.sub(r"[^a-z0-9]", "", name.lower())
    if any(part in bare for part in PARTS):
        return not bare.endswith("tokens")  # a number of them
    words = re.split(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])", name)
    return field and any(word.lower() in WORDS for word in words)


class Literal(NamedTuple):
    """A secret that stands in a file, and where."""

    path: Path
    value: str


def literals(content: Any) -> Iterator[Literal]:
    """The secrets in an experiment or an environment. A text that is a variable still, as `${TOKEN}`, is none."""
    for place in _places(content, (), field=False):
        for value in place.values:
            if value and not value.startswith("$"):
                yield Literal(place.path, value)


def secrets_of(*contents: Any) -> Sequence[str]:
    """Those that a `Masker` should look for everywhere. One that is also a name in public, as the user `postgres` whose
    password is `postgres`, is masked only where it stands."""
    public = {word.lower() for content in contents for word in _public_words(content)}
    places = [place for content in contents for place in _places(content, (), field=False)]
    found = dict.fromkeys(value for place in places for value in place.values if not value.startswith("$"))
    # As a client sends a user and a password, and a server may repeat them.
    found |= dict.fromkeys(base64.b64encode(pair.encode()).decode() for place in places for pair in place.pairs)
    return [value for value in found if value.lower() not in public][:_MOST]


class Masker:
    """Replaces secrets in whatever leaves the process."""

    def __init__(self, secrets: Iterable[str] = (), *, urls: Iterable[str] = ()) -> None:
        """Of `urls` the passwords, and whatever their queries hold, are secrets."""
        found = {*secrets}
        for url in urls:
            found.update(_secrets_of_url(url))
        self._pattern, self._others = _pattern(found)

    def text(self, text: str) -> str:
        if self._pattern is not None:
            text = self._pattern.sub(MASK, text)
        for spelled in self._others:
            text = text.replace(spelled, MASK)
        text = _USERINFO.sub(rf"\1:{MASK}@", text)
        return _ASSIGNED.sub(_unassigned, text) if "=" in text or ":" in text else text

    def line(self, text: str) -> str:
        """`text` on one line, masked, and cut where it gets long."""
        text = " ".join(self.text(text).split())
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."

    def value(self, value: Any) -> Any:
        """The same for every text in mappings and lists."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {key: self.value(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(item) for item in value]
        return value

    def content(self, content: Any) -> Any:
        """Of a file: what stands under the name of a secret is masked as well, whatever it is."""
        return self._content(content, (), {place.path: place for place in _places(content, (), field=False)})

    def _content(self, content: Any, path: Path, places: Mapping[Path, _Place]) -> Any:
        if isinstance(content, Mapping):
            return {
                self.text(key) if isinstance(key, str) else key: self._content(item, (*path, key), places)
                for key, item in content.items()
            }
        if isinstance(content, (list, tuple)):
            return [self._content(item, (*path, number), places) for number, item in enumerate(content)]
        place = places.get(path)
        if place is not None and place.whole:
            return content if str(content).startswith("$") else MASK
        if not isinstance(content, str):
            return content
        return self.text(content if place is None else _hidden(content))


class _Place(NamedTuple):
    """Where secrets are in a file: a text as a `whole`, or in it."""

    path: Path
    values: Sequence[str]
    whole: bool
    pairs: Sequence[str] = ()
    """Of user and password."""


def _places(content: Any, path: Path, *, field: bool, secret: bool = False) -> Iterator[_Place]:
    if isinstance(content, Mapping):
        user, password = content.get("username", content.get("user")), content.get("password")
        if isinstance(user, str) and isinstance(password, str):
            yield _Place((*path, "password"), [password], True, [f"{user}:{password}"])
        for key, item in content.items():
            if not field and key in _PROSE:
                continue
            hidden = secret or is_secret_name(str(key).rpartition(".")[2], field=field)
            inside = field or str(key).lower() in FIELDS
            scalar = not isinstance(item, (Mapping, list, tuple))
            yield from _places(item, (*path, key), field=inside, secret=hidden and (scalar or inside))
    elif isinstance(content, (list, tuple)):
        before = ""
        for number, item in enumerate(content):
            if before in _USER_FLAGS and isinstance(item, str) and ":" in item:
                yield _Place((*path, number), [item.partition(":")[2]], True, [item])
            elif (argument := _secret_argument(item)) is not None:
                yield _Place((*path, number), _meant(argument), True)
            else:
                flagged = before.startswith("-") and is_secret_name(before.lstrip("-"), field=True)
                yield from _places(item, (*path, number), field=field, secret=secret or flagged)
            before = item if isinstance(item, str) else ""
        command = " ".join(item for item in content if isinstance(item, str))
        if (last := _REDIS.findall(command)) and content[-1] == last[-1]:
            yield _Place((*path, len(content) - 1), last, True)
    elif secret and content is not None and not isinstance(content, bool):
        yield _Place(path, _meant(content) if isinstance(content, str) else [], True)
    elif isinstance(content, str) and (found := list(dict.fromkeys(_in_text(content)))):
        yield _Place(path, found, False, list(_pairs(content)))


def _secret_argument(item: object) -> str | None:
    found = _ARGUMENT.fullmatch(item) if isinstance(item, str) else None
    return found["bare"] if found is not None and is_secret_name(found["name"], field=True) else None


def _hidden(text: str) -> str:
    """A text of a file without what `_in_text` finds in it, however short."""
    text = _ASSIGNED.sub(lambda found: _unassigned(found, certain=True), text)
    text = _FLAG.sub(_unflagged, text)
    text = _USER.sub(lambda found: _masked(found, "pair", found["pair"].index(":") + 1), text)
    return _REDIS.sub(lambda found: _masked(found, "password"), text)


def _unflagged(found: re.Match[str]) -> str:
    return _masked(found, "bare") if is_secret_name(found["name"], field=True) else found[0]


def _masked(found: re.Match[str], group: str, skip: int = 0) -> str:
    """The match with a mask for the group, but for its first characters."""
    begin, end = found.start(group) - found.start() + skip, found.end(group) - found.start()
    return found[0][:begin] + MASK + found[0][end:]


def _in_text(text: str) -> Iterator[str]:
    """In a URL, a DSN, a command, a form or JSON in a text."""
    for _, password in _USERINFO.findall(text):
        yield password
    for found in _ASSIGNED.finditer(text):
        if is_secret_name(found["name"], field=True):
            yield from _meant(_assigned(found))
    for found in _FLAG.finditer(text):
        if is_secret_name(found["name"], field=True):
            yield found["bare"]
    for pair in _USER.findall(text):
        yield pair.partition(":")[2]
    yield from _REDIS.findall(text)


def _pairs(text: str) -> Iterator[str]:
    """Users with their passwords, in URLs and commands."""
    for user, password in _USERINFO.findall(text):
        yield f"{unquote_plus(user)}:{unquote_plus(password)}"
    yield from _USER.findall(text)


def _meant(value: str) -> list[str]:
    """A value without its scheme, and what basic authentication or a cookie has in it."""
    bare = re.sub(f"^{_SCHEME}", "", value.strip(), flags=re.IGNORECASE)
    found = [bare, value] if bare != value else [value]
    if (basic := _BASIC.match(value.strip())) is not None:
        try:
            pair = base64.b64decode(basic[1], validate=True).decode()
        except (binascii.Error, ValueError):
            pair = ""
        found += [pair.partition(":")[2]] if ":" in pair else []
    for part in value.split(";") if "=" in value else ():
        found.append(part.partition("=")[2].strip())
    return [one for one in found if one]


def _assigned(found: re.Match[str]) -> str:
    return next((found[name] for name in ("double", "single", "bare") if found[name] is not None), "")


def _unassigned(found: re.Match[str], *, certain: bool = False) -> str:
    # In a sentence, "the token: expired" and "key=1 of 2" have no secret.
    field = certain or found["name"].lower() != "key"
    certain_sign = certain or "=" in found["sign"] or found["quote"]
    value = _assigned(found)
    if (
        not certain_sign
        or not is_secret_name(found["name"], field=field)
        or value in ("", MASK)
        or value.startswith("$")
    ):
        return found[0]
    return _masked(found, next(name for name in ("double", "single", "bare") if found[name] is not None))


def _public_words(content: Any, *, public: bool = False) -> Iterator[str]:
    if isinstance(content, Mapping):
        for key, item in content.items():
            if public:
                yield from re.split(r"[^\w-]+", str(key))
            if str(key) not in FIELDS:
                yield from _public_words(item, public=public or key in _PUBLIC)
    elif isinstance(content, (list, tuple)):
        for item in content:
            yield from _public_words(item, public=public)
    elif public and isinstance(content, str):
        yield content
        yield from re.split(r"[^\w-]+", content)


def _secrets_of_url(url: str) -> Iterator[str]:
    """Password and query of a URL, as written and as meant."""
    yield from _in_text(url)
    query = url.partition("?")[2].partition("#")[0]
    values = [part.partition("=")[2] for part in query.split("&")]
    yield from (text for written in (query, *values) for text in (written, unquote_plus(written)))
    userinfo = re.search(r"(?<=://)([^/?#\s]+)@", url)
    if userinfo is not None:
        yield from (userinfo[1], unquote_plus(userinfo[1]))


def _pattern(secrets: Iterable[str]) -> tuple[re.Pattern[str] | None, Sequence[str]]:
    """What is looked for letter by letter, and the spellings of all others; the longest first, so that one that
    contains another is hidden whole."""
    meant = {text for secret in secrets for text in (secret, unquote_plus(secret)) if len(text) >= SHORTEST}
    ordered = sorted(meant, key=lambda text: (-len(text), text))
    count, length = _LOOSE
    loose = [text for text in ordered if len(text) <= length][:count]
    others = [spelled for text in ordered if text not in loose for spelled in _spellings(text)]
    return re.compile("|".join(map(_loosely, loose))) if loose else None, others


def _spellings(secret: str) -> Sequence[str]:
    spelled = (
        secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1],
        quote(secret, safe=""), quote_plus(secret),
    )  # fmt: skip
    return sorted(dict.fromkeys(spelled), key=len, reverse=True)


def _loosely(secret: str) -> str:
    """Each letter in any spelling, and a line may break between two."""
    return r"(?:[\r\n]+[ \t]*|(?:\\r)?\\n)?".join(map(_letter, secret))


def _letter(letter: str) -> str:
    code, raw = ord(letter), letter.encode("utf-8", "surrogatepass")
    units = letter.encode("utf-16-be", "surrogatepass")
    escaped = "".join(rf"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
    forms = [re.escape(letter), f"(?i:{escaped})", f"(?i:{''.join(f'%{byte:02x}' for byte in raw)})"]
    forms += [f"(?i:{one})" for one in {_hex(raw), *([_hex(bytes([code]))] if code < 256 else [])}]
    if letter in "\"'\\/":
        forms.append(re.escape("\\" + letter))
    if letter in "&<>\"'":
        forms.append({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&(?:quot|#34);", "'": "&#(?:39|x27);"}[letter])
    if letter.isspace():
        forms.append(r"\+|\s+|\\[nrt]")
    return f"(?:{'|'.join(forms)})"


def _hex(raw: bytes) -> str:
    """As Python's repr has bytes, or a letter of Latin 1."""
    return "".join(rf"\\x{byte:02x}" for byte in raw)
