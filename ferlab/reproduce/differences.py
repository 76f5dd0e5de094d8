"""Differences between two settings, and the effect of each on the numbers."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from ferlab.config.parts.data import FILES
from ferlab.config.problems import flatten
from ferlab.data import fingerprint
from ferlab.reproduce.recorded import Setting
from ferlab.tracking.environment import VARIABLES
from ferlab.tracking.origin import CODE, COMPUTING

Section = Literal["config", "code", "data", "environment", "hardware", "threads"]

Effect = Literal["nothing", "rounding", "streams", "numbers"]
"""What a difference may change.

No number; the rounding of floats; also the numbers that one seed draws, so that it is as another
seed would be; or what is computed.
"""

_MACHINE: Mapping[str, Effect] = {
    **dict.fromkeys(
        ("python", "platform", "cpu", "cpu_capability", "gpu_driver", "onednn"), "rounding"
    ),
    **dict.fromkeys(("gpus", "cuda", "mkl"), "streams"),  # each draws in an order of its own
}
"""What a difference in the machine changes, if not nothing."""

_GPU = ("gpus", "gpu_driver")
"""What changes nothing for a run on the CPU."""

_HARDWARE = frozenset(
    {"cpu", "cpu_capability", "physical_cores", "logical_cores", "memory", "gpus", "gpu_driver"}
)
_SHOWN = 8
"""Largest number of files or packages that are listed; more are only counted."""


class Difference(NamedTuple):
    """One thing that is not the same.

    Attributes:
        section: the section of a setting that it is in.
        what: a line that names it and both its values.
        effect: see `Effect`.
    """

    section: Section
    what: str
    effect: Effect


def differences(before: Setting, now: Setting) -> list[Difference]:
    """All that differs, in the order of config, code, data, environment, hardware, threads."""
    found = [
        *_config(before.config, now.config),
        *_code(before, now),
        *_data(before, now),
        *_machine(before, now),
        *_packages(before, now),
    ]
    order: tuple[Section, ...] = (
        "config", "code", "data", "environment", "hardware", "threads",
    )  # fmt: skip
    return sorted(found, key=lambda difference: order.index(difference.section))


def _config(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Difference]:
    old, new = flatten(before), flatten(now)
    for key in dict.fromkeys([*old, *new]):
        # Where a run is recorded is no part of what it is.
        if old.get(key) == new.get(key) or key.startswith("tracking."):
            continue
        what = f"{key}: {_value(old, key)} -> {_value(new, key)}"
        if key == "trainer.threads":
            yield Difference("threads", what, "rounding")
        elif key == "trainer.device":
            yield Difference("hardware", what, "streams")  # it draws dropout, too
        else:
            yield Difference("config", what, "nothing" if key in FILES else "numbers")


def _value(flat: Mapping[str, Any], key: str) -> str:
    return str(flat[key]) if key in flat else "(none)"


def _code(before: Setting, now: Setting) -> Iterator[Difference]:
    is_same_checkout = before.commit == now.commit and before.diff == now.diff
    if before.commit != now.commit:
        yield Difference("code", f"commit: {before.commit} -> {now.commit}", "nothing")
    if before.diff != now.diff:
        yield Difference(
            "code",
            f"uncommitted changes: {_format_size(before.diff)} -> {_format_size(now.diff)}",
            "nothing",
        )
    if before.own_commit != now.own_commit:
        what = f"commit of your own parts: {before.own_commit} -> {now.own_commit}"
        yield Difference("code", what, "nothing")
    if before.own_diff != now.own_diff:
        what = f"uncommitted changes to your own parts: {_format_size(before.own_diff)}"
        yield Difference("code", f"{what} -> {_format_size(now.own_diff)}", "nothing")
    if before.sources is None or now.sources is None:
        effect: Effect = "nothing" if is_same_checkout and before.commit else "numbers"
        yield Difference("code", "which source files the run came from is not recorded", effect)
        return
    for does, chosen in (("numbers", True), ("nothing", False)):
        names = [
            name
            for name in dict.fromkeys([*before.sources, *now.sources])
            if before.sources.get(name) != now.sources.get(name) and name.startswith(CODE) is chosen
        ]
        lines = [f"{name}: {_format_change(name, before.sources, now.sources)}" for name in names]
        yield from (Difference("code", text, does) for text in _listed(lines, "files"))  # type: ignore[arg-type]


def _format_change(name: str, before: Mapping[str, str], now: Mapping[str, str]) -> str:
    what = "changed" if name in before and name in now else "new" if name in now else "gone"
    return f"{what} (the recorded config is used)" if name.startswith("conf/") else what


def _format_size(diff: str) -> str:
    count = sum(line[:1] in "+-" and line[:3] not in ("+++", "---") for line in diff.splitlines())
    untracked = sum(line.startswith("# untracked: ") for line in diff.splitlines())
    counts = [f"{count} lines"] if count else []
    counts += [f"{untracked} untracked files"] if untracked else []
    return " and ".join(counts) or ("others" if diff else "none")


def _data(before: Setting, now: Setting) -> Iterator[Difference]:
    if before.data == now.data:
        return
    if before.images is None or now.images is None:
        what = f"digest: {before.data} -> {now.data} (which images is not recorded)"
    else:
        what = str(fingerprint.describe_changes(before.images, now.images, now.names))
    yield Difference("data", what, "numbers")


def _machine(before: Setting, now: Setting) -> Iterator[Difference]:
    old, new = before.machine, now.machine
    if old is None or new is None:
        if old is not new:
            yield Difference("hardware", "the machine is not recorded", "nothing")
        return
    devices = {flatten(setting.config).get("trainer.device") for setting in (before, now)}
    idle = _GPU if devices == {"cpu"} else ()
    for key in dict.fromkeys([*old, *new]):
        # Libraries are among the packages; the threads that count are the config's.
        if key in ("libraries", "threads", "variables") or old.get(key) == new.get(key):
            continue
        section: Section = "hardware" if key in _HARDWARE else "environment"
        what = f"{key}: {_value(old, key)} -> {_value(new, key)}"
        yield Difference(section, what, "nothing" if key in idle else _MACHINE.get(key, "nothing"))
    yield from _variables(old.get("variables"), new.get("variables"))


def _variables(
    before: Mapping[str, Any] | None, now: Mapping[str, Any] | None
) -> Iterator[Difference]:
    """Of those that choose how floats are summed; an older run may not have recorded them."""
    if (before is None) is not (now is None):
        names = ", ".join(f"{name}*" for name in VARIABLES)
        yield Difference("environment", f"whether {names} were set is not recorded", "nothing")
    for name in sorted({*(before or {}), *(now or {})}):
        old, new = (
            "(not recorded)" if known is None else _value(known, name) for known in (before, now)
        )
        if old != new:
            yield Difference("environment", f"{name}: {old} -> {new}", "rounding")


def _packages(before: Setting, now: Setting) -> Iterator[Difference]:
    old, new = before.packages, now.packages
    if not old or not new:
        return
    names = [n for n in dict.fromkeys([*old, *new]) if old.get(n) != new.get(n)]
    for does, chosen in (("streams", True), ("nothing", False)):
        lines = [
            f"{name}: {_value(old, name)} -> {_value(new, name)}"
            for name in names
            if (name in COMPUTING) is chosen
        ]
        yield from (Difference("environment", text, does) for text in _listed(lines, "packages"))  # type: ignore[arg-type]


def _listed(lines: list[str], of: str) -> Iterable[str]:
    """The lines, or the first of them and how many more there are."""
    rest = len(lines) - _SHOWN
    return lines if rest <= 1 else [*lines[:_SHOWN], f"{rest} more {of}"]
