"""The project's pages: their code blocks, links and anchors."""

import re

from support.process import REPOSITORY

PAGES = sorted(path.relative_to(REPOSITORY).as_posix() for path in [
    *REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/*.md"), *REPOSITORY.glob("proto/*.md"),
    *REPOSITORY.glob("tests/*/README.md")])


def page(name):
    return (REPOSITORY / name).read_text()


def blocks(text, language):
    """The contents of the code blocks in this language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def block_with(name, language, words):
    """The one code block of a page that contains these words."""
    (found,) = [block for block in blocks(page(name), language) if words in block]
    return found


def prose(text):
    """The text without code, where nothing is a link."""
    return re.sub(r"^```.*?^```$|`[^`\n]*`", "", text, flags=re.DOTALL | re.MULTILINE)


def links(text):
    return re.findall(r"\]\(([^)\s]+)\)", prose(text))


def anchors(text):
    """Of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
