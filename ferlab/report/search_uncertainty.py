"""How much of a study's result may be chance, in words that follow from numbers by rules."""

from collections.abc import Iterator

from ferlab.analysis.search import uncertainty
from ferlab.config.attention import NONE
from ferlab.study.objectives import format_difference, format_value, is_exact
from ferlab.study.table import StudyTable, TrialRow, between_seeds, value_of
from ferlab.text import join_words, pluralize


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
    if any(key.startswith("model.attention") for row in table.rows for key in row.params):
        yield _verdict(table)
        yield from _kinds(table)


def _sources(table: StudyTable, best: TrialRow) -> Iterator[str]:
    objective, spread = table.objectives[0], between_seeds(table.rows)
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
            "**Seeds.** Under another seed, a score on the same images changes: the standard "
            f"deviation between seeds is {deviation}, pooled over "
            f"{pluralize(repeated, 'trial')} ({pluralize(spread.freedom, 'degree')} of freedom)."
        )
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


def _verdict(table: StudyTable) -> str:
    """What the results say of attention, with the rule by which they say it."""
    ranked, objective = table.ranked, table.objectives[0]
    plain = [row for row in ranked if row.is_plain]
    placed = [row for row in ranked if not row.is_plain]
    if not plain or not placed:
        lacking = [row for row in table.of("pruned") if row.is_plain != bool(plain)]
        stopped = f" ({len(lacking):,} pruned)" if lacking else ""
        return (
            f"**Attention.** No trial {'with' if plain else 'without'} attention is complete"
            f"{stopped}: this search does not say whether attention helps."
        )
    best, base = placed[0], plain[0]
    gap, needed = uncertainty.ahead(table, best, base), uncertainty.needed(table, best, base)
    who = f"{best.attention}, trial" if best.attention else "trial"
    text = (
        f"**Attention.** The best with attention ({who} {best.number}, of {len(placed):,}) is "
        f"{format_difference(objective, abs(gap))} {'behind' if gap < 0 else 'ahead of'} "
        f"the best without (trial {base.number}, of {len(plain):,}). "
    )
    if gap <= 0:
        return f"{text}This search does not show a gain."
    differing = [
        f"`{key}`"
        for key in dict.fromkeys([*best.params, *base.params])
        if not key.startswith("model.attention.") and best.params.get(key) != base.params.get(key)
    ]
    if differing:
        text += f"They differ in {join_words(differing)}, too. "
    if needed is None:
        return f"{text}Nothing was measured that says whether this is more than chance."
    text += f"{_noise_source(table, best, base)} a difference stands out at 95 % from "
    text += f"{format_difference(objective, needed)} on"
    largest = uncertainty.needed(table, best, base, len(placed)) or 0.0
    if len(placed) > 1:
        text += (
            f", and as the largest of {len(placed):,} from "
            f"{format_difference(objective, largest)} on (Bonferroni)"
        )
    if gap < needed:
        return f"{text}. This search does not show a gain."
    if gap < largest:
        return (
            f"{text}. That is more than chance gives a pair chosen beforehand, but no more than it "
            f"may give the best of {len(placed):,}: this search does not show a gain."
        )
    return f"{text}. This search suggests a gain; only fresh seeds can confirm it."


def _kinds(table: StudyTable) -> Iterator[str]:
    """The best of each kind of attention, where several were searched."""
    kinds = dict.fromkeys(row.attention for row in table.ranked if row.attention)
    missing = {row.attention for row in table.rows if row.attention} - set(kinds)
    if len({*kinds, *missing} - {NONE}) < 2:
        return
    ends = []
    for kind in kinds:
        rows = [row for row in table.ranked if row.attention == kind]
        score = format_value(table.objectives[0], value_of(rows[0]))
        what = "no attention" if kind == NONE else kind
        ends.append(f"{what} {score} (trial {rows[0].number}, of {len(rows):,})")
    text = f"**Kinds.** The best of each, in order: {join_words(ends)}."
    if missing:
        text += f" Of {join_words(sorted(missing))} no trial is complete."
    yield f"{text} The more trials a kind had, the luckier its best one is."


def _noise_source(table: StudyTable, best: TrialRow, base: TrialRow) -> str:
    """The start of a sentence on a difference: what its noise is estimated from."""
    spread = between_seeds(table.rows)
    if spread is None:
        return f"With one run each on {pluralize(table.images or 0, 'image')},"
    behind = sorted({max(1, len(row.replicates)) for row in (best, base)})
    seeds = f"{' and '.join(map(str, behind))} {'seed' if behind == [1] else 'seeds'}"
    deviation = format_difference(table.objectives[0], spread.deviation)
    return f"With {deviation} between seeds, and {seeds} behind each,"
