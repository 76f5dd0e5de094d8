"""A seeded run comes to recorded numbers: to the last bit on the same kind of machine."""

import json
import re
from pathlib import Path

import pytest

from ferlab.config.compose import compose
from ferlab.tracking import artifacts, environment, store
from ferlab.training.run import train
from tests.conftest import TINY

GOLDEN = json.loads(Path(__file__).with_name("golden.json").read_text())


@pytest.mark.slow
@pytest.mark.usefixtures("made_store", "no_pictures")
def test_a_seeded_run_is_the_golden_one() -> None:
    done = train(compose([*TINY, "seed=7"]))
    names = list(GOLDEN["history"][0])
    history = artifacts.metric_history(store.connect(None), done.run_id, names)
    if _machine() == GOLDEN["on"]:
        assert done.predictions.digest == GOLDEN["predictions"]
        assert history == GOLDEN["history"]
    else:  # other vector instructions add floats in another order
        for now, then in zip(history, GOLDEN["history"], strict=True):
            losses = ("train/loss", "val/loss")
            assert [now[k] for k in losses] == pytest.approx([then[k] for k in losses], rel=0.02)


def _machine() -> dict[str, str]:
    """What decides the order of float operations: the build of torch and the very processor."""
    here = environment.describe_environment()
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().split("\n\n")[0].splitlines() if cpuinfo.exists() else []
    known = dict(re.split(r"\s*:\s*", line, maxsplit=1) for line in lines if ":" in line)
    keys = ("model name", "cpu family", "model", "stepping", "cache size")
    return {
        "torch": here.libraries["torch"],
        "capability": here.cpu_capability,
        **{key: known.get(key, "") for key in keys},
    }
