"""Pictures of a study: pure functions from its table to a `matplotlib.figure.Figure`.

Each returns None where there is nothing to draw. They are in the style of a run's pictures.
"""

from collections.abc import Callable, Mapping

from matplotlib.figure import Figure

from ferlab.analysis.search.curves import trial_curves
from ferlab.analysis.search.front import front
from ferlab.analysis.search.history import optimization_history
from ferlab.analysis.search.importance import parameter_importances
from ferlab.analysis.search.parallel import parallel_coordinates
from ferlab.analysis.search.placement import placement
from ferlab.analysis.search.slices import slices
from ferlab.study.table import StudyTable

PICTURES: Mapping[str, Callable[[StudyTable], Figure | None]] = {
    "history": optimization_history,
    "slices": slices,
    "placement": placement,
    "parallel": parallel_coordinates,
    "importances": parameter_importances,
    "front": front,
    "curves": trial_curves,
}
"""Functions that draw each picture, by the name of its file."""


def draw_search(table: StudyTable) -> dict[str, Figure]:
    """Draw all pictures for which there is something to draw, by name."""
    drawn = {name: picture(table) for name, picture in PICTURES.items()}
    return {name: figure for name, figure in drawn.items() if figure is not None}
