"""What the way through a photo costs a network: ``python -m benchmarks.photos RUN FER2013``.

Images of FER2013 become photos: 640x480 pixels, in which the image, enlarged to 96-320 pixels, lies
somewhere; half of them in a landscape, the others in what their own edges go on to. The surest face
that is found is read as `ferlab predict` reads it; where none is found, the answer is wrong. All is
chosen on PublicTest (``--split val``, which is the default).
"""

import argparse
import time

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter
from sklearn.datasets import load_sample_image

from ferlab.data import fer2013
from ferlab.data.imageset import Split
from ferlab.use.face import Face, Photo
from ferlab.use.model import load_named
from ferlab.use.mtcnn.cascade import Cascade
from ferlab.use.reader import Reader

WIDTH, HEIGHT = 640, 480
SMALLEST, LARGEST = 96, 320
SEED = 0


def photo_of(image: npt.NDArray[np.uint8], number: int) -> Photo:
    """The photo of an image, the same each time; every second one lies in a landscape."""
    rng = np.random.default_rng([SEED, number])
    size = round(np.exp(rng.uniform(np.log(SMALLEST), np.log(LARGEST))))
    x, y = (int(rng.integers(0, side - size + 1)) for side in (WIDTH, HEIGHT))
    face = Image.fromarray(np.asarray(image)).resize((size, size), Image.Resampling.BICUBIC)
    if number % 2:
        name = ("china.jpg", "flower.jpg")[int(rng.integers(2))]
        around = Image.fromarray(load_sample_image(name)).convert("L").resize((WIDTH, HEIGHT))
    else:
        sides = (y, HEIGHT - y - size), (x, WIDTH - x - size)
        going_on = Image.fromarray(np.pad(np.asarray(face), sides, "edge"))
        around = going_on.filter(ImageFilter.GaussianBlur(size / 12))
    around.paste(face, (x, y))
    return np.asarray(around.convert("RGB"))


class Surest:
    """Finds the surest face alone."""

    def __init__(self) -> None:
        self._cascade = Cascade()

    def find(self, photo: Photo) -> list[Face]:
        return self._cascade.find(photo)[:1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("data")
    parser.add_argument("--split", choices=("val", "test"), default="val")
    parser.add_argument("--images", type=int, help="this many of them, by chance")
    args = parser.parse_args()

    images = fer2013.load(args.data)
    index = np.random.default_rng(SEED).permutation(images.indices(Split[args.split.upper()]))
    index = index[: args.images]
    labels = images.labels[index]
    named = load_named(args.run)
    direct = named.model.probabilities(images.images[index]).argmax(axis=1) == labels
    reader = Reader(named.model, Surest())
    told, seconds = [], 0.0
    for number, i in enumerate(index.tolist()):
        photo = photo_of(images.images[i], number)
        started = time.process_time()
        readings = reader.read(photo)
        seconds += time.process_time() - started
        told.append(readings[0].expression if readings else "")
    found = np.array([bool(expression) for expression in told])
    right = np.array([t == images.classes[k] for t, k in zip(told, labels, strict=True)])
    lost = 100 * (direct.astype(float) - right)
    half = 1.96 * lost.std(ddof=1) / len(lost) ** 0.5
    print(f"{named.what}, on {len(index):,} images of {args.split}")
    print(f"scored directly      accuracy {direct.mean():.4f}")
    print(f"as photos            accuracy {right.mean():.4f}, where no face is found it is wrong")
    print(
        f"a face was found     in {found.mean():.4f}; of these directly {direct[found].mean():.4f}, "
    )
    print(f"                     as photos {right[found].mean():.4f}")
    print(f"lost                 {lost.mean():.2f} ± {half:.2f} points (95 %)")
    print(f"speed                {len(index) / seconds:.1f} photos a second of processor time")


if __name__ == "__main__":
    main()
