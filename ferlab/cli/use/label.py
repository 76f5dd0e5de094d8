"""``ferlab label``."""

import argparse
from pathlib import Path
from typing import Any

_EPILOG = """\
Another network is trained on it by data.soft_labels, in place of the images' labels or beside them
(data.soft_share). The one that labels may be an ensemble.

  ferlab ensemble RUN RUN RUN
  ferlab label ENSEMBLE soft.csv
  ferlab train data=fer2013 data.path=archive.zip data.soft_labels=soft.csv
"""


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command."""
    label = commands.add_parser(
        "label",
        parents=[common],
        help="write what a network says of its training images, for another to be trained on",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    label.add_argument(
        "model", metavar="RUN", help="an id, its beginning, best[:STUDY[:METRIC]], models:/NAME"
    )
    label.add_argument("path", type=Path, metavar="FILE.csv")
    label.add_argument(
        "overrides", nargs="*", metavar="KEY=VALUE", help="where its data lies now: data.path=..."
    )
    label.set_defaults(run=_label)


def _label(args: argparse.Namespace) -> int:
    from ferlab.config.overrides.typed import read_allowed
    from ferlab.config.parts.data import FILES
    from ferlab.reproduce.resolve import resolve_model
    from ferlab.tracking import store
    from ferlab.use.label import label_training

    files = read_allowed(args.overrides, FILES, "a recorded network labels its own data")
    client = store.connect(None, make=False)
    entry = resolve_model(client, args.model)
    done = label_training(client, entry, args.path, files)
    print(f"run      {entry.run_id}: {entry.name}")
    print(f"labels   {args.path}: a probability of each class for {done.images:,} training images")
    print(
        f"says     their own label of {done.agreement:.1%}; {done.sureness:.1%} sure, in the mean"
    )
    return 0
