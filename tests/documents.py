"""What the texts for people show: commands, and files with their contents."""

import re
import shlex
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
PAGES = sorted((ROOT / "docs").glob("*.md"))
TEXTS = [README, *PAGES, CONTRIBUTING]

_BLOCK = re.compile(r"(?P<before>[^\n]+(?:\n[^\n]+)*)\n\n```\w+\n(?P<text>.*?)```", re.DOTALL)
_NEW = re.compile(r"`(?P<path>[\w./-]+\.\w+)`")
_INTO = re.compile(r"In `(?P<path>[\w./-]+)`, (?P<where>above|below) `(?P<anchor>[^`]+)`")
_COMMAND = re.compile(r"(?:^    |`)((?:[A-Z_]+=\S+ )*ferlab [a-z][^#`\n]*)", re.MULTILINE)


class Block(NamedTuple):
    """Code between fences, below a paragraph that names its file first.

    Attributes:
        path: of the file; empty for commands.
        where: ``above`` or ``below`` a line of the file; empty for a whole file.
        anchor: how that line begins, but for its indentation.
        text: the code.
    """

    path: str
    where: str
    anchor: str
    text: str

    def apply(self, root: Path) -> None:
        """Write the file, or into it; the first line that begins like the anchor counts."""
        file = root / self.path
        if not self.where:
            assert not file.exists(), f"{self.path} is there already"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(self.text)
            return
        lines = file.read_text().splitlines(keepends=True)
        at = [i for i, line in enumerate(lines) if line.strip().startswith(self.anchor)]
        assert at, f"{self.path} has no line {self.anchor}"
        lines.insert(at[0] + (self.where == "below"), self.text)
        file.write_text("".join(lines))


def blocks(text: str) -> list[Block]:
    """The fenced code of a text, in order."""
    found = []
    for block in _BLOCK.finditer(text):
        into, new = _INTO.match(block["before"]), _NEW.match(block["before"])
        if into:
            found.append(Block(into["path"], into["where"], into["anchor"], block["text"]))
        else:
            found.append(Block(new["path"] if new else "", "", "", block["text"]))
    return found


def commands(text: str) -> list[list[str]]:
    """The arguments of every ``ferlab`` command of a text, without what stands for others."""
    found = [shlex.split(line) for line in _COMMAND.findall(text)]
    found = [command[command.index("ferlab") + 1 :] for command in found]
    return [command for command in found if "..." not in command and "--help" not in command]
