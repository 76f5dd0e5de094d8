"""Every entry of the tables leads to code that takes its keys, and to a file with their values."""

import inspect
import pkgutil

import pytest
import yaml

from ferlab import paths
from ferlab.config import check
from ferlab.config.attention import KINDS, NONE, Placed
from ferlab.config.compose import compose
from ferlab.config.naming import attention_of, point_name, run_name, trial_name
from ferlab.config.parts.data import Data
from ferlab.config.schema import KNOWN
from ferlab.config.study import check_study
from ferlab.errors import ConfigError
from ferlab.study.params import overrides
from ferlab.sweep import plan
from ferlab.sweep.search.syntax import parse

CONF = paths.shipped() / "conf"
TARGETS = [(section, target) for section, known in KNOWN.items() for target in known]
NOT_PASSED = {"data": {*Data.model_fields} - {"target"}, "model": {"name"}}
"""Keys of a section that are not arguments of its target."""
BESIDE = {
    "optimizer": {"params"},
    "scheduler": {"optimizer", "steps"},
    "loss": {"class_counts"},
}
"""Arguments that are no keys."""


def parameters(target: str) -> set[str]:
    return set(inspect.signature(pkgutil.resolve_name(target)).parameters)


def told(*overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        compose(overrides)
    return str(caught.value)


@pytest.mark.parametrize(("section", "target"), TARGETS)
def test_a_target_takes_its_keys_and_no_others(section: str, target: str) -> None:
    fields = KNOWN[section][target].model_fields
    keys = {field.alias or name for name, field in fields.items()} - {"_target_"}
    taken = keys - NOT_PASSED.get(section, set()) | BESIDE.get(section, set())
    if target.startswith("ferlab."):
        assert parameters(target) == taken
    else:
        assert parameters(target) >= taken


@pytest.mark.parametrize(("section", "target"), TARGETS)
def test_a_target_has_a_file_with_its_values(section: str, target: str) -> None:
    files = [yaml.safe_load(file.read_text()) for file in (CONF / section).glob("*.yaml")]
    assert target in {values.get("_target_") for values in files}


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_of_attention_takes_its_keys_and_has_a_value_for_each(kind: str) -> None:
    values = yaml.safe_load((CONF / "model" / "attention" / f"{kind}.yaml").read_text())
    assert set(values) == set(KINDS[kind].keys)
    assert parameters(KINDS[kind].target) == {"channels", *KINDS[kind].keys}


def test_there_is_no_file_for_what_is_in_no_table() -> None:
    assert {file.stem for file in (CONF / "model" / "attention").iterdir()} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_config_holds_the_keys_of_its_kind_only(kind: str) -> None:
    every = {key for each in KINDS.values() for key in each.keys}
    config = compose([f"model.attention.kind={kind}", "model.attention.reduction=2"])
    attention = config.plain()["model"]["attention"]
    assert set(attention) == {"kind", "stages", "position", *KINDS[kind].keys}
    assert attention.get("reduction") == (2 if "reduction" in KINDS[kind].keys else None)
    plain = yaml.safe_load(yaml.safe_dump(config.plain()))
    assert check(plain) == config
    for key in every - set(attention):
        plain["model"]["attention"][key] = 1
        with pytest.raises(ConfigError, match=f"model.attention.{key}: unknown key"):
            check(plain)  # what is recorded is not filled in, nor tidied up
        del plain["model"]["attention"][key]
    for key in KINDS[kind].keys:
        less = {k: v for k, v in attention.items() if k != key}
        with pytest.raises(ConfigError, match=f"model.attention.{key}: is required"):
            check({**plain, "model": {**plain["model"], "attention": less}})


def test_no_attention_has_nothing_but_its_kind() -> None:
    config = compose(["model.attention.reduction=2", "model.attention.stages=[1]"])
    assert config.plain()["model"]["attention"] == {"kind": NONE}


def test_a_preset_goes_before_a_kinds_file_and_what_is_typed_before_both() -> None:
    def attention(*overrides: str) -> dict[str, object]:
        config = compose(["model.attention.kind=se", *overrides])
        return dict(config.plain()["model"]["attention"])

    assert attention("model=vgg")["reduction"] == 16
    assert attention("model=seed") == {
        "kind": "se",
        "stages": [3],
        "position": "dropout",
        "reduction": 4,
        "bias": False,
        "final_relu": True,
    }
    assert attention("model=seed", "model.attention.bias=true")["bias"] is True


@pytest.mark.parametrize("kind", [NONE, *KINDS])
def test_a_key_of_no_kind_is_unknown_whatever_the_kind(kind: str) -> None:
    message = told(f"model.attention.kind={kind}", "model.attention.reducton=4")
    assert message == ("config: model.attention.reducton: unknown key; did you mean 'reduction'?")


def test_an_unknown_kind_is_told_with_those_that_there_are() -> None:
    known = ", ".join(sorted([NONE, *KINDS]))
    message = told("model.attention.kind=sa")
    assert message == f"config: model.attention.kind: cannot be 'sa'; known are {known}"


def test_a_position_that_the_network_has_not_is_refused() -> None:
    message = told("model.attention.kind=se", "model.attention.position=head")
    assert "model.attention.position: cannot be 'head'; known are conv, dropout, pool" in message


@pytest.mark.parametrize("kind", KINDS)
def test_a_reduction_must_leave_a_unit_whatever_kind_has_it(kind: str) -> None:
    overrides = [f"model.attention.kind={kind}", "model.attention.reduction=100"]
    if KINDS[kind].has_reduction:
        assert "reduction: 100 leaves no hidden unit in stage 1 of 64" in told(*overrides)
    else:
        compose(overrides)


@pytest.mark.parametrize("kind", KINDS)
def test_names_tell_the_kind_and_its_keys(kind: str) -> None:
    overrides = (f"model.attention.kind={kind}", "model.attention.stages=[3,1]")
    config = compose([*overrides, "model.attention.position=pool"])
    attention = config.model.attention  # type: ignore[attr-defined]
    assert isinstance(attention, Placed)
    own = KINDS[kind].label.format(**attention.model_dump())
    label = f"{kind} {own} @1+3 pool".replace("  ", " ")
    assert run_name(config) == f"compact {label}, faces, seed 0"
    assert trial_name(config, {"model.attention.kind": kind, "optimizer.lr": 0.05}) == (
        f"{label}, lr 0.05"
    )
    assert trial_name(config, {"model": "compact", "seed": 3}) == "compact, seed 3"


def test_names_of_networks_without_attention() -> None:
    config = compose()
    assert run_name(config) == "compact, faces, seed 0"
    assert trial_name(config, {"model.attention.kind": NONE}) == "no attention"


def test_a_study_is_told_apart_by_what_only_some_kinds_have() -> None:
    """A key of attention that is typed stands in what the study is, though one point has none."""
    space, _ = parse({"model.attention.kind": "choice(none,se)", "optimizer.lr": "choice(1,2)"}, {})
    study = yaml.safe_load((CONF / "study" / "default.yaml").read_text())
    study |= {"sampler": {"_target_": "optuna.samplers.TPESampler"}, "pruner": None}
    del study["defaults"]

    def about(*shared: str) -> dict[str, object]:
        firsts = [compose([*shared, *overrides(point)]) for point in plan.firsts(space)]
        return plan.describe_study(check_study(study), space, firsts, "0")

    assert [point["model.attention.kind"] for point in plan.firsts(space)] == [NONE, "se"]
    assert about("model.attention.bias=false") != about()
    assert about()["model.attention.bias"] is True


def test_a_listed_point_is_named_by_what_it_changes() -> None:
    kind, rate = "model.attention.kind", "optimizer.lr"
    plain, se = compose(["model.attention.kind=none"]), compose(["model.attention.kind=se"])
    baseline = {kind: NONE, rate: 0.1}
    assert point_name(plain, baseline, baseline) == "no attention"
    assert point_name(plain, {kind: NONE, rate: 0.2}, baseline) == "lr 0.2"
    label = attention_of(se)
    assert point_name(se, {kind: "se", rate: 0.1}, baseline) == label
    assert point_name(se, {kind: "se", rate: 0.2}, baseline) == f"{label}, lr 0.2"
    assert point_name(plain, {rate: 0.1}, {rate: 0.1}) == "unchanged"
