"""A photo of a face that everybody has: matplotlib brings a portrait in the public domain."""

import numpy as np
from matplotlib import cbook
from PIL import Image

from ferlab.use.face import Photo

BOX = (177, 114, 355, 338)
"""Around the face, within what finders differ by."""

EYES = ((221, 193), (308, 188))
"""As a person marks them; the head is a little tilted."""


def portrait() -> Image.Image:
    """Rear Admiral Grace Hopper, in 512x600 pixels of RGB."""
    with cbook.get_sample_data("grace_hopper.jpg") as file:
        return Image.open(file).convert("RGB")


def photo(picture: Image.Image) -> Photo:
    return np.asarray(picture)
