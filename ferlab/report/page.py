"""A Markdown text and its pictures as one HTML file that needs nothing else."""

import base64
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from string import Template

from markdown_it import MarkdownIt
from markdown_it.token import Token

PAGE = "report.html"

_TEMPLATE = Path(__file__).with_name("page.html")


def page(title: str, text: str, pictures: Mapping[str, bytes]) -> str:
    """Turn a text into a page.

    HTML in the text is shown as it stands. Links, which would lead out of the file, become plain
    text, and pictures that are missing are left out.

    Args:
        title: title of the page.
        text: the text in Markdown, with tables.
        pictures: contents of SVG files, by the names under which the text shows them.
    """
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(text)
    for token in tokens:
        if token.children is not None:
            token.children = [c for c in token.children if not _leads_out(c, pictures)]
            for child in token.children:
                if child.type == "image":
                    picture = base64.b64encode(pictures[str(child.attrs["src"])]).decode()
                    child.attrs["src"] = f"data:image/svg+xml;base64,{picture}"
    body = markdown.renderer.render(tokens, markdown.options, {})
    template = Template(_TEMPLATE.read_text(encoding="utf-8"))
    return template.substitute(title=escape(title), body=body)


def write_page(title: str, text: str, folder: Path, files: Iterable[str], name: str = PAGE) -> None:
    """Write the page of a text whose pictures lie in the same folder."""
    pictures = {file: (folder / file).read_bytes() for file in files}
    (folder / name).write_text(page(title, text, pictures), encoding="utf-8")


def _leads_out(token: Token, pictures: Mapping[str, bytes]) -> bool:
    """Whether it is a link, or a picture that is missing."""
    if token.type == "image":
        return token.attrs["src"] not in pictures
    return token.type in ("link_open", "link_close")
