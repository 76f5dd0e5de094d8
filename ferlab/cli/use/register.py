"""``ferlab register``."""

import argparse
from typing import Any


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command."""
    register = commands.add_parser(
        "register",
        parents=[common],
        help="put a run's model into MLflow's registry, with the evidence for it",
    )
    register.add_argument("name", metavar="RUN", help="an id, its beginning, or best[:STUDY]")
    register.add_argument(
        "--as", dest="model", metavar="NAME", help="of the registered model (that of the study)"
    )
    register.add_argument("--alias", help="that is to stand for this version, such as champion")
    register.add_argument(
        "--unconfirmed",
        action="store_true",
        help="though no confirmation has shown that it is better",
    )
    register.add_argument("--storage", metavar="URL", help="where studies are kept, if not at home")
    register.set_defaults(run=_register)


def _register(args: argparse.Namespace) -> int:
    from ferlab.reproduce.resolve import resolve_model
    from ferlab.tracking import store
    from ferlab.use.register import register, support

    client = store.connect(None, make=False)
    entry = resolve_model(client, args.name)
    found = support(client, entry, args.storage)
    done = register(client, entry, args.model, args.alias, found, args.unconfirmed)
    address = f"models:/{done.name}/{done.version}"
    print(f"model    {address}{'' if done.is_new else ', which was this model already'}")
    print(f"run      {entry.run_id}: {entry.name}")
    print(f"evidence {found.told if found.is_confirmed else f'unconfirmed: {found.told}'}")
    if args.alias is not None:
        before = f", which was version {done.had_alias}" if done.had_alias else ""
        print(f"alias    models:/{done.name}@{args.alias}{before}")
    page = f"#/models/{done.name}/versions/{done.version}"
    print(f"look     {store.look(client.tracking_uri, page)}")
    return 0
