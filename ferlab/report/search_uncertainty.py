"""How much of a study's result may be chance, in words that follow from numbers by rules."""

from collections.abc import Iterator

from ferlab.analysis.search import uncertainty
from ferlab.report.search_gain import gains, tell_seeds
from ferlab.study.objectives import format_difference, format_value, is_exact
from ferlab.study.table import StudyTable, TrialRow, value_of
from ferlab.text import pluralize


def chance(table: StudyTable) -> Iterator[str]:
    """Paragraphs on how much of a study's result may be chance; it has a complete trial."""
    objective, best = table.objectives[0], table.ranked[0]
    yield "## How much of it may be chance"
    if is_exact(objective):
        yield f"Nothing: {objective} is counted, not measured."
        return
    if len(table.objectives) > 1:
        yield f"All of this is about {objective}, the first of the objectives."
    yield from _sources(table, best)
    yield from _selection(table, best)
    yield from gains(table)


def _sources(table: StudyTable, best: TrialRow) -> Iterator[str]:
    objective, spread = table.objectives[0], table.between_seeds
    if objective == "val/accuracy" and table.images:
        low, high = uncertainty.interval(value_of(best), table.images)
        yield (
            f"**Images.** One accuracy of {format_value(objective, value_of(best))} on "
            f"{pluralize(table.images, 'image')} has a 95 % interval (Wilson's) from "
            f"{format_value(objective, low, 1)} to {format_value(objective, high, 1)}: "
            f"±{format_difference(objective, (high - low) / 2, 1)} by the chance of the images "
            "alone. All trials are scored on the same images, so part of this chance is common to "
            "them."
        )
    if spread is not None:
        repeated = sum(len(row.replicates) > 1 for row in table.rows)
        deviation = format_difference(objective, spread.deviation)
        yield (
            "**Seeds.** What a seed does to all trials alike is in no difference between them. "
            f"Beyond that, the standard deviation between seeds is {deviation}, from "
            f"{pluralize(repeated, 'trial')} ({pluralize(spread.freedom, 'degree')} of freedom)."
        )
    elif table.replicates > 1:
        yield (
            "**Seeds.** No two trials have two seeds yet. How far another seed would move a score "
            "against the others is not known."
        )
    elif told := tell_seeds(table):
        yield f"**Seeds.** {told[0].upper()}{told[1:]}."
    else:
        yield (
            "**Seeds.** Every trial was trained under one seed. How far another seed would move "
            "its score was not measured; `study.replicates=3` would tell."
        )
    if objective.startswith("val/"):
        yield (
            "**Epochs.** Each score is that of its run's best epoch, chosen on the same images: "
            "a little too good, for every trial."
        )


def _selection(table: StudyTable, best: TrialRow) -> Iterator[str]:
    others = table.ranked[1:]
    if not others:
        return
    objective = table.objectives[0]
    text = (
        f"**Selection.** The best of {pluralize(len(table.kept), 'trial')} is chosen for its "
        "luck, too: trained and scored afresh, it should be expected to do worse."
    )
    lucky = uncertainty.luck(table)
    if lucky is not None:
        lead = sum(uncertainty.ahead(table, best, row) for row in table.kept) / len(table.kept)
        text += (
            f" If all were equally good, the luckiest would still be about "
            f"{format_difference(objective, lucky)} ahead of their mean; "
            f"this one is {format_difference(objective, lead)} ahead."
        )
    yield text
    gaps = [
        (uncertainty.ahead(table, best, row), uncertainty.needed(table, best, row))
        for row in others
    ]
    near = sum(needed is not None and gap < needed for gap, needed in gaps)
    if gaps[0][1] is None:
        return
    if len(others) == 1:
        who = "The other complete trial lies" if near else "The other complete trial does not lie"
    else:
        many = {0: "none lies", 1: "1 lies", len(others): "all lie"}.get(near, f"{near:,} lie")
        who = f"Of the {len(others):,} other complete trials, {many}"
    yield (
        f"{who} so close to the best that the difference would not stand out at 95 % even if the "
        "two had been chosen beforehand."
    )
