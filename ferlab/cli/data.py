"""``ferlab data``."""

import argparse
from typing import Any


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the commands."""
    data = commands.add_parser("data", help="look at the data")
    data_commands = data.add_subparsers(metavar="COMMAND", required=True)
    audit = data_commands.add_parser(
        "audit",
        parents=[common],
        help="count images, duplicates, leaks, conflicting labels and blanks",
    )
    audit.add_argument("overrides", nargs="*", metavar="OVERRIDE", help="KEY=VALUE")
    audit.set_defaults(run=_audit)


def _audit(args: argparse.Namespace) -> int:
    from ferlab import paths
    from ferlab.config.compose import compose
    from ferlab.data.audit import audit, save_examples
    from ferlab.data.prepare import read_images

    config = compose(args.overrides).data
    images = read_images(config, [config.target])
    found = audit(images)
    for note in images.notes:
        print(note)
    print(found.text())
    if not found.has_examples:
        return 0
    figure = paths.home() / "audits" / f"{config.name}-{images.digest[:8]}.png"
    figure.parent.mkdir(parents=True, exist_ok=True)
    save_examples(images, found, figure)
    print(f"examples: {figure}")
    return 0
