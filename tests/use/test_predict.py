"""``ferlab predict`` from outside: photos in, expressions out, and a line for what is none."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ferlab import cli as command_line
from ferlab.config.compose import compose
from ferlab.data.imageset import EXPRESSIONS, Split
from ferlab.data.prepare import prepare
from ferlab.tracking import artifacts, pyfunc_model, store
from tests.use.one_run import FAST, lab
from tests.use.portrait import BOX, portrait

__all__ = ["lab"]


@pytest.fixture(autouse=True)
def run_id(
    lab: tuple[Path, str],
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """The id of a recorded run; photos are looked for in an empty folder."""
    monkeypatch.setenv("FERLAB_HOME", str(lab[0]))
    (tmp_path / "photos").mkdir()
    monkeypatch.chdir(tmp_path / "photos")
    return lab[1]


Out = pytest.CaptureFixture[str]


def predict(capsys: Out, *arguments: str, code: int = 0) -> tuple[str, str]:
    """What the command prints, and what it complains of."""
    assert command_line.main(["predict", *arguments]) == code
    told = capsys.readouterr()
    return told.out, told.err


def test_a_photo_is_read_and_told_in_a_row(run_id: str, capsys: Out) -> None:
    portrait().save("grace.png")
    out, err = predict(capsys, run_id[:9], "grace.png")
    header, row = (line.split() for line in out.splitlines())
    assert header[:2] == ["photo", "face"]
    assert row[:2] == ["grace.png", "1"]
    assert row[4] in EXPRESSIONS
    assert err == ""


def test_all_that_is_known_is_there_for_a_program(run_id: str, capsys: Out) -> None:
    portrait().save("grace (1).png")
    portrait().resize((256, 300)).save("small.jpg")
    out, err = predict(capsys, "best", ".", "--json")
    told = json.loads(out)
    assert told["model"].startswith(f"run {run_id}: ")
    assert told["classes"] == list(EXPRESSIONS)
    assert [photo["photo"] for photo in told["photos"]] == ["grace (1).png", "small.jpg"]
    for photo, scale in zip(told["photos"], (1, 0.5), strict=True):
        assert (photo["width"], photo["height"]) == (512 * scale, 600 * scale)
        (face,) = photo["faces"]
        assert list(face["box"].values()) == pytest.approx([e * scale for e in BOX], abs=20)
        assert sum(face["probabilities"].values()) == pytest.approx(1, abs=0.001)
        assert face["expression"] == max(face["probabilities"], key=face["probabilities"].get)
    assert err.startswith("2 photos, 2 faces; ")
    assert err.endswith(" photos/s\n")

    rows = list(csv.DictReader(io.StringIO(predict(capsys, "best", ".", "--csv")[0])))
    assert [row["photo"] for row in rows] == ["grace (1).png", "small.jpg"]
    first = told["photos"][0]["faces"][0]
    assert {k: float(rows[0][k]) for k in EXPRESSIONS} == first["probabilities"]
    assert {k: float(rows[0][k]) for k in first["box"]} == first["box"]


def test_an_image_of_the_data_is_read_as_it_was_in_training(
    run_id: str, monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    """As a whole face: whatever its mode, it is what the model scores directly."""
    monkeypatch.setitem(sys.modules, "ferlab.use.mtcnn.cascade", None)  # it is not asked for
    images, _ = prepare(compose(FAST).data)
    faces = images.images[images.indices(Split.VAL)]
    with artifacts.model(store.connect(None), run_id) as folder:
        served = pyfunc_model.load_model(folder)
    for i, mode in enumerate(("L", "RGB", "P", "RGBA")):
        Image.fromarray(faces[i]).convert(mode).save(f"{i}.png")
    told = json.loads(predict(capsys, run_id, ".", "--face", "whole", "--json")[0])
    labels = [served.classes[k] for k in served.probabilities(faces[:4]).argmax(axis=1)]
    assert [photo["faces"][0]["expression"] for photo in told["photos"]] == labels


def test_what_cannot_be_read_is_told_and_the_others_are_read(capsys: Out) -> None:
    portrait().save("good.jpg")
    Image.new("RGB", (300, 200), "grey").save("empty.png")
    data = Path("good.jpg").read_bytes()
    Path("cut.jpg").write_bytes(data[: len(data) // 2])
    Path("text.jpg").write_text("no photo")
    Path("folder").mkdir()
    photos = ["cut.jpg", "empty.png", "folder", "good.jpg", "none.jpg", "text.jpg"]
    out, err = predict(capsys, "best", *photos, code=1)
    assert len(out.splitlines()) == 2
    assert "good.jpg" in out
    *lines, summary = err.splitlines()
    assert [line.split()[1] for line in lines] == [p for p in photos if p != "good.jpg"]
    assert "cut.jpg is damaged" in lines[0]
    assert "empty.png shows no face; --face whole reads one that fills a photo" in lines[1]
    assert summary.startswith("6 photos, 1 face, 5 without; ")

    out, _ = predict(capsys, "best", *photos, "--json", code=1)
    told = {photo.get("photo", ""): photo for photo in json.loads(out)["photos"]}
    assert "error" not in told["good.jpg"]
    assert told["none.jpg"]["error"] == "none.jpg cannot be read: No such file or directory"


def test_marked_photos_are_kept_and_none_is_overwritten(capsys: Out) -> None:
    for name in ("a.jpg", "deep/a.png"):
        Path(name).parent.mkdir(exist_ok=True)
        portrait().save(name)
    before = Path("a.jpg").read_bytes()
    Path("beside").mkdir()
    portrait().resize((40, 40)).save("beside/a.png")
    own = Path("beside/a.png").read_bytes()
    predict(capsys, "best", "a.jpg", "--save", "beside")
    assert Path("beside/a.png").read_bytes() == own
    assert Path("beside/a-2.png").exists()
    predict(capsys, "best", "a.jpg", "deep", "--save", "seen")
    assert sorted(path.name for path in Path("seen").iterdir()) == ["a-2.png", "a.png"]
    with Image.open("seen/a.png") as seen:
        marked, plain = (np.asarray(picture).astype(int) for picture in (seen, portrait()))
    changed = np.abs(marked - plain).max(axis=2) > 60
    rows, columns = np.nonzero(changed)
    left, top, right, bottom = BOX
    assert left - 60 < columns.min() < left + 20
    assert right - 20 < columns.max() < right + 60
    assert rows.max() < bottom + 40
    assert not changed[top + 40 : bottom - 40, left + 40 : right - 40].any()

    predict(capsys, "best", "a.jpg", "--save", "one.jpg")
    with Image.open("one.jpg") as one:
        assert one.size == (512, 600)
    _, err = predict(capsys, "best", "a.jpg", "--save", "a.jpg", code=1)
    assert err == "ferlab: a.jpg is a photo that is read; save elsewhere\n"
    assert Path("a.jpg").read_bytes() == before
    _, err = predict(capsys, "best", "a.jpg", "deep", "--save", "one.jpg", code=1)
    assert err == "ferlab: --save one.jpg is one file for 2 photos; name a folder\n"
    Path("file").touch()
    _, err = predict(capsys, "best", "a.jpg", "--save", "file/seen", code=1)
    assert err == "ferlab: file/seen/a.png cannot be written: Not a directory\n"


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch, capsys: Out) -> None:
    portrait().save("grace.jpg")
    for data, name in ((Path("grace.jpg").read_bytes(), "standard input"), (b"grace.jpg\n", "")):
        with io.TextIOWrapper(io.BytesIO(data)) as stdin:
            monkeypatch.setattr("sys.stdin", stdin)
            out, _ = predict(capsys, "best", "-", "--csv")
        assert out.splitlines()[1].startswith(f"{name or 'grace.jpg'},1,")


@pytest.mark.parametrize("name", ["nosuch", "best:nosuch"])
def test_without_such_a_run_nothing_is_read(name: str, capsys: Out) -> None:
    portrait().save("grace.jpg")
    out, err = predict(capsys, name, "grace.jpg", "--save", "seen", code=1)
    assert out == ""
    assert err.startswith("ferlab: there is no ")
    assert err.count("\n") == 1
    assert not Path("seen").exists()


def test_help_is_there_without_what_is_slow_to_import() -> None:
    script = (
        "import sys; from ferlab import cli\n"
        "try: cli.main(['predict', '--help'])\n"
        "except SystemExit: print(*({'torch', 'mlflow', 'PIL', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert "or - for a photo, or paths" in done.stdout
    assert done.stdout.splitlines()[-1] == ""
