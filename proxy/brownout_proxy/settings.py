"""What an operator can set about the proxy process: one declaration for each setting.

Flags, environment variables and help texts are computed from the fields of `Settings`; there is no other list. What a
setting does is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from brownout_core.address import Address
from brownout_core.errors import InvalidSpec
from brownout_core.tls_flags import check_server_tls
from brownout_core.token_file import plain_token, read_token
from brownout_core.units import BYTES, SECONDS, Unit

PREFIX: Final = "BROWNOUT_"
PORT: Final = 8474
"""Of the control API, as Toxiproxy has it."""
GRPC_PORT: Final = PORT - 1
"""Of the gRPC API. Below, as users of Toxiproxy number their proxies from the port above."""
BUFFER: Final = 256 * 2**20
"""Bytes that faults may hold back, over all connections."""
DIAL_TIMEOUT: Final = 10.0
"""Seconds until a dial to the upstream is given up."""
_HOST_NAME: Final = re.compile(r"[\w.-]+", re.ASCII)
_LARGEST_SEED: Final = 2**63 - 1
_LARGEST_PORT: Final = 65535
_LEAVE_OUT: Final = "--port off leaves that out"
OFF: Final = -1
"""A port that is not to be opened."""
_LEVELS: Final[Mapping[str, str]] = {
    # Toxiproxy's words as well, so that its LOG_LEVEL goes on to work.
    "trace": "debug",
    "debug": "debug",
    "info": "info",
    "warn": "warning",
    "warning": "warning",
    "error": "error",
    "fatal": "critical",
    "panic": "critical",
    "critical": "critical",
}


@dataclass(frozen=True, slots=True)
class Flag:
    """One setting as the command line and the environment have it. `read` raises ValueError, with the remedy."""

    field: str
    help: str
    read: Callable[[str], Any]
    metavar: str
    default: str
    environment: tuple[str, ...]
    is_switch: bool

    @property
    def name(self) -> str:
        return "--" + self.field.replace("_", "-")


def _host(text: str) -> str:
    host = text.strip().removeprefix("[").removesuffix("]")
    if not host or "/" in host or host.count(":") == 1:
        raise ValueError(f"{text!r} is not a host; write it like 127.0.0.1, ::1 or 0.0.0.0, the port apart")
    return host


def _hosts(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names or any(not _HOST_NAME.fullmatch(name) for name in names):
        raise ValueError(f"{text!r} is not a list of host names; write it like proxy.example.com, without a port")
    return names


def _text(text: str) -> str:
    if not text.strip():
        raise ValueError("it is empty; write it like postgres@15432=db.internal:5432")
    return text


def _integer(low: int, high: int, example: str) -> Callable[[str], int]:
    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = low - 1
        if not low <= number <= high:
            raise ValueError(f"{text!r} is not a whole number from {low} to {high}; write it like {example}")
        return number

    return read


read_seed = _integer(-_LARGEST_SEED - 1, _LARGEST_SEED, "42")
"""A seed from text. Raises ValueError."""
_port = _integer(0, _LARGEST_PORT, "8474")


def _port_or_off(text: str) -> int:
    return OFF if text.lower() == "off" else _port(text)


def _quantity(unit: Unit, *, least: float = 0) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        value = unit.parse(text)
        if not least <= value < float("inf"):
            raise ValueError(f"{text!r} is out of range; it must be at least {unit.format(least)}, like {unit.example}")
        return int(value) if unit.whole else value

    return read


def _path(text: str) -> Path:
    if not text:
        raise ValueError("the path is empty")
    return Path(text)


def _level(text: str) -> str:
    if text.lower() not in _LEVELS:
        raise ValueError(f"{text!r} is not a level; known are: {', '.join(_LEVELS)}")
    return _LEVELS[text.lower()]


def _switch(text: str) -> bool:
    """An environment variable's way of saying that a switch is on."""
    if text.lower() not in ("1", "true", "yes", "on", "0", "false", "no", "off", ""):
        raise ValueError(f"{text!r} is neither true nor false; write 1 or 0")
    return text.lower() in ("1", "true", "yes", "on")


