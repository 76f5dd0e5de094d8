"""A swept key that is given one value: what is drawn then, and what the baseline is."""

from pathlib import Path
from typing import Any

import pytest

from ferlab import cli as command_line
from ferlab.errors import ConfigError
from ferlab.study.params import Params
from ferlab.sweep.search.syntax import read
from tests.sweep.test_sweep import HERE, children, runs, trials

PARAMS = {
    "kind": "choice(none,se,cbam)",
    "reduction": "choice(4,8)",
    "kernel": "choice(3,7)",
    "bias": "choice(true,false)",
    "lr": "choice(0.05,0.1,0.2)",
}
WHEN = {
    "reduction": {"kind": ["se", "cbam"]},
    "kernel": {"kind": "cbam"},
    "bias": {"reduction": 8},
}


def points(*typed: str) -> list[Params]:
    return list(read(PARAMS, WHEN, typed)[0].space.all_params())


def keys(*typed: str) -> set[str]:
    return {"+".join(params) for params in points(*typed)}


def test_a_pinned_key_is_drawn_no_more() -> None:
    assert keys() == {"kind+lr", "kind+reduction+lr", "kind+reduction+bias+lr",
                      "kind+reduction+kernel+lr", "kind+reduction+kernel+bias+lr"}  # fmt: skip
    assert {params["kind"] for params in points("lr=0.1")} == {"none", "se", "cbam"}
    assert not any("lr" in params for params in points("++lr=0.1"))
    assert read(PARAMS, WHEN, ["++lr=0.1"])[1] == ["++lr=0.1"]


def test_a_condition_on_it_is_met_for_good_or_never() -> None:
    assert keys("kind=none") == {"lr"}
    assert keys("kind=se") == {"reduction+lr", "reduction+bias+lr"}
    assert keys("kind=se", "lr=0.1") == {"reduction", "reduction+bias"}
    assert keys("kind=cbam", "reduction=4") == {"kernel+lr"}


def test_its_own_condition_goes_on_to_what_depends_on_it() -> None:
    drawn = points("reduction=8")
    assert not any("reduction" in params for params in drawn)
    assert all(("bias" in params) == (params["kind"] != "none") for params in drawn)
    assert not any("bias" in params for params in points("reduction=4"))
    assert not any("bias" in params for params in points("reduction=16"))  # not in the file, either


def test_a_narrower_choice_leaves_out_what_it_never_meets() -> None:
    assert keys("kind=none,se") == {"kind+lr", "kind+reduction+lr", "kind+reduction+bias+lr"}
    assert len(points("kind=none,se", "lr=0.1,0.2")) == 2 * (1 + 1 + 2)
    assert keys("kind=cbam,se", "reduction=choice(4)") == {
        "kind+reduction+lr", "kind+reduction+kernel+lr"
    }  # fmt: skip


def test_a_mapping_pins_the_keys_below_it() -> None:
    params = {f"model.{key}": value for key, value in PARAMS.items()}
    when = {f"model.{k}": {f"model.{o}": v for o, v in w.items()} for k, w in WHEN.items()}
    whole = "model={kind:se,reduction:8}"
    assert {"+".join(p) for p in read(params, when, [whole])[0].space.all_params()} == {
        "model.bias+model.lr"
    }
    both = read(params, when, [whole, "model.kind=none,se"])[0].space
    assert [param.key for param in both.parameters] == ["model.kind", "model.bias", "model.lr"]


def test_a_slip_in_the_file_is_told_as_before() -> None:
    with pytest.raises(ConfigError, match="depends on kind being sse, which it never is"):
        read(PARAMS, {"reduction": {"kind": "sse"}}, ["kind=none,se"])
    with pytest.raises(ConfigError, match="momentum: has a condition"):
        read(PARAMS, {"momentum": {"kind": "se"}}, ["lr=0.1"])


@pytest.mark.parametrize(
    ("typed", "given", "left"),
    [
        ([], {"kind": "none", "lr": 0.1}, {"kind": "none", "lr": 0.1}),
        (["lr=0.05"], {"kind": "none", "lr": 0.1}, {"kind": "none"}),
        (["kind=none"], {"kind": "none", "lr": 0.1}, {"lr": 0.1}),
        (["reduction=8"], {"kind": "none", "lr": 0.1}, {"kind": "none", "lr": 0.1}),
        (["lr=0.05"], None, None),
    ],
)
def test_the_baseline_shares_what_is_pinned(
    typed: list[str], given: dict[str, Any] | None, left: dict[str, Any] | None
) -> None:
    pinned, _ = read(PARAMS, WHEN, typed)
    assert pinned.baseline(given) == left
    if left is not None:
        assert pinned.space.params_of(left) == left


@pytest.mark.parametrize(
    ("typed", "given"),
    [
        ("kind=se", {"kind": "none", "lr": 0.1}),
        ("reduction=8", {"kind": "se", "reduction": 4, "lr": 0.1}),  # bias would be drawn, too
    ],
)
def test_a_baseline_on_another_branch_cannot_be_trained(typed: str, given: dict[str, Any]) -> None:
    pinned, _ = read(PARAMS, WHEN, [typed])
    with pytest.raises(ConfigError, match="so the baseline cannot be trained") as error:
        pinned.baseline(given)
    assert "\n" not in str(error.value)


@pytest.mark.slow
@pytest.mark.usefixtures("made_store", "no_pictures")
def test_the_shipped_sweep_takes_pins(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every trial shares what is pinned, and with another pin it is another study."""
    pins = ("model.attention.reduction=8", "optimizer.lr=0.05")
    small = ("data.images=140", "trainer.max_epochs=1", "trainer.batch_size=64")
    sweep = ("sweep", "quickstart", *small, HERE)
    assert command_line.main([*sweep, *pins]) == 0
    done = trials(home, "quickstart")
    assert done[0].user_attrs["params"] == {"model.attention.kind": "none"}
    assert len(done) == 4  # without attention, and at three sets of stages
    for run in children("quickstart"):
        assert run.data.params["optimizer.lr"] == "0.05"
        on = run.data.params["model.attention.kind"] == "se"
        assert run.data.params.get("model.attention.reduction") == ("8" if on else None)
    (parent,) = runs(study="quickstart", kind="study")
    assert parent.info.status == "FINISHED"
    capsys.readouterr()
    assert command_line.main([*sweep, *pins, "study.trials=2"]) == 1  # and nothing is rewritten
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"ferlab: of the study 'quickstart' {len(done)} trials count already, and 2 are asked for; "
        "leave study.trials as it was, or begin another study with --new"
    )
    (parent,) = runs(study="quickstart", kind="study")
    assert parent.info.status == "FINISHED"
    assert command_line.main([*sweep, "optimizer.lr=0.1"]) == 1
    told = capsys.readouterr().err.splitlines()[-1]
    assert "the study 'quickstart' was begun with something else" in told
    assert "optimizer.lr: 0.05 -> 0.1" in told
    assert command_line.main([*sweep, "model.attention.kind=se", "study.name=k"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "study.baseline.model.attention.kind: is none, but model.attention.kind=se" in error
    assert not (home / "studies" / "k.log").exists()
