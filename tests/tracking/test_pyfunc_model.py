import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import numpy as np
import numpy.typing as npt
import pytest
import torch
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.models.utils import load_serving_example
from mlflow.pyfunc.scoring_server import invocations
from torch import Tensor, nn

from ferlab.errors import ConfigError, DataError
from ferlab.models.classifier import build_allowed
from ferlab.tracking import pyfunc_model

CLASSES = ("angry", "happy", "sad")
REQUIREMENTS = (f"torch=={torch.__version__}", f"numpy=={np.__version__}")


class TinyNetwork(nn.Module):
    """A network with what is hard to save: a buffer and shared weights."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = nn.Buffer(torch.tensor(0.0))
        self.convolution = nn.Conv2d(1, width, 3, stride=8)
        self.twin = self.convolution
        self.dense = nn.Linear(width * 36, len(CLASSES))
        self.dropout = nn.Dropout(0.5)

    def forward(self, images: Tensor) -> Tensor:
        maps = torch.relu(self.convolution(images.unsqueeze(1) * self.scale))
        logits: Tensor = self.dense(self.dropout(maps).flatten(1))
        return logits


NETWORK = {"_target_": f"{__name__}.TinyNetwork", "width": 4}


@pytest.fixture
def images() -> npt.NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (5, 48, 48), dtype=np.uint8)


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    network = TinyNetwork(width=4)
    network.scale.fill_(1 / 255)
    return network.eval()


@pytest.fixture
def folder(
    tmp_path: Path, network: nn.Module, images: npt.NDArray[np.uint8], monkeypatch: Any
) -> Path:
    """A saved model, which may be loaded."""
    monkeypatch.setenv("FERLAB_ALLOW", __name__)
    path = tmp_path / "run" / "model"
    save(path, network, images)
    return path


def save(path: Path, module: nn.Module, images: npt.NDArray[Any], **changes: Any) -> None:
    arguments = {
        "network": NETWORK,
        "classes": CLASSES,
        "temperature": 2.0,
        "example": images[:2],
        "pip_requirements": REQUIREMENTS,
    }
    pyfunc_model.save(path, module.state_dict(), **{**arguments, **changes})


def probabilities(network: nn.Module, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    with torch.inference_mode():
        found: npt.NDArray[np.float32] = network(torch.tensor(images)).softmax(dim=1).numpy()
    return found


def test_the_loaded_model_gives_the_network_s_probabilities(
    folder: Path, network: nn.Module, images: npt.NDArray[np.uint8]
) -> None:
    table = mlflow.pyfunc.load_model(str(folder)).predict(images)
    expected = probabilities(network, images)
    assert list(table.columns) == ["label", *CLASSES]
    assert np.array_equal(table[list(CLASSES)].to_numpy(), expected)
    assert table["label"].tolist() == [CLASSES[i] for i in expected.argmax(axis=1)]


def test_calibrated_probabilities_are_those_of_logits_over_the_temperature(
    folder: Path, network: nn.Module, images: npt.NDArray[np.uint8]
) -> None:
    model = mlflow.pyfunc.load_model(str(folder))
    recorded, calibrated = (
        model.predict(images, {"calibrated": wanted}) for wanted in (False, True)
    )
    assert recorded.equals(model.predict(images))
    with torch.inference_mode():
        expected = (network(torch.tensor(images)) / 2).softmax(dim=1).numpy()
    np.testing.assert_allclose(calibrated[list(CLASSES)].to_numpy(), expected, rtol=1e-5)
    assert not np.allclose(expected, recorded[list(CLASSES)].to_numpy(), rtol=1e-5)
    assert calibrated["label"].equals(recorded["label"])


def test_a_model_without_a_temperature_is_served_and_not_calibrated(
    folder: Path, images: npt.NDArray[np.uint8]
) -> None:
    path = folder / "data" / "classifier" / "model.json"
    config = json.loads(path.read_text())
    del config["temperature"]
    path.write_text(json.dumps(config))
    model = mlflow.pyfunc.load_model(str(folder))
    assert len(model.predict(images)) == len(images)
    with pytest.raises(MlflowException, match="recorded without a temperature"):
        model.predict(images, {"calibrated": True})


def test_a_large_request_is_scored_in_parts(
    folder: Path,
    network: nn.Module,
    images: npt.NDArray[np.uint8],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pyfunc_model, "BATCH", 2)
    table = mlflow.pyfunc.load_model(str(folder)).predict(images)
    expected = probabilities(network, images)
    np.testing.assert_allclose(table[list(CLASSES)].to_numpy(), expected, rtol=1e-5)


def test_loading_draws_no_random_number_and_sets_no_mode(folder: Path) -> None:
    before = torch.get_rng_state()
    mlflow.pyfunc.load_model(str(folder))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.is_grad_enabled()


def test_nothing_is_pickled_and_nothing_else_is_left(folder: Path) -> None:
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))
    assert found == [
        "MLmodel",
        "conda.yaml",
        "data",
        "data/classifier",
        "data/classifier/model.json",
        "data/classifier/weights.safetensors",
        "input_example.json",
        "python_env.yaml",
        "requirements.txt",
        "serving_input_example.json",
    ]
    assert [path.name for path in folder.parent.iterdir()] == ["model"]
    assert set(REQUIREMENTS) <= set((folder / "requirements.txt").read_text().splitlines())


def test_the_signature_and_the_example_are_recorded(
    folder: Path, images: npt.NDArray[np.uint8]
) -> None:
    model = mlflow.pyfunc.load_model(str(folder))
    assert str(model.metadata.signature.inputs) == "['images': Tensor('object', (-1,))]"
    assert model.metadata.signature.outputs.input_names() == ["label", *CLASSES]
    assert np.array_equal(model.input_example["images"], images[:2])
    assert model.predict(model.input_example).equals(model.predict(images[:2]))


@pytest.mark.parametrize("kind", ["int64", "float32", "float64"])
def test_grey_levels_of_another_type_are_the_same_images(
    folder: Path, images: npt.NDArray[np.uint8], kind: str
) -> None:
    model = mlflow.pyfunc.load_model(str(folder))
    assert model.predict(images.astype(kind)).equals(model.predict(images))


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_scaled_images_are_refused(folder: Path, images: npt.NDArray[np.uint8], kind: str) -> None:
    model = mlflow.pyfunc.load_model(str(folder))
    with pytest.raises(MlflowException, match="not divided by 255") as caught:
        model.predict((images / 255).astype(kind))
    assert isinstance(caught.value, DataError)
    assert "\n" not in str(caught.value)


def post(model: Any, body: Any) -> tuple[int, Any]:
    """What MLflow's server answers: its status, and its JSON read."""
    text = body if isinstance(body, str) else json.dumps(body)
    try:
        answer = invocations(text, "application/json", model, model.metadata.get_input_schema())
    except MlflowException as error:  # which the server answers with
        return error.get_http_status_code(), json.loads(error.serialize_as_json())
    return answer.status, json.loads(answer.response)


