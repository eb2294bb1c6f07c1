"""The site of the documentation, for Sphinx.

    pip install -e ".[docs]" && sphinx-build -W docs build/site

Pages are Markdown; the reference of the API is taken from docstrings, which are Markdown too.
"""

from __future__ import annotations

import re
from importlib import metadata
from itertools import groupby
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

project = "celldsl"
copyright = "the celldsl authors"
release = metadata.version("celldsl")
extensions = ["myst_parser", "sphinx.ext.autodoc"]
html_theme = "furo"
# Of blocks that say no language: shapes, trees of files.
highlight_language = "text"
html_title = "celldsl"
# Browsers set MathML by themselves, without a network.
html_math_renderer = "mathml"
html_static_path = ["static"]
html_css_files = ["equations.css"]
exclude_patterns = ["_build"]
myst_enable_extensions = ["dollarmath", "html_image"]
myst_heading_anchors = 4
myst_fence_as_directive = ["math"]
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "separated"
# The gallery leads to the pages of cells; two classes are called Cell.
suppress_warnings = ["toc.not_included", "ref.python"]
# Blocks whose word says what a test does with them.
PLAIN = ("message", "output")


def setup(app: Sphinx) -> None:
    for word in PLAIN:
        app.add_lexer(word, TextLexer)
    app.add_html_math_renderer("mathml", (inline_equation, None), (block_equation, None))
    app.connect("autodoc-process-docstring", in_restructured_text)


def inline_equation(page: Any, node: nodes.math) -> None:
    page.body.append(convert(node.astext()))
    raise nodes.SkipNode


def block_equation(page: Any, node: nodes.math_block) -> None:
    """The equation, with lines set below each other at their equals signs."""
    # latex2mathml 3.81 leaves the `&` of `aligned` as they are.
    latex = node.astext().replace("{aligned}", "{align*}")
    page.body.append(f'<div class="equations">{convert(latex, display="block")}</div>')
    raise nodes.SkipNode


def in_restructured_text(
    app: Sphinx, what: str, name: str, found: object, options: object, lines: list[str]
) -> None:
    """Changes a docstring in place: indented blocks are code, as is what stands in backticks."""
    paragraphs = [
        list(part) for blank, part in groupby(lines, lambda line: not line.strip()) if not blank
    ]
    lines.clear()
    for paragraph in paragraphs:
        if all(line.startswith("    ") for line in paragraph):
            lines += ["::", "", *paragraph, ""]
        else:
            lines += [*map(_text, paragraph), ""]


def _text(line: str) -> str:
    """With code in double backticks, and nothing else that would be read as markup."""
    parts = re.split(r"(`[^`]*`)", line)
    return "".join(
        f"`{p}`" if p.startswith("`") else re.sub(r"([*|\\_])", r"\\\1", p) for p in parts
    )
