"""The facts about a machine that figures depend on; nothing that says whose it is."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final

from bench.process import program

_VERSIONS: Final[Mapping[str, tuple[str, str]]] = {
    "nginx": ("-v", r"nginx/([\d.]+)"),
    "haproxy": ("-v", r"version ([\d.]+)"),
    "socat": ("-V", r"socat version ([\d.]+)"),
    "toxiproxy-server": ("-version", r"version (\S+)"),
}


def facts() -> dict[str, str]:
    """In the order in which to show them."""
    known = {
        "processors": f"{os.cpu_count()} x {_processor()}",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.0f} GB",
        "system": f"{platform.system()} {re.split('[-+]', platform.release())[0]} {platform.machine()}",
        "python": f"{platform.python_version()}, uvloop {version('uvloop')}",
        "load before": f"{os.getloadavg()[0]:.2f}{' (busy: expect late timers and long tails)' if _busy() else ''}",
    }
    return known | {name: found for name in _VERSIONS if (found := _version(name))}


def _busy() -> bool:
    return os.getloadavg()[0] > (os.cpu_count() or 1) / 2


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().split("\n")
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "processor")


def _version(name: str) -> str:
    path = program(name)
    if path is None:
        return ""
    flag, pattern = _VERSIONS[name]
    done = subprocess.run([path, flag], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    found = re.search(pattern, done.stdout + done.stderr)
    return found[1] if found else "unknown version"
