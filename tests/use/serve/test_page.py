"""The page in a browser, whose camera shows a film that tests make."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ferlab.data.faces import draw
from ferlab.use.model import load_named
from tests.browser import Page, browser, needs_browser
from tests.use.portrait import portrait
from tests.use.serve.conftest import Served

pytestmark = [needs_browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A browser with a camera, before which somebody sits."""
    folder = tmp_path_factory.mktemp("browser")
    frame = Image.new("RGB", (640, 480), "slategrey")
    frame.paste(portrait().resize((410, 480)), (30, 0))
    file = io.BytesIO()
    frame.save(file, "JPEG")
    film = folder / "film.mjpeg"
    film.write_bytes(2 * file.getvalue())
    options = (
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={film}",
    )
    with browser(folder / "profile", *options) as opened:
        yield opened


def opened(page: Page, served: Served, width: int = 1280, scheme: str = "light") -> None:
    page.told.clear()
    page.look(width, 800, scheme)
    page.open(served.address)
    page.until("document.querySelectorAll('#model option').length > 1")


def text(page: Page, name: str) -> str:
    return str(page.js(f"document.getElementById('{name}').textContent"))


MARKED = """(() => {
    const canvas = document.getElementById("marks");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const marked = [...data.keys()].filter((i) => i % 4 === 3 && data[i]);
    const columns = marked.map((i) => ((i - 3) / 4) % canvas.width);
    return columns.reduce((sum, x) => sum + x, 0) / columns.length / canvas.width;
})()"""
"""Where marks are drawn, on the mean: a share of the width."""


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_camera_is_read_frame_by_frame(
    page: Page, served: Served, width: int, scheme: str
) -> None:
    """Started by the keyboard, on a wide window and a narrow one."""
    opened(page, served, width, scheme)
    while page.js("document.activeElement.id") != "camera":
        page.press("Tab")
    page.press("Space")
    page.until("document.querySelector('.bars .first') && /frames/.test(speed.textContent)")
    assert text(page, "expression") in load_named(served.run_id).model.classes
    widths = page.js(
        "[...document.querySelectorAll('.fill')].map((bar) => parseFloat(bar.style.width))"
    )
    assert len(widths) == 7
    assert sum(widths) == pytest.approx(100, abs=0.1)
    # The person sits left of the middle, and the page shows a mirror.
    assert 0.5 < page.js(MARKED) < 0.8
    assert "Frames and photos never leave this machine" in text(page, "privacy")
    assert page.js("document.documentElement.scrollWidth <= innerWidth")
    paper = page.js("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(250, 250, 248)" if scheme == "light" else "rgb(17, 20, 24)")

    page.js("document.getElementById('explain').click()")
    page.until("!document.getElementById('counted').hidden")
    page.press("Space")
    page.until("document.getElementById('video').hidden && !document.querySelector('.bars .first')")
    assert page.told == []


def test_photos_are_read_and_their_faces_chosen(page: Page, served: Served, tmp_path: Path) -> None:
    two = Image.new("RGB", (1040, 600))
    for left in (0, 528):
        two.paste(portrait(), (left, 0))
    two.save(tmp_path / "two.png")
    opened(page, served)
    page.upload("#file", tmp_path / "two.png")
    page.until("document.querySelectorAll('#faces button').length === 2")
    before = page.js(MARKED)
    page.js("document.querySelectorAll('#faces button')[1].click()")
    assert page.js("document.querySelectorAll('#faces button')[1].ariaPressed") == "true"
    assert page.js(MARKED) == pytest.approx(before, abs=0.02)

    image = draw(280).images[5]
    Image.fromarray(image).save(tmp_path / "drawn.png")
    page.js("document.getElementById('whole').click()")
    page.upload("#file", tmp_path / "drawn.png")
    page.until("document.getElementById('faces').hidden && document.querySelector('.bars .first')")
    named = load_named(served.run_id).model
    expected = named.classes[int(named.probabilities(np.asarray(image)[None]).argmax())]
    assert text(page, "expression") == expected

    (tmp_path / "text.png").write_text("no photo")
    page.upload("#file", tmp_path / "text.png")
    page.until("/no readable picture/.test(document.getElementById('message').textContent)")
    assert [line for line in page.told if not re.search("422|^Canvas2D", line)] == []


def test_without_a_camera_photos_are_offered(served: Served, tmp_path: Path) -> None:
    portrait().save(tmp_path / "grace.png")
    with browser(tmp_path / "profile", "--use-fake-ui-for-media-stream") as page:
        opened(page, served)
        page.js("document.getElementById('camera').click()")
        page.until("/No camera is found/.test(document.getElementById('message').textContent)")
        assert "A photo works all the same" in text(page, "message")
        page.upload("#file", tmp_path / "grace.png")
        page.until("document.querySelector('.bars .first')")
        assert page.told == []
