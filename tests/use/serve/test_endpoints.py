"""Images posted to a server: what is answered, and what is refused."""

import base64
import io
import json
import logging
import struct
import threading
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ferlab.data.faces import draw
from ferlab.data.imageset import EXPRESSIONS
from ferlab.errors import DataError
from ferlab.use.described import described
from ferlab.use.face import finder_of
from ferlab.use.model import load_named
from ferlab.use.reader import Reader
from ferlab.use.serve import app, schema
from ferlab.use.serve.models import SharedModel
from ferlab.use.serve.scoring import Scoring
from tests.use.portrait import photo, portrait
from tests.use.serve.conftest import Reply, Served


def encoded(picture: Image.Image, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    picture.save(file, kind)
    return file.getvalue()


@pytest.fixture(scope="module")
def grace() -> bytes:
    return encoded(portrait())


def refused(reply: Reply, status: int) -> str:
    """The words of a refusal, which is all that there is of it."""
    assert reply.status == status, reply.body
    schema.Refusal.model_validate(reply.told)
    words = str(reply.told["error"])
    assert "\n" not in words
    assert "Traceback" not in words
    return words


def test_a_photo_is_read_as_the_command_reads_it(served: Served, grace: bytes) -> None:
    reply = served.post(grace)
    assert reply.status == 200
    told = schema.Answer.model_validate(reply.told)
    assert (told.width, told.height) == (512, 600)
    assert told.classes == list(EXPRESSIONS)
    named = load_named(served.run_id)
    assert told.model == named.what
    (reading,) = Reader(named.model, finder_of("found")).read(photo(portrait()))
    (face,) = reply.told["faces"]
    assert face == json.loads(json.dumps(described(reading, EXPRESSIONS)))


def test_an_image_comes_in_json_as_well(served: Served, grace: bytes) -> None:
    text = base64.b64encode(grace).decode()
    faces = served.post(grace, "?face=whole").told["faces"]
    for image in (text, f"data:image/png;base64,{text}"):
        body = json.dumps({"image": image, "face": "whole", "model": served.run_id})
        assert served.post(body.encode(), Content_Type="application/json").told["faces"] == faces


def test_a_whole_face_is_what_the_calibrated_model_sees(served: Served) -> None:
    image = draw(280).images[3]
    (face,) = served.post(encoded(Image.fromarray(image)), "?face=whole").told["faces"]
    (expected,) = load_named(served.run_id).model.probabilities(image[None])
    assert list(face["probabilities"].values()) == pytest.approx(expected.tolist(), abs=1e-4)
    assert face["eyes"] is None


def test_what_counted_is_told_if_asked(served: Served, grace: bytes) -> None:
    reply = served.post(grace, "?explain=true")
    assert schema.Answer.model_validate(reply.told).faces[0].explanation is not None
    (face,) = reply.told["faces"]
    told = face["explanation"]
    seen, counted = (
        np.asarray(Image.open(io.BytesIO(base64.b64decode(told[name].partition(",")[2]))))
        for name in ("seen", "map")
    )
    (reading,) = Reader(load_named(served.run_id).model, finder_of("found")).read(photo(portrait()))
    assert np.array_equal(seen, reading.images[0])
    assert counted.shape == (48, 48)
    assert counted.max() in (0, 255)  # Grad-CAM may find that nothing speaks for a class
    assert np.allclose(told["corners"], reading.squares[0].corners(), atol=0.06)


def test_what_has_no_gradients_is_not_explained(served: Served) -> None:
    model = SharedModel(load_named(served.run_id)._replace(network=None, what="face.onnx"))
    assert not model.explains
    with pytest.raises(DataError, match=r"^face\.onnx has no gradients to explain it by$"):
        model.attribution(draw(280).images[0], 0)


def test_a_photo_without_a_face_is_an_answer(served: Served) -> None:
    reply = served.post(encoded(Image.new("RGB", (300, 200), "grey")))
    assert (reply.status, reply.told["faces"]) == (200, [])


def test_models_of_the_store_are_listed_and_asked(served: Served, grace: bytes) -> None:
    reply = served.ask("GET", "/models")
    listed = schema.ModelList.model_validate(reply.told).models
    assert [(one.kind, one.name) for one in listed] == [
        ("started", served.run_id),
        ("registered", "models:/faces@champion"),
        ("study", "best:grid"),
    ]
    assert listed[2].accuracy == 0.75
    own = served.post(grace, "?model=models:/faces@champion")
    assert own.told["faces"] == served.post(grace).told["faces"]
    words = refused(served.post(grace, "?model=best:grid"), 500)
    assert words.endswith("has recorded no model")


def test_health_and_schema_are_as_they_are_told(served: Served) -> None:
    schema.Health.model_validate(served.ask("GET", "/health").told)
    told = served.ask("GET", "/schema").told
    assert told["openapi"] == "3.1.0"
    assert set(told["paths"]) == {"/predict", "/models", "/health"}
    posted = told["paths"]["/predict"]["post"]
    assert {one["name"] for one in posted["parameters"]} == {"model", "face", "explain"}


def png_of(width: int, height: int) -> bytes:
    """The beginning of a PNG that says that it is so large."""
    chunks = (b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0), b"IDAT")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        for chunk in chunks
    )


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (b"", "the image is empty"),
        (b"no image at all", "the image is no readable picture"),
        (encoded(portrait(), "JPEG")[:9000], "the image is damaged"),
        (png_of(20_000, 20_000), "pixels"),
    ],
)
def test_what_is_no_image_is_refused(served: Served, image: bytes, words: str) -> None:
    assert words in refused(served.post(image), 422)


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("?model=nosuch", 404, "there is no model 'nosuch'; /models lists them"),
        ("?model=/etc/passwd.onnx", 404, "there is no model"),
        ("?face=half", 400, "face: "),
        ("?explain=perhaps", 400, "explain: "),
        ("?size=3", 400, "size: "),
    ],
)
def test_options_that_are_none_are_refused(
    served: Served, grace: bytes, query: str, status: int, words: str
) -> None:
    assert refused(served.post(grace, query), status).startswith(words)


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"{}", b'{"image": 3}', b'{"image": "%"}', b"[" * 100_000, b"\xff"]
)
def test_json_that_is_not_as_told_is_refused(served: Served, body: bytes) -> None:
    refused(served.post(body, Content_Type="application/json"), 400)


