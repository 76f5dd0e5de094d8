"""Photos that a command reads one by one: what came of each, and what is wrong with the others."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from ferlab.errors import DataError
from ferlab.text import pluralize, unguarded

if TYPE_CHECKING:
    from ferlab.use.face import Photo
    from ferlab.use.reader import Reader, Reading
    from ferlab.use.saved import Saver
    from ferlab.use.sources import Source

    Drawn = Callable[[Photo, Sequence[Reading]], Photo]


class PhotoOutcome(NamedTuple):
    """What came of a photo.

    Attributes:
        name: of the photo; empty where something else was wrong.
        size: width and height, in pixels.
        readings: its faces.
        saved: where it was kept with its faces marked; empty where it was not.
        error: why there is nothing.
    """

    name: str
    size: tuple[int, int] = (0, 0)
    readings: "Sequence[Reading]" = ()
    saved: str = ""
    error: str = ""


def read_photos(
    sources: "Sequence[Source | DataError]",
    reader: "Reader",
    saver: "Saver | None",
    drawn: "Drawn | None" = None,
) -> tuple[list[PhotoOutcome], str]:
    """Read photos; what is wrong is told on standard error.

    Args:
        sources: the photos.
        reader: reads them.
        saver: keeps them, if they are to be kept.
        drawn: what is kept of a photo with its faces; None for the photo itself.

    Returns:
        What came of each, and of several a summary in a line.
    """
    outcomes, started = [], time.monotonic()
    with _bar(len(sources)) as advance:
        for source in sources:
            try:
                outcomes.append(_outcome(source, reader, saver, drawn))
            except DataError as error:
                print(f"ferlab: {error}", file=sys.stderr)
                name = "" if isinstance(source, DataError) else source.name
                outcomes.append(PhotoOutcome(name, error=str(error)))
            advance()
    summary = _summary(outcomes, time.monotonic() - started) if len(outcomes) > 1 else ""
    return outcomes, summary


def described_photos(
    outcomes: Sequence[PhotoOutcome], classes: Sequence[str]
) -> list[dict[str, Any]]:
    """What came of photos, for JSON."""
    from ferlab.use.described import described

    photos = []
    for outcome in outcomes:
        of_photo: dict[str, Any] = {"photo": outcome.name} if outcome.name else {}
        if outcome.error:
            photos.append(of_photo | {"error": outcome.error})
            continue
        width, height = outcome.size
        saved = {"saved": outcome.saved} if outcome.saved else {}
        faces = [described(reading, classes) for reading in outcome.readings]
        photos.append(of_photo | {"width": width, "height": height, **saved, "faces": faces})
    return photos


def _outcome(
    source: "Source | DataError",
    reader: "Reader",
    saver: "Saver | None",
    drawn: "Drawn | None",
) -> PhotoOutcome:
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
    saved = ""
    if saver is not None:
        picture = pixels if drawn is None else drawn(pixels, readings)
        saved = str(saver.save(source, picture, readings))
    height, width = pixels.shape[:2]
    return PhotoOutcome(source.name, (width, height), readings, saved)


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


def _summary(outcomes: Sequence[PhotoOutcome], seconds: float) -> str:
    failed = sum(bool(outcome.error) for outcome in outcomes)
    faces = sum(len(outcome.readings) for outcome in outcomes)
    parts = [pluralize(len(outcomes), "photo"), pluralize(faces, "face")]
    parts += [f"{failed:,} without"] * bool(failed)
    return f"{', '.join(parts)}; {len(outcomes) / seconds:.3g} photos/s"
