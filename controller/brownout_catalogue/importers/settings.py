"""The settings of a component that name others: its environment, its arguments, its mounted configuration.

A host that is a component is a call. Any other host is external, if its setting is there to reach somebody: not the
address under which a component is reached itself, nor a link for people.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from brownout_catalogue.architecture import kind_of
from brownout_catalogue.importers.addresses import Address, addresses, is_here, is_real
from brownout_catalogue.importers.imported import Component, Evidence, Imported, Strength
from brownout_catalogue.importers.source import Place

_OWN: Final = re.compile(r"LISTEN|BIND|ADVERTISED|NO_PROXY|(^|_)(IMAGE|TAG|VERSION|DOCKERFILE)$|(^|_)SELF(_|$)")
"""Keys whose addresses are the component's own, or none."""
_LINKS: Final = re.compile(
    r"PUBLIC|ORIGIN|CORS|ALLOWED|CALLBACK|REDIRECT|SITE_URL|ROOT_URL|APP_URL|SERVER_NAME|DOMAIN|DOCS|SCHEMA"
    r"|LICENSE|REPO|DOWNLOAD|HOMEPAGE|CONTACT|EXTERNAL_URL|PLUGINS?$|(^|_)DOC_"
)
"""Keys of links for people or browsers; a component of ours may still be behind one."""
_CLIENTS: Final = re.compile(
    r"CORS|ORIGIN|OAUTH_?PROXY|AUTHORI[ZS]E|LOGIN_?UR[IL]|ALLOWED|WHITELIST|ALLOWLIST|TRUSTED|CALLBACK|REDIRECT"
    r"|RETURN_?URL|LOGOUT"
)
"""Keys whose URLs are for a component's own clients: where a browser is sent, or may come from."""
_SITE: Final = re.compile(
    r"SITE_?URL|ROOT_?URL|APP_?URL|EXTERNAL_?URL|PUBLIC_?(?:\w*_)?(?:URL|URI|HOST)|CDN|ASSET|SPA_?CLIENT"
    r"|(?:^|_)(?:SPA|UI|WEB|WEBAPP|WEBSITE|CLIENT|FRONT_?END)_?(?:CLIENT|APP)?_?(?:URL|URI)$"
)
"""Keys of the place where browsers find the system; a proxy calls what is there."""
_PROXY: Final = re.compile(r"gateway|proxy|ingress|nginx|traefik|envoy|haproxy|caddy|kong|edge|bff|front-?end")
_QUEUE: Final = re.compile(r"BROKER|QUEUE|CELERY|SIDEKIQ|BULL|RESQUE|(^|_)JOBS?(_|$)")
"""Keys of what jobs are handed over through."""
SECRET_KEY: Final = re.compile(
    r"PASSW|PASSPHRASE|SECRET|TOKEN|API_?KEY|ACCESS_?KEY|PRIVATE|CREDENTIAL|SALT|SIGNING|ENCRYPTION|(^|_)KEY$|(^|_)PW?D$"
)
_REACHES: Final = re.compile(
    r"(?P<stem>.*?)_?(?:HOST|HOSTS|HOSTNAME|HOST_NAME|ADDR|ADDRS|ADDRESS|ADDRESSES|SERVER|SERVERS|ENDPOINT|ENDPOINTS|URL"
    r"|URLS|URI|URIS|DSN|BROKER|BROKERS|BOOTSTRAP_SERVERS|CONNECTION_STRING|CONN_STR|CONNECT|NODES|SERVICE|UPSTREAM"
    r"|BACKEND|TARGET|PROXY|API|GATEWAY|PROVIDER|ISSUER|SEED|SEEDS|(?<!DATA)BASE|BASEURL|CLUSTER|MASTER|SENTINELS?)"
    r"|CONNECTION_?STRINGS?_.+"
)
_OPTION: Final = re.compile(
    r"-h|-H|--?[a-z0-9_.-]*(?:host|addr|address|server|url|uri|endpoint|broker|upstream|target)s?"
)
_WEB: Final = ("http", "https", "ws", "wss")
_LOCAL_SCHEMES: Final = ("unix", "file", "fd", "classpath", "npipe", "docker", "jar", "tcp+unix")

Resolve = Callable[[str, int | None], str | None]
"""The component that has a host; the port decides where the host is the whole machine."""


class Setting(NamedTuple):
    key: str
    value: str | None
    """None if only its name is known."""
    place: Place | None = None
    origin: str = ""
    """Where the value comes from, like `key url of secret/db`."""
    secret: bool = False
    """Its value is nobody's business beyond the hosts that it names."""
    shared: bool = False
    """Said for several components at once, so that not each of them has to need it."""

    @property
    def spelled(self) -> str:
        return re.sub(r"[^A-Z0-9]+", "_", self.key.upper())

    @property
    def title(self) -> str:
        return f"{self.key} ({self.origin})" if self.origin else self.key


def understand(found: Imported, source: str, settings: Sequence[Setting], resolve: Resolve) -> None:
    """Adds the calls that the settings of the component `source` name."""
    ports = {setting.spelled: setting.value for setting in settings}
    for setting in settings:
        if _OWN.search(setting.spelled):
            continue
        if setting.value is None:
            _by_name(found, source, setting)
            continue
        for address in addresses(setting.value):
            _reached(found, source, setting, _with_port(setting, address, ports), resolve)


