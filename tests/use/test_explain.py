"""``ferlab explain`` from outside: what a network looks at, in its run's images and in photos."""

import csv
import io
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from ferlab import cli as command_line
from ferlab.config.compose import compose
from ferlab.data import faces
from ferlab.data.imageset import EXPRESSIONS
from ferlab.tracking import artifacts, store
from ferlab.training.run import train
from ferlab.use.explain import written
from ferlab.use.explain.attribution import METHODS
from tests.conftest import TINY
from tests.use.portrait import portrait

HOOK = "ferlab.use.explain.written.explanation"


class Lab(NamedTuple):
    """A run with attention, and the folder of pictures that it was trained on."""

    home: Path
    run_id: str
    data: Path


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Lab:
    folder = tmp_path_factory.mktemp("lab")
    drawn = faces.draw(140)
    for image, label, name in zip(drawn.images, drawn.labels, drawn.names, strict=True):
        path = folder / "pictures" / EXPRESSIONS[label] / f"{Path(name).stem}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    changes = ["data=folder", f"data.path={folder / 'pictures'}", "data.folds=5"]
    attention = ["model.attention.kind=se", "model.attention.stages=[2,3]"]
    quick = ["trainer.max_epochs=2", f"tracking.artifacts=[{HOOK}]"]
    settings = [each for each in TINY if "images" not in each and "epochs" not in each]
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setenv("FERLAB_HOME", str(folder / "home"))
        patch.setenv("FERLAB_CACHE", str(cache))
        run_id = train(compose([*settings, *changes, *attention, *quick])).run_id
    return Lab(folder / "home", run_id, folder / "pictures")


