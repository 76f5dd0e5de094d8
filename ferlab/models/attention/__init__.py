"""Attention: modules that reweigh feature maps and keep their shape, a file per kind.

Their table is `ferlab.config.attention.KINDS`.
"""

import pkgutil
from collections.abc import Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn

from ferlab.config.attention import KINDS, NONE


@runtime_checkable
class ChannelGated(Protocol):
    """An attention that rescales whole channels; one that does not has no such method."""

    def channel_gate(self, maps: Tensor) -> Tensor:
        """By what it rescales each channel, in (0, 1): (n, C, h, w) -> (n, C)."""
        ...


def attention_at(
    attention: Mapping[str, Any], stage: int, position: str, channels: int
) -> Iterator[nn.Module]:
    """The attention that stands at a place of a network: one module, or none.

    Args:
        attention: the ``attention`` of a network's config: its ``kind``; ``stages`` (from 1, or
            ``all``), ``position``, and the kind's own keys.
        stage: number of the stage, from 1.
        position: in the stage.
        channels: C of the maps there: (n, C, h, w) -> (n, C, h, w).
    """
    if attention["kind"] == NONE or attention["position"] != position:
        return
    if attention["stages"] == "all" or stage in attention["stages"]:
        kind = KINDS[attention["kind"]]
        module = pkgutil.resolve_name(kind.target)
        yield module(channels, **{key: attention[key] for key in kind.keys})
