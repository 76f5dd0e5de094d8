"""What stands behind a confirmation's verdict: cost, search, data, runs, and the words' meaning."""

from collections.abc import Iterator, Mapping
from statistics import median

from ferlab.analysis.sequential.words import worth_in_words
from ferlab.confirm.evidence import Evidence
from ferlab.report.search_text import CAPTIONS, markdown_table, searched
from ferlab.study.objectives import format_value
from ferlab.text import pluralize

SEARCH = "SEARCH.md"
"""The file beside the report in which the search is told in full."""

_COSTS = ("parameters", "multiply_adds", "latency_ms", "images_per_second", "train_seconds")


def cost(evidence: Evidence, pictures: Mapping[str, str]) -> Iterator[str]:
    """What each arm's network and its training cost."""
    del pictures
    yield "## What it costs"
    rows = []
    for name, entries in evidence.runs.items():
        middle = {key: median(entry.metrics[key] for entry in entries) for key in _COSTS}
        rows.append(
            [
                name,
                f"{middle['parameters']:,.0f}",
                f"{middle['multiply_adds'] / 1e6:,.1f} M",
                f"{middle['latency_ms']:.2f} ms",
                f"{middle['images_per_second']:,.0f}",
                f"{middle['train_seconds'] / 60:.1f} min",
            ]
        )
    header = ["", "parameters", "multiply-adds", "one image", "images/s in training", "one run"]
    yield markdown_table(header, rows)
    yield (
        f"Times are medians over the runs, whatever else the machine did beside them: "
        f"{evidence.machine}."
    )


def search(evidence: Evidence, pictures: Mapping[str, str]) -> Iterator[str]:
    """What it was chosen from, and what is left of its lead."""
    table, arms = evidence.search, evidence.choice.arms
    yield from searched(table)
    objective = table.objectives[0]
    fresh = {c.arm: c.accuracy.arm for part in evidence.parts for c in part.comparisons
             if part.name == "validation"}  # fmt: skip
    base = next(part for part in evidence.parts if part.name == "validation").longest
    fresh[base.baseline] = base.accuracy.baseline
    yield (
        "The best was chosen for its score, so that score is likely to be too good. The same "
        "configurations under fresh seeds:"
    )
    yield markdown_table(
        ["", "trial", f"{objective} in the search", "validation accuracy under fresh seeds"],
        [
            [arm.name, f"{arm.trial}", format_value(objective, arm.value),
             percent(fresh[arm.name].estimate.value)]
            for arm in arms
        ],
    )  # fmt: skip
    for name in ("placement", "importances"):
        yield from picture(pictures, name, CAPTIONS[name])
    yield f"The search in full, with all its pictures, is [{SEARCH}]({SEARCH}) beside this text."


def data(evidence: Evidence, pictures: Mapping[str, str]) -> Iterator[str]:
    """What was trained and scored on, and what is wrong with it."""
    del pictures
    section = evidence.config.data
    yield "## The data"
    text = f"`data={section.name}`, `data.split={section.split}`, digest `{evidence.digest}`."
    if evidence.dropped:
        text += (
            f" Left out of training, for being pixel-identical to a validation or test image: "
            f"{pluralize(evidence.dropped, 'image')}."
        )
    yield f"{text} As `ferlab data audit` finds it, before anything is left out:"
    yield "\n".join(f"    {line}".rstrip() for line in evidence.audit.text().splitlines())


def again(evidence: Evidence, pictures: Mapping[str, str]) -> Iterator[str]:
    """The commands and the runs that every number comes from."""
    del pictures
    study = evidence.choice.study
    yield "## Every number again"
    commands = {
        f"ferlab report {study}": "this text, from what is recorded",
        f"ferlab confirm {study}": "the same, and trains what is missing",
        "ferlab reproduce RUN": "trains one of these once more, and compares",
    }
    width = max(map(len, commands))
    yield "\n".join(f"    {text:<{width}}  # {does}" for text, does in commands.items())
    yield markdown_table(
        ["configuration", "seed", "run", "epoch", "validation", "test", "test F1", "commit"],
        [
            [name, entry.tags["ferlab.seed"], f"`{entry.run_id}`",
             f"{entry.metrics['best/epoch']:.0f}", percent(entry.metrics["best/accuracy"]),
             percent(entry.metrics["test/accuracy"]), f"{entry.metrics['test/f1']:.4f}",
             entry.commit or "–"]
            for name, entries in evidence.runs.items()
            for entry in entries
        ],
    )  # fmt: skip
    yield (
        "Each run's page in MLflow has its whole config, its environment and its predictions on "
        "both splits. A commit with a plus had changes, which are kept there as a diff."
    )


def reading(evidence: Evidence, pictures: Mapping[str, str]) -> Iterator[str]:
    """What the words and numbers mean."""
    del pictures
    plan, many = evidence.choice.plan, len(evidence.comparisons)
    shared = f", shared among {many} configurations (Holm)" if many > 1 else ""
    yield "## How to read the numbers"
    yield (
        "A *point* is one percent of the images; of macro F1, 0.01. An *interval* of scores holds "
        "the true value in 95 of 100 studies like this one. Where it is of scores or differences "
        "without more words, it allows for other seeds and for other images (two-way random "
        "effects, Hillis 2007): the same networks on other faces. A *repeated interval* of a "
        "difference holds the true one at all looks together in 95 of 100 studies, so that it may "
        "be read at whichever look the study ended."
    )
    yield (
        "*p* is how often chance alone would show such a difference at one look. The verdict is "
        "*better* or *worse* where p is below its *bound*: the bounds spend "
        f"{100 * plan.alpha:g} % in proportion to the seeds{shared}. It is *no difference of "
        f"{worth_in_words(plan)}* where the repeated interval lies within that, *futile* where the "
        "rest of the plan would hardly have called it (*conditional power* below 20 % if the true "
        "difference were just that large), and *not settled* where neither came true by the last "
        "look. Accuracy on the whole test split decides; no other number has a say. *Gained* and "
        "*lost* are the images that only one of a seed's two models reads correctly."
    )


def picture(pictures: Mapping[str, str], name: str, caption: str) -> Iterator[str]:
    """The picture of this name, if it was drawn."""
    if name in pictures:
        yield f"![{caption}]({pictures[name]})"


def percent(accuracy: float) -> str:
    """A share of images as a person reads it."""
    return format_value("val/accuracy", accuracy)
