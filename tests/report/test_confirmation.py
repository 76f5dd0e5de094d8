"""The report: one file that needs nothing else, and says what was computed."""

import base64
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ferlab import cli as command_line
from ferlab.analysis.comparison.verdict import points
from ferlab.report import confirmation_files
from ferlab.report.confirmation_background import percent
from ferlab.report.confirmation_text import confirmation_markdown
from ferlab.report.latex import confirmation_table
from ferlab.report.page import page
from ferlab.tracking import artifacts, store
from tests.confirmed_study import GAIN, SAME, Lab
from tests.sweep.test_sweep import runs


class Reader(HTMLParser):
    """What a browser would show, and what it would load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.loads: list[str] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [str(value) for key, value in attrs if key in ("src", "href", "srcset")]

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture
def folder(lab: Lab) -> Path:
    return lab.folder / "experiments" / "oracles"


def test_the_page_needs_nothing_else(folder: Path) -> None:
    text = (folder / "report.html").read_text()
    read = Reader(text)
    assert len(read.loads) >= 7
    for source in read.loads:
        kind, _, picture = source.partition(",")
        assert kind == "data:image/svg+xml;base64"
        drawn = ElementTree.fromstring(base64.b64decode(picture, validate=True))  # noqa: S314
        assert drawn.tag == "{http://www.w3.org/2000/svg}svg"
    assert "http" not in text
    assert "url(" not in text
    assert not {"script", "link", "iframe", "a"} & set(read.tags)


def test_the_page_and_the_text_say_what_was_computed(folder: Path, there: Lab) -> None:
    shown = Reader((folder / "report.html").read_text()).text
    written = (folder / "RESULTS.md").read_text()
    for text in (shown, written):
        assert "Does it read more when it knows more?" in text
        for comparison in there.evidence.comparisons:
            assert there.evidence.words(comparison.arm) in text
            low, high = comparison.f1.interval
            value = points(comparison.f1.estimate.value)
            assert f"{value} ({points(low)} to {points(high)})" in text
            for pair in comparison.mcnemar:
                assert f"{pair.gained:,}" in text
        assert there.evidence.digest in text


def test_each_run_stands_in_it_as_mlflow_has_it(folder: Path, there: Lab) -> None:
    lines = (folder / "RESULTS.md").read_text().splitlines()
    assert len(there.evidence.entries) == 17
    for entry in there.evidence.entries:
        (line,) = [line for line in lines if entry.run_id in line]
        assert f" {entry.tags['ferlab.seed']} " in line
        assert f" {percent(entry.metrics['test/accuracy'])} " in line
        assert f" {entry.metrics['test/f1']:.4f} " in line
    for comparison in there.evidence.comparisons:
        mine = [e.metrics["test/accuracy"] for e in there.evidence.runs[comparison.arm]]
        theirs = [e.metrics["test/accuracy"] for e in there.evidence.runs[comparison.baseline]]
        gaps = [a - b for a, b in zip(mine, theirs, strict=False)]  # of the arm's seeds
        assert len(gaps) == len(comparison.seeds)
        mean = sum(gaps) / len(gaps)
        assert comparison.accuracy.estimate.value == pytest.approx(mean, abs=1e-6)


def test_it_is_kept_on_both_studies_in_mlflow(there: Lab) -> None:
    client = store.connect(None)
    for study in ("oracles", "oracles-confirm"):
        (parent,) = runs(study=study, kind="study")
        files = artifacts.list_files(client, parent.info.run_id)
        assert {"report.html", "report.md", "SEARCH.md", "forest.svg"} <= set(files)
        assert parent.data.tags["ferlab.verdict"] == there.evidence.words(GAIN)
    shown = parent.data.tags["mlflow.note.content"]  # of the confirmation, the last of the two
    assert all(f"path={name}.svg&" in shown for name in ("looks", "forest", "seeds-1"))
    assert "look     ferlab ui oracles-confirm, then http" in there.printed


def test_it_is_made_again_the_same(
    folder: Path, there: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert command_line.main(["report", "oracles", "--to", "elsewhere", "--latex"]) == 0
    assert capsys.readouterr().out.count("verdict  ") == 2
    again = {path.name: path.read_bytes() for path in Path("elsewhere").iterdir()}
    assert again.pop("table.tex").decode() == confirmation_table(there.evidence)
    assert again == before


def test_it_takes_up_what_a_user_has_written_beside_it(folder: Path, there: Lab) -> None:
    shutil.copytree(folder, own := Path("noted"))
    own.joinpath("NOTES.md").write_text("## In my words\n\nIt is *luck*.\n")
    assert command_line.main(["report", "oracles", "--to", str(own)]) == 0
    assert own.joinpath("NOTES.md").read_text() == "## In my words\n\nIt is *luck*.\n"
    text = own.joinpath("RESULTS.md").read_text()
    assert text.index("**Verdict.**") < text.index("## In my words") < text.index("## Scores")
    assert "<em>luck</em>" in own.joinpath("report.html").read_text()
    assert "my words" not in own.joinpath("SEARCH.md").read_text()  # a text is told once


def test_the_text_tells_the_plan_each_look_and_why_it_ended(folder: Path, there: Lab) -> None:
    text = (folder / "RESULTS.md").read_text()
    assert "looks at 5 and 6 seeds, at 5 % together; 8 points would matter" in text
    for look in there.evidence.looks:
        for arm, ruling in look.rulings.items():
            (line,) = [x for x in text.splitlines() if x.startswith(f"| {look.number} | ")
                       and f" {arm} | " in x]  # fmt: skip
            low, high = (points(end) for end in ruling.interval)
            assert f"({low} to {high})" in line
            assert f" {ruling.level:.4f} " in line
            assert (ruling.verdict or "goes on") in line
    assert "It ended at look 2 of 2: it was the last one." in text
    assert "such an estimate is too large on average" in text  # one was called at the first


def test_every_picture_that_is_shown_is_beside_the_text(folder: Path) -> None:
    text = (folder / "RESULTS.md").read_text()
    shown = [line.partition("](")[2].rstrip(")") for line in text.splitlines() if line[:2] == "!["]
    assert len(shown) >= 7
    for name in shown:
        assert (folder / name).read_text().startswith("<?xml")
    assert "[SEARCH.md](SEARCH.md)" in text
    assert (folder / "SEARCH.md").is_file()


def test_cautions_are_told_where_there_is_cause(there: Lab) -> None:
    evidence = there.evidence
    assert "**Careful.**" not in confirmation_markdown(evidence, {})
    looked = replace(evidence, choice=replace(evidence.choice, looked=("abc123def456",)))
    assert "1 run of the search had been scored on the test split" in confirmation_markdown(
        looked, {}
    )
    first = evidence.entries[0]
    tags = {"ferlab.test.scored_by": "another command", "ferlab.code.digest": "other"}
    other = replace(first, tags={**first.tags, **tags})
    runs = {name: [other if e is first else e for e in es] for name, es in evidence.runs.items()}
    text = confirmation_markdown(replace(evidence, runs=runs), {})
    assert "1 model of this confirmation had been scored on the test split by another command" in (
        text
    )
    assert first.run_id[:8] in text
    assert "trained by 2 different states of the code" in text


@pytest.mark.parametrize("name", ["test, none shared", "validation"])
def test_a_verdict_that_other_images_would_change_is_told(there: Lab, name: str) -> None:
    evidence = there.evidence
    test, *others = evidence.parts
    gain, same = sorted(test.comparisons, key=lambda c: c.arm != GAIN)
    swapped = (replace(same, arm=GAIN), replace(gain, arm=SAME))  # what was called, and was not
    different = replace(test, name=name, comparisons=swapped)
    decides = replace(test, comparisons=(gain, same))
    text = confirmation_markdown(replace(evidence, parts=(decides, different, *others)), {})
    assert f"On *{name}* the verdict on {GAIN} would be another, no difference: " in text
    both = evidence.on("validation and test", GAIN).accuracy.estimate
    told = f"On both together, {GAIN}: {points(both.value)} ("
    assert (told in text) == (name == "validation")
    assert ("Test less validation: " in text) == (name == "validation")


def test_html_in_a_text_is_shown_and_not_obeyed() -> None:
    made = page(
        "<x>", "# a <script>alert(1)</script>\n\n[out](https://example.org) ![x](y.png)\n", {}
    )
    read = Reader(made)
    assert "script" not in read.tags
    assert "a <script>alert(1)</script>" in read.text
    assert read.loads == []
    assert "&lt;x&gt;" in made


def test_a_report_before_the_confirmation_is_done_is_the_searchs(
    there: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first = there.evidence.looks[:1]
    monkeypatch.setattr("ferlab.confirm.evidence.looks_taken", lambda *_: first)
    assert command_line.main(["report", "oracles", "--to", "half"]) == 0
    assert "1 of 2 looks taken; ferlab confirm oracles goes on" in capsys.readouterr().out
    assert "is the gain real" not in Path("half", "RESULTS.md").read_text()


def test_names_of_pictures_of_search_and_confirmation_differ(there: Lab) -> None:
    from ferlab.analysis.search.figures import PICTURES

    assert not set(PICTURES) & set(confirmation_files.draw_confirmation(there.evidence))
