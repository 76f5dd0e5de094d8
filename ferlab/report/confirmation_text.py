"""A confirmation in words, as Markdown, for someone who did not run it."""

from collections.abc import Iterator, Mapping

from ferlab.analysis.classification import Metric
from ferlab.analysis.comparison.compare import (
    METRICS,
    Comparison,
    ConfigurationScore,
    MetricDifference,
)
from ferlab.analysis.comparison.estimates import Estimate, less
from ferlab.analysis.comparison.figures import METRIC_NAMES
from ferlab.analysis.comparison.verdict import Verdict, numbers_in_words, p_in_words, points
from ferlab.analysis.sequential.plan import LookPlan
from ferlab.analysis.sequential.ruling import Ruling
from ferlab.analysis.sequential.words import plan_in_words, worth_in_words
from ferlab.confirm.evidence import BOTH, VALIDATION, Evidence
from ferlab.report.confirmation_background import (
    again,
    cost,
    data,
    percent,
    picture,
    reading,
    search,
)
from ferlab.report.search_text import markdown_table
from ferlab.text import join_words, pluralize

_MCNEMAR = ("gained", "lost", "McNemar's p")

_LISTED = 5
"""Runs that a caution names."""


def confirmation_markdown(evidence: Evidence, pictures: Mapping[str, str]) -> str:
    """The report.

    Args:
        evidence: of a confirmation.
        pictures: files, relative to where the text is kept, by the names of
            `ferlab.report.confirmation_files.draw_confirmation` and
            `ferlab.report.search_text.CAPTIONS`.
    """
    study, question = evidence.choice.study, evidence.search.question
    paragraphs = [f"# {study}: is the gain real?"]
    if question:
        paragraphs.append("\n".join(f"> {line}" for line in question.strip().splitlines()))
    for section in (
        _verdict, _looks, _scores, _seeds, _classes, _curves, cost, search, data, again, reading,
    ):  # fmt: skip
        paragraphs += section(evidence, pictures)
    return "\n\n".join(paragraphs) + "\n"


def _verdict(evidence: Evidence, pictures: Mapping[str, str]) -> Iterator[str]:
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
        f"On both together, {arm}: {_at_level(both, level)} points. Test less validation: "
        f"{_at_level(apart, level)} points, as if other seeds stood behind each."
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


def _looks(evidence: Evidence, pictures: Mapping[str, str]) -> Iterator[str]:
    plan, taken = evidence.choice.plan, evidence.looks
    yield "## The looks"
    yield f"Fixed before the first run was trained: {plan_in_words(plan)}."
    yield from picture(pictures, "looks", "Estimate and repeated interval at each look")
    yield markdown_table(
        ["look", "seeds", "configuration", "points (repeated interval)", "p", "bound", "came to"],
        [
            [f"{look.number}", f"{len(look.seeds)}", arm, _at_level(ruling.estimate, ruling.level),
             _p(ruling.estimate.p), f"{ruling.level:.4f}", _came_to(plan, ruling)]
            for look in taken
            for arm, ruling in look.rulings.items()
        ],
    )  # fmt: skip
    why = "it was the last one" if len(taken) == len(plan.looks) else "no arm was left to settle"
    yield f"It ended at look {len(taken)} of {len(plan.looks)}: {why}."


def _came_to(plan: LookPlan, ruling: Ruling) -> str:
    """A ruling in a table's cell."""
    power = "" if ruling.power is None else f", conditional power {100 * ruling.power:.0f} %"
    worth = f" of {worth_in_words(plan)}" if ruling.verdict is Verdict.NO_DIFFERENCE else ""
    return f"{ruling.verdict or 'goes on'}{worth}{power}"


def _scores(evidence: Evidence, pictures: Mapping[str, str]) -> Iterator[str]:
    yield "## Scores"
    base = evidence.parts[0].longest
    reached = [(base.baseline, base.accuracy.baseline, base.f1.baseline)]
    reached += [(c.arm, c.accuracy.arm, c.f1.arm) for c in evidence.comparisons]
    yield markdown_table(
        ["on the test split", "accuracy (95 % interval)", "macro F1 (95 % interval)", "seeds"],
        [
            [name, _score("accuracy", accuracy), _score("f1", f1), f"{len(accuracy.runs)}"]
            for name, accuracy, f1 in reached
        ],
    )
    yield from picture(pictures, "forest", "Difference in accuracy to the baseline")
    yield from picture(pictures, "forest-f1", "Difference in macro F1 to the baseline")
    header = ["images", "count", "configuration"]
    header += [text for metric in METRICS for text in (f"{METRIC_NAMES[metric]}, points", "p")]
    yield (
        "Differences to the baseline under the same seeds, with their repeated intervals, on these "
        "images and on others:"
    )
    yield markdown_table(
        header,
        [
            [part.name, f"{c.images:,}", c.arm, *_differences(c)]
            for part in evidence.parts
            for c in part.comparisons
        ],
    )
    yield "\n".join(f"- *{part.name}*: {part.what}" for part in evidence.parts)


