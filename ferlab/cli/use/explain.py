"""``ferlab explain``."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ferlab.cli.table import table
from ferlab.cli.use.photos import PhotoOutcome, described_photos, read_photos
from ferlab.errors import ConfigError, DataError

_EPILOG = """\
Without a photo, the run's validation images are explained: of each expression those that are read
right and wrong most surely, and the channel gates of its attention. The pictures are kept with the
run, below explain/. With photos, those are kept with a map over each face. With --regions, all
networks of a study's confirmation are, by how much brows, eyes, nose and mouth count for them.

  ferlab explain best
  ferlab explain best data.path=archive.zip          where the data lies elsewhere now
  ferlab explain best photo.jpg holiday/ --method integrated_gradients
  ferlab explain --regions se_gain                   after ferlab confirm se_gain
"""

_IMAGES = 500
"""Validation images by which regions are compared."""

_PHOTOS = Path("explained")
"""Folder for photos, where none is named."""


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command."""
    explain = commands.add_parser(
        "explain",
        parents=[common],
        help="show what in a face counts for what a network reads in it",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    explain.add_argument(
        "model",
        metavar="RUN",
        help="an id, its beginning, best[:STUDY[:METRIC]], models:/NAME@ALIAS; or a STUDY",
    )
    explain.add_argument(
        "photos",
        nargs="*",
        metavar="PHOTO",
        help="a file, a folder, or - for standard input; without any, the validation images",
    )
    explain.add_argument(
        "--method",
        help="grad_cam, integrated_gradients or saliency (the first; of regions, the second)",
    )
    explain.add_argument(
        "--face",
        choices=("found", "whole"),
        default="found",
        help="whether faces are found, or each photo is one as a whole (%(default)s)",
    )
    explain.add_argument(
        "--regions",
        action="store_true",
        help="compare the configurations that a STUDY's confirmation trained, region by region",
    )
    explain.add_argument(
        "--images", type=int, metavar="N", help="validation images for --regions, by chance (500)"
    )
    explain.add_argument("--storage", metavar="URL", help="where the STUDY is kept, if not at home")
    explain.add_argument("--json", action="store_true", help="what was explained, for a program")
    explain.add_argument(
        "--save",
        type=Path,
        metavar="PATH",
        help="where photos are kept (explained/), or a copy of what the run keeps",
    )
    explain.set_defaults(run=_explain)


def _explain(args: argparse.Namespace) -> int:
    from ferlab.config.parts.data import FILES
    from ferlab.use.extra import require_extra

    require_extra("captum")
    from ferlab.use.explain.attribution import method_named

    args.method = args.method or ("integrated_gradients" if args.regions else "grad_cam")
    method_named(args.method)
    if args.model.lower().endswith(".onnx"):
        raise DataError(f"{args.model} is a file without gradients to explain it by; name its run")
    files = dict(text.split("=", 1) for text in args.photos if text.partition("=")[0] in FILES)
    photos = [text for text in args.photos if text.partition("=")[0] not in FILES]
    if photos and files:
        raise ConfigError(f"{next(iter(files))}= says where the run's data is; photos need none")
    if args.regions:
        return _regions(args, photos, files)
    if given := [f"--{key}" for key in ("images", "storage") if getattr(args, key) is not None]:
        raise ConfigError(f"{given[0]} is of a study's regions: ferlab explain --regions STUDY")
    return _photos(args, photos) if photos else _run(args, files)


def _regions(args: argparse.Namespace, photos: Sequence[str], files: Mapping[str, str]) -> int:
    from ferlab.cli.use.regions import explain_regions

    if photos:
        raise ConfigError(f"--regions is of validation images; '{photos[0]}' cannot be among them")
    images = _IMAGES if args.images is None else args.images
    return explain_regions(
        args.model, args.storage, args.method, images, files, args.save, args.json
    )


def _run(args: argparse.Namespace, files: Mapping[str, str]) -> int:
    from ferlab.reproduce.resolve import resolve_model
    from ferlab.tracking import artifacts, store
    from ferlab.tracking.run import Run
    from ferlab.use.explain.recorded import FOLDER, explain_run

    client = store.connect(None, make=False)
    entry = resolve_model(client, args.model)
    made = explain_run(client, entry, args.method, files, args.save)
    local = artifacts.local_folder(client, entry.run_id)
    folder = args.save or (local / FOLDER if local else Path(FOLDER))
    what = f"run {entry.run_id}: {entry.name}"
    if args.json:
        gates = [gates.summary() for gates in made.gates]
        told = {"model": what, "method": args.method, "images": made.images, "gates": gates}
        print(json.dumps({**told, "files": [str(folder / name) for name in made.files]}, indent=2))
        return 0
    print(what.replace(" ", "      ", 1))
    right = sum(image["true"] == image["predicted"] for image in made.images)
    mistakes = len(made.images) - right
    print(f"images   {right} read right and {mistakes} mistaken, the surest of each expression")
    for each in made.gates:
        print(f"gates    {each.place}: {each.told}")
    if not made.gates:
        print("gates    none: the network has no attention that rescales channels")
    for name in made.files:
        print(f"wrote    {folder / name}")
    print(f"look     {Run(client, entry.run_id).look}")
    return 0


def _photos(args: argparse.Namespace, photos: Sequence[str]) -> int:
    from ferlab.use.explain.in_photo import explained_photo
    from ferlab.use.face import finder_of
    from ferlab.use.model import load_named
    from ferlab.use.reader import Reader
    from ferlab.use.saved import Saver
    from ferlab.use.sources import listed

    named = load_named(args.model)
    classes = named.model.classes
    sources = list(listed(photos, sys.stdin.buffer))
    outcomes, summary = read_photos(
        sources,
        Reader(named.model, finder_of(args.face)),
        Saver(args.save or _PHOTOS, sources),
        lambda photo, readings: explained_photo(photo, readings, named, args.method),
    )
    if args.json:
        told = {"model": named.what, "method": args.method, "classes": classes}
        print(json.dumps({**told, "photos": described_photos(outcomes, classes)}, indent=2))
    elif any(outcome.readings for outcome in outcomes):
        print(_table(outcomes))
    if summary:
        print(summary, file=sys.stderr)
    return 1 if any(outcome.error for outcome in outcomes) else 0


def _table(outcomes: Sequence[PhotoOutcome]) -> str:
    rows = [
        [
            outcome.name,
            str(number),
            reading.expression,
            f"{reading.probabilities.max():.3f}",
            outcome.saved,
        ]
        for outcome in outcomes
        for number, reading in enumerate(outcome.readings, 1)
    ]
    return table(["photo", "face", "explained", "", "picture"], rows)
