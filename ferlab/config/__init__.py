"""Configs: composed by Hydra, typed and checked here, before anything is created.

Imports neither torch nor Lightning nor MLflow, so that a mistake is answered at once.
"""

from ferlab.config.check import check
from ferlab.config.compose import compose, launching, multirun
from ferlab.config.schema import Config

__all__ = ["Config", "check", "compose", "launching", "multirun"]
