"""Which points of a space are left to be chosen."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from ferlab.study.params import Params, identity
from ferlab.sweep.search.space import Space


class FreePoints:
    """The points that may be chosen: feasible ones and, of a finite space, each once.

    Args:
        space: of the points.
        is_feasible: which of them may be chosen at all.
    """

    def __init__(self, space: Space, is_feasible: Callable[[Params], bool]) -> None:
        self._space = space
        self._is_feasible = is_feasible
        self._is_finite = space.is_finite
        self._taken: Counter[str] = Counter()
        self._next: Params | None = None  # of those before it none is free
        self._rewind()

    def take(self, params: Params) -> None:
        """Note that a trial has the point."""
        if self._is_finite:
            self._taken[identity(params)] += 1

    def give_back(self, params: Params) -> None:
        """Note that a trial that had the point has it no more."""
        if self._is_finite:
            key = identity(params)
            self._taken[key] -= 1
            if not self._taken[key]:
                self._rewind()

    def __contains__(self, params: Params) -> bool:
        """Whether the point may be chosen."""
        return not self._taken[identity(params)] and self._is_feasible(params)

    def first(self, fixed: Params) -> Params | None:
        """The first free point of a finite space; it has the fixed values, where they are drawn."""
        if fixed:
            return next((p for p in _having(self._space.all_params(), fixed) if p in self), None)
        while self._next is not None and self._next not in self:
            self._next = next(self._later, None)
        return self._next

    def are_left(self) -> bool:
        """Whether there is any; a space without end has always one."""
        return not self._is_finite or self.first({}) is not None

    def _rewind(self) -> None:
        self._later = self._space.all_params() if self._is_finite else iter(())
        self._next = next(self._later, None)


def _having(points: Iterable[Params], fixed: Params) -> Iterator[Params]:
    """The points that have these values, where they are drawn."""
    return (p for p in points if all(p.get(key, value) == value for key, value in fixed.items()))
