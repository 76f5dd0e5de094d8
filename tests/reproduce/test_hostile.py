"""What others wrote ends soon and takes little memory, whatever is in it."""

import json
import resource
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from ferlab.analysis.predictions import Predictions
from ferlab.errors import DataError
from ferlab.untrusted import bounded
from tests.processes import run
from tests.reproduce.test_bundle import FILES, RUN, manifest

MEMORY = 10**9
SECONDS = 5

SPELL = """
import resource, sys
from importlib import import_module
from pathlib import Path
from ferlab.cli import main
command, module, *paths = sys.argv[1:]
import_module(module)
before = resource.getrusage(resource.RUSAGE_SELF)
for path in paths:
    assert main([command, path]) == 1, path
    now = resource.getrusage(resource.RUSAGE_SELF)
    print(Path(path).name, now.ru_utime + now.ru_stime - before.ru_utime - before.ru_stime,
          1024 * now.ru_maxrss)
    before = now
"""
"""Gives each file to a command, once what it imports is there; tells the seconds of CPU time each
took, and the memory."""


def packed(folder: Path, name: str, runs: int = 1, **files: bytes) -> Path:
    """A bundle whose manifest agrees with what is in it, made by somebody else."""
    named = {key.replace("__", "/").replace("_", "."): data for key, data in files.items()}
    every = {f"{i}/{key}": data for i in range(runs) for key, data in {**FILES, **named}.items()}
    path = folder / f"{name}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for key, data in {**every, "manifest.json": manifest(every, runs=runs)}.items():
            archive.writestr(key, data)
    return path


def with_run(**changes: object) -> bytes:
    return json.dumps({**RUN, **changes}).encode()


def bombs(folder: Path) -> Mapping[Path, str]:
    """Hostile files, and what is said to each."""
    number = b"seed: 0x" + b"f" * 16_000
    table = b"name,label,predicted,p_x\n"
    history = RUN_TEXT.replace(b"[]", b"[" + b"{}," * 5_000_000 + b"{}]")
    many = b"[" + b"{}," * 600_000 + b"{}]"
    endless = folder / "members.zip"
    with zipfile.ZipFile(endless, "w") as archive:
        for i in range(20_000):
            archive.writestr(f"{i}", b"")
    for name, text in {"long.yaml": number, "huge.yaml": b"a" * 2**20}.items():
        (folder / name).write_bytes(text)
    names = b"".join(b"%d,x,x,1\n" % i for i in range(10_000)) + b"n" * 100_000 + b",x,x,1\n"
    keys = b"".join(b"key%d: 1\n" % i for i in range(900))
    most = table + b"a,x,x,1\n" * 12_000  # 99 times
    digest = Predictions.read(most.decode()).digest
    tags = {"ferlab.predictions.digest": digest}
    full = {"config_yaml": keys, "predictions__val_csv": most, "run_json": with_run(tags=tags)}
    objects = b"[" + b'{"a":0.5},' * 490_000 + b"[]]"
    return {
        packed(folder, "number", config_yaml=number): "a number in it has more than 60 characters",
        packed(folder, "keys", config_yaml=keys): "problems",
        packed(folder, "flow", config_yaml=b"a: [" + b"[]," * 80_000 + b"]"): "2,000 parts",
        packed(folder, "deep", config_yaml=b"{a: " * 5_000): "more than 30 levels",
        packed(folder, "tag", config_yaml=b"a: !!int '0x1'"): "has no YAML tags",
        packed(folder, "history", run_json=history): "more than 2,000,000 values",
        packed(folder, "histories", 4, run_json=RUN_TEXT.replace(b"[]", many)): "values of JSON",
        packed(folder, "nested", run_json=b"[" * 2**20): "the record of this run is damaged",
        packed(folder, "digits", run_json=with_run(metrics={"a": 10**4000})): "is damaged",
        packed(folder, "rows", predictions__val_csv=table + b"a,x,x,1\n" * 2_000_000): "values in",
        packed(folder, "full", 99, **full): "problems",
        packed(folder, "objects", run_json=RUN_TEXT.replace(b"[]", objects)): "is damaged",
        packed(folder, "names", predictions__val_csv=table + names): "its names are too long",
        endless: "its list of members has more than 262,144 bytes",
        folder / "long.yaml": "a number in it has more than 60 characters",
        folder / "huge.yaml": "has more than 262,144 bytes",
        Path("/dev/zero.yaml"): "cannot be read",
    }


RUN_TEXT = with_run(history=[])


def test_hostile_files_are_refused_in_a_line_soon_and_in_little_memory(tmp_path: Path) -> None:
    files = bombs(tmp_path)
    done = run(
        [sys.executable, "-c", SPELL, "reproduce", "ferlab.reproduce.rerun", *map(str, files)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)),
    )
    assert done.returncode == 0, done.stderr
    errors = [line for line in done.stderr.splitlines() if not line.startswith("  ")]
    assert len(errors) == len(files), done.stderr
    for (path, message), error in zip(files.items(), errors, strict=True):
        assert error.startswith("ferlab: "), error
        assert message in error, (path, error)
        assert "unexpected" not in error
        assert len(error) < 400
    for line in done.stdout.splitlines():
        _, seconds, memory = line.rsplit(maxsplit=2)
        assert float(seconds) < SECONDS, line
        assert int(memory) < MEMORY, line


@pytest.mark.parametrize("text", ["1e400", "-Infinity", "[1]", '"1"', "null"])
def test_a_manifest_names_a_number_of_runs(text: str, tmp_path: Path) -> None:
    from ferlab.reproduce.bundle import read_bundle

    path = packed(tmp_path, "odd")
    whole = manifest({f"0/{key}": data for key, data in FILES.items()})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", whole.replace(b'"runs": 1', b'"runs": ' + text.encode()))
        for key, data in FILES.items():
            archive.writestr(f"0/{key}", data)
    with pytest.raises(DataError, match=r"runs; it can have 1-100") as caught:
        read_bundle(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"{a: " * 5000, "more than 30 levels"),
        (b"a: 1" + b":1" * 30_000, "a number in it has more than 60 characters"),
        (b"a: .5" + b"0" * 100, "a number in it has more than 60 characters"),
        (b"a: &a [1]\nb: *a\n", "no YAML aliases"),
        (b"!!python/object:os.system {}", "no YAML tags"),
        (b"- 1\n", "it is a list, not a mapping"),
        (b"\xff", "this is no config"),
    ],
)
def test_what_is_no_config_is_refused(text: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        bounded.read_config(text)


def test_a_long_text_is_no_number() -> None:
    long = "0" * 64 + "-digest/" + "x" * 1000
    assert bounded.read_config(f"a: {long}\nb: '{'1' * 90}'".encode()) == {"a": long, "b": "1" * 90}
