"""Exported networks: the same answers outside of ferlab and torch, or no file."""

import csv
import json
import re
import textwrap
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper
from PIL import Image

from ferlab.config.attention import KINDS
from ferlab.config.compose import compose
from ferlab.data import faces
from ferlab.data.imageset import EXPRESSIONS, ImageSet, Split
from ferlab.errors import DataError, FerlabError
from ferlab.models.classifier import Classifier, build
from ferlab.models.ensemble import Ensemble
from ferlab.use.extra import require_extra
from ferlab.use.onnx import export
from ferlab.use.onnx.agreement import Agreement
from ferlab.use.onnx.export import OnnxFile, export_onnx
from ferlab.use.onnx.int8 import to_int8
from ferlab.use.onnx.model import OnnxModel
from ferlab.use.saved import require_new
from tests.conftest import TINY, Cli, run_id_of
from tests.documents import ROOT

PRESETS = ("compact", "resnet")
"""One of each class of networks."""


class Made(NamedTuple):
    """An exported file and what it was made of."""

    path: Path
    told: OnnxFile
    network: Ensemble
    images: ImageSet


def member(preset: str, kind: str, views: str = "one") -> Classifier:
    config = compose([f"model={preset}", f"model.attention.kind={kind}"])
    return build(config.model.network(), 0.5, 0.25, views)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Both networks and every kind of attention, once over several views: exported as one."""
    torch.manual_seed(0)
    network = Ensemble(
        [member("tiny", kind, "flip" if kind == "se" else "one") for kind in KINDS]
        + [member(preset, "none") for preset in PRESETS]
    )
    path = tmp_path_factory.mktemp("exported") / "all.onnx"
    images = faces.draw(280)
    told = export_onnx(path, network, images, {"about": "it"}, any_size=True, int8=False)
    return Made(path, told, network.eval(), images)


@pytest.fixture(scope="module")
def shown(made: Made) -> npt.NDArray[np.uint8]:
    return made.images.images[made.images.indices(Split.VAL)]


def by_torch(network: torch.nn.Module, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    with torch.inference_mode():
        found: npt.NDArray[np.float32] = network(torch.tensor(images)).softmax(dim=1).numpy()
    return found


def test_onnxruntime_alone_answers_as_torch_does_for_any_number_of_images(
    made: Made, shown: npt.NDArray[np.uint8]
) -> None:
    session = onnxruntime.InferenceSession(made.path, providers=["CPUExecutionProvider"])
    expected = by_torch(made.network, shown)
    for n in (1, 3, len(shown)):
        (answer,) = session.run(None, {"images": shown[:n]})
        assert answer.shape == (n, 7)
        np.testing.assert_allclose(answer, expected[:n], atol=1e-5)
    assert made.told.exact.images == len(shown) == 32
    assert made.told.exact.others == 0
    assert made.told.exact.largest < 1e-5
    assert made.told.rounded is None


def test_the_file_says_what_it_is_and_nothing_of_where_it_was_made(made: Made) -> None:
    content = made.path.read_bytes()
    onnx.checker.check_model(content, full_check=True)
    model = onnx.load_from_string(content)
    assert {each.key: each.value for each in model.metadata_props} == {
        "ferlab.classes": json.dumps(EXPRESSIONS),
        "ferlab.input": "uint8 (n, h, w), grey levels 0-255",
        "about": "it",
    }
    assert made.told.bytes == len(content)
    assert b"classifier.py" not in content
    assert [path.name for path in made.path.parent.iterdir()] == ["all.onnx"]


def test_the_page_s_code_reads_it(
    made: Made, shown: npt.NDArray[np.uint8], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs" / "give.md").read_text()
    (code,) = re.findall(r"(?:^    .*\n)*^    session = .*\n(?:^    .*\n)*", page, re.MULTILINE)
    monkeypatch.chdir(made.path.parent)
    names = {"images": shown}
    exec(textwrap.dedent(code.replace("face.onnx", made.path.name)), names)  # noqa: S102
    np.testing.assert_allclose(names["probabilities"], by_torch(made.network, shown), atol=1e-5)
    assert names["classes"] == list(EXPRESSIONS)


def test_it_is_a_model_that_scores_images_of_any_size(
    made: Made, shown: npt.NDArray[np.uint8]
) -> None:
    model = OnnxModel.read(made.path, threads=1)
    assert model.classes == EXPRESSIONS
    np.testing.assert_allclose(model.probabilities(shown), by_torch(made.network, shown), atol=1e-5)
    larger = [Image.fromarray(image).resize((110, 75)) for image in shown]
    again = np.stack([np.asarray(image.resize((48, 48))) for image in larger])
    scored = model.probabilities(np.stack([np.asarray(image) for image in larger]))
    # Pillow rounds after each axis: a grey level here and there.
    np.testing.assert_allclose(scored, by_torch(made.network, again), atol=0.002)


def test_in_8_bits_it_is_smaller_and_says_nearly_the_same(
    made: Made, shown: npt.NDArray[np.uint8]
) -> None:
    content = made.path.read_bytes()
    rounded = to_int8(content, made.images.images[made.images.indices(Split.TRAIN)][:64])
    assert len(rounded) < len(content) / 3
    model, expected = OnnxModel(rounded, "int8"), OnnxModel(content, "float").probabilities(shown)
    assert model.metadata["about"] == "it"
    difference = np.abs(model.probabilities(shown) - expected).max()
    assert 0 < difference < 0.05


def test_agreement_by_hand() -> None:
    before = np.array([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.3, 0.7]], np.float32)
    after = np.array([[0.9, 0.1], [0.45, 0.55], [0.4, 0.6], [0.5, 0.5]], np.float32)
    found = Agreement.of(np.array([0, 1, 0, 0], np.uint8), before, after)
    assert (found.images, found.others) == (4, 2)
    assert found.largest == pytest.approx(0.35)
    assert found.accuracies == (0.25, 0.75)


def test_no_file_is_left_where_the_graph_answers_otherwise(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = made.path.read_bytes()
    monkeypatch.setattr(export, "to_onnx", lambda answering: content)
    torch.manual_seed(1)
    another, path = member("tiny", "none"), tmp_path / "a.onnx"
    with pytest.raises(DataError, match=r"was not written: onnxruntime gives \d+ of 32 .* another"):
        export_onnx(path, another, made.images, {}, any_size=False, int8=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.bin", "must end in .onnx"),
        ("there.onnx", "is there already"),
        ("nowhere/a.onnx", "there is no folder"),
    ],
)
def test_a_path_for_no_file_is_refused(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "there.onnx").touch()
    with pytest.raises(DataError, match=words):
        require_new(tmp_path / name, ".onnx")


def graph_of(classes: str | None, kind: int, **more: str) -> bytes:
    """A graph of one node: what it is given as float32."""
    sizes = ["n", 7, 1]
    node = helper.make_node("Cast", ["images"], ["probabilities"], to=TensorProto.FLOAT)
    graph = helper.make_graph(
        [node],
        "made by hand",
        [helper.make_tensor_value_info("images", kind, sizes)],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, sizes)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    told = more if classes is None else {"classes": classes, **more}
    for key, value in told.items():
        model.metadata_props.add(key=f"ferlab.{key}", value=value)
    return bytes(model.SerializeToString())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is no ONNX file"),
        (b"no model at all", "is no ONNX file"),
        (graph_of(None, TensorProto.UINT8), "does not say what it is"),
        (graph_of("[", TensorProto.UINT8), "does not say what it is"),
        (graph_of('["a"]', TensorProto.UINT8, temperature="-1"), "does not say what it is"),
        (graph_of('["a"]', TensorProto.UINT8, temperature="nan"), "does not say what it is"),
        (graph_of('["a", "b"]', TensorProto.UINT8), "does not score uint8 images by 2 classes"),
        (graph_of(json.dumps(EXPRESSIONS), TensorProto.FLOAT), "does not score uint8 images"),
    ],
)
def test_files_of_others_are_refused_in_one_line(
    tmp_path: Path, content: bytes, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.onnx").write_bytes(content)
    with pytest.raises(DataError, match=rf"a\.onnx {words}") as caught:
        OnnxModel.read(tmp_path / "a.onnx")
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.onnx cannot be read: No such file"):
        OnnxModel.read(tmp_path / "gone.onnx")


def test_a_missing_extra_says_how_to_get_it() -> None:
    require_extra("json")
    with pytest.raises(FerlabError, match=r"^no_such_module is not installed: pip install"):
        require_extra("json", "no_such_module")


@pytest.mark.slow
@pytest.mark.usefixtures("made_store")
def test_a_run_is_exported_by_its_name(cli: Cli, tmp_path: Path) -> None:
    trained = cli("train", *TINY, "trainer.max_epochs=1")
    run_id = run_id_of(trained.stdout)
    done = cli("export", "best", "--onnx", "--int8")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    told = {line[:9].strip(): line[9:] for line in done.stdout.splitlines()}
    path = tmp_path / "elsewhere" / f"{run_id[:8]}.onnx"
    assert told["onnx"].startswith(f"{path.name}: {path.stat().st_size:,} bytes, uint8 (n, 48, 48)")
    assert told["checked"].startswith("before it went to 8 bits: onnxruntime and torch give all 32")
    metadata = OnnxModel.read(path).metadata
    rounded = json.loads(metadata["ferlab.int8"])
    before, after = rounded["accuracies"]
    assert told["int8"].startswith(f"accuracy {before:.4f} -> {after:.4f}")
    assert metadata["ferlab.run_id"] == run_id
    assert metadata["ferlab.licence"] == "MIT"
    assert float(metadata["ferlab.temperature"]) > 0
    assert json.loads(metadata["ferlab.scores"])["val/accuracy"] == pytest.approx(before)
    Image.fromarray(faces.draw(280).images[0]).save(path.parent / "face.png")
    rows = [
        next(csv.DictReader(read.stdout.splitlines()))
        for model in ("best", path.name)
        if (read := cli("predict", model, "face.png", "--face", "whole", "--csv"))
    ]
    for name in EXPRESSIONS:
        assert float(rows[0][name]) == pytest.approx(float(rows[1][name]), abs=0.05)
    again = cli("export", "best", "--onnx", "--int8")
    assert again.returncode == 1
    assert (
        again.stderr == f"ferlab: {path.name} is there already; remove it, or take another name\n"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "name a BUNDLE.zip, or an ONNX file by --onnx, and not both"),
        (("a.zip", "--onnx", "a.onnx"), "and not both"),
        (("a.zip", "--int8"), "--int8 is of an ONNX file: --onnx FILE.onnx"),
        (("a.zip", "--any-size"), "--any-size is of an ONNX file: --onnx FILE.onnx"),
    ],
)
def test_what_export_is_to_write_is_said_once(
    arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from ferlab import cli as command_line

    assert command_line.main(["export", "best", *arguments]) == 1
    assert capsys.readouterr().err.endswith(f"{words}\n")
