"""The parts of a face, as its actions move them and its traits shape them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ferlab.data.faces.brush import Grid, blob, inside, line, paint, shade, zigzag
from ferlab.data.imageset import SIZE

EYE_LEVEL = -0.15

_STEPS = 20
"""Each brings a landmark to half its distance from where it belongs, or closer."""


@dataclass(frozen=True)
class View:
    """Coordinates of each pixel of each image.

    Attributes:
        screen: x and y from -1 to 1 across the image, shape (1, 48, 48).
        head: x and y on the head's outline, shape (n, 48, 48).
        face: x and y on the face's surface, shape (n, 48, 48); it nears the viewer at its middle.
        pixel: a pixel's width in the head's units, shape (n, 1, 1).
    """

    screen: tuple[Grid, Grid]
    head: tuple[Grid, Grid]
    face: tuple[Grid, Grid]
    pixel: Grid

    @classmethod
    def of(cls, f: Mapping[str, Grid]) -> "View":
        """The view under a face's pose: roll, scale and offset, then yaw and pitch as parallax."""
        centres = ((np.arange(SIZE, dtype=np.float32) + 0.5) * 2 / SIZE - 1)[None]
        sx, sy = centres[:, None, :], centres[:, :, None]
        t = f["roll"]
        cos, sin = (1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)
        dx, dy = (sx - f["offset_x"]) / f["scale"], (sy - f["offset_y"]) / f["scale"]
        x, y = cos * dx + sin * dy, cos * dy - sin * dx
        near = _nearness(x, y, f["head_width"])
        face = (x - f["yaw"] * near, y - f["pitch"] * near)
        return cls((sx, sy), (x, y), face, 2 / SIZE / f["scale"])


def _nearness(x: Grid, y: Grid, head_width: Grid) -> Grid:
    """How much nearer the viewer a place of the head is than its outline, from 0 to 1."""
    near: Grid = np.maximum(1 - (x / head_width) ** 2 - (y * 0.7) ** 2, 0)
    return near


