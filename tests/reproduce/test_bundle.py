"""Bundles: what goes in comes out, and nothing else does."""

import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml

from ferlab import cli as command_line
from ferlab.analysis.predictions import Predictions
from ferlab.errors import DataError
from ferlab.reproduce import bundle
from ferlab.reproduce.recorded import Files
from ferlab.untrusted import packed
from ferlab.untrusted.packed import MemberLimits

PREDICTIONS = Predictions(
    np.array(["a", "b, c"]),
    np.array([0, 1], np.uint8),
    np.array([[0.1, 0.9], [1 / 3, 2 / 3]], np.float32),
)
RUN = {
    "run_id": "f" * 32,
    "name": "a run",
    "tags": {"ferlab.predictions.digest": PREDICTIONS.digest, "ferlab.data.digest": "d"},
    "metrics": {"best/accuracy": 0.5},
    "history": [{"val/loss": 0.1}],
}
FILES = {
    "config.yaml": b"seed: 3\n",
    "predictions/val.csv": PREDICTIONS.table(("x", "y")).encode(),
    "run.json": json.dumps(RUN).encode(),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bundle.zip"


def pack(path: Path, members: dict[str, bytes], packed: int = zipfile.ZIP_DEFLATED) -> Path:
    """A zip file made by somebody else."""
    with zipfile.ZipFile(path, "w", packed) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def manifest(files: Files, runs: object = 1, version: object = 1) -> bytes:
    digests = {name: packed.digest(data) for name, data in files.items()}
    return json.dumps({"format": version, "runs": runs, "files": digests}).encode()


def test_a_bundle_gives_back_what_was_put_in(path: Path) -> None:
    bundle.write_bundle(path, [FILES, FILES])
    first, second = bundle.read_bundle(path)
    assert first.name == second.name == "a run"
    assert first.setting.config == {"seed": 3}
    assert first.history == ({"val/loss": 0.1},)
    assert first.predictions is not None
    assert first.predictions.digest == PREDICTIONS.digest
    assert [p.name for p in path.parent.iterdir() if "bundle" in p.name] == ["bundle.zip"]


def test_the_same_runs_make_the_same_bundle(path: Path, tmp_path: Path) -> None:
    bundle.write_bundle(path, [FILES])
    bundle.write_bundle(tmp_path / "other.zip", [FILES])
    assert path.read_bytes() == (tmp_path / "other.zip").read_bytes()


def test_nothing_is_overwritten_and_nothing_half_written(path: Path) -> None:
    bundle.write_bundle(path, [FILES])
    before = path.read_bytes()
    with pytest.raises(DataError, match="is there already"):
        bundle.write_bundle(path, [])
    assert path.read_bytes() == before
    with pytest.raises(DataError, match="cannot write"):
        bundle.write_bundle(path / "in a file.zip", [FILES])


def test_wherever_it_is_cut_or_changed_it_is_refused_in_a_line(path: Path) -> None:
    bundle.write_bundle(path, [FILES])
    whole = path.read_bytes()
    for end in range(0, len(whole), max(1, len(whole) // 40)):
        path.write_bytes(whole[:end])
        with pytest.raises(DataError, match=r"the bundle .* is truncated or no zip file"):
            bundle.read_bundle(path)
    refused = 0
    for at in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[at] ^= 0xFF
        path.write_bytes(damaged)
        try:
            (run,) = bundle.read_bundle(path)
        except DataError as error:
            refused += 1
            assert "\n" not in str(error)
        else:  # a bit that means nothing, such as a time
            assert run.predictions is not None
            assert run.predictions.digest == PREDICTIONS.digest
    assert refused > len(whole) / 14


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"0/config.yaml": b"seed: 4\n"}, "'0/config.yaml' was altered"),
        ({"0/../../evil": b"x"}, "'0/../../evil' is not both in it and in its manifest"),
        ({"manifest.json": b"[]"}, "its manifest.json is damaged"),
        ({"manifest.json": b"[" * 100_000}, "its manifest.json is damaged"),
        ({"manifest.json": manifest({}, version=2)}, "it has format 2; this ferlab reads 1"),
        ({"manifest.json": manifest({}, runs=10**9)}, "it can have 1-100"),
    ],
)
def test_what_was_tampered_with_is_refused(
    path: Path, change: dict[str, bytes], message: str
) -> None:
    files = {f"0/{name}": data for name, data in FILES.items()}
    pack(path, {**files, "manifest.json": manifest(files), **change})
    with pytest.raises(DataError, match=r"the bundle .* cannot be used") as caught:
        bundle.read_bundle(path)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"../evil": b"x"}, "'../evil' does not belong in a bundle"),
        ({"0/model.pkl": b"x"}, "'0/model.pkl' does not belong in a bundle"),
        ({"7/config.yaml": b"x"}, "'7/config.yaml' does not belong in a bundle"),
        ({"0/config.yaml": b"a" * (2**18 + 1)}, "'0/config.yaml' unpacks to more than"),
        ({"0/config.yaml": b"a: 1"}, "the record of this run is damaged: KeyError('run.json')"),
        (
            {f"0/{k}": v for k, v in {**FILES, "config.yaml": b"a: &a [1]\nb: *a\n"}.items()},
            "a recorded config has no YAML aliases",
        ),
        (
            {f"0/{k}": v for k, v in {**FILES, "config.yaml": b"- 1\n"}.items()},
            "it is a list, not a mapping",
        ),
        (
            {f"0/{k}": v for k, v in {**FILES, "predictions/val.csv": b"name\na\n"}.items()},
            "this is no table of predictions",
        ),
        (
            {f"0/{k}": v for k, v in {**FILES, "data/images.bin": b"123"}.items()},
            "3 bytes are no whole number of image fingerprints",
        ),
        (
            {
                f"0/{k}": v
                for k, v in {
                    **FILES,
                    "predictions/val.csv": FILES["predictions/val.csv"].replace(b"0.1", b"0.2"),
                }.items()
            },
            "is not what the run predicted",
        ),
    ],
)
def test_a_manifest_that_agrees_does_not_help(
    path: Path, files: dict[str, bytes], message: str
) -> None:
    pack(path, {**files, "manifest.json": manifest(files)})
    with pytest.raises(DataError) as caught:
        bundle.read_bundle(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("packed", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA], ids=["bzip2", "lzma"])
