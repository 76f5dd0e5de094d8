"""``ferlab export``: a run or a study that leaves its store, to be gone on with or to be used."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ferlab.cli.use.carry import export_study

if TYPE_CHECKING:
    from ferlab.use.onnx.agreement import Agreement

_EPILOG = """\
  ferlab export best bundle.zip                 the record of a run, for ferlab reproduce bundle.zip
  ferlab export STUDY study.zip                 all of a study, for ferlab import study.zip
  ferlab export STUDY study.zip --models        and its weights, which are most of the bytes
  ferlab export best --onnx face.onnx           its network, for whatever runs ONNX
  ferlab export best --onnx face.onnx --int8    the same, smaller and faster, and how much is lost
"""


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command."""
    export = commands.add_parser(
        "export",
        parents=[common],
        help="put a run or a study into a bundle, for another machine; or a network into ONNX",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    export.add_argument(
        "name", metavar="RUN", help="an id, its beginning, best[:STUDY[:METRIC]], or a study's name"
    )
    export.add_argument("bundle", type=Path, nargs="?", metavar="BUNDLE.zip")
    export.add_argument(
        "--onnx",
        type=Path,
        nargs="?",
        const=Path(),
        metavar="FILE.onnx",
        help="write the network, checked against torch on the validation images (RUN.onnx)",
    )
    export.add_argument(
        "--any-size", action="store_true", help="it takes images of any size, and resizes them"
    )
    export.add_argument(
        "--int8", action="store_true", help="it computes in 8 bits, and what that loses is measured"
    )
    export.add_argument("--models", action="store_true", help="of a study, its weights, too")
    export.add_argument("--storage", metavar="URL", help="where a study is kept, if not at home")
    export.set_defaults(run=_export)


def _export(args: argparse.Namespace) -> int:
    from ferlab.errors import ConfigError, DataError

    if (args.bundle is None) == (args.onnx is None):
        raise ConfigError("name a BUNDLE.zip, or an ONNX file by --onnx, and not both")
    if args.onnx is not None:
        return _onnx(args.name, args.onnx, args.any_size, args.int8)
    for option in ("any_size", "int8"):
        if getattr(args, option):
            raise ConfigError(f"--{option.replace('_', '-')} is of an ONNX file: --onnx FILE.onnx")
    if args.bundle.suffix.lower() != ".zip":  # it would not be read as one
        told = f"'{args.bundle}' cannot name a bundle; it must end in .zip, such as bundle.zip"
        raise DataError(told)
    if (study := _study(args.name, args.storage)) is not None:
        return export_study(study, args.storage, args.bundle, models=args.models)
    for option in ("models", "storage"):
        if getattr(args, option):
            raise ConfigError(f"--{option} is of a study, and '{args.name}' is none")
    return _bundle(args.name, args.bundle)


def _study(name: str, storage: str | None) -> str | None:
    """The study that is meant by its name, or by its run's id; None where a run is."""
    from ferlab.sweep import studies
    from ferlab.tracking import find, store

    if name == "best" or ":" in name:
        return None
    if studies.is_begun(name, storage):
        return name
    found = find.resolve(store.connect(None, make=False), name)
    return found.study if found.kind == "study" else None


def _bundle(name: str, path: Path) -> int:
    from ferlab.reproduce import bundle
    from ferlab.reproduce.resolve import files_of, resolve_finished
    from ferlab.tracking import store

    client = store.connect(None, make=False)
    files = files_of(client, resolve_finished(client, name))
    bundle.write_bundle(path, files)
    runs = "1 run" if len(files) == 1 else f"{len(files)} runs"
    print(f"bundle   {path}: {runs}, {path.stat().st_size:,} bytes")
    print(f"again    ferlab reproduce {path}")
    return 0


def _onnx(name: str, path: Path, any_size: bool, int8: bool) -> int:
    from ferlab.reproduce.resolve import resolve_model
    from ferlab.tracking import store
    from ferlab.use.extra import require_extra

    require_extra("onnx", "onnxruntime", "onnxscript")
    from ferlab.use.onnx.export import export_run
    from ferlab.use.saved import require_new

    client = store.connect(None, make=False)
    entry = resolve_model(client, name)
    path = path if path.name else Path(f"{entry.run_id[:8]}.onnx")
    require_new(path, ".onnx")
    done = export_run(client, entry, path, any_size=any_size, int8=int8)
    print(f"run      {entry.run_id}: {entry.name}")
    print(f"onnx     {path}: {done.bytes:,} bytes, {done.takes} -> probabilities (n, k)")
    before = "" if done.rounded is None else "before it went to 8 bits: "
    print(f"checked  {before}{_same(done.exact)}")
    if done.rounded is not None:
        print(f"int8     {_rounded(done.rounded)}")
    print(f"use      ferlab predict {path} PHOTO")
    return 0


def _same(exact: "Agreement") -> str:
    return (
        f"onnxruntime and torch give all {exact.images:,} validation images the same class; "
        f"largest difference {exact.largest:.2g}"
    )


def _rounded(rounded: "Agreement") -> str:
    before, after = rounded.accuracies
    return (
        f"accuracy {before:.4f} -> {after:.4f}; {rounded.others:,} of {rounded.images:,} have "
        f"another class; largest difference {rounded.largest:.2g}"
    )
