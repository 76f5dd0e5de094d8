"""Measure everything and print one table: ``python -m benchmarks [NAME ...]``."""

import importlib
import sys

from benchmarks.measure import HEADER

NAMES = ("throughput", "peak", "opening", "recording", "sweeping", "asking")


def main(names: list[str]) -> None:
    """Run the named benchmarks, or all."""
    print(HEADER, flush=True)
    for name in names or NAMES:
        for row in importlib.import_module(f"benchmarks.{name}").rows():
            print(row.markdown(), flush=True)


main(sys.argv[1:])