@pytest.mark.parametrize("key", ["inputs", "instances"])
def test_mlflow_s_server_answers_json(
    folder: Path, network: nn.Module, images: npt.NDArray[np.uint8], key: str
) -> None:
    model = mlflow.pyfunc.load_model(str(folder))
    bodies = [{key: images[:2].tolist()}, {key: images[:2].astype(float).tolist()}]
    for body in (*bodies, load_serving_example(str(folder))):
        status, answer = post(model, body)
        assert status == 200
        rows = [[row[name] for name in CLASSES] for row in answer["predictions"]]
        np.testing.assert_allclose(rows, probabilities(network, images[:2]))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda images: images / 255, "not divided by 255"),
        (lambda images: images + 0.5, r"\d\.5 is none"),
        (lambda images: images.astype(int) + 300, r"\d is none"),
        (lambda images: images[:, :40], r"not \(5, 40, 48\)"),
        (lambda images: images[0], "one image alone is a list of one"),
        (lambda images: images.astype(str), "a value of type str among them"),
        (lambda images: images[:0], r"not \(0,\)"),
    ],
)
@pytest.mark.parametrize("key", ["inputs", "instances"])
def test_mlflow_s_server_refuses_in_one_line(
    folder: Path, images: npt.NDArray[np.uint8], key: str, change: Any, words: str
) -> None:
    status, answer = post(mlflow.pyfunc.load_model(str(folder)), {key: change(images).tolist()})
    assert status == 400
    assert re.search(f"^the images must be whole grey levels 0-255.*{words}", answer["message"])
    assert "\n" not in answer["message"]
    assert "stack_trace" not in answer


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"images": []}, "exactly one of the input fields .*inputs"),
        ([1], "exactly one of the input fields .*inputs"),
        ({"inputs": None}, "a value of type NoneType"),
        ({"inputs": "face.png"}, "a value of type str"),
        ({"inputs": [[[0] * 48] * 48, [1]]}, "a list of another length"),
        ({"inputs": {"faces": []}}, r"missing inputs \['images'\]"),
        ("{", "valid JSON"),
    ],
)
def test_a_request_of_another_form_gets_no_stack_trace(folder: Path, body: Any, words: str) -> None:
    status, answer = post(mlflow.pyfunc.load_model(str(folder)), body)
    assert status == 400
    assert re.search(words, answer["message"])
    assert "stack_trace" not in answer


