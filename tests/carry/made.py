"""The bundle of a study that nobody trained, and what somebody else may have made of it."""

import copy
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ferlab.untrusted import packed

RUN, IDENTITY = "a" * 32, "b" * 32

ATTRS: Mapping[str, Any] = {
    "identity": IDENTITY,
    "run_id": RUN,
    "about": {"study.objective": "val/accuracy", "data": "c" * 32},
    "frame": {
        "question": None,
        "objectives": ["val/accuracy"],
        "minimised": [False],
        "budget": 1,
        "epochs": 1,
        "replicates": 1,
        "command": "ferlab sweep made",
        "store": None,
    },
}
TRIAL: Mapping[str, Any] = {
    "state": "COMPLETE",
    "values": [0.5],
    "started": "2026-01-01T00:00:00",
    "ended": "2026-01-01T00:01:00",
    "params": {"optimizer.lr": 0.1},
    "distributions": {
        "optimizer.lr": json.dumps(
            {"name": "FloatDistribution", "attributes": {"low": 0.0, "high": 1.0, "log": False}}
        )
    },
    "user_attrs": {"params": {"optimizer.lr": 0.1}, "worker": "w", "run_id": RUN, "name": "lr"},
    "system_attrs": {},
    "epochs": [[1, 0.5]],
}
PLAIN: Mapping[str, Any] = {
    "study": {
        "name": "made",
        "directions": ["maximize"],
        "metric_names": None,
        "user_attrs": ATTRS,
        "trials": [TRIAL],
    },
    "run": {
        "run_id": RUN,
        "name": "made",
        "experiment": "ferlab",
        "status": "FINISHED",
        "started": 10**12,
        "ended": 10**12 + 1,
        "is_deleted": False,
        "params": {"optimizer.lr": "0.1"},
        "tags": {"ferlab.study": "made", "ferlab.study.id": IDENTITY, "ferlab.kind": "study"},
        "metrics": {"best/accuracy": [[0, 10**12, 0.5]]},
        "datasets": [],
        "model": {},
    },
    "files": {"config.yaml": "seed: 3\n"},
}
"""A study of one trial, its one run, and that one's files."""


def made(path: Path, change: Callable[[Any], object] = lambda plain: None, **members: Any) -> Path:
    """A bundle whose manifest agrees with what is in it.

    Args:
        path: that is written.
        change: is given `PLAIN`, to change it in place.
        members: texts in the place of others: ``studies``, ``run``, ``manifest``.
    """
    plain = copy.deepcopy(dict(PLAIN))
    change(plain)
    files = {name: _bytes(text) for name, text in plain["files"].items()}
    artifacts = {name: packed.digest(data) for name, data in files.items()}
    run = {"artifacts": artifacts, **plain["run"]}
    texts = {
        "studies.json": members.get("studies", json.dumps({"studies": [plain["study"]]})),
        "runs/0.json": members.get("run", json.dumps(run)),
        **{f"files/{packed.digest(data)}": data for data in files.values()},
        **plain.get("more", {}),
    }
    inside = {name: _bytes(text) for name, text in texts.items()}
    manifest = {
        "format": 1,
        "study": plain["study"]["name"],
        "runs": 1,
        "commit": "",
        "files": {name: packed.digest(data) for name, data in inside.items()},
        **members.get("manifest", {}),
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as written:
        for name, data in {**inside, "manifest.json": json.dumps(manifest).encode()}.items():
            written.writestr(name, data)
    return path


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()
