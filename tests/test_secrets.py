"""Passwords in addresses: in no text, however unusual they are and whatever goes wrong."""

import json
from pathlib import Path
from urllib.parse import quote

import pytest

from ferlab import cli as command_line
from ferlab import secrets
from ferlab.config.compose import compose, compose_plain, launching
from ferlab.errors import FerlabError, TrackingError
from ferlab.sweep.plan import section_of
from ferlab.tracking import store

CORE = "q7Xv2"
"""A part of each password, by which it is found however it is written."""

UNUSUAL = (
    f"{CORE}",
    f"a/{CORE}",
    f"a@{CORE}@b",
    f"a:{CORE}:b",
    f"?#{CORE}%41",
    f"'{CORE}\"\\",
    f"ü {CORE} ]",
    f"{CORE}?password=x&y=://",
)


@pytest.mark.parametrize("word", UNUSUAL)
def test_an_address_is_sealed_and_whole_again(word: str) -> None:
    for written in (word, quote(word, safe="")):
        for rest in ("", "?sslmode=require", "?passfile=/home/me/.pgpass"):
            address = f"postgresql+psycopg://me:{written}@host:5432/db{rest}"
            sealed = secrets.seal(address)
            assert sealed == f"postgresql+psycopg://me:***@host:5432/db{rest}"
            assert secrets.seal(sealed) == sealed
            assert secrets.whole(sealed) == address


@pytest.mark.parametrize("word", UNUSUAL)
def test_a_password_is_hidden_however_it_is_written(word: str) -> None:
    secrets.seal(f"http://me:{quote(word, safe='')}@host:5000")
    for text in (word, quote(word, safe=""), quote(word, safe=" +"), repr(word), json.dumps(word)):
        hidden = secrets.hide(f"the driver says {text}, again {text}.")
        assert CORE not in hidden, text
        assert hidden.startswith("the driver says ")
        assert hidden.endswith(".")


@pytest.mark.parametrize(
    ("address", "sealed"),
    [
        (
            "postgresql://host/db?user=me&password=q7Xv2",
            "postgresql://host/db?user=me&password=***",
        ),
        ("http://host/x?access_token=q7Xv2", "http://host/x?access_token=***"),
        ("postgresql://me@corp:q7Xv2@host/db", "postgresql://me@corp:***@host/db"),
        ("https://q7Xv2@host/db", "https://***@host/db"),
        ("HTTP://q7Xv2@host:5000", "HTTP://***@host:5000"),
        ("http://me@corp:q7Xv2@host", "http://me@corp:***@host"),
    ],
)
def test_passwords_elsewhere_in_an_address(address: str, sealed: str) -> None:
    assert secrets.seal(address) == sealed
    assert secrets.whole(sealed) == address


@pytest.mark.parametrize(
    "address",
    [
        "http://host:5000/path",
        "sqlite:////home/a:b@c/runs.db",
        "postgresql+psycopg://me@host:5432/db",
        "postgresql://me:${oc.env:PASSWORD}@host/db",
        "postgresql://${oc.env:NAME}:${oc.env:PASSWORD}@host/db",
        "postgresql://${oc.env:NAME}@host:5432/db",
        "https://${oc.env:TOKEN}@host:5000",
        "${oc.env:STORE}",
        "postgresql://me:***@host/db",
    ],
)
def test_an_address_without_password_stays_as_it_is(address: str) -> None:
    assert secrets.seal(address) == address
    assert secrets.hide(address) == address


def test_what_is_a_word_of_the_address_is_in_any_text() -> None:
    secrets.seal("postgresql://ferlab:ferlab@host/db")
    secrets.seal("postgresql://me:a1@host/db")
    text = "ferlab has 2a1 runs in postgresql://ferlab:ferlab@host/db"
    assert secrets.hide(text) == "ferlab has 2a1 runs in postgresql://ferlab:***@host/db"


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("Authorization: Basic bWU6c2VjcmV0", "Authorization: Basic ***"),
        ("{'authorization': 'Bearer abc.def', 'host': 'h'}", "{'authorization': 'Bearer ***', "),
        ("<b>Proxy-Authorization: basic bWU6c2VjcmV0</b>", "<b>Proxy-Authorization: basic ***</b>"),
        (
            "authorization=Bearer abc.def; basic networks",
            "authorization=Bearer ***; basic networks",
        ),
    ],
)
def test_what_a_server_echoes_of_a_request_is_hidden(text: str, hidden: str) -> None:
    assert secrets.hide(f"HTTP 500: {text}").startswith(f"HTTP 500: {hidden}")


