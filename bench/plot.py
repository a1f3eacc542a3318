"""The figures of a run as one SVG: a panel for each question, a bar for each relay, its value beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Final, NamedTuple

from bench.accuracy import DELAYS, delay_title
from bench.sections import FAULTS
from bench.stats import Samples

_COLOURS: Final[Mapping[str, str]] = {
    "direct": "#b8b8b8",
    "bare": "#7f8c8d",
    "brownout": "#c8591a",
    "nginx": "#4a9168",
    "haproxy": "#4f7cac",
    "socat": "#a98bb5",
    "toxiproxy": "#2f3e55",
}
_WIDTH, _MARGIN, _COLUMNS = 1180, 24, 3
_PANEL: Final = (_WIDTH - _MARGIN * (_COLUMNS + 1)) / _COLUMNS
_BAR, _GAP, _HEAD, _LABEL, _VALUE = 16, 5, 46, 74, 58


class Bar(NamedTuple):
    relay: str
    value: float
    group: str = ""
    """Bars of one group stand together under its name."""


class Panel(NamedTuple):
    title: str
    better: str
    bars: Sequence[Bar]
    digits: int = 0

    @property
    def height(self) -> float:
        groups = len({bar.group for bar in self.bars if bar.group})
        return _HEAD + len(self.bars) * (_BAR + _GAP) + groups * 20 + 12


def _bars(samples: Samples, section: str, metric: str, group: str = "") -> list[Bar]:
    medians = ((relay, samples.median(section, relay, metric)) for relay in _COLOURS)
    return [Bar(relay, value, group) for relay, value in medians if value is not None]


def _added(samples: Samples, metric: str) -> list[Bar]:
    return [bar for bar in _bars(samples, "plain", metric) if bar.relay != "direct"]


def panels(samples: Samples) -> list[Panel]:
    """Those that have figures."""
    with_fault = [bar for name in FAULTS for bar in _bars(samples, name, "bulk", f"with {name}")]
    late = [bar for delay in DELAYS for bar in _bars(samples, delay_title(delay), "late_p50", f"after {delay} ms")]
    every = [
        Panel("Bulk, MB/s", "more is better", _bars(samples, "plain", "bulk")),
        Panel("Processor time, s/GB", "less is better", _bars(samples, "plain", "cpu_gb"), 2),
        Panel("Memory of an idle connection, kB", "less is better", _bars(samples, "plain", "idle_kb"), 1),
        Panel("Added round trip, median, µs", "less is better", _added(samples, "added_p50")),
        Panel("Added round trip, p99, µs", "less is better", _added(samples, "added_p99")),
        Panel("Processor time of a connection, µs", "less is better", _bars(samples, "plain", "cpu_conn")),
        Panel("Bulk with a fault, MB/s", "more is better", with_fault),
        Panel("How late a delay ends, median, ms", "less is better", late, 2),
    ]
    return [panel for panel in every if panel.bars]


def _text(x: float, y: float, text: str, style: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(text)}</text>'


def _draw(panel: Panel, left: float, top: float) -> Iterator[str]:
    yield _text(left, top + 16, panel.title, 'font-weight="600" font-size="14"')
    yield _text(left, top + 33, panel.better, 'fill="#666"')
    room = _PANEL - _LABEL - _VALUE
    most = max((bar.value for bar in panel.bars), default=0) or 1
    y, group = top + _HEAD, ""
    for bar in panel.bars:
        if bar.group != group:
            group = bar.group
            y += 20
            yield _text(left, y - 6, group, 'fill="#444" font-style="italic"')
        width = max(1.0, room * max(0.0, bar.value) / most)
        weight = 'font-weight="600"' if bar.relay == "brownout" else ""
        yield _text(left + _LABEL - 6, y + 12, bar.relay, f'text-anchor="end" {weight}')
        colour = _COLOURS[bar.relay]
        yield f'<rect x="{left + _LABEL:.1f}" y="{y:.1f}" width="{width:.1f}" height="{_BAR}" fill="{colour}"/>'
        yield _text(left + _LABEL + width + 5, y + 12, f"{bar.value:,.{panel.digits}f}", weight)
        y += _BAR + _GAP


def plot(samples: Samples, machine: Mapping[str, str]) -> str:
    """An SVG document, readable on light and dark pages."""
    drawn: list[str] = []
    top = 72.0
    shown = panels(samples)
    for first in range(0, len(shown), _COLUMNS):
        row = shown[first : first + _COLUMNS]
        for column, panel in enumerate(row):
            drawn += _draw(panel, _MARGIN + column * (_PANEL + _MARGIN), top)
        top += max(panel.height for panel in row) + 14
    about = f"{machine['processors']}, {machine['system']}, Python {machine['python']}"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {top:.0f}" width="{_WIDTH}"'
            f' height="{top:.0f}" font-family="system-ui, DejaVu Sans, sans-serif" font-size="12" fill="#222">',
            '<rect width="100%" height="100%" fill="#fff"/>',
            _text(_MARGIN, 32, "TCP relays side by side", 'font-size="20" font-weight="600"'),
            _text(_MARGIN, 52, f"Medians of interleaved rounds on {about}", 'fill="#666"'),
            *drawn,
            "</svg>\n",
        ]
    )
