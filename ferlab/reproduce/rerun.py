"""Reproduce a recorded run: plan it, to know all differences first; train it; judge it."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from ferlab import instantiate
from ferlab.config import Config, check
from ferlab.config.overrides.typed import read_allowed
from ferlab.config.parts.data import FILES
from ferlab.config.problems import flatten
from ferlab.data.prepare import prepare
from ferlab.errors import ConfigError, FerlabError, TrackingError
from ferlab.outage import Patience
from ferlab.reproduce import worktree
from ferlab.reproduce.conditions import MARGIN
from ferlab.reproduce.differences import Difference, differences
from ferlab.reproduce.judgement import Judgement, judge_rerun, judge_seeds
from ferlab.reproduce.recorded import Recorded, Setting, fetch, installed_packages, machine, present
from ferlab.reproduce.resolve import Resolved, checked
from ferlab.reproduce.run_comparison import RunComparison, compare_runs
from ferlab.tracking import find, sources, store
from ferlab.tracking.place import where
from ferlab.tracking.run import Run
from ferlab.tracking.store import Client
from ferlab.training.assemble import on_this_machine
from ferlab.training.patient import train_patiently

_MARGIN_TAG = "ferlab.verdict.margin"
"""Tag of a rerun: the margin by which it is judged, also when it is resumed."""

MAY_CHANGE = (*FILES, "trainer.threads", "trainer.device")
"""Keys that may be overridden: where the data is, and what a machine has."""


@dataclass(frozen=True)
class Plan:
    """A rerun before anything is trained.

    Attributes:
        originals: the runs or the config to reproduce.
        configs: configs of the new runs, one per seed, as plain containers.
        differ: differences from what was recorded; the same for all seeds.
        names: names of the images; empty where they are not known.
        tree: the checkout whose code trains; None for this ferlab.
        notes: further lines for the user.
    """

    originals: Resolved
    configs: tuple[Mapping[str, Any], ...]
    differ: tuple[Difference, ...]
    names: tuple[str, ...]
    tree: Path | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Rerun:
    """One run that was trained to reproduce another.

    Attributes:
        run_id: id of the new run.
        metrics: metrics of the new run.
        original: the run that it reproduces; None for a config that no run has had.
        found: how both came out; None without an original.
        verdict: whether it reproduced the original; None without one.
    """

    run_id: str
    metrics: Mapping[str, float]
    original: Recorded | None
    found: RunComparison | None
    verdict: Judgement | None


@contextmanager
def planned(found: Resolved, overrides: Sequence[str], at_commit: bool) -> Iterator[Plan]:
    """Plan a rerun and find what differs; train and record nothing.

    Args:
        found: the runs or the config to reproduce.
        overrides: values for keys of `MAY_CHANGE`, as ``key=value``.
        at_commit: whether to train in a checkout of the recorded commit, which is removed
            when the context ends.

    Raises:
        FerlabError: the config, the data or the commit cannot be used.
    """
    changed = _parsed(overrides)
    configs = tuple(_overridden(config, changed, found.uri) for config in found.configs)
    for config in configs:
        _require_allowed(config)
    recorded = found.runs[0].setting if found.runs else None
    with ExitStack() as stack:
        tree = stack.enter_context(_checkout(found)) if at_commit else None
        notes = []
        try:
            for config in configs:
                checked(config)
            now = _setting_here(on_this_machine(check(configs[0])))
        except ConfigError as error:
            if tree is None or recorded is None:
                raise
            notes.append(f"the data is compared afterwards, for {error}")
            now = replace(
                recorded, config=configs[0], machine=machine(), packages=installed_packages()
            )
        if tree is not None and recorded is not None:
            now = _setting_in(tree, now, recorded)
            if gone := worktree.untracked(recorded.diff):
                notes.append(f"files that were not tracked are missing: {', '.join(gone)}")
        differ = tuple(differences(recorded, now)) if recorded is not None else ()
        yield Plan(found, configs, differ, now.names, tree, tuple(notes))


def reproduced(plan: Plan, margin: float = MARGIN) -> Iterator[Rerun]:
    """Train a plan's runs, seed after seed, and judge each.

    Every new run is tagged with what it reproduces, ``ferlab.reproduces``, and with the verdict,
    ``ferlab.verdict`` and ``ferlab.verdict.why``.

    Args:
        plan: what to train.
        margin: see `ferlab.reproduce.judgement.judge_rerun`.

    Raises:
        FerlabError: see `ferlab.training.run.train`.
    """
    runs: Sequence[Recorded | None] = plan.originals.runs or (None,)
    for original, config in zip(runs, plan.configs, strict=True):
        tags = {}
        if original is not None:
            tags = {
                "ferlab.reproduces": original.run_id,
                _MARGIN_TAG: f"{margin:g}",
                "mlflow.runName": f"{original.name}, again",
            }
        if plan.tree is None:
            run_id = train_patiently(check(config), tags, allow=()).run_id
        else:
            run_id = worktree.train_in(plan.tree, config, tags)
        patience = _patience(original, run_id)
        client = patience.call(partial(store.connect, config["tracking"]["uri"]))
        yield patience.call(partial(_judged, client, original, run_id, plan.names, margin))


def judged_together(plan: Plan, reruns: Sequence[Rerun], margin: float = MARGIN) -> Judgement:
    """The verdict on a plan's reruns, of which each has one; that on several seeds is recorded.

    Every one of those runs gets it as the tag ``ferlab.verdict.seeds``.
    """
    verdicts = [rerun.verdict for rerun in reruns if rerun.verdict is not None]
    if len(reruns) == 1:
        return verdicts[0]
    found = [rerun.found for rerun in reruns if rerun.found is not None]
    verdict = judge_seeds(found, verdicts, plan.differ, margin)
    client = store.connect(plan.configs[0]["tracking"]["uri"])
    for rerun in reruns:
        tell = Run(client, rerun.run_id).log_summary
        _patience(rerun.original, rerun.run_id).call(
            partial(tell, {}, {"ferlab.verdict.seeds": verdict.text})
        )
    return verdict


def resumed(client: Client, run_id: str) -> Rerun | None:
    """Judge a resumed run that reproduces another.

    None if it reproduces none, or the other is not in this store.
    """
    tags = find.resolve(client, run_id).tags
    original = tags.get("ferlab.reproduces")
    if original is None:
        return None
    try:
        entry = find.resolve(client, original)
    except TrackingError:
        return None
    margin = float(tags.get(_MARGIN_TAG, MARGIN))
    return _judged(client, Recorded.read(fetch(client, entry)), run_id, (), margin)


def _patience(original: Recorded | None, run_id: str) -> Patience:
    """For the verdict on a run that is trained."""
    how = f"; ferlab diff {original.run_id} {run_id} compares them" if original else ""
    return Patience.of_command(f"run {run_id} is finished, its verdict is not recorded{how}")


def _judged(
    client: Client,
    original: Recorded | None,
    run_id: str,
    names: tuple[str, ...],
    margin: float,
) -> Rerun:
    """Compare the records of both runs, and record the verdict on the new one."""
    again = Recorded.read(fetch(client, find.resolve(client, run_id)))
    if original is None:
        return Rerun(run_id, again.metrics, None, None, None)
    differ = differences(original.setting, replace(again.setting, names=names))
    found = compare_runs(original, again)
    verdict = judge_rerun(found, differ, margin)
    tags = {"ferlab.verdict": verdict.level, "ferlab.verdict.why": verdict.text}
    Run(client, run_id).log_summary({}, tags)
    return Rerun(run_id, again.metrics, original, found, verdict)


def _parsed(overrides: Sequence[str]) -> dict[str, Any]:
    """The overrides by key, each checked to be in `MAY_CHANGE`."""
    changed = read_allowed(overrides, MAY_CHANGE, "a reproduced run keeps its config")
    return {
        key: int(value) if value.isdecimal() and key == "trainer.threads" else value
        for key, value in changed.items()
    }


def _overridden(
    config: Mapping[str, Any], changed: Mapping[str, Any], uri: str | None
) -> dict[str, Any]:
    """The recorded config with the overrides, and with the store that is used here."""
    raw = copy.deepcopy(dict(config))
    if missing := [key for key in changed if key not in flatten(raw)]:
        data = flatten(raw).get("data.name")
        raise ConfigError(f"the run's data, {data}, has no {', '.join(missing)} to be given here")
    for key, value in {**changed, "tracking.uri": uri}.items():
        section, _, name = key.partition(".")
        if isinstance(raw.get(section), dict):
            raw[section][name] = value
    if isinstance(raw.get("tracking"), dict) and uri == where.default_uri():
        raw["tracking"]["uri"] = None  # as it is in a run that names no store
    return raw


def _require_allowed(raw: Mapping[str, Any]) -> None:
    """Refuse targets by name before anything looks at the rest of the config."""
    for key, value in flatten(raw).items():
        if key.rpartition(".")[2] == "_target_":
            instantiate.require_allowed(str(value))
        elif key == "tracking.artifacts" and isinstance(value, list):
            for name in value:
                instantiate.require_allowed(str(name))


@contextmanager
def _checkout(found: Resolved) -> Iterator[Path]:
    if not found.runs:
        raise FerlabError("no run here has had this config, so it has no commit")
    run = found.runs[0]
    setting = run.setting
    if setting.diff and (found.uri is None or run.is_imported):
        raise FerlabError(
            "the bundle's run had uncommitted changes, and no code that comes in a bundle is run; "
            "leave out --at-commit"
        )
    with worktree.checked_out(setting.commit, setting.diff) as tree:
        yield tree


def _setting_here(config: Config) -> Setting:
    """The setting of a run of this config, started here and now."""
    for target in sorted(config.names()):
        instantiate.locate(target)  # a part's file is known once it is imported
    images, _ = prepare(config.data)
    return present(config, images)


def _setting_in(tree: Path, now: Setting, recorded: Setting) -> Setting:
    """The setting ``now``, but with the checkout's ferlab as the code."""
    own = {k: v for k, v in (now.sources or {}).items() if k.startswith("own/")}
    files = {**sources.sources(root=tree / "ferlab", conf=tree / "conf"), **own}
    return replace(now, commit=recorded.commit, diff=recorded.diff, sources=files)
