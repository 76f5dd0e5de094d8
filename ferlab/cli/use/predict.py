"""``ferlab predict``."""

import argparse
import csv
import io
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ferlab.cli.table import table
from ferlab.errors import DataError
from ferlab.terminal import unguarded
from ferlab.text import pluralize

if TYPE_CHECKING:
    from ferlab.use.face import FaceFinder
    from ferlab.use.model import NamedModel
    from ferlab.use.reader import Reader, Reading
    from ferlab.use.saved import Saver
    from ferlab.use.sources import Source

_EPILOG = """\
Faces are found, turned upright by their eyes, and cut as FER2013's are. The exit code is 1 if a
photo cannot be read or shows no face; the others are read all the same.

  ferlab predict best photo.jpg
  ferlab predict best:se_gain holiday/ --csv > faces.csv
  ferlab predict best photo.heic --save seen.png
  find . -name '*.jpg' -print0 | ferlab predict best -
"""


class _Outcome(NamedTuple):
    """What came of a photo.

    Attributes:
        name: of the photo; empty where something else was wrong.
        size: width and height, in pixels.
        readings: its faces.
        error: why there are none.
    """

    name: str
    size: tuple[int, int] = (0, 0)
    readings: "Sequence[Reading]" = ()
    error: str = ""


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
    from ferlab.use.model import load_named
    from ferlab.use.reader import Reader
    from ferlab.use.saved import Saver
    from ferlab.use.sources import listed

    named = load_named(args.model)
    reader = Reader(named.model, _finder(args.face))
    sources = list(listed(args.photos, sys.stdin.buffer))
    saver = None if args.save is None else Saver(args.save, sources)
    outcomes, started = [], time.monotonic()
    with _bar(len(sources)) as advance:
        for source in sources:
            try:
                outcomes.append(_outcome(source, reader, saver))
            except DataError as error:
                print(f"ferlab: {error}", file=sys.stderr)
                name = "" if isinstance(source, DataError) else source.name
                outcomes.append(_Outcome(name, error=str(error)))
            advance()
    if any(outcome.readings for outcome in outcomes) or args.form:
        print(_FORMS[args.form](named, outcomes))
    if len(outcomes) > 1:
        print(_summary(outcomes, time.monotonic() - started), file=sys.stderr)
    return 1 if any(outcome.error for outcome in outcomes) else 0


def _finder(face: str) -> "FaceFinder":
    if face == "whole":
        from ferlab.use.face import WholePhoto

        return WholePhoto()
    from ferlab.use.mtcnn.cascade import Cascade

    return Cascade()


def _outcome(source: "Source | DataError", reader: "Reader", saver: "Saver | None") -> _Outcome:
    """Read one photo.

    Raises:
        DataError: it cannot be read, shows no face, or cannot be kept.
    """
    from ferlab.use import photo

    if isinstance(source, DataError):
        raise source
    pixels = photo.decode(source.read(), source.name)
    readings = reader.read(pixels)
    if not readings:
        raise DataError(f"{source.name} shows no face; --face whole reads one that fills a photo")
    if saver is not None:
        saver.save(source, pixels, readings)
    height, width = pixels.shape[:2]
    return _Outcome(source.name, (width, height), readings)


@contextmanager
def _bar(photos: int) -> Iterator[Callable[[], None]]:
    """On a terminal a bar over several photos, to be advanced by one at a time."""
    from rich.console import Console
    from rich.progress import Progress

    shown = photos > 1 and sys.stderr.isatty()
    console = Console(file=unguarded(sys.stderr))
    with Progress(console=console, transient=True, disable=not shown) as bar:
        task = bar.add_task("photos", total=photos)
        yield lambda: bar.advance(task)


def _table(named: "NamedModel", outcomes: Sequence[_Outcome]) -> str:
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


def _json(named: "NamedModel", outcomes: Sequence[_Outcome]) -> str:
    from ferlab.use.described import described

    classes = named.model.classes
    photos = []
    for outcome in outcomes:
        of_photo: dict[str, Any] = {"photo": outcome.name} if outcome.name else {}
        if outcome.error:
            photos.append(of_photo | {"error": outcome.error})
            continue
        width, height = outcome.size
        faces = [described(reading, classes) for reading in outcome.readings]
        photos.append(of_photo | {"width": width, "height": height, "faces": faces})
    return json.dumps({"model": named.what, "classes": classes, "photos": photos}, indent=2)


def _csv(named: "NamedModel", outcomes: Sequence[_Outcome]) -> str:
    from ferlab.use.described import face_columns, face_row

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(face_columns(named.model.classes))
    for outcome in outcomes:
        for number, reading in enumerate(outcome.readings, 1):
            writer.writerow(face_row(outcome.name, number, reading))
    return text.getvalue().rstrip("\n")


_FORMS = {None: _table, "json": _json, "csv": _csv}


def _summary(outcomes: Sequence[_Outcome], seconds: float) -> str:
    failed = sum(bool(outcome.error) for outcome in outcomes)
    faces = sum(len(outcome.readings) for outcome in outcomes)
    parts = [pluralize(len(outcomes), "photo"), pluralize(faces, "face")]
    parts += [f"{failed:,} without"] * bool(failed)
    return f"{', '.join(parts)}; {len(outcomes) / seconds:.3g} photos/s"
