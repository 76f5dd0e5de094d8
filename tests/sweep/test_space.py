"""The space of a sweep: what its syntax means, which points it has."""

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
        ("range(1,8)", IntDistribution(1, 8)),
        ("range(16,64,step=16)", IntDistribution(16, 64, step=16)),
        ("range(0.0,0.5,step=0.25)", FloatDistribution(0.0, 0.5, step=0.25)),
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
    space, _ = parse({"x": "range(0.1,0.7,0.2)"}, {})
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