def _flag(
    help_: str, read: Callable[[str], Any], metavar: str, *, default: str = "", env: str = ""
) -> Mapping[str, Any]:
    return {"help": help_, "read": read, "metavar": metavar, "default": default, "env": env}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a proxy process runs. Times are in seconds, sizes in bytes."""

    host: str = field(
        default="127.0.0.1",
        metadata=_flag("Address of the control API and /metrics.", _host, "HOST", default="127.0.0.1"),
    )
    port: int = field(
        default=PORT,
        metadata=_flag(
            "Port of the control API; 0 takes a free one, off leaves it out.", _port_or_off, "PORT", default=str(PORT)
        ),
    )
    grpc_port: int | None = field(
        default=None,
        metadata=_flag(
            "Port of the gRPC API; off leaves it out, which saves 18 MB.",
            _port_or_off,
            "PORT",
            default="--port minus one",
        ),
    )
    config: Path | None = field(
        default=None,
        metadata=_flag("Proxies in YAML, or in Toxiproxy's JSON. SIGHUP reads it again.", _path, "FILE"),
    )
    proxies: str | None = field(
        default=None,
        metadata=_flag(
            "More proxies: words as above, or the text of a config file, so that one variable is a configuration.",
            _text, "TEXT",
        ),
    )  # fmt: skip
    seed: int | None = field(
        default=None,
        metadata=_flag("Makes every random decision repeatable.", read_seed, "N", default="the config's, or random"),
    )
    tls_cert: Path | None = field(
        default=None,
        metadata=_flag("Certificate that the gRPC API shows, in PEM; with --tls-key.", _path, "FILE"),
    )
    tls_key: Path | None = field(
        default=None,
        metadata=_flag("Its private key, in PEM.", _path, "FILE"),
    )
    tls_client_ca: Path | None = field(
        default=None,
        metadata=_flag("gRPC clients must show a certificate of this CA, and need no token then.", _path, "FILE"),
    )
    drain: float = field(
        default=5.0,
        metadata=_flag(
            "How long live connections may go on after SIGTERM; then they have 1s to close.",
            _quantity(SECONDS),
            "TIME",
            default="5s",
        ),
    )
    token: str | None = field(
        default=None,
        metadata=_flag(
            "Token that the control API asks for. Seen by all in `ps`: use the variable or a file.",
            plain_token,
            "TOKEN",
        ),
        repr=False,
    )
    token_file: Path | None = field(
        default=None,
        metadata=_flag("File that holds the token.", _path, "FILE"),
    )
    insecure_no_auth: bool = field(
        default=False,
        metadata=_flag(
            "Listen off loopback without a token: whoever reaches the port controls the proxies.", _switch, ""
        ),
    )
    allow_host: tuple[str, ...] = field(
        default=(),
        metadata=_flag(
            "Names with a dot under which clients without a token reach the control API, apart by commas.", _hosts,
            "NAME,...",
        ),
    )  # fmt: skip
    dial_timeout: float = field(
        default=DIAL_TIMEOUT,
        metadata=_flag(
            "How long a dial to an upstream may take.", _quantity(SECONDS, least=0.001), "TIME", default="10s"
        ),
    )
    buffer: int = field(
        default=BUFFER,
        metadata=_flag(
            "Bytes that faults may hold back, over all connections.",
            _quantity(BYTES, least=1),
            "SIZE",
            default="256MiB",
        ),
    )
    log_level: str = field(
        default="info",
        metadata=_flag(
            "debug, info, warn or error; debug logs connections.", _level, "LEVEL", default="info",
            env="LOG_LEVEL",
        ),
    )  # fmt: skip

    def __post_init__(self) -> None:
        """Raises InvalidSpec for settings that contradict each other."""
        if self.token is not None and self.token_file is not None:
            raise InvalidSpec("--token", "conflicts with --token-file; use one of them")
        if self.port == OFF and self.grpc_port == OFF:
            raise InvalidSpec("--port", "off together with --grpc-port off: nobody could control the proxies")
        check_server_tls(self.tls_cert, self.tls_key, self.tls_client_ca)
        has_token = self.token is not None or self.token_file is not None
        if not self.is_local and not has_token and not self.insecure_no_auth:
            raise InvalidSpec(
                "--host",
                f"{self.host} is reachable from other machines: give --token-file FILE or {PREFIX}TOKEN, "
                "or --insecure-no-auth if everybody there may control the proxies",
            )

    @property
    def is_local(self) -> bool:
        """Whether only this machine reaches the control API."""
        return Address(host=self.host).is_loopback

    @property
    def http(self) -> int | None:
        """The port of the HTTP API; None if it is left out."""
        return None if self.port == OFF else self.port

    @property
    def grpc(self) -> int | None:
        """The port of the gRPC API, 0 for a free one; None if it is left out."""
        if self.grpc_port is None:
            return max(0, self.port - 1)
        return None if self.grpc_port == OFF else self.grpc_port

    def in_clear(self) -> Iterator[str]:
        """What whoever runs it should know of traffic that others can read, with the remedy."""
        has_token = self.token is not None or self.token_file is not None
        if self.http is not None and self.tls_cert is not None:
            asks = "a token alone" if has_token else "neither a certificate nor a token"
            yield f"--tls-cert protects the gRPC API only: the HTTP API has no TLS and asks for {asks}; {_LEAVE_OUT}"
        elif self.http is not None and has_token and not self.is_local:
            yield f"the token crosses the network in clear, as the HTTP API has no TLS; {_LEAVE_OUT}"
        if self.grpc is not None and has_token and not self.is_local and self.tls_cert is None:
            yield "the token crosses the network in clear to the gRPC API: give --tls-cert and --tls-key"

    def secret(self) -> str | None:
        """The token, read from its file if there is one. Raises Unavailable, InvalidSpec."""
        return self.token if self.token_file is None else read_token(self.token_file)


def flags() -> Iterator[Flag]:
    """Every setting, in the order of their declaration."""
    for declared in fields(Settings):
        meta = declared.metadata
        assert declared.default is not MISSING, "a proxy starts without any setting"
        extra = (meta["env"],) if meta["env"] else ()
        yield Flag(
            field=declared.name,
            help=meta["help"],
            read=meta["read"],
            metavar=meta["metavar"],
            default=meta["default"],
            environment=(PREFIX + declared.name.upper(), *extra),
            is_switch=declared.default is False,
        )


def from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """The settings that the environment gives; an empty variable is none. Raises InvalidSpec naming the variable."""
    values: dict[str, Any] = {}
    for flag in flags():
        for name in flag.environment:
            text = environment.get(name, "")
            # Kubernetes sets NAME_PORT=tcp://... for every Service, so for one that is called brownout too.
            if text and not text.startswith("tcp://"):
                try:
                    values[flag.field] = flag.read(text)
                except ValueError as error:
                    raise InvalidSpec(name, str(error)) from None
                break
    return values


def merged(from_flags: Mapping[str, Any], environment: Mapping[str, str]) -> Settings:
    """Settings from flags first, then from the environment. Raises InvalidSpec."""
    surroundings = from_environment(environment)
    if {"token", "token_file"} & from_flags.keys():  # the token is from one place
        surroundings = {name: value for name, value in surroundings.items() if name not in ("token", "token_file")}
    return Settings(**{**surroundings, **from_flags})