def test_a_run_s_artifact_loads_by_its_uri(
    folder: Path,
    images: npt.NDArray[np.uint8],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    monkeypatch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    client = MlflowClient(store)
    experiment = client.create_experiment("faces", artifact_location=str(tmp_path / "artifacts"))
    run_id = client.create_run(experiment).info.run_id
    client.log_artifacts(run_id, str(folder), "model")
    model = mlflow.pyfunc.load_model(f"runs:/{run_id}/model")
    assert set(model.predict(images)["label"]) <= set(CLASSES)


def test_ferlab_s_own_factory_is_trusted_and_a_network_inside_it_is_not(
    tmp_path: Path, images: npt.NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = {"_target_": f"{__name__}.convolution", "classes": len(CLASSES)}
    outer = {"_target_": "ferlab.models.classifier.build", "network": inner}
    normalisation = {"mean": 0.5, "std": 0.25}
    classifier = build_allowed(inner, **normalisation, allow=[__name__]).eval()  # in channels_last
    save(tmp_path / "model", classifier, images, network={**outer, **normalisation})
    with pytest.raises(ConfigError, match=f"'{__name__}.convolution'"):
        mlflow.pyfunc.load_model(str(tmp_path / "model"))
    monkeypatch.setenv("FERLAB_ALLOW", __name__)
    table = mlflow.pyfunc.load_model(str(tmp_path / "model")).predict(images)
    assert np.array_equal(table[list(CLASSES)].to_numpy(), probabilities(classifier, images))


@pytest.mark.parametrize("depth", [1, 2], ids=["outside", "inside another"])
def test_a_recorded_model_vouches_for_nothing_itself(
    folder: Path, tmp_path: Path, depth: int
) -> None:
    mark = tmp_path / "sprung"
    network: dict[str, Any] = {"_target_": "subprocess.getoutput", "cmd": f"touch {mark}"}
    allow = {"allow": ["subprocess"]}
    for _ in range(depth):
        factory = {"_target_": "ferlab.models.classifier.build", "mean": 0, "std": 1}
        network, allow = {**factory, "network": network, **allow}, {}
    retarget(folder, **network)
    with pytest.raises(ConfigError, match=r"unexpected keyword argument 'allow'$"):
        mlflow.pyfunc.load_model(str(folder))
    assert not mark.exists()


def convolution(classes: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 8, 5, stride=4), nn.Flatten(), nn.Linear(8 * 121, classes))


def test_a_target_that_is_not_trusted_is_refused_before_it_is_imported(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "trap.py").write_text(f"open({str(tmp_path / 'sprung')!r}, 'w')\n")
    monkeypatch.syspath_prepend(tmp_path)
    retarget(folder, _target_="trap.Network")
    with pytest.raises(ConfigError, match=r"'trap\.Network'.*FERLAB_ALLOW"):
        mlflow.pyfunc.load_model(str(folder))
    assert not (tmp_path / "sprung").exists()


def test_a_target_that_builds_no_network_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FERLAB_ALLOW", "fractions")
    retarget(folder, _target_="fractions.Fraction")
    with pytest.raises(DataError, match=r"'fractions\.Fraction' .*builds no torch module"):
        mlflow.pyfunc.load_model(str(folder))


def retarget(folder: Path, **network: Any) -> None:
    path = folder / "data" / "classifier" / "model.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "network": network}))


@pytest.mark.parametrize("name", ["weights.safetensors", "model.json"])
@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", None], ids=["empty", "{}", "[1]", "gone"])
def test_damaged_files_are_one_clear_error(folder: Path, name: str, content: bytes | None) -> None:
    path = folder / "data" / "classifier" / name
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    with pytest.raises(DataError, match="does not hold a model that ferlab saved") as caught:
        mlflow.pyfunc.load_model(str(folder))
    assert "\n" not in str(caught.value)


def test_weights_of_another_network_are_refused(folder: Path) -> None:
    path = folder / "data" / "classifier" / "model.json"
    path.write_text(path.read_text().replace('"width": 4', '"width": 8'))
    with pytest.raises(DataError, match=r"are not those of '.*TinyNetwork'$"):
        mlflow.pyfunc.load_model(str(folder))


@pytest.mark.parametrize("change", [lambda images: images / 255, lambda images: images[0]])
def test_an_example_that_is_no_batch_of_images_is_refused(
    tmp_path: Path,
    network: nn.Module,
    images: npt.NDArray[np.uint8],
    change: Callable[[npt.NDArray[np.uint8]], npt.NDArray[Any]],
) -> None:
    with pytest.raises(DataError, match=r"must be uint8 of shape \(m, 48, 48\)"):
        save(tmp_path / "model", network, images, example=change(images))
    assert not (tmp_path / "model").exists()
