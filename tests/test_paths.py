"""Where things are kept."""

from pathlib import Path

import pytest

from ferlab import paths


def test_folders_follow_the_environment_and_an_empty_value_is_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    for name in ("FERLAB_HOME", "FERLAB_CACHE"):
        monkeypatch.setenv(name, "")
    assert paths.home() == tmp_path / "mlruns"
    assert paths.cache() == Path("~/.cache/ferlab").expanduser().resolve()
    monkeypatch.setenv("FERLAB_HOME", "~/there")
    monkeypatch.setenv("FERLAB_CACHE", "here")
    assert paths.home() == Path("~/there").expanduser().resolve()
    assert paths.cache() == tmp_path / "here"


def test_configs_and_experiments_are_shipped() -> None:
    assert (paths.shipped() / "conf" / "config.yaml").is_file()
    assert (paths.shipped() / "experiments" / "seed_se.yaml").is_file()