def test_an_error_tells_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", f"a/{CORE}")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", f"t{CORE}")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:u/{CORE}@host")
    error = FerlabError(
        f"it took a/{CORE}, t{CORE} and u/{CORE}, or http://x:unknown@y, http://z@y"
    )
    assert str(error) == "it took ***, *** and ***, or http://x:***@y, http://***@y"


@pytest.mark.parametrize("word", UNUSUAL)
def test_a_composed_config_has_no_password(
    word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"postgresql://me:{word}@host/db"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STORE", address)
    (tmp_path / "experiments").mkdir()
    for key in secrets.ADDRESSES:
        section, name = key.split(".")
        for value in (address, "${oc.env:STORE}"):
            text = json.dumps({section: {name: value}}, ensure_ascii=False)
            text = f"# @package _global_\n{text}\n"
            (tmp_path / "experiments" / "mine.yaml").write_text(text, "utf-8")
            plain, problems = compose_plain(["experiments=mine"])
            assert not problems
            assert plain[section][name] == "postgresql://me:***@host/db"
    assert compose(["tracking.uri=${oc.env:STORE}"]).tracking.uri == "postgresql://me:***@host/db"
    assert secrets.whole("postgresql://me:***@host/db") == address


def test_what_workers_are_given_has_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """Launchers write it to files."""
    monkeypatch.setenv("STORE", f"postgresql://me:{CORE}@host/db")
    _, config = launching(["study.storage=${oc.env:STORE}"])
    assert section_of(config)["storage"] == "postgresql://me:***@host/db"


def test_a_password_that_is_not_known_is_asked_for() -> None:
    with pytest.raises(FerlabError, match=r"the password of .*me:\*\*\*@host/db is not known here"):
        store.connect("postgresql://me:***@host/db")


@pytest.mark.parametrize(
    "address",
    [
        f"http://me:'{CORE}\\@127.0.0.1:1",
        f"http:/me:{CORE}@127.0.0.1:1",
        f"http//me:{CORE}@127.0.0.1:1",
        f"http:///me:{CORE}@127.0.0.1:1",
        f"me:{CORE}@127.0.0.1:1",
        f"postgresql+psycopg://me:a@{CORE}/b@127.0.0.1:1/x",
        f"postgresql+psycopg://me:a@{CORE}?b@127.0.0.1:1/x",
        f"postgresql+psycopg:///me:{CORE}@127.0.0.1:1/x",
    ],
)
def test_what_drivers_read_otherwise_is_refused_unseen(
    address: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """They name what they take for the host, or for a file."""
    assert run("report", "s", "--debug", "--storage", address) == 1
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    assert run("runs", "--debug") == 1
    told = "".join(capfd.readouterr())
    assert "study.storage cannot be opened: it is no URL of a database" in told
    assert "is no address of a store; in a password @ is written %40" in told
    assert CORE not in told


def test_a_password_that_no_request_can_carry_in_an_address_goes_elsewhere() -> None:
    with pytest.raises(TrackingError, match=r"http://me:\*\*\*@.*; leave it out, and set MLFLOW_T"):
        store.connect(f"http://me:{quote('€' + CORE)}@127.0.0.1:1")


def test_whatever_goes_wrong_no_password_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for word in (f"a/{CORE}", f"a@{CORE}@b", f"'{CORE}\"\\ ]"):
        storage = f"postgresql+psycopg://me:{word}@127.0.0.1:1/x"
        assert run("report", "s", "--storage", storage) > 0
        assert run("report", "s", "--debug", "--storage", storage) > 0
        assert run("train", f"tracking.url={storage}", f"study.storage='{storage}", storage) == 1
        for address in (
            f"http://me:{word}@127.0.0.1:1",
            f"postgresql+psycopg://127.0.0.1:{word}/x",
            f"postgresql+nothing://me:{word}@127.0.0.1:1/x",
        ):
            monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
            assert run("runs") > 0
            assert run("runs", "--debug") > 0
            monkeypatch.delenv("MLFLOW_TRACKING_URI")
    told = "".join(capfd.readouterr())
    assert "Connection refused" in told
    assert CORE not in told
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or CORE.encode() not in path.read_bytes()


def run(*arguments: str) -> int:
    return command_line.main(arguments)
