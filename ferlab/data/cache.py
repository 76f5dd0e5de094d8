"""Decode a data set once; afterwards open it in milliseconds."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from filelock import FileLock

from ferlab import paths
from ferlab.data.imageset import ImageSet
from ferlab.errors import DataError

_ARRAYS = ("images", "labels", "split", "names", "hashes")


def cached(key: Mapping[str, object], build: Callable[[], ImageSet]) -> ImageSet:
    """Open the image set stored under a key, or build and store it.

    An entry is a folder of `.npy` files in `paths.cache`. Its images are memory-mapped, so that
    processes on one machine share their pages. A damaged entry is rebuilt; of several
    processes that miss the same entry at once, one builds and the others wait for it.

    Args:
        key: identifies the source and its reader's version; JSON-serializable.
        build: reads the source.

    Raises:
        DataError: the cache cannot be written, or ``build`` raises it.
    """
    entry = paths.cache() / hashlib.blake2b(_json(key).encode(), digest_size=16).hexdigest()
    found = _open(entry)
    if found is not None:
        return found
    with _locked(entry):
        found = _open(entry)
        if found is not None:  # another process built it while this one waited
            return found
        images = build()
        with _writable(entry.parent):
            _store(entry, images, key)
    stored = _open(entry)
    if stored is None:
        raise DataError(f"the cache entry {entry} does not read back; see if its disk is sound")
    return stored


def _open(entry: Path) -> ImageSet | None:
    """The stored set, or None if it is missing or damaged."""
    try:
        meta = json.loads((entry / "meta.json").read_text("utf-8"))
        # Mapping the images checks that their file is complete, without reading it. Nobody writes
        # to them, so workers share the pages; torch wants them writable, hence copy-on-write.
        images = np.load(entry / "images.npy", mmap_mode="c", allow_pickle=False)
        small = {name: np.load(entry / f"{name}.npy", allow_pickle=False) for name in _ARRAYS[1:]}
        classes, notes = tuple(meta["classes"]), tuple(meta["notes"])
        soft = np.load(entry / "targets.npy", allow_pickle=False) if meta["is_soft"] else None
        stored = ImageSet(images=images, **small, classes=classes, notes=notes, targets=soft)
        is_intact = stored.digest == meta["digest"] and images.shape[0] == len(stored)
    except Exception:  # rebuilding an entry repairs whatever is wrong with it
        return None
    return stored if is_intact else None


def _store(entry: Path, images: ImageSet, key: Mapping[str, object]) -> None:
    """Write a draft beside the entry and rename it once it is complete and on the disk."""
    draft = entry.with_suffix(".draft")
    shutil.rmtree(draft, ignore_errors=True)  # left by a process that was killed
    try:
        draft.mkdir()
        is_soft = images.targets is not None
        for name in (*_ARRAYS, *(["targets"] if is_soft else [])):
            with (draft / f"{name}.npy").open("wb") as file:
                np.save(file, getattr(images, name), allow_pickle=False)
                file.flush()
                os.fsync(file.fileno())
        meta = {
            "key": dict(key),
            "classes": images.classes,
            "notes": images.notes,
            "is_soft": is_soft,
            "digest": images.digest,
        }
        (draft / "meta.json").write_text(_json(meta), "utf-8")
        if entry.exists():  # damaged, or it would have been opened
            shutil.rmtree(entry)
        draft.replace(entry)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


@contextmanager
def _locked(entry: Path) -> Iterator[None]:
    """Hold the entry's lock; only a failure to acquire it is the cache's error."""
    lock = FileLock(entry.with_suffix(".lock"))
    with _writable(entry.parent):
        entry.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _writable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(
            f"cannot write the data cache {folder}: {error.strerror or error}; "
            "set FERLAB_CACHE to a folder with room (FER2013 takes 90 MB)"
        ) from error


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True)
