"""``ferlab train`` and ``ferlab sweep``."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ferlab.errors import FerlabError

if TYPE_CHECKING:
    from ferlab.sweep.outcome import SweepResult
    from ferlab.sweep.search.forecast import Forecast


_CFG = "print the composed config, as YAML, and do nothing"


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the commands."""
    train = commands.add_parser(
        "train", parents=[common], help="train one run and record it in MLflow"
    )
    train.add_argument("overrides", nargs="*", metavar="OVERRIDE", help="KEY=VALUE")
    train.add_argument("--resume", metavar="RUN", help="go on with a run that ended early")
    train.add_argument(
        "-m", "--multirun", action="store_true", help="sweep over overrides with several values"
    )
    train.add_argument("--cfg", action="store_true", help=_CFG)
    train.set_defaults(run=_train)

    sweep = commands.add_parser(
        "sweep", parents=[common], help="run an experiment's sweep, or go on with it"
    )
    sweep.add_argument("experiment", metavar="EXPERIMENT", help="a file of experiments/")
    sweep.add_argument("--new", action="store_true", help="begin another study of this sweep")
    sweep.add_argument(
        "--extend", action="store_true", help="go on in a changed space, with the trials that fit"
    )
    sweep.add_argument(
        "--from", dest="source", metavar="STUDY", help="tell the sampler what another study found"
    )
    sweep.add_argument(
        "--confirm", action="store_true", help="then confirm its best, as ferlab confirm does"
    )
    sweep.add_argument(
        "--repeats", type=int, metavar="K", help="search K times, and say what such a search finds"
    )
    sweep.add_argument("overrides", nargs="*", metavar="OVERRIDE", help="KEY=VALUE")
    sweep.add_argument("--cfg", action="store_true", help=_CFG)
    sweep.set_defaults(run=_sweep)

    plan = commands.add_parser(
        "plan", parents=[common], help="say what a sweep would take, and what it could tell"
    )
    plan.add_argument("experiment", metavar="EXPERIMENT", help="a file of experiments/")
    plan.add_argument("overrides", nargs="*", metavar="OVERRIDE", help="KEY=VALUE")
    plan.set_defaults(run=_plan)


def _train(args: argparse.Namespace) -> int:
    if args.resume:
        return _resume(args.resume, args.overrides)
    if args.multirun:
        return _print_sweep(args.overrides) if args.cfg else _multirun(args.overrides).exit_code
    from ferlab.config.compose import compose_typed

    config = compose_typed(args.overrides)
    if args.cfg:
        return _print(config.plain())

    from ferlab.training.patient import train_patiently

    print(train_patiently(config).summary())
    return 0


def _resume(name: str, overrides: Sequence[str]) -> int:
    if overrides:
        raise FerlabError("a resumed run keeps its config; leave out " + " ".join(overrides))
    from ferlab.tracking import find, store

    client = store.connect(None, make=False)
    run_id = find.resolve(client, name).run_id

    from ferlab.reproduce.rerun import resumed
    from ferlab.training.patient import resume_patiently

    print(resume_patiently(run_id).summary())
    again = resumed(client, run_id)
    if again is not None and again.verdict is not None:
        print(f"verdict  {again.verdict.text}")
        return 0 if again.verdict.is_reproduced else 1
    return 0


def _sweep(args: argparse.Namespace) -> int:
    name = _experiment(args.experiment)
    if args.repeats is not None:
        from ferlab.cli.repeats import repeat, require_whole

        require_whole(args)
        return repeat(name, args.overrides, args.repeats)
    if args.cfg:
        return _print_sweep([f"experiments={name}", *args.overrides])
    new = ["hydra.sweeper.new=true"] if args.new else []
    new += ["hydra.sweeper.extend=true"] if args.extend else []
    new += [f"hydra.sweeper.source={args.source}"] if args.source else []
    result = _multirun([f"experiments={name}", *new, *args.overrides], args.confirm)
    if not args.confirm or result.exit_code:
        return result.exit_code
    from ferlab.cli.confirm import run_confirmation
    from ferlab.confirm.confirm import is_launchers

    study = result.table.study
    launcher = [text for text in args.overrides if is_launchers(text)]
    return run_confirmation(study, result.storage, Path("experiments", study), launcher, result.uri)


def _plan(args: argparse.Namespace) -> int:
    from ferlab.config.compose import multirun

    experiment = f"experiments={_experiment(args.experiment)}"
    foreseen: Forecast = multirun([experiment, "hydra.sweeper.plan=true", *args.overrides])
    for line in foreseen.lines():
        print(line)
    return 0


def _experiment(path: str) -> str:
    """The name of an experiment; a path, as a shell completes it, stands for it."""
    return path.removeprefix("./").removeprefix("experiments/").removesuffix(".yaml")


def _multirun(overrides: Sequence[str], needs_baseline: bool = False) -> "SweepResult":
    from ferlab.config.compose import multirun

    result: SweepResult = multirun(overrides, needs_baseline)

    from ferlab.cli.ranking import ranking
    from ferlab.report import search_files

    search_files.record_search(result, result.again)
    if ranked := ranking(result.table):
        print(f"{ranked}\n")
    print(result.summary())
    for line in search_files.close(result):
        print(line)
    return result


def _print_sweep(overrides: Sequence[str]) -> int:
    from ferlab.config.compose import compose_sweep

    return _print(compose_sweep(overrides))


def _print(config: Mapping[str, Any]) -> int:
    import yaml

    print(yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True), end="")
    return 0
