"""What a search says of its baseline and of attention, in words that follow from numbers by rules.

What has a baseline is compared with it, whatever was searched; where attention was, the best with
it is compared with the best without.
"""

import statistics
from collections.abc import Iterator

from ferlab.analysis.search import uncertainty
from ferlab.config.attention import NONE
from ferlab.config.naming import NO_ATTENTION
from ferlab.study.objectives import format_difference, format_value, is_exact
from ferlab.study.table import StudyTable, TrialRow, value_of
from ferlab.text import join_words, pluralize

NO_GAIN = "This search does not show a gain."


def tell_lead(table: StudyTable, command: str) -> str:
    """Whether the best stands out from the others, in a line; empty where there is no question.

    Args:
        table: the study.
        command: what to type to settle it.
    """
    others, objective = table.ranked[1:], table.objectives[0]
    if not others or is_exact(objective):
        return ""
    if seeds := tell_seeds(table):
        return seeds
    best = table.ranked[0]
    near = 0
    for row in others:
        needed = uncertainty.needed(table, best, row)
        if needed is None:
            return (
                f"how far chance moves {objective} was not measured, so the best may be no better "
                f"than the others; {command} tells"
            )
        near += uncertainty.ahead(table, best, row) < needed
    if near:
        lie = f"{near:,} of {pluralize(len(others), 'other')} {'lies' if near == 1 else 'lie'}"
        return f"too close to call: {lie} within chance of the best; {command} settles it"
    return (
        f"the best stands out from {pluralize(len(others), 'other')}, but was chosen for its "
        f"score; {command} confirms it"
    )


def tell_seeds(table: StudyTable) -> str:
    """How far a study's trials scatter which differ in nothing but their seed; else empty."""
    ranked, objective = table.ranked, table.objectives[0]
    if len(ranked) < 2 or not all(
        "seed" in row.params and _differ_by_seed(row, ranked[0]) for row in table.rows
    ):
        return ""
    scores = [value_of(row) for row in ranked]
    return (
        f"all is one configuration under {len(scores):,} seeds: "
        f"{format_value(objective, statistics.fmean(scores))} on average, with a standard "
        f"deviation of {format_difference(objective, statistics.stdev(scores))}; which of them is "
        "the best is luck"
    )


def tell_attention(table: StudyTable) -> str:
    """How the best with attention and the best without stand; empty where none was searched."""
    if not table.ranked or not _searched_attention(table):
        return ""
    return _of_attention(table).removeprefix("**Attention.** ").partition(". ")[0].rstrip(".")


def _searched_attention(table: StudyTable) -> bool:
    return any(key.startswith("model.attention") for row in table.rows for key in row.params)


def runner_up(table: StudyTable) -> TrialRow | None:
    """The best trial that is another configuration than the best, not another seed of it."""
    ranked = table.ranked
    return next((row for row in ranked[1:] if not _differ_by_seed(row, ranked[0])), None)


def _differ_by_seed(one: TrialRow, other: TrialRow) -> bool:
    """Whether they are one configuration under two seeds."""
    return all(
        one.params.get(key) == other.params.get(key)
        for key in {*one.params, *other.params} - {"seed"}
    )


def gains(table: StudyTable) -> Iterator[str]:
    """Paragraphs on what is better than what; the study has a complete trial."""
    if table.baseline is not None:
        yield _of_baseline(table)
    if _searched_attention(table):
        plain = [row for row in table.ranked if row.is_plain]
        if not plain or plain[0] is not table.baseline_row or table.ranked[0].is_plain:
            yield _of_attention(table)
        yield from _kinds(table)


def _of_baseline(table: StudyTable) -> str:
    base, best, objective = table.baseline_row, table.ranked[0], table.objectives[0]
    if base is None:
        states = [row.state for row in table.rows if row.params == table.baseline]
        state = states[-1] if states else "not in it yet"
        return f"**Baseline.** It is {state}: this search does not say whether anything is better."
    others = [row for row in table.ranked if row.params != table.baseline]
    if not others:
        return "**Baseline.** No other trial is complete, so there is nothing to compare it with."
    if best.params == table.baseline:
        return (
            f"**Baseline.** The baseline (trial {base.number}) is itself the best of "
            f"{pluralize(len(table.complete), 'complete trial')}. {NO_GAIN}"
        )
    gap = uncertainty.ahead(table, best, base)
    text = (
        f"**Baseline.** The best ({best.name}, trial {best.number}, of {len(others):,}) is "
        f"{format_difference(objective, gap)} ahead of the baseline ({base.name}, trial "
        f"{base.number}). "
    )
    return text + _judged(table, best, base, len(others))


def _of_attention(table: StudyTable) -> str:
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
    gap = uncertainty.ahead(table, best, base)
    who = f"{best.attention}, trial" if best.attention else "trial"
    text = (
        f"**Attention.** The best with attention ({who} {best.number}, of {len(placed):,}) is "
        f"{format_difference(objective, abs(gap))} {'behind' if gap < 0 else 'ahead of'} "
        f"the best without (trial {base.number}, of {len(plain):,}). "
    )
    if gap <= 0:
        return f"{text}{NO_GAIN}"
    differing = [
        f"`{key}`"
        for key in dict.fromkeys([*best.params, *base.params])
        if not key.startswith("model.attention.") and best.params.get(key) != base.params.get(key)
    ]
    if differing:
        text += f"They differ in {join_words(differing)}, too. "
    return text + _judged(table, best, base, len(placed))


def _judged(table: StudyTable, best: TrialRow, base: TrialRow, among: int) -> str:
    """Whether a lead, the largest ``among`` so many, is more than chance."""
    objective = table.objectives[0]
    gap, needed = uncertainty.ahead(table, best, base), uncertainty.needed(table, best, base)
    if needed is None:
        return "Nothing was measured that says whether this is more than chance."
    text = f"{_noise_source(table, best, base)} a difference stands out at 95 % from "
    text += f"{format_difference(objective, needed)} on"
    largest = uncertainty.needed(table, best, base, among) or 0.0
    if among > 1:
        text += (
            f", and as the largest of {among:,} from "
            f"{format_difference(objective, largest)} on (Bonferroni)"
        )
    if gap < needed:
        return f"{text}. {NO_GAIN}"
    if gap < largest:
        return (
            f"{text}. That is more than chance gives a pair chosen beforehand, but no more than it "
            f"may give the best of {among:,}: this search does not show a gain."
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
        what = NO_ATTENTION if kind == NONE else kind
        ends.append(f"{what} {score} (trial {rows[0].number}, of {len(rows):,})")
    text = f"**Kinds.** The best of each, in order: {join_words(ends)}."
    if missing:
        text += f" Of {join_words(sorted(missing))} no trial is complete."
    yield f"{text} The more trials a kind had, the luckier its best one is."


def _noise_source(table: StudyTable, best: TrialRow, base: TrialRow) -> str:
    """The start of a sentence on a difference: what its noise is estimated from."""
    spread = table.between_seeds
    if spread is None:
        is_single = all(len(row.replicates) < 2 for row in (best, base))
        runs = "With one run each" if is_single else "Taken for one run each"
        return f"{runs} on {pluralize(table.images or 0, 'image')},"
    behind = sorted({max(1, len(row.replicates)) for row in (best, base)})
    seeds = f"{' and '.join(map(str, behind))} {'seed' if behind == [1] else 'seeds'}"
    deviation = format_difference(table.objectives[0], spread.deviation)
    return f"With {deviation} between seeds, and {seeds} behind each,"