def test_other_types_paths_and_methods_are_refused(served: Served, grace: bytes) -> None:
    for kind in ("text/plain", "multipart/form-data", "application/x-www-form-urlencoded", None):
        refused(served.post(grace, Content_Type=kind), 415)
    for method, path, allowed in (
        ("GET", "/predict", {"POST"}),
        ("POST", "/models", {"GET", "HEAD"}),
    ):
        reply = served.ask(method, path)
        refused(reply, 405)
        assert set(reply.headers["Allow"].split(", ")) == allowed
    for path in ("/nosuch", "/page/../app.py", "/page/%2e%2e/app.py", "/page/nosuch.js"):
        refused(served.ask("GET", path), 404)


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("127.0.0.1:{port}", None, 200),
        ("localhost:{port}", "http://localhost:{port}", 200),
        ("[::1]:{port}", None, 200),
        ("127.0.0.1:{port}", "http://localhost:{port}", 403),
        ("127.0.0.1:{port}", "http://127.0.0.1:1", 403),
        ("127.0.0.1:{port}", "https://evil.example", 403),
        ("127.0.0.1:{port}", "null", 403),
        ("127.0.0.1:{port}", "http://[", 403),
        ("evil.example:{port}", None, 403),
        ("evil.example:{port}", "http://evil.example:{port}", 403),
        ("192.168.0.7:{port}", None, 403),
        ("[", None, 403),
    ],
)
def test_another_name_or_site_is_refused(
    served: Served, grace: bytes, host: str, origin: str | None, status: int
) -> None:
    named = host.format(port=served.port)
    sent = None if origin is None else origin.format(port=served.port)
    reply = served.post(grace, "?face=whole", Host=named, Origin=sent)
    assert reply.status == status
    assert reply.status == 200 or refused(reply, 403)


@pytest.mark.parametrize("path", ["/", "/models", "/page/app.js", "/nosuch"])
def test_nothing_is_shown_under_another_name(served: Served, path: str) -> None:
    refused(served.ask("GET", path, Host="evil.example"), 403)


def test_a_browser_is_told_what_the_page_may_do(served: Served) -> None:
    for reply in (served.ask("GET", "/"), served.ask("GET", "/nosuch")):
        policy = reply.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        assert reply.headers["Server"] is None


def test_clients_at_once_are_all_answered(served: Served, grace: bytes) -> None:
    statuses: list[int] = []

    def ask() -> None:
        statuses.append(served.post(grace, "?face=whole&explain=true").status)

    clients = [threading.Thread(target=ask) for _ in range(20)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert statuses == [200] * 20


def test_too_many_are_told_to_come_again(
    served: Served, grace: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "WAITING", 0)
    reply = served.post(grace)
    refused(reply, 503)
    assert reply.headers["Retry-After"] == "1"
    monkeypatch.undo()


def test_a_fault_is_told_to_whoever_serves_and_not_to_the_client(
    served: Served, grace: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("what only this machine knows")

    monkeypatch.setattr(Scoring, "answer", fail)
    with caplog.at_level(logging.ERROR):
        assert refused(served.post(grace), 500) == "unexpected RuntimeError"
    (record,) = caplog.records
    assert record.getMessage().startswith(
        "ferlab: POST /predict: unexpected RuntimeError: what only this machine knows"
    )
    assert record.exc_info is None