def _seeds(evidence: Evidence, pictures: Mapping[str, str]) -> Iterator[str]:
    yield "## Seed by seed"
    for i, comparison in enumerate(evidence.comparisons, 1):
        caption = f"Both runs of each seed: {comparison.baseline} and {comparison.arm}"
        yield from picture(pictures, f"seeds-{i}", caption)
        test = comparison.accuracy
        yield markdown_table(
            ["seed", comparison.baseline, comparison.arm, "points", *_MCNEMAR],
            [
                [f"{seed}", percent(before), percent(after), points(after - before),
                 f"{pair.gained:,}", f"{pair.lost:,}", _p(pair.p)]
                for seed, before, after, pair in zip(
                    comparison.seeds, test.baseline.runs, test.arm.runs, comparison.mcnemar,
                    strict=True,
                )
            ],
        )  # fmt: skip
        yield f"The same difference, {comparison.arm}, asked in other ways:"
        yield markdown_table(["", "accuracy", "macro F1"], list(_other_ways(comparison)))


def _other_ways(comparison: Comparison) -> Iterator[list[str]]:
    both = [comparison.difference(metric) for metric in METRICS]
    yield ["other seeds and other images (decides)", *(_difference(d) for d in both)]
    yield [
        "other seeds, on these very images",
        *(f"{_points(d.same_images)}, {p_in_words(d.same_images.p)}" for d in both),
    ]
    yield ["sign flips of the seeds, exact", *(p_in_words(d.sign_flip) for d in both)]


def _classes(evidence: Evidence, pictures: Mapping[str, str]) -> Iterator[str]:
    yield "## Classes gained and lost"
    for i, comparison in enumerate(evidence.comparisons, 1):
        yield from picture(pictures, f"classes-{i}", f"Classes gained and lost: {comparison.arm}")
        clear = [
            f"{name} {_points(recall)}"
            for name, recall in zip(comparison.classes, comparison.recalls, strict=True)
            if recall is not None and recall.p < 0.05
        ]
        text = f"Clear of zero in recall, {comparison.arm}: {join_words(clear)}." if clear else (
            f"No class of {comparison.arm} differs in recall by more than its interval."
        )  # fmt: skip
        yield f"{text} By chance alone, one interval in twenty is clear of zero."


def _curves(evidence: Evidence, pictures: Mapping[str, str]) -> Iterator[str]:
    del evidence
    if "bands" in pictures:
        yield "## Learning curves"
        yield from picture(pictures, "bands", "Validation accuracy by epoch, over seeds")


def _score(metric: Metric, score: ConfigurationScore) -> str:
    low, high = score.estimate.interval()
    if metric == "accuracy":
        return f"{percent(score.estimate.value)} ({100 * low:.2f} to {100 * high:.2f})"
    return f"{score.estimate.value:.4f} ({low:.4f} to {high:.4f})"


def _differences(comparison: Comparison) -> Iterator[str]:
    for metric in METRICS:
        found = comparison.difference(metric)
        yield _at_level(found.estimate, found.level)
        yield _p(found.estimate.p)


def _p(p: float) -> str:
    """A p below a header that says so."""
    return p_in_words(p).removeprefix("p = ").removeprefix("p ")


def _difference(difference: MetricDifference) -> str:
    estimate = difference.estimate
    return f"{_at_level(estimate, difference.level)}, {p_in_words(estimate.p)}"


def _points(estimate: Estimate) -> str:
    """With its 95 % interval."""
    return _at_level(estimate, 0.05)


def _at_level(estimate: Estimate, level: float) -> str:
    low, high = estimate.interval(1 - level)
    return f"{points(estimate.value)} ({points(low)} to {points(high)})"


def _ids(run_ids: tuple[str, ...] | list[str]) -> str:
    shown = ", ".join(f"`{run_id[:8]}`" for run_id in run_ids[:_LISTED])
    return f"{shown} and more" if len(run_ids) > _LISTED else shown