def landmarks_of(f: Mapping[str, npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    """See `ferlab.data.faces.landmarks`: what `View` does, backwards.

    Args:
        f: trait -> its value for each image, shape (n,).

    Returns:
        shape (n, 5, 2).
    """
    eye, corner, zero = f["eye_distance"], f["mouth_width"], np.zeros_like(f["eye_distance"])
    level = np.full_like(eye, EYE_LEVEL)
    face_x = np.stack([-eye, eye, zero, -corner, corner], axis=1)
    face_y = np.stack([level, level, f["nose_length"], f["mouth_height"], f["mouth_height"]], 1)
    width, yaw, pitch, t, scale, right, down = (
        f[name][:, None]
        for name in ("head_width", "yaw", "pitch", "roll", "scale", "offset_x", "offset_y")
    )
    x, y = face_x, face_y
    for _ in range(_STEPS):  # where the face's surface shows it on the head
        near = _nearness(x, y, width)
        x, y = face_x + yaw * near, face_y + pitch * near
    cos, sin = (1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)
    screen_x, screen_y = (cos * x - sin * y) * scale + right, (sin * x + cos * y) * scale + down
    return (np.stack([screen_x, screen_y], axis=2) + 1) * SIZE / 2


def draw_anatomy(f: Mapping[str, Grid]) -> Grid:
    """Draw one face per image, lit but before any camera.

    Args:
        f: trait or action -> its value for each image, shape (n, 1, 1).

    Returns:
        tones, shape (n, 48, 48), nominally from 0 to 1.
    """
    view = View.of(f)
    grey = _backdrop(f, view)
    for part in (_head, _nose, _mouth, _eyes, _brows, _furrows, _hair, _glasses, _cover):
        part(grey, f, view)
    return grey


def _backdrop(f: Mapping[str, Grid], view: View) -> Grid:
    x, y = view.screen
    return f["backdrop"] + f["backdrop_slope"] * (x + 0.5 * y)


def _head(grey: Grid, f: Mapping[str, Grid], view: View) -> None:
    x, y = view.head
    width, skin = f["head_width"], f["skin"]
    # Long hair hangs behind the head, and the neck and shoulders carry it.
    behind = width * 1.2 - np.sqrt(x * x + np.minimum(y + 0.25, 0) ** 2)
    behind = np.minimum(behind, f["hair_length"] - y - 0.4 * x * x)
    paint(grey, inside(behind, view.pixel * 3), f["hair"])
    neck = np.minimum(0.42 - np.abs(x), y - 0.5)
    shoulders = y - 1.12 - 0.25 * x * x
    paint(grey, inside(np.maximum(neck, shoulders), view.pixel), skin * 0.62)
    ears = blob(np.abs(x) - width, y + 0.02, 0.14, 0.24)
    paint(grey, np.minimum(ears * 3, 1), skin * 0.8)
    down = np.maximum(y, 0)
    narrow = 1 - f["jaw_narrowing"] * down * down
    height = np.where(y > 0, 1.02 + 0.13 * f["jaw_drop"], np.float32(1.2))
    radius = np.sqrt((x / (width * narrow)) ** 2 + (y / height) ** 2)
    light = 1.06 + f["light_x"] * x + f["light_y"] * y - 0.25 * radius * radius
    paint(grey, inside((1 - radius) * width, view.pixel * 1.5), skin * light)


def _nose(grey: Grid, f: Mapping[str, Grid], view: View) -> None:
    x, y = view.face
    wrinkle = f["nose_wrinkle"]
    tip, width = f["nose_length"] - 0.05 * wrinkle, f["nose_width"] * (1 + 0.25 * wrinkle)
    side = np.where(x * f["light_x"] > 0, np.float32(0.05), np.float32(0.22))
    shade(grey, side * blob(np.abs(x) - width * 0.8, y - tip * 0.4, 0.09, 0.42))
    shade(grey, -0.13 * blob(x, y - tip * 0.6, 0.08, 0.4))
    shade(grey, 0.3 * blob(x, y - tip - 0.08, width * 1.4, 0.07))
    shade(grey, 0.6 * blob(np.abs(x) - width * 0.62, y - tip - 0.045, 0.065, 0.055))
    # Wrinkles across the root and down the sides.
    folds = line(np.abs(y + 0.04) - 0.05 - 0.3 * np.abs(x), 0.045) * blob(x, y, 0.2, 0.5)
    sides = line(np.abs(x) - 0.13 - 0.5 * (y + 0.05), 0.06) * blob(x, y - 0.06, 0.5, 0.2)
    shade(grey, 0.38 * np.minimum(wrinkle, 1.3) * np.maximum(folds, sides))


def _mouth(grey: Grid, f: Mapping[str, Grid], view: View) -> None:
    x, y = view.face
    sided = 1 + f["mouth_lopsidedness"] * np.clip(x * 3, -1, 1)
    pull, depress = f["lip_corner_pull"] * sided, f["lip_corner_depress"] * sided
    stretch, tighten, chin = f["lip_stretch"] * sided, f["lip_tighten"], f["chin_raise"]
    jaw, part, raised = f["jaw_drop"], f["lips_part"], f["upper_lip_raise"] * sided
    spread = 1 + 0.3 * pull + 0.3 * stretch - 0.15 * tighten - 0.2 * jaw
    u = x / (f["mouth_width"] * np.maximum(spread, 0.5))
    bow = np.minimum(u * u, 1.5)
    lips = np.maximum(1 - bow, 0)
    # Stretched lips stay apart up to the corners.
    open_shape = lips * (1 + 0.6 * np.minimum(stretch, 1) * bow)
    curve = f["mouth_curve"] - 0.17 * pull + 0.15 * depress + 0.04 * stretch
    middle = f["mouth_height"] + curve * (bow - 0.4) - 0.05 * chin * (1 - bow) + 0.02 * jaw
    top = middle - open_shape * (0.05 * part + 0.05 * raised + 0.02 * jaw)
    bottom = middle + open_shape * (0.07 * part + 0.02 * raised) + np.sqrt(lips) * 0.3 * jaw
    thick = f["lip_thickness"] * np.maximum(1 - 0.6 * tighten - 0.15 * stretch, 0.2)
    upper_edge = top - thick * lips * (1 - 0.3 * np.minimum(raised, 1))
    lower_edge = bottom + thick * 1.25 * lips
    shade(grey, 0.22 * blob(x, y - lower_edge - 0.06, 0.2, 0.06))
    within = bow < 1
    red = inside(np.minimum(y - upper_edge, lower_edge - y), view.pixel) * within
    paint(grey, red, f["skin"] * 0.68)
    gap = inside(np.minimum(y - top, bottom - y), view.pixel) * within
    paint(grey, gap * np.minimum((bottom - top) * 12, 1), 0.07)
    teeth = np.minimum(y - top, np.minimum(top + 0.13 - y, bottom - y))
    shown = np.clip(1.1 * pull + 0.9 * stretch + 0.9 * raised - 0.15, 0, 1) * (bow < 0.85)
    paint(grey, inside(teeth, view.pixel) * shown * np.minimum((bottom - top) * 9, 1), 0.9)
    closed = line(y - middle, 0.05) * (bow < 1.05) * np.maximum(1 - (bottom - top) * 12, 0)
    shade(grey, 0.65 * closed)
    corners = blob(np.abs(u) - 1, y - middle, 0.22, 0.06)
    shade(grey, 0.35 * corners)


def _eyes(grey: Grid, f: Mapping[str, Grid], view: View) -> None:
    x, y = view.face
    side = np.abs(x)
    shade(grey, 0.2 * blob(side - f["eye_distance"], y - EYE_LEVEL + 0.04, 0.3, 0.22))
    u = (side - f["eye_distance"]) / f["eye_width"]
    arc = np.maximum(1 - u * u, 0)
    squint = 0.35 * f["lid_tighten"] + 0.35 * f["cheek_raise"] + 0.15 * f["nose_wrinkle"]
    lift = 1 + 0.75 * f["upper_lid_raise"] - 0.65 * f["lid_droop"] - 0.6 * squint
    opening = f["eye_opening"]
    level = EYE_LEVEL + (0.05 * f["lid_droop"] - f["eye_slant"]) * u
    top = level - opening * np.maximum(lift, 0.08) * arc
    # Cheek and lower lid push up; wide eyes show white below the iris too.
    bottom = level + opening * (0.75 + 0.25 * f["upper_lid_raise"] - 0.9 * squint) * arc
    inner = np.minimum(y - top, bottom - y)
    white = inside(inner, view.pixel) * (arc > 0)
    paint(grey, white, np.minimum(f["skin"] * 0.45 + 0.52, 0.95))
    gaze = side - f["eye_distance"] - np.where(x > 0, f["gaze"], -f["gaze"])
    radius = np.sqrt(gaze * gaze + (y - EYE_LEVEL) ** 2)
    paint(grey, white * inside(0.085 - radius, view.pixel), f["iris"])
    paint(grey, white * inside(0.04 - radius, view.pixel), 0.03)
    lash = line(y - top + 0.01, 0.045) * (np.abs(u) < 1.1)
    shade(grey, 0.75 * lash)
    crease = line(y - top + 0.075, 0.035) * (np.abs(u) < 1)
    shade(grey, 0.25 * crease * np.clip(1.2 - f["lid_droop"], 0, 1))
    rim = line(y - bottom - 0.015, 0.035) * (np.abs(u) < 1)
    pouch = line(y - bottom - 0.085 + 0.04 * u * u, 0.045) * (np.abs(u) < 1.2)
    shade(grey, 0.3 * rim + np.minimum(squint * 0.6 + 0.12 * f["age"], 0.5) * pouch)


def _brows(grey: Grid, f: Mapping[str, Grid], view: View) -> None:
    x, y = view.face
    sided = 1 + f["brow_lopsidedness"] * np.clip(x * 3, -1, 1)
    inner, outer = f["inner_brow_raise"] * sided, f["outer_brow_raise"] * sided
    lower = f["brow_lower"] * sided
    u = (np.abs(x) - f["eye_distance"] + 0.05 * f["brow_lower"]) / (f["eye_width"] * 1.3)
    inward, outward = (1 - u) / 2, (1 + u) / 2
    lift = 0.15 * inner * inward + 0.13 * outer * outward - lower * (0.15 * inward + 0.03)
    level = EYE_LEVEL - f["brow_height"] - f["brow_arch"] * (1 - u * u) - lift
    level += 0.03 * f["nose_wrinkle"]
    thickness = f["brow_thickness"] * np.clip((1.15 - u) * 0.8, 0, 1.1)
    brow = inside(thickness - np.abs(y - level), view.pixel) * (np.abs(u) < 1.05)
    paint(grey, 0.85 * brow, np.minimum(f["hair"] * 0.8, f["skin"] * 0.6))


def _furrows(grey: Grid, f: Mapping[str, Grid], view: View) -> None:
    x, y = view.face
    side, age = np.abs(x), f["age"]
    # Raised brows fold the forehead, lowered ones the skin between them.
    raised = f["inner_brow_raise"] * blob(x, y, 0.4, 3) + f["outer_brow_raise"] * 0.5
    waves = line(np.abs(y + 0.68 + 0.08 * x * x) - 0.055, 0.035) * (side < 0.42)
    shade(grey, np.minimum(0.17 * raised + 0.05 * age, 0.32) * waves)
    frown = line(side - 0.065, 0.04) * blob(x, y + 0.33, 0.5, 0.17)
    shade(grey, np.minimum(0.6 * f["brow_lower"] + 0.05 * age, 0.6) * frown)
    # The fold from nostril to mouth corner, deepened by whatever lifts the lip or the cheek.
    along = y - f["nose_length"]
    reach = 0.17 + 0.5 * along + 0.06 * f["lip_corner_pull"]
    lifts = 0.3 * f["lip_corner_pull"] + 0.3 * f["nose_wrinkle"] + 0.25 * f["upper_lip_raise"]
    fold = line(side - reach, 0.07) * blob(along - 0.16, side, 0.28, 3)
    shade(grey, np.minimum(lifts + 0.05 + 0.12 * age, 0.5) * fold)
    apples = blob(side - 0.42, y - 0.17, 0.22, 0.17)
    shade(grey, -0.16 * np.minimum(f["cheek_raise"], 1.2) * apples)
    below = f["mouth_height"] + 0.24
    dimples = blob(x, y - below, 0.16, 0.1) * (0.5 + 0.5 * line(side - 0.06, 0.05))
    shade(grey, 0.4 * np.minimum(f["chin_raise"], 1.2) * dimples)


def _hair(grey: Grid, f: Mapping[str, Grid], view: View) -> None:
    x, y = view.head
    fx, fy = view.face
    width = f["head_width"]
    radius = np.sqrt((x / (width * 1.1)) ** 2 + (y / 1.3) ** 2)
    curl = 0.85 * (x - f["hair_parting"] * 0.7) ** 2 + 0.12 * f["fringe"] * (2 - 3 * np.abs(x))
    top = np.minimum(f["hairline"] + curl - y, (1 - radius) * width)
    # Strands run out from the parting, and the crown shines.
    strands = 0.95 + 0.2 * zigzag(9 * (x - f["hair_parting"]) / np.maximum(y + 1.9, 0.3))
    strands += 0.25 * blob(x - f["light_x"], y + 1, 0.6, 0.16)
    light = (1.1 + 0.8 * (f["light_x"] * x + f["light_y"] * y)) * strands
    paint(grey, inside(top, view.pixel * 2), f["hair"] * light)
    lip = f["mouth_height"] - 0.13
    under_nose = blob(fx, fy - lip, 0.3, 0.08)
    paint(grey, 0.75 * f["moustache"] * np.minimum(under_nose * 2, 1), f["hair"])
    cheeks = np.sqrt(fx * fx + (fy - 0.1) ** 2) - 0.52
    on_head = inside(1.02 - np.sqrt((x / width) ** 2 + y * y), view.pixel * 3)
    jaw = np.clip(cheeks * 5, 0, 1) * np.clip(fy * 4 - 0.4, 0, 1) * on_head
    paint(grey, 0.6 * f["beard"] * jaw, f["hair"] * 1.1)


def _glasses(grey: Grid, f: Mapping[str, Grid], view: View) -> None:
    x, y = view.face
    side, level = np.abs(x), y - EYE_LEVEL - 0.02
    radius = np.sqrt(((side - f["eye_distance"]) / 0.25) ** 2 + (level / 0.2) ** 2)
    rims = line((radius - 1) * 0.22, 0.04)
    bridge = line(level + 0.03, 0.035) * (side < f["eye_distance"] - 0.25)
    temples = line(level + 0.03, 0.035) * (side > f["eye_distance"] + 0.25) * (side < 0.8)
    paint(grey, 0.85 * f["glasses"] * np.maximum(rims, np.maximum(bridge, temples)), 0.08)


def _cover(grey: Grid, f: Mapping[str, Grid], view: View) -> None:
    x, y = view.head
    across = (x - f["cover_x"] - 0.4 * f["cover_x"] * (y - f["cover_y"])) / f["cover_width"]
    finger = zigzag(across * 1.5 + 0.5) ** 2
    tips = y - f["cover_y"] + 0.35 - 0.3 * finger - 0.1 * across * across
    depth = np.minimum((1 - np.abs(across)) * f["cover_width"], tips)
    tone = f["cover_tone"] * (1.1 - 1.6 * finger)
    paint(grey, f["cover"] * inside(depth, view.pixel * 2), tone)
