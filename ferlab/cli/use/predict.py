"""``ferlab predict``."""

import argparse
import csv
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ferlab.cli.table import table
from ferlab.cli.use.photos import PhotoOutcome, described_photos, read_photos

if TYPE_CHECKING:
    from ferlab.use.model import NamedModel

_EPILOG = """\
Faces are found, turned upright by their eyes, and cut as FER2013's are. The exit code is 1 if a
photo cannot be read or shows no face; the others are read all the same.

  ferlab predict best photo.jpg
  ferlab predict best:se_gain holiday/ --csv > faces.csv
  ferlab predict best photo.heic --save seen.png
  find . -name '*.jpg' -print0 | ferlab predict best -
"""


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command."""
    predict = commands.add_parser(
        "predict",
        parents=[common],
        help="find the faces in photos, and say what they express",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    predict.add_argument(
        "model",
        metavar="RUN",
        help="an id, its beginning, best[:STUDY[:METRIC]], models:/NAME@ALIAS, or FILE.onnx",
    )
    predict.add_argument(
        "photos",
        nargs="+",
        metavar="PHOTO",
        help="a file, a folder, or - for a photo, or paths of photos, on standard input",
    )
    predict.add_argument(
        "--face",
        choices=("found", "whole"),
        default="found",
        help="whether faces are found, or each photo is one as a whole (%(default)s)",
    )
    form = predict.add_mutually_exclusive_group()
    for name, what in (("json", "everything, for a program to read"), ("csv", "a row a face")):
        form.add_argument(f"--{name}", dest="form", action="store_const", const=name, help=what)
    predict.add_argument(
        "--save",
        type=Path,
        metavar="PATH",
        help="keep photos with their faces marked: in this folder, or as this .png or .jpg",
    )
    predict.set_defaults(run=_predict)


def _predict(args: argparse.Namespace) -> int:
    from ferlab.use.face import finder_of
    from ferlab.use.model import load_named
    from ferlab.use.reader import Reader
    from ferlab.use.saved import Saver
    from ferlab.use.sources import listed

    named = load_named(args.model)
    reader = Reader(named.model, finder_of(args.face))
    sources = list(listed(args.photos, sys.stdin.buffer))
    saver = None if args.save is None else Saver(args.save, sources)
    outcomes, summary = read_photos(sources, reader, saver)
    if any(outcome.readings for outcome in outcomes) or args.form:
        print(_FORMS[args.form](named, outcomes))
    if summary:
        print(summary, file=sys.stderr)
    return 1 if any(outcome.error for outcome in outcomes) else 0


def _table(named: "NamedModel", outcomes: Sequence[PhotoOutcome]) -> str:
    header = ["photo", "face", "at", "size", "expression", "", "next", ""]
    rows = []
    for outcome in outcomes:
        for number, reading in enumerate(outcome.readings, 1):
            left, top, right, bottom = (round(edge) for edge in reading.face.box)
            best, second = reading.probabilities.argsort()[::-1][:2].tolist()
            places = [f"{left},{top}", f"{right - left}x{bottom - top}"]
            likely = [
                text
                for i in (best, second)
                for text in (named.model.classes[i], f"{reading.probabilities[i]:.3f}")
            ]
            rows.append([outcome.name, str(number), *places, *likely])
    return table(header, rows, optional=2)


def _json(named: "NamedModel", outcomes: Sequence[PhotoOutcome]) -> str:
    classes = named.model.classes
    photos = described_photos(outcomes, classes)
    return json.dumps({"model": named.what, "classes": classes, "photos": photos}, indent=2)


def _csv(named: "NamedModel", outcomes: Sequence[PhotoOutcome]) -> str:
    from ferlab.use.described import face_columns, face_row

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(face_columns(named.model.classes))
    for outcome in outcomes:
        for number, reading in enumerate(outcome.readings, 1):
            writer.writerow(face_row(outcome.name, number, reading))
    return text.getvalue().rstrip("\n")


_FORMS = {None: _table, "json": _json, "csv": _csv}
