"""What is called otherwise where a study goes: its runs, and the folders that it was in."""

import re
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from ferlab import paths, secrets
from ferlab.config.parts.data import FILES
from ferlab.tracking.run import CONFIG, MEMBERS, SOURCES
from ferlab.untrusted import bounded

_TEXTS = (".csv", ".html", ".json", ".log", ".md", ".svg", ".tex", ".txt", ".yaml", ".yml")
"""Endings of files that tell of runs and folders; in a diff nothing is changed, or it would not
apply."""

_EXACT = ("looks/", "predictions/", SOURCES)
"""How the paths of those begin of which a digest is kept, or that name files of ferlab."""

_ID = re.compile(
    r"(?<=experiments/)\d+(?=/runs/([0-9a-f]{32}))|(?<![\w.])(?:[0-9a-f]{32}|[0-9a-f]{8})(?!\w)"
)
"""An id, or how one begins where there is little room; and that of an experiment in an address."""

_OF_PLACE = ("study.storage=", "tracking.uri=")
"""Overrides that say where a study is kept."""

_MEMBERS = 100
"""Most configs in one file."""

Change = Callable[[str], str]
"""What becomes of a text."""

Lies = Callable[[str, str], str]
"""Where a file of the data lies, by its key and by where it is recorded to lie."""


def renamed(old: str, new: str) -> dict[str, str]:
    """A new id by the old one; and how it begins, where it is shown so."""
    return {old: new, old[:8]: new[:8]}


def with_ids(text: str, ids: Mapping[str, str], experiments: Mapping[str, str]) -> str:
    """The text with new ids in the place of old ones; others stay.

    Args:
        text: any.
        ids: see `renamed`.
        experiments: ids of MLflow experiments, by the new ids of their runs.
    """

    def new(found: re.Match[str]) -> str:
        if found[1] is not None:
            return experiments.get(ids.get(found[1], ""), found[0])
        return ids.get(found[0], found[0])

    return _ID.sub(new, text)


def folders_of(params: Mapping[str, str]) -> dict[str, str]:
    """What stands for the folders that a run tells of: of its data, the home, the user."""
    files = {params[key]: Path(params[key]).name for key in FILES if is_path(params.get(key))}
    return {**files, str(paths.home()): "mlruns", str(Path.home()): "~"}


def is_path(text: str | None) -> bool:
    """Whether a run's param says where a file lies; of none, it is the word for that."""
    return bool(text) and text != "None"


def without_folders(text: str, folders: Mapping[str, str]) -> str:
    """The text with what stands for each folder; and without passwords."""
    known = sorted((folder for folder in folders if len(folder) > 1), key=len, reverse=True)
    any_of = "|".join(map(re.escape, known))
    whole = rf"(?<![\w.-])(?:{any_of})(?![\w-]|\.\w)"  # /data is no part of ferlab/data or /data-2
    return re.sub(whole, lambda found: folders[found[0]], secrets.hide(text))


def replaced(plain: Any, change: Change) -> Any:
    """Plain containers in which every text, but no key, is changed."""
    if isinstance(plain, str):
        return change(plain)
    if isinstance(plain, Mapping):
        return {key: replaced(value, change) for key, value in plain.items()}
    if isinstance(plain, list | tuple):
        return type(plain)(replaced(value, change) for value in plain)
    return plain


def changed_file(path: str, data: bytes, change: Change, lies: Lies) -> bytes:
    """A file of a run in which every text is changed.

    Args:
        path: of the artifact; most say by their ending that they are no texts.
        data: its content.
        change: what becomes of a text.
        lies: see `Lies`.
    """
    if path in (CONFIG, MEMBERS):
        data = _with_files(data, lies)
    if path.startswith(_EXACT) or not path.endswith(_TEXTS):
        return data
    try:
        return change(data.decode()).encode()
    except UnicodeDecodeError:
        return data


def read_configs(text: bytes) -> dict[str, Any]:
    """The config of a run, or of what it was made of.

    Raises:
        DataError: it is none.
    """
    return bounded.read_config(text, configs=_MEMBERS)


def _with_files(text: bytes, lies: Lies) -> bytes:
    """A config, or those of members, whose data lies elsewhere."""
    plain = read_configs(text)
    members = plain.get("members")
    for config in [plain, *(members if isinstance(members, list) else [])]:
        whole = config.get("config", config) if isinstance(config, dict) else {}
        data = whole.get("data") if isinstance(whole, dict) else None
        for key in FILES:
            name = key.removeprefix("data.")
            if isinstance(data, dict) and isinstance(data.get(name), str):
                data[name] = lies(key, data[name])
    return yaml.safe_dump(plain, sort_keys=False).encode()


def command_at(command: str, storage: str | None) -> str:
    """What to type to go on with a study, where it is kept here: in a storage, or at home."""
    words = [word for word in shlex.split(command) if not word.startswith(_OF_PLACE)]
    if "--storage" in words:
        at = words.index("--storage")
        del words[at : at + 2]
    if storage is not None:
        is_confirmation = words[1:2] == ["confirm"]
        place = secrets.seal(storage)
        words += ["--storage", place] if is_confirmation else [f"study.storage={place}"]
    return shlex.join(words)
