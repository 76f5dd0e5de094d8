"""A recorded run explained over its validation images, and the explanation kept with it."""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ferlab.data.imageset import Split
from ferlab.errors import DataError
from ferlab.reproduce.recorded_model import Loader
from ferlab.tracking.entry import Entry
from ferlab.tracking.run import Run
from ferlab.tracking.store import Client
from ferlab.use.explain.written import Explanation, write_explanation

FOLDER = "explain"
"""Of a run's artifacts."""


def explain_run(
    client: Client, entry: Entry, method: str, files: Mapping[str, str], copy: Path | None
) -> Explanation:
    """Explain a finished run's model, and record the files as artifacts of the run.

    Args:
        client: of the tracking store.
        entry: the run; not a trial of several seeds, which are as many networks.
        method: see `ferlab.use.explain.attribution.METHODS`.
        files: where its data lies now; see `ferlab.reproduce.recorded_model.Loader.load`.
        copy: folder that is to have the files, too.

    Raises:
        FerlabError: the model or its data is gone or has changed, the method does not fit the
            network, or the files cannot be written.
    """
    path = entry.params.get("data.path")
    if path and "data.path" not in files and not Path(path).exists():
        raise DataError(
            f"the data of run {entry.run_id} is no longer at {path}; say where it is: "
            f"ferlab explain {entry.run_id} data.path=PATH"
        )
    model = Loader(client).load(entry, files)
    predictions = model.predict(Split.VAL)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, FOLDER)
        folder.mkdir()
        made = write_explanation(model.classifier, model.images, predictions, folder, method)
        Run(client, entry.run_id).log_folder(Path(scratch))
        if copy is not None:
            try:
                shutil.copytree(folder, copy, dirs_exist_ok=True)
            except OSError as error:
                raise DataError(f"{copy} cannot be written: {error.strerror or error}") from error
    return made
