"""What can be read in a figure."""

import itertools

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text


def shown(figure: Figure | None) -> list[Text]:
    """Everything that is written in a figure and can be seen."""
    assert figure is not None
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    hidden = set()
    for axes in figure.findobj(mpl.axes.Axes):
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in axis.get_major_ticks():
                if not (axes.axison and low <= tick.get_loc() <= high):
                    hidden |= {tick.label1, tick.label2}
    return [t for t in figure.findobj(Text) if t.get_text() and t.get_visible() and t not in hidden]


def texts(figure: Figure | None) -> list[str]:
    return [text.get_text() for text in shown(figure)]


def words(figure: Figure | None) -> str:
    """All of it, without breaks of lines."""
    return " | ".join(" ".join(text.split()) for text in texts(figure))


def collisions(figure: Figure) -> list[str]:
    """Texts that lie over each other or stick out of the figure."""
    found = []
    boxes = [(t.get_text(), t.get_window_extent()) for t in shown(figure)]
    inside = [(t, b) for t, b in boxes if b.width]
    for (one, box), (other, box2) in itertools.combinations(inside, 2):
        wide = min(box.x1, box2.x1) - max(box.x0, box2.x0)
        high = min(box.y1, box2.y1) - max(box.y0, box2.y0)
        if wide > 1 and high > 1:
            found.append(f"{one!r} over {other!r}")
    frame = figure.bbox
    for text, box in inside:
        if box.x0 < 0 or box.y0 < 0 or box.x1 > frame.x1 or box.y1 > frame.y1:
            found.append(f"{text!r} sticks out")
    return found
