"""The reliability diagram: what it says and what it shows."""

import io

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from ferlab.recording.reliability import reliability_diagram

SURE = np.array([[0.9, 0.1], [0.9, 0.1], [0.3, 0.7], [0.45, 0.55]], np.float32)
LABELS = np.array([0, 1, 1, 0], np.uint8)


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(mpl.text.Text) if text.get_text()]


def test_it_tells_the_error_before_and_after_and_shows_both() -> None:
    """Gaps 0.55, 0.3 and 0.4 twice; at temperature 2 odds of 9 are 3, a probability of 0.75."""
    figure = reliability_diagram(SURE, LABELS, 2.0)
    written = "\n".join(texts(figure))
    assert "calibration error 41.2%" in written
    assert "temperature 2.00" in written
    (scores,) = (axes for axes in figure.axes[0].child_axes if axes.lines)
    _, raw, mended = scores.lines
    np.testing.assert_allclose(raw.get_xdata(), [0.55, 0.7, 0.9], rtol=1e-6)
    np.testing.assert_allclose(raw.get_ydata(), [0, 1, 0.5])
    assert mended.get_xdata()[-1] == pytest.approx(0.75)
    assert {"as sure as right", "as recorded", "at the temperature"} <= set(texts(figure))


@pytest.mark.parametrize("n", [1, 4])
def test_it_can_be_drawn_of_any_number_of_images(n: int) -> None:
    file = io.BytesIO()
    reliability_diagram(SURE[:n], LABELS[:n], 1.0).savefig(file)
    assert file.getvalue()
