"""The command line: parse, call, print. What a command needs is imported when it runs."""

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from ferlab import __version__
from ferlab.errors import FerlabError, RunEnded

_EPILOG = """\
overrides are Hydra's: GROUP=NAME picks a file of conf/GROUP/, KEY=VALUE changes one value, as in
  ferlab train                                              drawn faces, nothing to download
  ferlab train data=fer2013 data.path=archive.zip seed=1    FER2013
  ferlab train model=vgg model.attention.kind=se            another network
conf/config.yaml says what there is to change.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the process's exit code."""
    args = _parse(argv)
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger("ferlab").setLevel(logging.INFO)
    sys.path.append(os.getcwd())  # noqa: PTH109  a user's own components are found here
    try:
        code: int = args.run(args)
        return code
    except FerlabError as error:
        if args.debug:
            raise
        print(f"ferlab: {error}", file=sys.stderr)
        return 130 if isinstance(error, RunEnded) and error.reason == "interrupted" else 1
    except KeyboardInterrupt:
        print("ferlab: interrupted", file=sys.stderr)
        return 130
    except Exception as error:
        if args.debug:
            raise
        print(
            f"ferlab: unexpected {type(error).__name__}: {error} (--debug shows where)",
            file=sys.stderr,
        )
        return 1


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = _parser()
    args, late = parser.parse_known_args(argv)
    if "overrides" not in args or any(text.startswith("-") for text in late):
        return parser.parse_args(argv)  # with argparse's own words, if there is a mistake
    args.overrides += late  # argparse alone takes no override that stands after an option
    return args


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ferlab",
        description="Sweeps for facial-expression recognition that can be trusted and reproduced.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"ferlab {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--debug", action="store_true", help="show tracebacks")
    overrides = argparse.ArgumentParser(add_help=False)
    overrides.add_argument("overrides", nargs="*", metavar="OVERRIDE", help="KEY=VALUE")

    train = commands.add_parser(
        "train", parents=[common, overrides], help="train one run and record it in MLflow"
    )
    train.add_argument("--resume", metavar="RUN_ID", help="go on with a run that ended early")
    train.add_argument(
        "-m", "--multirun", action="store_true", help="sweep over overrides with several values"
    )
    train.set_defaults(run=_train)

    sweep = commands.add_parser(
        "sweep", parents=[common], help="run an experiment's sweep, or go on with it"
    )
    sweep.add_argument("experiment", metavar="NAME", help="a file of experiments/")
    sweep.add_argument("--new", action="store_true", help="begin another study of this sweep")
    sweep.add_argument("overrides", nargs="*", metavar="OVERRIDE", help="KEY=VALUE")
    sweep.set_defaults(run=_sweep)

    data = commands.add_parser("data", help="look at the data")
    data_commands = data.add_subparsers(metavar="COMMAND", required=True)
    audit = data_commands.add_parser(
        "audit",
        parents=[common, overrides],
        help="count images, duplicates, leaks, conflicting labels and blanks",
    )
    audit.set_defaults(run=_audit)

    ui = commands.add_parser("ui", parents=[common], help="open the MLflow UI on ferlab's runs")
    ui.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    ui.add_argument("--port", type=int, default=5000, help="port to listen on (%(default)s)")
    ui.set_defaults(run=_ui)
    return parser


def _train(args: argparse.Namespace) -> int:
    from ferlab.config import compose

    if args.multirun and not args.resume:
        return _multirun(args.overrides)
    if args.resume and args.overrides:
        raise FerlabError("a resumed run keeps its config; leave out " + " ".join(args.overrides))
    config = None if args.resume else compose(args.overrides)

    from ferlab.training.run import resume, train

    result = train(config) if config is not None else resume(args.resume)
    print(result.summary())
    return 0


def _sweep(args: argparse.Namespace) -> int:
    new = ["hydra.sweeper.new=true"] if args.new else []
    return _multirun([f"experiments={args.experiment}", *new, *args.overrides])


def _multirun(overrides: Sequence[str]) -> int:
    from ferlab.config import multirun

    result = multirun(overrides)
    print(result.summary())
    if result.too_many_failed:
        return 1
    return 0 if result.is_over else 130


def _audit(args: argparse.Namespace) -> int:
    from ferlab import paths
    from ferlab.config import compose
    from ferlab.data.audit import audit, draw
    from ferlab.data.prepare import read

    config = compose(args.overrides).data
    images = read(config, [config.target])
    found = audit(images)
    print(found.text())
    figure = paths.home() / "audits" / f"{config.name}-{images.digest[:8]}.png"
    figure.parent.mkdir(parents=True, exist_ok=True)
    draw(images, found, figure)
    print(f"examples: {figure}")
    return 0


def _ui(args: argparse.Namespace) -> int:
    from ferlab.tracking.store import UI_MODE, connect, default_uri

    uri = default_uri()
    if uri.startswith(("http://", "https://")):
        raise FerlabError(f"the runs are on a server; open {uri} in a browser")
    connect(uri)
    print(f"look at http://{args.host}:{args.port}/#/experiments{UI_MODE}", flush=True)
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", uri]
    command += ["--host", args.host, "--port", str(args.port)]
    os.execv(command[0], command)  # noqa: S606  becomes MLflow, so that signals reach it
