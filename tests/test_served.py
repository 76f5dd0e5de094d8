"""A recorded model behind MLflow's own server, asked as the pages tell."""

import json
import os
import re
import socket
import sys
import textwrap
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ferlab.data.faces import draw
from ferlab.data.imageset import EXPRESSIONS
from tests.conftest import TINY, Cli
from tests.documents import ROOT
from tests.processes import run, started


@pytest.mark.slow
@pytest.mark.usefixtures("made_store")
def test_served_model_answers_over_http(cli: Cli, home: Path, tmp_path: Path) -> None:
    """`mlflow models serve` on a recorded run, asked by curl as `docs/give.md` tells."""
    done = cli("train", *TINY, "trainer.max_epochs=1")
    (uri,) = re.findall(r'"(models:/[^"]+)"', done.stdout)
    page = (ROOT / "docs" / "give.md").read_text()
    (block,) = re.findall(r"(?:^    .*\n)+(?=^    curl)^    curl.*$", page, re.MULTILINE)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    asked = textwrap.dedent(block).replace("127.0.0.1:5001", f"127.0.0.1:{port}")
    Image.fromarray(draw(280).images[0]).resize((100, 90)).save(tmp_path / "face.png")
    command = [
        *(sys.executable, "-m", "mlflow", "models", "serve", "--env-manager", "local"),
        *("-m", uri),
        *("--host", "127.0.0.1", "--port", str(port)),
    ]
    environment = {
        "MLFLOW_TRACKING_URI": f"sqlite:///{home}/mlflow.db",
        # MLflow starts uvicorn by its name, as an activated environment has it.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }

    def is_up() -> bool:
        with suppress(urllib.error.URLError, ConnectionError):
            return bool(urllib.request.urlopen(f"http://127.0.0.1:{port}/ping").status == 200)
        return False

    with started(command, env=environment) as server:
        server.until(is_up)
        answer = run(["bash", "-c", asked], cwd=tmp_path, env=environment)
        (row,) = json.loads(answer.stdout)["predictions"]
        sent = json.loads((tmp_path / "face.json").read_text())
        scaled = {"inputs": (np.array(sent["inputs"]) / 255).tolist()}
        (tmp_path / "face.json").write_text(json.dumps(scaled))
        post = asked.splitlines()[-1]
        refusal = json.loads(run(["bash", "-c", post], cwd=tmp_path, env=environment).stdout)
    assert set(row) == {"label", *EXPRESSIONS}
    assert sum(row[name] for name in EXPRESSIONS) == pytest.approx(1, abs=1e-5)
    assert row["label"] == max(EXPRESSIONS, key=row.__getitem__)
    assert "stack_trace" not in refusal
    shown = " ".join(page.split())
    assert refusal["message"][:130] in shown
