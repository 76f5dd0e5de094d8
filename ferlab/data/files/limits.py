"""How much may come out of a source before it is refused."""

from dataclasses import dataclass

from ferlab.errors import DataError

MAX_RATIO = 100
"""Largest compression ratio; pixels as text reach about 4:1, pictures 1:1, a bomb 1000:1."""

HARMLESS_BYTES = 16 * 2**20
"""Unpacked size up to which any compression ratio is accepted."""


@dataclass(frozen=True)
class Limits:
    """What a source may hold at most.

    Attributes:
        what: the data, as a message names it.
        members: number of files.
        member_bytes: unpacked size of one file.
        total_bytes: unpacked size of one archive, with all archives inside it.
    """

    what: str
    members: int
    member_bytes: int
    total_bytes: int


class Budget:
    """Counts what comes out of one archive and of all archives inside it.

    Args:
        limits: of the source.
        packed: size of the archive.
        where: the archive, as a message names it.
    """

    def __init__(self, limits: Limits, packed: int, where: str) -> None:
        self.where = where
        self._limits = limits
        self._packed = packed
        self._members = 0
        self._unpacked = 0

    def spend_members(self, count: int) -> None:
        """Count files; a `DataError` if they are too many."""
        self._members += count
        if self._members > self._limits.members:
            raise DataError(
                f"{self.where} holds more than {self._limits.members:,} files, beyond any "
                f"{self._limits.what}; set data.path to the data alone"
            )

    def spend_bytes(self, size: int) -> None:
        """Count unpacked bytes; a `DataError` if they are too many."""
        self._unpacked += size
        limit, packed = self._limits.total_bytes, self._packed
        if self._unpacked > limit or self._unpacked > max(HARMLESS_BYTES, MAX_RATIO * packed):
            raise DataError(
                f"{self.where} unpacks from {packed:,} to {self._unpacked:,} bytes or more, beyond "
                f"any {self._limits.what} (at most {limit:,} bytes and {MAX_RATIO}:1); "
                "do not trust it"
            )

    def require_size(self, name: str, size: int) -> None:
        """Refuse a file that is too large by itself."""
        if size > self._limits.member_bytes:
            raise DataError(
                f"{self.where}: {name} has {size:,} bytes; no file of a {self._limits.what} "
                f"exceeds {self._limits.member_bytes:,}"
            )