def test_what_could_unpack_beyond_its_declared_size_is_refused(path: Path, packed: int) -> None:
    files = {f"0/{name}": data for name, data in FILES.items()}
    pack(path, {**files, "manifest.json": manifest(files)}, packed)
    with pytest.raises(DataError, match=r"'manifest\.json' is not packed with deflate; make"):
        bundle.read_bundle(path)


def test_a_hostile_target_is_refused_by_name_and_not_imported(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The module stands where Python would find it, and would leave a mark if it were imported."""
    mark = tmp_path / "imported"
    (tmp_path / "hostile_parts.py").write_text(
        f"import pathlib; pathlib.Path({str(mark)!r}).touch()\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    from ferlab.config.compose import compose

    for section in ("data", "model", "optimizer", "scheduler", "loss"):
        plain = compose().plain()
        plain[section]["_target_"] = "hostile_parts.run"
        text = yaml.safe_dump(plain).encode()
        (tmp_path / "config.yaml").write_bytes(text)
        path.unlink(missing_ok=True)
        bundle.write_bundle(path, [{**FILES, "config.yaml": text}])
        for what in ("config.yaml", str(path)):
            assert command_line.main(["reproduce", what]) == 1
            assert capsys.readouterr().err == (
                "ferlab: the config wants to call 'hostile_parts.run', which is not part of "
                "ferlab; if you trust it, set FERLAB_ALLOW=hostile_parts\n"
            )
    assert not mark.exists()
    assert "hostile_parts" not in sys.modules
    assert not (tmp_path / "home").exists()
    monkeypatch.setenv("FERLAB_ALLOW", "hostile_parts")  # the trap would have closed
    assert command_line.main(["reproduce", "config.yaml"]) == 1
    assert mark.exists()


def test_code_in_a_bundle_is_not_run(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from ferlab.config.compose import compose

    config = yaml.safe_dump(compose().plain()).encode()
    run = {**RUN, "tags": {**RUN["tags"], "mlflow.source.git.commit": "a" * 40}}  # type: ignore[dict-item]
    files = {
        "config.yaml": config,
        "run.json": json.dumps(run).encode(),
        "environment/dirty.diff": b"--- a/x\n",
    }
    bundle.write_bundle(path, [{**FILES, **files}])
    assert command_line.main(["reproduce", str(path), "--at-commit"]) == 1
    assert "no code that comes in a bundle is run" in capsys.readouterr().err


def test_a_member_may_be_larger_than_the_list_of_all(tmp_path: Path) -> None:
    """As the weights of a network are."""
    weights = np.random.default_rng(0).bytes(2**20)
    packed.write(tmp_path / "x.zip", {"format": 1}, [("weights", weights)])
    limits = MemberLimits(lambda _: 2**21, total=2**22, times=0, directory=2**12)
    with packed.unpacked(tmp_path / "x.zip", limits) as found:
        assert found.read("weights") == weights


@pytest.mark.parametrize("name", ["run", ".", "run.tar", ".zip"])
def test_a_name_that_could_not_be_reproduced_from_is_refused_before_anything_is_read(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    assert command_line.main(["export", "best", name]) == 1
    assert capsys.readouterr().err == (
        f"ferlab: '{name}' cannot name a bundle; it must end in .zip, such as bundle.zip\n"
    )
    assert sorted(tmp_path.iterdir()) == before
