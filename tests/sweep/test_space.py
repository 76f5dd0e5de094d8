"""The space of a sweep: what its syntax means, which points it has."""

import re

import pytest
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from ferlab.errors import ConfigError
from ferlab.study.params import overrides
from ferlab.sweep.search.space import size
from ferlab.sweep.search.syntax import parse


@pytest.mark.parametrize(
    ("text", "distribution"),
    [
        ("choice(a,b,0.5,3,true)", CategoricalDistribution(["a", "b", 0.5, 3, True])),
        ("2,4,8", CategoricalDistribution([2, 4, 8])),
        ("choice([1],[1,2],all)", CategoricalDistribution(["[1]", "[1,2]", "all"])),
        ("range(1,8)", IntDistribution(1, 7)),
        ("range(3)", IntDistribution(0, 2)),
        ("range(16,64,step=16)", IntDistribution(16, 48, step=16)),
        ("range(16,65,step=16)", IntDistribution(16, 64, step=16)),
        ("range(8,0,step=-2)", IntDistribution(2, 8, step=2)),
        ("range(0.0,0.5,step=0.25)", FloatDistribution(0.0, 0.25, step=0.25)),
        ("interval(0.1,0.5)", FloatDistribution(0.1, 0.5)),
        ("interval(1,9)", FloatDistribution(1.0, 9.0)),
        ("tag(log, interval(0.001,1.0))", FloatDistribution(0.001, 1.0, log=True)),
        ("tag(log, int(interval(1,64)))", IntDistribution(1, 64, log=True)),
        ("int(interval(0.5,4.2))", IntDistribution(0, 4)),
    ],
)
def test_syntax(text: str, distribution: object) -> None:
    space, shared = parse({"key": text}, {})
    assert shared == []
    assert space.parameters[0].distribution == distribution


@pytest.mark.parametrize(
    "text", ["range(0,3)", "range(5)", "range(2,9,3)", "range(0.0,1.0,0.25)", "range(5,0,-2)"]
)
def test_a_range_has_the_values_that_hydras_own_sweeper_gives_it(text: str) -> None:
    override = OverridesParser.create().parse_override(f"key={text}")
    (space, _), expected = parse({"key": text}, {}), override.sweep_iterator()
    values = [params["key"] for params in space.all_params()]
    assert values == sorted(expected)


def test_the_end_of_a_range_is_left_out_though_decimals_do_not_add_up() -> None:
    space, _ = parse({"key": "range(0.1,0.4,0.1)"}, {})  # 0.1 + 3 * 0.1 is a little more than 0.4
    assert [params["key"] for params in space.all_params()] == [0.1, 0.2, 0.3]


def test_a_range_without_values_is_refused() -> None:
    with pytest.raises(ConfigError, match="has no values: a range begins with its start"):
        parse({"key": "range(3,3)"}, {})


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"a": "range(0,3)", "b": "choice(x,y)"}, "6 points"),
        ({"a": "choice(1)"}, "1 point"),
        ({"a": "range(0,200)", "b": "range(0,200)"}, "more than 10,000 points"),
        ({"a": "interval(0.0,1.0)", "b": "choice(x,y)"}, "endless"),
    ],
)
def test_a_space_tells_its_size(params: dict[str, str], told: str) -> None:
    assert parse(params, {})[0].told(10_000) == told


def test_a_block_of_hydra_optuna_sweeper_is_read_as_it_stands() -> None:
    block = yaml.safe_load("""
      model: choice(compact, vgg)
      optimizer.lr: tag(log, interval(0.0001, 0.1))
      trainer.batch_size: choice(32, 64, 128)
      model.stages.2.dropout: range(0.0, 0.5, step=0.1)
      seed: 3
    """)
    space, shared = parse(block, {})
    assert [param.key for param in space.parameters] == list(block)[:4]
    assert shared == ["seed=3"]


@pytest.mark.parametrize("text", ["choice('a b',c)", "choice([1,2],all)", "choice(true,0.5,x)"])
def test_every_point_is_an_override_of_the_same_value(text: str) -> None:
    space, _ = parse({"key": text}, {})
    parser = OverridesParser.create()
    (expected,) = parser.parse_overrides([f"key={text}"])
    values = [parser.parse_override(overrides(params)[0]).value() for params in space.all_params()]
    assert values == [
        parser.parse_override(f"key={t}").value() for t in expected.sweep_string_iterator()
    ]


def test_a_conditional_parameter_is_drawn_only_where_its_condition_holds() -> None:
    space, _ = parse(
        {"kind": "choice(none,se,cbam)", "reduction": "choice(4,8)", "lr": "choice(1,2)"},
        {"reduction": {"kind": ["se", "cbam"]}},
    )
    points = list(space.all_params())
    assert points[:3] == [
        {"kind": "none", "lr": 1},
        {"kind": "none", "lr": 2},
        {"kind": "se", "reduction": 4, "lr": 1},
    ]
    assert len(points) == size(space, 100, lambda params: True) == 2 * (1 + 2 * 2)
    assert size(space, 9, lambda params: True) is None


def test_the_steps_of_a_range_are_the_numbers_that_are_typed() -> None:
    space, _ = parse({"x": "range(0.1,0.8,0.2)"}, {})
    assert [params["x"] for params in space.all_params()] == [
        0.1,
        0.3,
        0.5,
        0.7,
    ]  # not 0.30000000000000004
    assert space.params_of({"x": 0.1 + 0.2}) == {"x": 0.3}
    assert space.parameters[0].nearest(0.1 + 3 * 0.2) == 0.7


def test_what_is_typed_goes_before_what_the_file_says() -> None:
    space, shared = parse({"lr": "interval(0.1,1.0)", "seed": "choice(1,2)"}, {}, ["lr=1,2"])
    assert list(space.all_params()) == [{"lr": a, "seed": b} for a in (1, 2) for b in (1, 2)]
    _, shared = parse({"lr": "interval(0.1,1.0)"}, {}, ["++lr=3"])
    assert shared == ["++lr=3"]


@pytest.mark.parametrize("given", ["choice(null, 0.9)", "choice(0.9,null)", "choice(null)"])
def test_null_in_a_choice_is_told_how_to_write(given: str) -> None:
    values = given.removeprefix("choice(").removesuffix(")")
    with pytest.raises(ConfigError, match=re.escape(f"choice() takes no null; write {values}")):
        parse({"a": given}, {})


def test_all_mistakes_are_reported_at_once() -> None:
    with pytest.raises(ConfigError) as error:
        parse(
            {"a": "choice(1", "b": "glob(*)", "c": "choice(1,2)", "d": "choice(1,2)"},
            {"c": {"d": 1}, "d": {"c": 7}, "e": {"c": 1}},
        )
    message = str(error.value)
    assert "params.a: 'choice(1' is no value in Hydra's grammar" in message
    assert "params.b: cannot be swept; take choice" in message
    assert "params.c: depends on d, which must be swept and stand above it" in message
    assert "params.d: depends on c being 7, which it never is" in message
    assert "params.e: has a condition" in message
