"""A photo with its faces boxed, and what they express written at them."""

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from ferlab.use.crop import square_of
from ferlab.use.face import Photo
from ferlab.use.reader import Reading

_INK, _PAPER = "#FFFFFF", "#0072B2"
"""The blue of ferlab's figures, on which white letters can be read."""

_LARGEST = 2048
"""Longer side of the picture, in pixels; that of a larger photo is made smaller."""

_LINE, _LETTER = 1 / 200, 1 / 36
"""Width of lines and height of letters, as a share of the longer side."""


def annotated(photo: Photo, readings: Sequence[Reading]) -> Image.Image:
    """The photo with the square that was read of each face, its expression and probability."""
    picture = Image.fromarray(photo)
    picture.thumbnail((_LARGEST, _LARGEST))
    scale = max(picture.size) / max(photo.shape[:2])
    draw = ImageDraw.Draw(picture)
    line = max(2, round(_LINE * max(picture.size)))
    font = ImageFont.load_default(max(10, round(_LETTER * max(picture.size))))
    for reading in readings:
        corners = [(x * scale, y * scale) for x, y in square_of(reading.face).corners()]
        draw.line([*corners, corners[0], corners[1]], _PAPER, line, joint="curve")
        text = f" {reading.expression} {reading.probabilities.max():.0%} "
        left, top = (min(values) for values in zip(*corners, strict=True))
        _, _, width, height = draw.textbbox((0, 0), text, font, anchor="lt")
        # Above the square; where there is no room, as far up as there is.
        x = min(max(0, left - line / 2), max(0, picture.width - width))
        y = max(0, top - line / 2 - 1.4 * height)
        draw.rectangle((x, y, x + width, y + 1.4 * height), _PAPER)
        draw.text((x, y + 0.2 * height), text, _INK, font, anchor="lt")
    return picture
