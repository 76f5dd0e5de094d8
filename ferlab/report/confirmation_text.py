"""A confirmation in words, as Markdown, for someone who did not run it."""

from collections.abc import Iterator, Mapping

from ferlab.analysis.classification import Metric
from ferlab.analysis.comparison.compare import (
    METRICS,
    Comparison,
    ConfigurationScore,
    MetricDifference,
)
from ferlab.analysis.comparison.figures import METRIC_NAMES
from ferlab.analysis.comparison.verdict import p_in_a_cell, p_in_words, points, with_interval
from ferlab.confirm.evidence import Evidence
from ferlab.report.confirmation_background import (
    again,
    cost,
    data,
    percent,
    picture,
    reading,
    search,
)
from ferlab.report.confirmation_verdict import looks, verdict
from ferlab.report.regions.text import regions
from ferlab.report.search_text import markdown_table
from ferlab.text import join_words

_MCNEMAR = ("gained", "lost", "McNemar's p")


def confirmation_markdown(evidence: Evidence, pictures: Mapping[str, str], notes: str = "") -> str:
    """The report.

    Args:
        evidence: of a confirmation.
        pictures: files, relative to where the text is kept, by the names of
            `ferlab.report.confirmation_files.draw_confirmation` and
            `ferlab.report.search_text.CAPTIONS`.
        notes: Markdown of a user's own, which goes in as it is.
    """
    study, question = evidence.choice.study, evidence.search.question
    paragraphs = [f"# {study}: is the gain real?"]
    if question:
        paragraphs.append("\n".join(f"> {line}" for line in question.strip().splitlines()))
    paragraphs += verdict(evidence, pictures)
    if notes:
        paragraphs.append(notes)
    for section in (
        looks, _scores, _seeds, _classes, regions, _curves, cost, search, data, again, reading,
    ):  # fmt: skip
        paragraphs += section(evidence, pictures)
    return "\n\n".join(paragraphs) + "\n"


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
                 f"{pair.gained:,}", f"{pair.lost:,}", p_in_a_cell(pair.p)]
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
        *(f"{with_interval(d.same_images)}, {p_in_words(d.same_images.p)}" for d in both),
    ]
    yield ["sign flips of the seeds, exact", *(p_in_words(d.sign_flip) for d in both)]


def _classes(evidence: Evidence, pictures: Mapping[str, str]) -> Iterator[str]:
    yield "## Classes gained and lost"
    for i, comparison in enumerate(evidence.comparisons, 1):
        yield from picture(pictures, f"classes-{i}", f"Classes gained and lost: {comparison.arm}")
        clear = [
            f"{name} {with_interval(recall)}"
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
        yield with_interval(found.estimate, found.level)
        yield p_in_a_cell(found.estimate.p)


def _difference(difference: MetricDifference) -> str:
    estimate = difference.estimate
    return f"{with_interval(estimate, difference.level)}, {p_in_words(estimate.p)}"
