"""The README and its pages are true: commands compose, files load, numbers are golden, links lead on."""

import os
import re
from pathlib import Path
from typing import Any

import pytest

from ferlab.cli import _parse
from ferlab.confirm.confirm import is_launchers
from ferlab.config import compose, launching
from ferlab.config.schema import Config
from ferlab.config.study import study_problems
from ferlab.reproduce.rerun import MAY_CHANGE
from ferlab.study.params import overrides
from ferlab.sweep import plan
from tests.conftest import Cli, run_id_of
from tests.documents import CONTRIBUTING, PAGES, README, ROOT, TEXTS, blocks, commands
