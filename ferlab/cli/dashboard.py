"""``ferlab dashboard``."""

import argparse
from typing import Any

from ferlab.errors import FerlabError


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command."""
    dashboard = commands.add_parser(
        "dashboard", parents=[common], help="open optuna-dashboard on a study"
    )
    dashboard.add_argument("study", metavar="STUDY", help="its name")
    dashboard.add_argument("--storage", metavar="URL", help="where it is kept, if not at home")
    dashboard.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    dashboard.add_argument("--port", type=int, default=8080, help="port (%(default)s)")
    dashboard.set_defaults(run=_dashboard)


def _dashboard(args: argparse.Namespace) -> int:
    try:
        from optuna_dashboard import run_server
    except ImportError as error:
        raise FerlabError(
            "optuna-dashboard is not installed: pip install -r requirements-full.lock, "
            "or pip install 'optuna-dashboard>=0.21,<0.22'"
        ) from error
    from ferlab.cli.ui import require_free
    from ferlab.sweep.studies import open_study
    from ferlab.sweep.workers.storage import open_storage

    open_study(args.study, args.storage)  # says which studies there are, if not this one
    require_free(args.host, args.port)
    print(f"look at http://{args.host}:{args.port}/", flush=True)
    run_server(open_storage(args.storage, args.study), host=args.host, port=args.port)
    return 0
