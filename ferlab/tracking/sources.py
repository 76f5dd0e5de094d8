"""Digests of the source files that a run comes from, in which any changed line shows."""

import hashlib
import sys
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path

from ferlab import paths


def sources(
    targets: Collection[str] = (), root: Path | None = None, conf: Path | None = None
) -> dict[str, str]:
    """A digest of each source file that a run may come from, by a name that is the same anywhere.

    A changed line shows whether or not it is committed, or in a checkout at all.

    Args:
        targets: the config's targets; the file of each that is a user's own is included.
        root: folder of the package ``ferlab``; None for the running one.
        conf: folder of its configs; None for the shipped ones.
    """
    root = root or Path(paths.__file__).parent
    conf = conf or paths.shipped() / "conf"
    own = {name: _digest(path) for name, path in _own_files(targets)}
    return {**_shipped(root, conf), **own}


def digest_of(files: Mapping[str, str]) -> str:
    """One digest of all that `sources` found, 32 hex digits."""
    lines = "".join(f"{name} {digest}\n" for name, digest in sorted(files.items()))
    return hashlib.blake2b(lines.encode(), digest_size=16).hexdigest()


@cache
def _shipped(root: Path, conf: Path) -> dict[str, str]:
    """Digests of ferlab's files, read once, since a process keeps the code that it imported."""
    files = {f"ferlab/{path.relative_to(root)}": path for path in root.rglob("*.py")}
    files |= {f"conf/{path.relative_to(conf)}": path for path in conf.rglob("*.yaml")}
    return {name: _digest(files[name]) for name in sorted(files)}


def _digest(path: Path) -> str:
    return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()


def are_own(targets: Collection[str]) -> bool:
    """Whether any of the targets is a user's own, neither ferlab's nor torch's."""
    return any(_is_own(target) for target in targets)


def _is_own(target: str) -> bool:
    return target.partition(".")[0] not in ("ferlab", "torch")


def _own_files(targets: Collection[str]) -> Iterator[tuple[str, Path]]:
    """The files of a user's own parts, which have been imported by now."""
    for target in filter(_is_own, targets):
        module = sys.modules.get(target.rpartition(".")[0])
        path = getattr(module, "__file__", None)
        if module is not None and path is not None:
            yield f"own/{module.__name__}", Path(path)
