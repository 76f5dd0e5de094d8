import csv
import io

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from ferlab.analysis.history import History
from ferlab.errors import DataError
from ferlab.recording import figures

CLASSES = ("angry", "happy", "sad")
LABELS = np.array([0, 0, 0, 0, 1, 1, 2], np.uint8)
PREDICTED = np.array([0, 0, 0, 1, 1, 1, 0], np.uint8)


def texts(figure: Figure) -> list[str]:
    """Everything that is written in a figure, in no particular order."""
    return [text.get_text() for text in figure.findobj(mpl.text.Text) if text.get_text()]


def png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def epochs(**metrics: list[float]) -> list[dict[str, float]]:
    names = ("train/loss", "train/accuracy", "val/loss", "val/accuracy", "val/f1", "lr")
    n = len(next(iter(metrics.values())))
    given = {name.replace("_", "/"): values for name, values in metrics.items()}
    return [{name: given.get(name, [0.5] * n)[i] for name in names} for i in range(n)]


def mistakes(n: int = 30, count: int = 20) -> Figure:
    """A figure of n images of class 0, all taken for class 1, the later the surer."""
    sure = np.linspace(0.6, 0.99, n)
    probabilities = np.stack([1 - sure, sure, np.zeros(n)], axis=1)
    images = np.arange(n, dtype=np.uint8)[:, None, None] * np.ones((48, 48), np.uint8)
    names = [f"test/angry/{i}.jpg" for i in range(n)]
    labels = np.zeros(n, np.uint8)
    return figures.surest_mistakes(images, labels, probabilities, names, CLASSES, count)


def test_confusion_shows_percent_of_the_true_class_and_counts() -> None:
    shown = texts(figures.confusion(LABELS, PREDICTED, CLASSES))
    assert {"75%\n3", "25%\n1", "100%\n2", "100%\n1"} <= set(shown)
    assert "accuracy 71.4%, macro F1 0.517, 7 images" in shown


def test_confusion_copes_with_a_class_that_does_not_occur() -> None:
    assert png(figures.confusion(np.array([0, 0]), np.array([0, 1]), CLASSES))


def test_per_class_shows_f1_and_support() -> None:
    shown = texts(figures.per_class(LABELS, PREDICTED, CLASSES))
    assert {"0.75", "0.80", "0.00"} <= set(shown)
    assert {"4", "2", "1"} <= set(shown)


@pytest.mark.parametrize(("monitor", "best"), [("val/accuracy", 1), ("val/loss", 2)])
def test_learning_curves_mark_the_first_best_finite_epoch(monitor: str, best: int) -> None:
    history = epochs(
        val_accuracy=[0.3, 0.6, 0.6, 0.5, float("nan")],
        val_loss=[2.0, 1.5, 1.0, 1.0, float("-inf")],
    )
    shown = texts(figures.learning_curves(History(history, 0.0), monitor))
    assert f"best {monitor} {history[best][monitor]:.4f} at epoch {best + 1} (dashed)" in shown


def test_learning_curves_of_a_run_that_diverged_at_once() -> None:
    nan = float("nan")
    figure = figures.learning_curves(
        History(epochs(val_loss=[nan], train_loss=[nan]), 0.0), "val/loss"
    )
    assert "val/loss has no finite value" in texts(figure)
    assert png(figure)


def test_learning_curves_name_the_missing_metric() -> None:
    history = epochs(val_f1=[0.1, 0.2])
    del history[1]["val/f1"]
    with pytest.raises(DataError, match="in every epoch: val/f1"):
        figures.learning_curves(History(history, 0.0), "val/loss")
    with pytest.raises(DataError, match="in every epoch"):
        figures.learning_curves(History([], 0.0), "val/loss")


def test_the_surest_mistakes_come_first() -> None:
    figure = mistakes(n=30, count=7)
    captions = [text for text in texts(figure) if text.endswith(".jpg")]
    assert captions[0] == "99.0%\n29.jpg"
    assert [caption.split("\n")[1] for caption in captions] == [
        f"{i}.jpg" for i in range(29, 22, -1)
    ]
    assert texts(figure).count("angry → happy") == 7
    mosaic = np.asarray(figure.axes[0].images[0].get_array())
    assert (mosaic[:48, :48] == 29).all()
    assert "7 of 30 among 30 images; true → predicted, its probability" in texts(figure)


def test_no_mistake_is_said_clearly() -> None:
    perfect = np.eye(3)[LABELS]
    images = np.zeros((7, 48, 48), np.uint8)
    figure = figures.surest_mistakes(images, LABELS, perfect, list("abcdefg"), CLASSES)
    assert "none: all of 7 images are read correctly" in texts(figure)
    assert png(figure)


def test_names_are_shown_as_they_are() -> None:
    classes = ("$a_", "b$^", "$\\frac{$")
    images = np.zeros((7, 48, 48), np.uint8)
    wrong = np.eye(3)[(LABELS + 1) % 3]
    assert png(figures.surest_mistakes(images, LABELS, wrong, ["$x_$"] * 7, classes))
    assert png(figures.confusion(LABELS, PREDICTED, classes))


def test_drawing_leaves_matplotlib_as_it_was() -> None:
    before = mpl.rcParams.copy()
    assert png(mistakes())
    assert png(figures.per_class(LABELS, PREDICTED, CLASSES))
    assert mpl.rcParams.copy() == before


def test_the_report_agrees_with_scikit_learn() -> None:
    from sklearn.metrics import accuracy_score, precision_recall_fscore_support

    rng = np.random.default_rng(0)
    labels, predicted = rng.integers(0, 6, (2, 500))
    labels[labels == 5] = 0  # predicted, but does not occur
    classes = [*"abcdef", "absent"]
    rows = list(csv.reader(io.StringIO(figures.per_class_report(labels, predicted, classes))))
    assert rows[0] == ["class", "precision", "recall", "f1", "support"]

    def expected(average: str | None) -> tuple[np.ndarray, ...]:
        found: tuple[np.ndarray, ...] = precision_recall_fscore_support(
            labels, predicted, average=average, zero_division=0
        )
        return found

    by_class = np.array(expected(None)).T
    assert np.allclose(np.array(rows[1:7])[:, 1:].astype(float), by_class, atol=1e-4)
    assert rows[7] == ["absent", "0.0000", "0.0000", "0.0000", "0"]
    assert np.allclose([float(value) for value in rows[8][1:4]], expected("macro")[:3], atol=1e-4)
    assert [rows[8][0], rows[8][4]] == ["macro", "500"]
    assert rows[9] == ["accuracy", *[f"{accuracy_score(labels, predicted):.4f}"] * 3, "500"]


@pytest.mark.parametrize(
    ("labels", "predicted", "message"),
    [
        ([], [], "at least 1"),
        ([0, 1], [0], "2 labels, 1 predictions"),
        ([0, 3], [0, 0], "classes 0-3 .* 0-2 exist"),
        ([0, 0], [0, -1], "classes -1-0 .* 0-2 exist"),
    ],
)
def test_labels_that_do_not_fit_are_refused(
    labels: list[int], predicted: list[int], message: str
) -> None:
    arrays = np.array(labels, int), np.array(predicted, int)
    for picture in (figures.confusion, figures.per_class, figures.per_class_report):
        with pytest.raises(DataError, match=message):
            picture(*arrays, CLASSES)


def test_images_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DataError, match="6 images, 7 labels"):
        figures.surest_mistakes(
            np.zeros((6, 48, 48), np.uint8), LABELS, np.eye(3)[LABELS], ["a"] * 7, CLASSES
        )
