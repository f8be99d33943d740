"""What pictures of a report share: colours that are names, fonts, SVG that stands in a page."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime
from typing import Any, Final

import matplotlib.dates
from matplotlib.figure import Figure

# Colours that no plot would choose, and the variables that they become.
INK, QUIET, GRID, GOOD, BAD, WARN = "#010101", "#010102", "#010103", "#010104", "#010105", "#010106"
LINES: Final = ("#020201", "#020202", "#020203", "#020204", "#020205", "#020206", "#020207")
_VARIABLES: Final = {
    INK: "ink",
    QUIET: "quiet",
    GRID: "grid",
    GOOD: "good",
    BAD: "bad",
    WARN: "warn",
    **{colour: f"s{number}" for number, colour in enumerate(LINES, 1)},
}
# Parts of matplotlib that have no types.
DATES: Final[Any] = matplotlib.dates
STYLE: Final[Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "pmm",
    # A name with two dollar signs is a name, and no formula.
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": QUIET,
    "axes.edgecolor": GRID,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.6,
}


def moment(at_ms: int) -> float:
    """Return a unix time in milliseconds as matplotlib's days."""
    return float(DATES.date2num(datetime.fromtimestamp(at_ms / 1_000, UTC)))


def svg(figure: Figure, name: str) -> str:
    """Return a picture as an element of a page; ``name`` keeps its ids apart from those of others."""
    target = io.StringIO()
    figure.savefig(target, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = target.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    # Several pictures share a page: each keeps its names to itself.
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'(url\(#|xlink:href="#)', rf"\g<1>{name}-", text)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, f"var(--{variable})")
    text = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font: \1px var(--face)", text)
    return re.sub(r'<svg ([^>]*?)height="[\d.]+pt"([^>]*?)width="[\d.]+pt"', r"<svg \1\2", text, count=1)
