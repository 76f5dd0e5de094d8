"""Pictures of a study: pure functions from its table to a `matplotlib.figure.Figure`.

Each returns None where there is nothing to draw. They are in the style of a run's pictures.
"""

from collections.abc import Callable, Mapping

from matplotlib.figure import Figure

from ferlab.analysis.search.curves import trial_curves
from ferlab.analysis.search.front import front
from ferlab.analysis.search.history import optimization_history
from ferlab.analysis.search.importance import parameter_importances
from ferlab.analysis.search.leads import leads
from ferlab.analysis.search.parallel import parallel_coordinates
from ferlab.analysis.search.placement import placement
from ferlab.analysis.search.slices import slices
from ferlab.study.table import StudyTable

PICTURES: Mapping[str, Callable[[StudyTable], Figure | None]] = {
    "history": optimization_history,
    "leads": leads,
    "slices": slices,
    "placement": placement,
    "parallel": parallel_coordinates,
    "importances": parameter_importances,
    "front": front,
    "curves": trial_curves,
}
"""Functions that draw each picture, by the name of its file."""

_OF_PARAMETERS = ("slices", "parallel", "importances")
"""Those that speak of a parameter over all points; not of points that were listed, see `leads`."""


def draw_search(table: StudyTable) -> dict[str, Figure]:
    """Draw all pictures for which there is something to draw, by name."""
    drawn: dict[str, Figure] = {}
    for name, picture in PICTURES.items():
        if name in _OF_PARAMETERS and "leads" in drawn:
            continue
        if (figure := picture(table)) is not None:
            drawn[name] = figure
    return drawn
