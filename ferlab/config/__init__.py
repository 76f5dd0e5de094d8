"""Configs: composed by Hydra, typed and checked here, before anything is created.

Imports neither torch nor Lightning nor MLflow, so that a mistake is answered at once; and Hydra
only in `ferlab.config.compose` and in what stands behind that, `ferlab.config.overrides`.
"""

from ferlab.config.check import check
from ferlab.config.schema import Config

__all__ = ["Config", "check"]
