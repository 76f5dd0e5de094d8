"""The study that was swept and confirmed."""

from tests.confirmed_study import lab, there

__all__ = ["lab", "there"]
