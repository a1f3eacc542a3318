"""How much may come in from outside: the one place that bounds requests, messages, names and connections.

The HTTP API, the gRPC APIs of proxy and controller and the files take their bounds from here. `python -m
brownout_core.limits` prints docs/limits.md.
"""

from __future__ import annotations

from typing import Final

from brownout_core.errors import InvalidSpec, TooMuch


class Limit(int):
    """A bound that is its own number. `unit` is what it counts, `what` of which, `beyond` what happens past it."""

    unit: str
    what: str
    beyond: str

    def __new__(cls, value: int, unit: str, what: str, beyond: str) -> Limit:
        limit = super().__new__(cls, value)
        limit.unit, limit.what, limit.beyond = unit, what, beyond
        LIMITS.append(limit)
        return limit

    def __str__(self) -> str:
        """`4 MiB`, `10,000 proxies`."""
        if self.unit != "bytes":
            return f"{int(self):,} {self.unit}"
        size, unit = (self >> 20, "MiB") if self >= 1 << 20 and not self % (1 << 20) else (self >> 10, "KiB")
        return f"{size} {unit}"

    def check(self, count: int, what: str = "") -> None:
        """Raises TooMuch if `count` is beyond it; `what` names what was counted."""
        if count > self:
            raise TooMuch(f"{what or self.what}: at most {self} ({count:,} were sent)")


LIMITS: Final[list[Limit]] = []
"""All of them, in the order of the table in docs/limits.md."""

_413: Final = "413"
_INVALID: Final = "an error that names the place"

BODY: Final = Limit(4 << 20, "bytes", "body of `POST /populate`", _413)
OBJECT: Final = Limit(64 << 10, "bytes", "body of any other HTTP request, and one proxy in `POST /populate`", _413)
LARGE_BODIES: Final = Limit(4, "bodies", f"HTTP bodies above {OBJECT} that are read at once", "others wait their turn")
# The path of a toxic with two names of the longest, percent-encoded at worst.
REQUEST_LINE: Final = Limit(32 << 10, "bytes", "request line of HTTP", "400")
HEADER: Final = Limit(8 << 10, "bytes", "one header of an HTTP request", "400")
HEADERS: Final = Limit(128, "headers", "headers of an HTTP request", "400")
MESSAGE: Final = Limit(256 << 10, "bytes", "one gRPC message to a proxy or a controller", "RESOURCE_EXHAUSTED")
METADATA: Final = Limit(16 << 10, "bytes", "metadata of a gRPC call", "RESOURCE_EXHAUSTED")
STREAMS: Final = Limit(100, "calls", "calls at once on one gRPC connection", "others wait their turn")
READS: Final = Limit(
    4, "messages", "messages that arrive at the same time on one gRPC connection", "others wait their turn"
)
CONNECTIONS: Final = Limit(
    64,
    "connections",
    "connections to the HTTP API, and as many to a gRPC API; fewer where the limit of open files is below 1,024",
    "HTTP closes the oldest one that is idle, gRPC refuses the new one",
)
WATCHES: Final = Limit(
    256, "watches", "watches that are open at the same time at one proxy process", "RESOURCE_EXHAUSTED"
)
PROXIES: Final = Limit(10_000, "proxies", "proxies of one process, however they are made", "413, RESOURCE_EXHAUSTED")
FAULTS: Final = Limit(100, "faults", "faults of one proxy", "413, RESOURCE_EXHAUSTED")
LEASES: Final = Limit(1_000, "leases", "leases of one proxy process", "RESOURCE_EXHAUSTED")
BLOCKS: Final = Limit(256, "blocks", "CIDR blocks in `clients` of one fault", _INVALID)
NAME: Final = Limit(1_000, "characters", "a name, an address or a lease's id, in HTTP, gRPC and files", _INVALID)
FILE: Final = Limit(4 << 20, "bytes", "a YAML or JSON file", _INVALID)
DEPTH: Final = Limit(100, "brackets", "brackets that are open at once in a YAML file", _INVALID)
VALUES: Final = Limit(1_000_000, "values", "values of a YAML file with its aliases written out", _INVALID)
# The longest experiment file has 4 MiB, and the record of its run has it and a little more.
RECORD: Final = Limit(8 << 20, "bytes", "a line of a run's journal", "the journal is left out")
# Three days of ten hypotheses, each measured every second; read, they need ten times as much memory.
JOURNAL: Final = Limit(512 << 20, "bytes", "a run's journal", "the journal is left out")
EXPRESSION: Final = Limit(1_000, "characters", "a quantity or an expectation, such as `< 2s`", _INVALID)
EXPANDED: Final = Limit(4 << 20, "characters", "what the variables of one file stand for", _INVALID)
EXPERIMENT: Final = Limit(32_000, "characters", "an experiment that is sent to a controller", _INVALID)
HYPOTHESES: Final = Limit(100, "hypotheses", "hypotheses of such an experiment", _INVALID)
VARIABLES: Final = Limit(100, "variables", "variables sent with it", _INVALID)
VALUE: Final = Limit(10_000, "characters", "the value of such a variable", _INVALID)
READERS: Final = Limit(1, "text", "experiments of clients that a controller reads at once", "others wait their turn")
EDGES: Final = Limit(100, "edges", "edges of one request for ad-hoc faults", _INVALID)
RUNS: Final = Limit(64, "runs", "runs that one controller has going at the same time", "UNAVAILABLE")


def check_name(path: str, text: str) -> None:
    """Raises InvalidSpec at `path` for a name or an address that is too long."""
    if len(text) > NAME:
        raise InvalidSpec(path, f"may have {NAME}, and this has {len(text):,}")
