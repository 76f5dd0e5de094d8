"""The command line: parse, call, print. What a command needs is imported when it runs."""

import argparse
import logging
import os
import sys
import traceback
from collections.abc import Sequence

from ferlab import __version__, secrets
from ferlab.cli import completion, confirm, data, ensemble, report, reproduce, runs, train, ui, use
from ferlab.errors import ConfigError, FerlabError, Outage, RunEnded
from ferlab.text import guarded

_GROUPS = (train, data, runs, confirm, report, reproduce, ensemble, use, ui)
"""Modules that each add their commands to the parser."""

_SEVERAL = ("overrides", "photos")
"""Arguments of which a command takes any number, or none."""

_BROKEN_PIPE = 128 + 13
"""The exit code of a program that SIGPIPE ends."""

_EPILOG = """\
overrides are Hydra's: GROUP=NAME picks a file of conf/GROUP/, KEY=VALUE changes one value, as in
  ferlab train                                              drawn faces, nothing to download
  ferlab train data=fer2013 data.path=archive.zip seed=1    FER2013
  ferlab train model=vgg model.attention.kind=se            another network
conf/config.yaml says what there is to change.

RUN is a run's id or its beginning; best, best:STUDY or best:STUDY:METRIC, the best of a study; or
models:/NAME@ALIAS, a model that ferlab register named.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the process's exit code."""
    for text in sys.argv[1:] if argv is None else argv:
        secrets.seal(text)  # before anything can be said of it
    with guarded():
        return _run(argv)


def _run(argv: Sequence[str] | None) -> int:
    args = _parse(argv)
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger("ferlab").setLevel(logging.INFO)
    sys.path.append(os.getcwd())  # noqa: PTH109  a user's own components are found here
    try:
        code: int = args.run(args)
        sys.stdout.flush()
        return code
    except FerlabError as error:
        if args.debug:
            traceback.print_exc()
        else:
            print(f"ferlab: {error}", file=sys.stderr)
        return _exit_code(error)
    except KeyboardInterrupt:
        print("ferlab: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read the output has seen enough, as head does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit
        return _BROKEN_PIPE
    except Exception as error:
        from ferlab import outage

        is_away = outage.is_outage(error)
        if args.debug:
            traceback.print_exc()
        elif is_away:
            print(f"ferlab: {outage.tell(error)}", file=sys.stderr)
        else:
            told = f"unexpected {type(error).__name__}: {error} (--debug shows where)"
            print(f"ferlab: {told}", file=sys.stderr)
        return os.EX_TEMPFAIL if is_away else 1


def _exit_code(error: FerlabError) -> int:
    if isinstance(error, ConfigError):  # no outage, and known so without its imports
        return 1
    from ferlab.outage import is_outage

    reason = error.reason if isinstance(error, RunEnded) else ""
    if isinstance(error, Outage) or reason == "outage" or is_outage(error):
        return os.EX_TEMPFAIL
    return 130 if reason == "interrupted" else 1


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = _parser()
    completion.answer(parser)
    args, late = parser.parse_known_args(argv)
    dashed = [text for text in late if text.startswith("-")]
    several = next((name for name in _SEVERAL if name in args), None)
    if several is None or dashed:
        typed = sys.argv[1:] if argv is None else argv
        if "overrides" in args and dashed and (right := _as_override(dashed[0], typed)):
            parser.exit(2, f"ferlab: there is no option {dashed[0]}; type {right}\n")
        return parser.parse_args(argv)  # with argparse's own words, if there is a mistake
    getattr(args, several).extend(late)  # argparse alone takes none that stands after an option
    return args


def _as_override(option: str, texts: Sequence[str]) -> str | None:
    """The override that was meant by an option, ``--epochs 1``; None where no key is called so."""
    from ferlab.config.compose import list_overrides
    from ferlab.config.overrides.slips import right_name

    word, equals, value = option.lstrip("-").partition("=")
    word = word.replace("-", "_")
    keys = [text[:-1] for text in list_overrides() if text.endswith("=")]
    found = sorted((k for k in keys if word in (k, k.rpartition(".")[2])), key=lambda k: k != word)
    after = texts[texts.index(option) + 1 :]
    value = value if equals else next((text for text in after if "=" not in text), "VALUE")
    key = right_name(word) or next(iter(found), None)
    return None if key is None else f"{key}={value}"


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
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    common.add_argument(
        "--debug", action="store_true", default=argparse.SUPPRESS, help="show tracebacks"
    )
    for group in _GROUPS:
        group.add(commands, common)
    return parser
