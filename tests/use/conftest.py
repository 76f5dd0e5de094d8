"""The study that was confirmed, of which tests register runs."""

from tests.confirmed_study import lab, there

__all__ = ["lab", "there"]
