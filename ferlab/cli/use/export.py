"""``ferlab export``: a run that leaves its store, to be trained again or to be used."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ferlab.use.onnx.agreement import Agreement

_EPILOG = """\
  ferlab export best bundle.zip                 the record of a run, for ferlab reproduce bundle.zip
  ferlab export best --onnx face.onnx           its network, for whatever runs ONNX
  ferlab export best --onnx face.onnx --int8    the same, smaller and faster, and how much is lost
"""


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command."""
    export = commands.add_parser(
        "export",
        parents=[common],
        help="put a run into a bundle, to be reproduced elsewhere; or its network into ONNX",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    export.add_argument(
        "name", metavar="RUN", help="an id, its beginning, or best[:STUDY[:METRIC]]"
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
    export.set_defaults(run=_export)


def _export(args: argparse.Namespace) -> int:
    from ferlab.errors import ConfigError

    if (args.bundle is None) == (args.onnx is None):
        raise ConfigError("name a BUNDLE.zip, or an ONNX file by --onnx, and not both")
    if args.onnx is not None:
        return _onnx(args.name, args.onnx, args.any_size, args.int8)
    for option in ("any_size", "int8"):
        if getattr(args, option):
            raise ConfigError(f"--{option.replace('_', '-')} is of an ONNX file: --onnx FILE.onnx")
    return _bundle(args.name, args.bundle)


def _bundle(name: str, path: Path) -> int:
    from ferlab.errors import DataError
    from ferlab.reproduce import bundle
    from ferlab.reproduce.resolve import files_of, resolve_finished
    from ferlab.tracking import store

    if path.suffix.lower() != ".zip":  # it would not be read as one
        raise DataError(f"'{path}' cannot name a bundle; it must end in .zip, such as bundle.zip")
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
    from ferlab.use.onnx.export import export_run, require_new

    client = store.connect(None, make=False)
    entry = resolve_model(client, name)
    path = path if path.name else Path(f"{entry.run_id[:8]}.onnx")
    require_new(path)
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
