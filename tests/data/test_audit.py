from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from ferlab.cli import main
from ferlab.data import prepare
from ferlab.data.audit import audit, save_examples
from ferlab.data.imageset import ImageSet, Split
from ferlab.errors import DataError

TRAIN, VAL, TEST, UNUSED = Split


@pytest.fixture
def flawed() -> ImageSet:
    """Sixteen images; the rows below tell which picture, label and split each has."""
    rows = [
        *[(0, 0, TRAIN), (0, 0, VAL), (0, 0, TRAIN)],  # across splits: one leak, two to drop
        *[(1, 1, TRAIN), (1, 2, TEST)],  # across splits, conflicting
        *[(2, 3, TRAIN), (2, 3, TRAIN)],  # harmless
        *[(3, 4, VAL), (3, 5, VAL)],  # conflicting
        *[(4, 6, VAL), (4, 6, TEST)],  # across splits without training
        *[(5, 0, TRAIN), (5, 1, UNUSED)],  # not in use together
        *[(6, 0, TRAIN), (7, 0, TEST), (8, 0, UNUSED)],  # 6 to 8 are blank
    ]
    pictures = np.random.default_rng(0).integers(0, 256, (9, 48, 48), np.uint8)
    pictures[6:] = np.array([0, 255, 7]).reshape(3, 1, 1)
    which, labels, split = (np.array(column) for column in zip(*rows, strict=True))
    return ImageSet.of(pictures[which], labels, split, [f"face_{i}" for i in range(len(rows))])


def test_every_flaw_is_found_and_no_other(flawed):
    found = audit(flawed)
    assert found.identical == ((0, 1, 2), (3, 4), (5, 6), (7, 8), (9, 10))
    assert found.spanning == ((0, 1, 2), (3, 4), (9, 10))
    assert found.conflicting == ((3, 4), (7, 8))
    assert found.leaked == {VAL: 1, TEST: 1}
    assert found.dropped == 3
    assert found.blank == {TRAIN: (13,), VAL: (), TEST: (14,)}
    assert found.counts[TRAIN]["angry"] == 4
    assert sum(sum(counts.values()) for counts in found.counts.values()) == len(flawed)


def test_the_text_says_what_was_found(flawed):
    lines = [" ".join(line.split()) for line in audit(flawed).text().splitlines()]
    assert lines[0] == "split angry disgust fear happy neutral sad surprise all"
    assert "train 4 1 0 2 0 0 0 7" in lines
    assert "identical images 5 groups, 11 images in them" in lines
    assert "with conflicting labels 2 groups" in lines
    assert "val images also in train 1 images, 25.0% of the split" in lines
    assert "train images to drop for that 3 images" in lines
    assert "blank images in test 1 images" in lines


def test_the_text_fits_a_terminal(flawed):
    assert max(map(len, audit(flawed).text().splitlines())) <= 100


def clean_set() -> ImageSet:
    images = np.random.default_rng(1).integers(0, 256, (2, 48, 48), np.uint8)
    return ImageSet.of(images, np.zeros(2), np.zeros(2), ["a", "b"])


def test_a_clean_set_has_nothing_to_report():
    found = audit(clean_set())
    assert found.identical == found.spanning == found.conflicting == ()
    assert found.dropped == 0
    assert "identical images 0 groups" in " ".join(found.text().split())


def test_the_figure_shows_the_flaws(flawed, tmp_path):
    save_examples(flawed, audit(flawed), tmp_path / "flawed.png")
    save_examples(clean_set(), audit(clean_set()), tmp_path / "clean.png")
    ink = {}
    for name in ("flawed", "clean"):
        with Image.open(tmp_path / f"{name}.png") as figure:
            assert figure.format == "PNG"
            ink[name] = float(np.mean(np.asarray(figure.convert("L")) < 128))
    assert ink["flawed"] > ink["clean"] + 0.05  # pictures, not just titles


@pytest.mark.parametrize("is_flawed", [False, True])
def test_the_command_draws_examples_only_of_what_it_found(
    tmp_path, monkeypatch, capsys, flawed, is_flawed
):
    monkeypatch.setenv("FERLAB_HOME", str(tmp_path))
    images = replace(flawed if is_flawed else clean_set(), notes=("told by its reader",))
    monkeypatch.setattr(prepare, "read_images", lambda config, allow: images)
    assert main(["data", "audit"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("told by its reader\nsplit")
    assert ("examples: " in told) is is_flawed
    assert bool(list(tmp_path.rglob("*.png"))) is is_flawed


def test_a_figure_without_a_place_is_one_clear_error(flawed, tmp_path):
    with pytest.raises(DataError, match=r"cannot write the figure .*missing"):
        save_examples(flawed, audit(flawed), tmp_path / "missing" / "figure.png")
