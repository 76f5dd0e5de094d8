"""What is done with a trained network."""

import argparse
from typing import Any

from ferlab.cli.use import carry, explain, export, label, predict, register, serve


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the commands."""
    for module in (predict, explain, serve, label, export, carry, register):
        module.add(commands, common)