@pytest.fixture(autouse=True)
def at_home(lab: Lab, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Photos are looked for, and kept, in an empty folder."""
    monkeypatch.setenv("FERLAB_HOME", str(lab.home))
    (tmp_path / "photos").mkdir()
    monkeypatch.chdir(tmp_path / "photos")


Out = pytest.CaptureFixture[str]


def explain(capsys: Out, *arguments: str, code: int = 0) -> tuple[str, str]:
    """What the command prints, and what it complains of."""
    assert command_line.main(["explain", *arguments]) == code
    told = capsys.readouterr()
    return told.out, told.err


def test_a_run_is_explained_by_its_validation_images(lab: Lab, capsys: Out) -> None:
    told = json.loads(explain(capsys, "best", "--json")[0])
    assert told["model"].startswith(f"run {lab.run_id}: ")
    assert told["method"] == "grad_cam"
    client = store.connect(None)
    names = ("gates.csv", "gates_stage_2.png", "gates_stage_3.png", "grad_cam.png")
    assert artifacts.list_files(client, lab.run_id, "explain") == [f"explain/{n}" for n in names]
    assert {Path(file).name for file in told["files"]} == set(names)
    for file in told["files"]:
        assert Path(file).is_file()  # as it is kept with the run
        if file.endswith(".png"):
            with Image.open(file) as picture:
                assert min(picture.size) > 400
                assert len(picture.getcolors(10**6) or ()) > 100

    recorded = artifacts.read_files(client, lab.run_id, ["predictions/val.csv"], [])
    rows = {
        row["name"]: row
        for row in csv.DictReader(io.StringIO(*map(bytes.decode, recorded.values())))
    }
    for name in EXPRESSIONS:
        of_class = [row for row in rows.values() if row["label"] == name]
        for is_right in (True, False):
            sure = sorted(
                (
                    float(row[f"p_{row['predicted']}"])
                    for row in of_class
                    if (row["predicted"] == name) == is_right
                ),
                reverse=True,
            )
            shown = [
                image
                for image in told["images"]
                if image["true"] == name and (image["predicted"] == name) == is_right
            ]
            assert [each["probability"] for each in shown] == pytest.approx(sure[:3], abs=1e-3)
            assert all(rows[each["name"]]["predicted"] == each["predicted"] for each in shown)

    gates = artifacts.read_files(client, lab.run_id, ["explain/gates.csv"], [])
    table = list(csv.DictReader(io.StringIO(gates["explain/gates.csv"].decode())))
    assert [each["place"] for each in told["gates"]] == ["stage 2", "stage 3"]
    for each in told["gates"]:
        channels = [row for row in table if row["place"] == each["place"]]
        assert len(channels) == each["channels"]
        largest = max(float(row["between_classes"]) for row in channels)
        assert 0 <= each["between_classes"] <= largest == pytest.approx(each["largest"], abs=1e-3)


def test_a_config_can_ask_for_it(lab: Lab) -> None:
    files = artifacts.list_files(store.connect(None), lab.run_id, HOOK)
    assert f"{HOOK}/grad_cam.png" in files
    assert f"{HOOK}/gates.csv" in files


def test_data_that_lies_elsewhere_now_is_asked_for(
    lab: Lab, capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = lab.data.with_name("moved")
    lab.data.rename(moved)
    try:
        _, err = explain(capsys, lab.run_id, code=1)
        assert err == (
            f"ferlab: the data of run {lab.run_id} is no longer at {lab.data}; say where it is: "
            f"ferlab explain {lab.run_id} data.path=PATH\n"
        )
        monkeypatch.setattr(written, "gates_of", lambda *_: [])  # as of a network without
        where = f"data.path={moved}"
        out, err = explain(capsys, lab.run_id, where, "--method", "saliency", "--save", "seen")
    finally:
        moved.rename(lab.data)
    assert err == ""
    lines = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert lines["run"].startswith(f"{lab.run_id}: ")
    assert lines["gates"] == "none: the network has no attention that rescales channels"
    assert lines["wrote"] == "seen/saliency.png"
    assert [path.name for path in Path("seen").iterdir()] == ["saliency.png"]
    assert "explain/saliency.png" in artifacts.list_files(store.connect(None), lab.run_id)

    _, err = explain(capsys, lab.run_id, "data.ferplus=votes.csv", code=1)
    assert err == "ferlab: the run's data, folder, has no data.ferplus\n"


def test_photos_are_kept_with_a_map_over_each_face(lab: Lab, capsys: Out) -> None:
    portrait().save("grace.png")
    Path("text.jpg").write_text("no photo")
    out, err = explain(capsys, lab.run_id[:9], "grace.png", "text.jpg", "--json", code=1)
    told = json.loads(out)
    grace, text = told["photos"]
    assert grace["saved"] == "explained/grace.png"
    (face,) = grace["faces"]
    assert face["expression"] == max(face["probabilities"], key=face["probabilities"].get)
    assert "error" in text
    assert err.startswith("ferlab: text.jpg ")
    with Image.open("explained/grace.png") as seen:
        assert seen.size == (512, 600)
        changed = np.abs(np.asarray(seen).astype(int) - np.asarray(portrait())).max(axis=2) > 20
    box = face["box"]
    inside = changed[
        round(box["top"]) : round(box["bottom"]), round(box["left"]) : round(box["right"])
    ]
    assert inside.mean() > 0.2
    assert not changed[:, :60].any()
    assert not changed[450:].any()

    out, _ = explain(capsys, "best", "grace.png", "--face", "whole", "--save", "one.png")
    assert out.splitlines()[1].split()[:2] == ["grace.png", "1"]
    assert Path("one.png").is_file()
    assert artifacts.list_files(store.connect(None), lab.run_id, "explain/grace.png") == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nosuch"], "there is no "),
        (
            ["best", "a.png", "--method", "lime"],
            f"there is no method 'lime'; there are {', '.join(METHODS)}",
        ),
        (["face.onnx"], "face.onnx is a file without gradients to explain it by; name its run"),
        (["best", "a.png", "data.path=b.zip"], "data.path= says where the run's data is; photos"),
    ],
)
def test_what_cannot_be_explained_is_one_line(
    arguments: list[str], words: str, capsys: Out
) -> None:
    out, err = explain(capsys, *arguments, code=1)
    assert out == ""
    assert err.startswith(f"ferlab: {words}")
    assert err.count("\n") == 1
    assert list(Path().iterdir()) == []


def test_every_method_is_told(capsys: Out) -> None:
    with pytest.raises(SystemExit):
        command_line.main(["explain", "--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert all(method in told for method in METHODS)
