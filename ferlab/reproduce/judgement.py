"""The verdict on a rerun: identical, equivalent, undetermined or different.

That two runs are not told apart shows nothing where little could tell them apart; so *equivalent*
has to be shown, by how training began and by an interval inside a margin.
"""

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np

from ferlab.analysis.comparison.seeded import FEWEST
from ferlab.analysis.equivalence import mean_interval
from ferlab.reproduce.conditions import MARGIN, accuracy_inside, began_alike, conditions
from ferlab.reproduce.differences import Difference
from ferlab.reproduce.run_comparison import RunComparison
from ferlab.text import pluralize

Level = Literal["identical", "equivalent", "undetermined", "different"]

_START_CLOSE = 0.01
"""Share by which no rounding changes the loss before the first step: bfloat16 does by 0.0005."""

_SHOWN = 3


class Judgement(NamedTuple):
    """Whether a run reproduced another.

    Attributes:
        level: see `judge_rerun`.
        text: the level with its reasons, in one line.
    """

    level: Level
    text: str

    @property
    def is_reproduced(self) -> bool:
        """Whether it is shown that the run came out as the other, if not to the last bit."""
        return self.level in ("identical", "equivalent")


def judge_rerun(
    found: RunComparison, differ: Sequence[Difference], margin: float = MARGIN
) -> Judgement:
    """The verdict on a rerun.

    - ``identical``: every prediction and every epoch's metrics are the same to the last bit.
    - ``different``: what is computed differs, nothing recorded explains the difference, or it is
      one that rounding cannot make: another schedule, another loss before the first step.
    - ``equivalent``: nothing else than rounding or random streams may differ; and all of
      `ferlab.reproduce.conditions` are met.
    - ``undetermined``: as that, but one of these is not met, or not recorded.

    Args:
        found: the two runs' results.
        differ: what differs between their settings.
        margin: largest difference in accuracy that is none, as a share of the images.
    """
    if found.is_identical:
        return Judgement(
            "identical",
            f"identical: {pluralize(found.epochs[0], 'epoch')} and all {found.images:,} images are "
            "the same to the last bit",
        )
    text = "; ".join(found.lines())
    if causes := [difference for difference in differ if difference.effect == "numbers"]:
        because = "; ".join(f"{cause.section}: {cause.what}" for cause in causes[:_SHOWN])
        return Judgement("different", f"different: {text}; what is computed differs: {because}")
    if not (because := _explanation(differ)):
        return Judgement("different", f"different: {text}; nothing that was recorded explains it")
    if beyond := list(_beyond_rounding(found, differ)):
        return Judgement(
            "different", f"different: {text}; {because} cannot explain that {'; '.join(beyond)}"
        )
    met = list(conditions(found, margin))
    if failed := [c.text for c in met if not c.holds]:
        return Judgement(
            "undetermined",
            f"undetermined: {text}; {because} may explain it, but {'; '.join(failed)}",
        )
    shown = "; ".join(c.text for c in met)
    return Judgement("equivalent", f"equivalent: {text}; {shown}; explained by {because}")


def judge_seeds(
    found: Sequence[RunComparison],
    verdicts: Sequence[Judgement],
    differ: Sequence[Difference],
    margin: float = MARGIN,
) -> Judgement:
    """The verdict on the reruns of a trial of several seeds.

    Identical or different as the worst seed is. Else 3 or more seeds are judged by how each of them
    began and by the interval of their mean difference in accuracy; and where random streams may
    differ, as another seed's do, that interval outside the margin is a difference, too.

    Args:
        found: both runs' results, per seed.
        verdicts: of `judge_rerun`, per seed.
        differ: what differs between the settings, the same for all seeds.
        margin: largest difference in accuracy that is none, as a share of the images.
    """
    level, seeds = worst([verdict.level for verdict in verdicts]), len(found)
    text = f"{level}, over {pluralize(seeds, 'seed')}"
    if level in ("identical", "different"):
        return Judgement(level, text)
    if seeds < FEWEST or any(not np.array_equal(one.names, found[0].names) for one in found):
        return Judgement(level, f"{text}, each by itself: their mean needs {FEWEST} on one split")
    turned = np.stack([one.turned for one in found])
    value, interval = float(turned.mean()), mean_interval(turned)
    accuracy = accuracy_inside(value, interval, margin)
    checks = [accuracy, *(check for one in found for check in began_alike(one))]
    streams = any(difference.effect == "streams" for difference in differ)
    if streams and (interval[0] > margin or interval[1] < -margin):
        level = "different"
    else:
        level = "equivalent" if all(check.holds for check in checks) else "undetermined"
    doubts = dict.fromkeys(check.text for check in checks[1:] if not check.holds)
    text = f"{level}, over {pluralize(seeds, 'seed')}: mean {accuracy.text}"
    return Judgement(level, "; ".join([text, *list(doubts)[:_SHOWN]]))


def worst(levels: Sequence[Level]) -> Level:
    """The worst of the levels, of which there must be one."""
    order: tuple[Level, ...] = ("different", "undetermined", "equivalent", "identical")
    return next(level for level in order if level in levels)


def _explanation(differ: Sequence[Difference]) -> str:
    """What may have changed rounding or random streams; empty if nothing has."""
    causes = [d.what for d in differ if d.effect in ("rounding", "streams")]
    return "; ".join(causes[:_SHOWN])


def _beyond_rounding(found: RunComparison, differ: Sequence[Difference]) -> Iterator[str]:
    """What neither rounding nor other random numbers can have made."""
    rate = found.parted_rate()
    if rate and not (found.follows_loss and rate.epoch > 1):
        yield f"the learning rate parted at epoch {rate.epoch}, {rate}"
    start = found.steps.get(1)
    streams = any(difference.effect == "streams" for difference in differ)
    if start and not streams and start.share > _START_CLOSE:
        yield f"the loss before the first step was another, {start.before:.6g} -> {start.again:.6g}"
    if found.only_one:
        yield "other images were predicted"
