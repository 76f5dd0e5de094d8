"""Pictures as SVG: sharp at any size, and dark where the reader's page is."""

import io
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from ferlab.figure_style import EDGE, FAINT, INK, PAPER, RULE

DARK = {INK: "#e8e8e8", FAINT: "#a3a7ab", EDGE: "#5f6469", RULE: "#33373b", PAPER: "#16181b"}
"""Colours on a dark page, for those that would not do; the others stay."""

_RULES = "".join(
    f"[style*='{kind}: {light.lower()}']{{{kind}:{dark}!important}}"
    for light, dark in DARK.items()
    for kind in ("fill", "stroke")
)
_STYLE = f"<style>@media (prefers-color-scheme: dark) {{{_RULES}}}</style>\n"

_DOTS = 200
"""To the inch, of what is drawn as one picture within a figure."""

_SETTINGS = mpl.rc_context(
    {"svg.hashsalt": "ferlab", "svg.fonttype": "path", "text.parse_math": False}
)


@_SETTINGS
def svg(figure: Figure) -> str:
    """A figure as SVG, the same text whenever it is drawn.

    Letters are outlines, so that every device shows the same. A viewer without media queries shows
    the light colours.
    """
    file = io.StringIO()
    metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(file, format="svg", metadata=metadata, dpi=_DOTS)
    text = file.getvalue()
    at = text.index("<defs>")
    return text[:at] + _STYLE + text[at:]


def save_svg(figure: Figure, path: Path) -> None:
    """Write a figure to a file."""
    path.write_text(svg(figure), encoding="utf-8")