def _reached(found: Imported, source: str, setting: Setting, address: Address, resolve: Resolve) -> None:
    if address.scheme in _LOCAL_SCHEMES:
        return
    # A name that only a cluster's DNS has is there to be called, whatever its setting is called.
    reaches = _REACHES.fullmatch(setting.spelled) is not None or ".svc" in address.host
    sink = resolve(address.host, address.port)
    if sink is not None:
        if _is_for_clients(found, source, setting, address):
            return
        if _QUEUE.search(setting.spelled):
            found.hands_over.add(sink)
        if address.port is None and address.scheme is None and not reaches:
            return  # POSTGRES_USER=postgres is no address
        strong = address.port is not None or address.scheme is not None
        found.call(source, sink, _evidence(Strength.STRONG if strong else Strength.LIKELY, setting, address))
    elif address.host.endswith("docker.internal"):
        found.note(f"{source} calls {address.name}, which is the machine itself ({setting.key}); add what is there")
    elif _is_outside(setting, address, reaches=reaches):
        strong = address.scheme not in (None, *_WEB) or (address.port is not None and address.scheme is None)
        evidence = _evidence(Strength.STRONG if strong else Strength.LIKELY, setting, address)
        found.call(source, found.outside(address.host, address.scheme, evidence), evidence)


def _is_for_clients(found: Imported, source: str, setting: Setting, address: Address) -> bool:
    """Whether an address is there to be handed to the component's own clients; a gateway calls it."""
    if address.scheme not in (None, *_WEB):
        return False
    known = found.services.get(source)
    is_proxy = _PROXY.search(source) or (known is not None and _PROXY.search(known.image or ""))
    return _CLIENTS.search(setting.spelled) is not None or (not is_proxy and _SITE.search(setting.spelled) is not None)


def _is_outside(setting: Setting, address: Address, *, reaches: bool) -> bool:
    """Whether a host that is none of ours is one that is called."""
    spoken = address.scheme is not None and address.scheme not in _WEB
    if not address.sure or is_here(address.host) or any(keys.search(setting.spelled) for keys in (_LINKS, _CLIENTS)):
        return False
    if (setting.secret or SECRET_KEY.search(setting.spelled)) and not (spoken and is_real(address.host)):
        return False
    if not reaches and not spoken:
        return False
    # A name without a dot is somebody's only where something speaks to it.
    return is_real(address.host) or (spoken and address.port is not None and "." not in address.host)


def _evidence(strength: Strength, setting: Setting, address: Address) -> Evidence:
    what = f"{setting.title} has {address.name}"
    if setting.shared and address.scheme in (None, *_WEB):  # who has the password of a database wants it
        strength, what = min(strength, Strength.LIKELY), f"{what}, which several share"
    return Evidence(strength, what, setting.place, address.port, setting.key, address.host, address.scheme)


def _with_port(setting: Setting, address: Address, ports: Mapping[str, str | None]) -> Address:
    """DB_HOST=db beside DB_PORT=5432 is an address."""
    if address.port is not None or address.scheme is not None:
        return address
    match = re.fullmatch(r"(.*?)(?:HOST|HOSTNAME|HOST_NAME|ADDR|ADDRESS|SERVER|ENDPOINT)", setting.spelled)
    port = ports.get(f"{match[1]}PORT") if match else None
    if port is None or not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) < 65536:
        return address
    return address._replace(port=int(port))


def _by_name(found: Imported, source: str, setting: Setting) -> None:
    """A setting without its value may still be named after whom it reaches."""
    match = _REACHES.fullmatch(setting.spelled)
    if match is None or not match["stem"]:
        return
    sink = _named(match["stem"], found.services)
    if sink is not None:
        found.call(source, sink, Evidence(Strength.WEAK, f"the name of {setting.title}", setting.place))


def _named(stem: str, known: Mapping[str, Component]) -> str | None:
    def bare(name: str) -> str:
        return re.sub(r"[^a-z0-9]|service$|svc$", "", name.lower())

    wanted = bare(stem)
    alike = [name for name in known if bare(name) == wanted]
    if len(alike) == 1:
        return alike[0]
    kind = kind_of(stem)
    if kind not in ("database", "cache", "queue"):
        return None
    # REDIS_URL: the one Redis; DATABASE_URL: the one database.
    words = [name for name, one in known.items() if wanted in bare(name) or wanted in bare(one.image or "")]
    kinds = [name for name, one in known.items() if one.seen_as == kind]
    for some in (words, kinds):
        if len(some) == 1:
            return some[0]
    return None


def arguments(words: Iterable[tuple[str, Place | None]], key: str) -> Iterator[Setting]:
    """A command line as settings; a host alone counts only behind an option that wants one."""
    before = ""
    for word, place in words:
        name, equals, value = word.partition("=")
        if equals and re.fullmatch(r"--[a-z][A-Za-z0-9_.-]*|[A-Z][A-Z0-9_]*", name):
            yield Setting(_title(key, name), value, place)
        elif not word.startswith("-") or _OPTION.fullmatch(name):
            yield Setting(_title(key, before), value if equals else word, place)
        # Only a known option is repeated: what follows -p may be a password.
        before = word if _OPTION.fullmatch(word) else ""


def _title(key: str, option: str) -> str:
    wanted = _OPTION.fullmatch(option) or (not option.startswith("-") and _REACHES.fullmatch(option))
    return f"{key} {option} host" if option and wanted else f"{key} {option}".rstrip()


def configuration(title: str, content: str, place: Place | None) -> Setting:
    """A mounted file: its comments do not count."""
    lines = [line for line in content.splitlines() if not line.lstrip().startswith(("#", "//", ";"))]
    return Setting(title, "\n".join(lines), place)
