"""What a confirmation came to, by what looks, and what to be careful of."""

from collections.abc import Iterator, Mapping

from ferlab.analysis.comparison.compare import Comparison
from ferlab.analysis.comparison.estimates import less
from ferlab.analysis.comparison.verdict import (
    Verdict,
    numbers_in_words,
    p_in_a_cell,
    p_in_words,
    with_interval,
)
from ferlab.analysis.sequential.plan import LookPlan
from ferlab.analysis.sequential.ruling import Ruling
from ferlab.analysis.sequential.words import plan_in_words, worth_in_words
from ferlab.confirm.evidence import Evidence
from ferlab.confirm.looks import Look
from ferlab.confirm.parts import BOTH, VALIDATION
from ferlab.report.confirmation_background import picture
from ferlab.report.search_text import markdown_table
from ferlab.text import pluralize

_LISTED = 5
"""Runs that a caution names."""


def verdict(evidence: Evidence, pictures: Mapping[str, str]) -> Iterator[str]:
    """The verdict on each arm, how it came about, and every caution."""
    del pictures
    for comparison in evidence.comparisons:
        told = evidence.words(comparison.arm)
        yield f"**Verdict.** *{comparison.arm}* against *{comparison.baseline}*: {told}."
    longest = evidence.parts[0].longest
    seeds, images = longest.seeds, longest.images
    yield (
        f"Each was trained anew under {len(seeds)} seeds at most that the search had not used, "
        f"{seeds[0]} to {seeds[-1]}, and none after its verdict. Each model was scored once on the "
        f"{images:,} test images, when all of its look were trained."
    )
    if any(_is_early(evidence, arm) for arm in evidence.rulings):
        yield (
            "A verdict of better or worse before the last look is due to a large estimate: such an "
            "estimate is too large on average. Its interval allows for the looks."
        )
    yield from _cautions(evidence)


def _is_early(evidence: Evidence, arm: str) -> bool:
    """Whether an arm was called better or worse before the plan's last look."""
    look, ruling = evidence.rulings[arm]
    is_called = ruling.verdict in (Verdict.BETTER, Verdict.WORSE)
    return is_called and look.number < len(evidence.choice.plan.looks)


def _cautions(evidence: Evidence) -> Iterator[str]:
    looked, before = evidence.choice.looked, [e.run_id for e in evidence.scored_before]
    if looked:
        yield (
            f"**Careful.** {pluralize(len(looked), 'run')} of the search had been scored on the "
            f"test split before this was begun ({_ids(looked)}). If such a score had a part in any "
            "choice, the verdict is worth less than it says."
        )
    if before:
        yield (
            f"**Careful.** {pluralize(len(before), 'model')} of this confirmation had been scored "
            "on the test split by another command before the last one was trained "
            f"({_ids(before)})."
        )
    if told := evidence.others.told():
        yield f"**Careful.** These test images {told}.{_for_looks(evidence)}"
    if evidence.twins:
        yield (
            f"**Careful.** {pluralize(len(evidence.twins), 'run')} of this confirmation predict "
            "the validation images exactly as older runs do "
            f"({_ids([entry.run_id for entry in evidence.twins])}): the same training once more, "
            "and no evidence of its own."
        )
    for part in evidence.parts[1:]:
        for decides, other in zip(evidence.comparisons, part.comparisons, strict=True):
            either = {decides.verdict, other.verdict}
            if len(either) > 1 and either & {Verdict.BETTER, Verdict.WORSE}:
                test = other.accuracy
                yield (
                    f"**Careful.** On *{part.name}* the verdict on {other.arm} would be another, "
                    f"{other.verdict or 'none'}: {numbers_in_words(test.estimate, test.level)}."
                )
    for comparison in evidence.comparisons:
        yield from _parted(evidence, comparison)
    code = {entry.tags.get("ferlab.code.digest") for entry in evidence.entries}
    if len(code) > 1:
        yield (
            f"**Careful.** The runs were trained by {len(code)} different states of the code; the "
            "table of runs below has their commits."
        )


def _parted(evidence: Evidence, on_test: Comparison) -> Iterator[str]:
    """Where the verdicts on test and validation part: both taken together, and how far apart."""
    arm, called = on_test.arm, {Verdict.BETTER, Verdict.WORSE}
    on_val, on_both = (evidence.on(part, arm) for part in (VALIDATION, BOTH))
    if on_test.verdict is on_val.verdict or not {on_test.verdict, on_val.verdict} & called:
        return
    both, level = on_both.accuracy.estimate, on_test.accuracy.level
    apart = less(on_test.accuracy.estimate, on_val.accuracy.estimate)
    yield (
        f"On both together, {arm}: {with_interval(both, level)} points. Test less validation: "
        f"{with_interval(apart, level)} points, as if other seeds stood behind each."
    )


def _for_looks(evidence: Evidence) -> str:
    """What p comes to if it pays for earlier confirmations on the same images (Bonferroni)."""
    times = len(evidence.others.before) + 1
    if times == 1:
        return ""
    told = [
        f"{arm}: {p_in_words(min(1.0, times * ruling.estimate.p))}"
        for arm, (_, ruling) in evidence.rulings.items()
    ]
    return f" With p times {times} for that: {'; '.join(told)}."


def looks(evidence: Evidence, pictures: Mapping[str, str]) -> Iterator[str]:
    """The plan, each look, and why it ended."""
    plan, taken = evidence.choice.plan, evidence.looks
    yield "## The looks"
    yield f"Fixed before the first run was trained: {plan_in_words(plan)}."
    yield from picture(pictures, "looks", "Estimate and repeated interval at each look")
    yield markdown_table(
        ["look", "seeds", "configuration", "points (repeated interval)", "p", "bound", "came to"],
        [_row(plan, look, arm, ruling) for look in taken for arm, ruling in look.rulings.items()],
    )
    why = "it was the last one" if len(taken) == len(plan.looks) else "no arm was left to settle"
    yield f"It ended at look {len(taken)} of {len(plan.looks)}: {why}."


def _row(plan: LookPlan, look: Look, arm: str, ruling: Ruling) -> list[str]:
    """A look at an arm, in a table."""
    power = "" if ruling.power is None else f", conditional power {100 * ruling.power:.0f} %"
    worth = f" of {worth_in_words(plan)}" if ruling.verdict is Verdict.NO_DIFFERENCE else ""
    return [
        f"{look.number}",
        f"{len(look.seeds)}",
        arm,
        with_interval(ruling.estimate, ruling.level),
        p_in_a_cell(ruling.estimate.p),
        f"{ruling.level:.4f}",
        f"{ruling.verdict or 'goes on'}{worth}{power}",
    ]


def _ids(run_ids: tuple[str, ...] | list[str]) -> str:
    shown = ", ".join(f"`{run_id[:8]}`" for run_id in run_ids[:_LISTED])
    return f"{shown} and more" if len(run_ids) > _LISTED else shown
