"""A study's result as files: the text and its pictures, for MLflow and for ``experiments/``."""

from pathlib import Path

import optuna

from ferlab import paths
from ferlab.config.problems import did_you_mean
from ferlab.errors import TrackingError
from ferlab.sweep import pictures, results
from ferlab.sweep.storage import exists, open_storage
from ferlab.sweep.view import NOT_BEGUN, command_of, view


def write(study: optuna.Study, folder: Path, name: str = "RESULTS.md") -> list[str]:
    """Write the text and the pictures it shows.

    Args:
        study: as `find` gives it.
        folder: made if there is none; the files that an earlier report left are replaced.
        name: of the text's file.

    Returns:
        The names of the pictures that were drawn; see `ferlab.sweep.results.CAPTIONS`.
    """
    table, files = view(study), {}
    folder.mkdir(parents=True, exist_ok=True)
    for picture, figure in pictures.draw(table).items():
        files[picture] = f"{picture}.png"
        figure.savefig(folder / files[picture])
    text = results.markdown(table, command_of(study), files)
    (folder / name).write_text(text, encoding="utf-8")
    return list(files)


def find(name: str, storage: str | None) -> optuna.Study:
    """A study that was begun.

    Args:
        name: of the study.
        storage: a database's URL; None for ferlab's home.

    Raises:
        TrackingError: there is none of this name, or nothing in it.
    """
    if not exists(storage, name):
        known = [path.stem for path in (paths.home() / "studies").glob("*.log")]
        hint = did_you_mean(name, known) if storage is None and known else "none was begun there"
        raise TrackingError(f"there is no study '{name}'; {hint}")
    try:
        return optuna.load_study(study_name=name, storage=open_storage(storage, name))
    except KeyError as error:  # its journal was made, and its maker killed at once
        raise TrackingError(NOT_BEGUN.format(name)) from error
