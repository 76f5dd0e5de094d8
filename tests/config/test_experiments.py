"""The experiments that come with ferlab."""

import pytest

from ferlab import paths
from ferlab.config.compose import compose, compose_sweep
from ferlab.study.params import overrides
from ferlab.sweep.search.space import stored

NAMES = sorted(file.stem for file in (paths.shipped() / "experiments").glob("*.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_it_is_a_run_and_so_is_each_point_that_it_names(name: str) -> None:
    typed = [f"experiments={name}"]
    if name != "quickstart":  # on drawn faces
        typed.append("data.path=archive.zip")
    study = compose_sweep(typed)["study"]
    assert compose(typed)
    for point in filter(None, [study["baseline"], *(study["points"] or ())]):
        assert compose([*typed, *overrides({key: stored(value) for key, value in point.items()})])
