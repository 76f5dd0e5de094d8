import errno
import pickle
import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from ferlab.data.cache import cached
from ferlab.data.imageset import ImageSet
from ferlab.errors import DataError
from tests.processes import started

KEY = {"reader": "test", "version": 1, "path": "/somewhere"}
DAMAGES = {
    "no meta": lambda entry: (entry / "meta.json").unlink(),
    "empty meta": lambda entry: (entry / "meta.json").write_text(""),
    "other meta": lambda entry: (entry / "meta.json").write_text("[]"),
    "no labels": lambda entry: (entry / "labels.npy").unlink(),
    "wrong labels": lambda entry: np.save(entry / "labels.npy", np.zeros(10, np.uint8)),
    "cut images": lambda entry: cut(entry / "images.npy"),
    "empty images": lambda entry: (entry / "images.npy").write_bytes(b""),
    "cut names": lambda entry: cut(entry / "names.npy"),
    "a file for a folder": lambda entry: (
        (entry / "hashes.npy").unlink() or (entry / "hashes.npy").mkdir()
    ),
}


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def drawn() -> ImageSet:
    images = np.random.default_rng(0).integers(0, 256, (10, 48, 48), np.uint8)
    labels = np.arange(10) % 7
    return ImageSet.of(images, labels, np.zeros(10), [f"face_{i}" for i in range(10)])


def never() -> ImageSet:
    raise AssertionError("built although it was cached")


def entries(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_dir()]


def test_what_was_built_is_opened_afterwards(cache_folder):
    built = cached(KEY, drawn)
    opened = cached(dict(reversed(KEY.items())), never)
    assert opened.digest == built.digest == drawn().digest
    assert np.array_equal(opened.images, drawn().images)
    assert opened.classes == drawn().classes


def test_images_are_mapped_and_nothing_reaches_the_entry_through_them():
    for images in (cached(KEY, drawn), cached(KEY, never)):
        assert isinstance(images.images, np.memmap)
        images.images[:] = 0  # copied on write: torch wants writable arrays
    assert np.array_equal(cached(KEY, never).images, drawn().images)


def test_another_key_is_another_entry(cache_folder):
    cached(KEY, drawn)
    cached(KEY | {"version": 2}, drawn)
    assert len(entries(cache_folder)) == 2


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_entry_is_built_anew(cache_folder, damage):
    cached(KEY, drawn)
    damage(entries(cache_folder)[0])
    assert cached(KEY, drawn).digest == drawn().digest
    assert cached(KEY, never).digest == drawn().digest
    assert len(entries(cache_folder)) == 1


def test_nothing_pickled_is_ever_loaded(cache_folder, tmp_path):
    class Trap:
        def __reduce__(self):
            return Path.touch, (tmp_path / "sprung",)

    cached(KEY, drawn)
    labels = entries(cache_folder)[0] / "labels.npy"
    np.save(labels, np.array([Trap()] * 10, object), allow_pickle=True)
    cached(KEY, drawn)
    assert not (tmp_path / "sprung").exists()
    pickle.loads(pickle.dumps(Trap()))  # noqa: S301 - the trap works
    assert (tmp_path / "sprung").exists()


def test_leftovers_of_a_killed_process_do_no_harm(cache_folder):
    cached(KEY, drawn)
    entry = entries(cache_folder)[0]
    draft = entry.rename(entry.with_suffix(".draft"))
    (draft / "meta.json").unlink()
    assert cached(KEY, drawn).digest == drawn().digest
    assert entries(cache_folder) == [entry]


def test_processes_that_miss_at_once_build_once(tmp_path):
    program = f"""
import time
from pathlib import Path
import numpy as np
from ferlab.data.cache import cached
from ferlab.data.imageset import ImageSet

def build():
    with Path({str(tmp_path / "log")!r}).open("a") as log:
        log.write("built\\n")
    time.sleep(0.5)
    return ImageSet.of(np.zeros((1, 48, 48), np.uint8), np.zeros(1), np.zeros(1), ["face"])

print(cached({KEY!r}, build).digest)
"""
    with ExitStack() as stack:
        command = [sys.executable, "-c", program]
        running = [stack.enter_context(started(command)) for _ in range(3)]
        assert [process.finish() for process in running] == [0, 0, 0]
        assert len({process.told() for process in running}) == 1
    assert (tmp_path / "log").read_text() == "built\n"


def test_a_full_disk_is_one_clear_error_and_leaves_nothing(cache_folder, monkeypatch):
    save, saved = np.save, []

    def fill(file, array, **options):
        saved.append(array)
        if len(saved) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        save(file, array, **options)

    monkeypatch.setattr(np, "save", fill)
    with pytest.raises(DataError, match=r"cannot write .*No space left.*FERLAB_CACHE") as caught:
        cached(KEY, drawn)
    assert str(cache_folder) in str(caught.value)
    assert entries(cache_folder) == []


def test_an_unwritable_cache_is_one_clear_error(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("FERLAB_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(DataError, match=r"cannot write the data cache .*FERLAB_CACHE") as caught:
        cached(KEY, never)
    assert "\n" not in str(caught.value)


def test_a_failed_build_leaves_no_entry_and_can_be_repeated(cache_folder):
    def fail() -> ImageSet:
        raise DataError("no such data")

    with pytest.raises(DataError, match="no such data"):
        cached(KEY, fail)
    assert entries(cache_folder) == []
    assert len(cached(KEY, drawn)) == 10
