"""The page around the parts: one HTML file that loads nothing, reads well by day, by night and on a phone."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

STYLE = """
:root { color-scheme: light dark; --ground: #ffffff; --text: #1d2329; --quiet: #5b6672;
  --line: #dde2e7; --card: #f5f7f9; --accent: #0b6bcb; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #14181c; --text: #e4e8ec; --quiet: #9aa5b1;
    --line: #2d353d; --card: #1d2329; --accent: #6cb2f7; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.25rem; max-width: 72rem; background: var(--ground); color: var(--text);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: .5rem 0; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .5rem; padding-top: .75rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.25rem 0 .4rem; }
a { color: var(--accent); }
p { margin: .5rem 0; }
.quiet, figcaption { color: var(--quiet); font-size: .9rem; }
nav { display: flex; flex-wrap: wrap; gap: .25rem 1rem; font-size: .95rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(7.5rem, 1fr)); gap: .75rem; margin: 1rem 0; padding: 0; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .8rem; }
.card dt { color: var(--quiet); font-size: .85rem; }
.card dd { margin: 0; font-size: 1.45rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .7rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
thead th { color: var(--quiet); font-weight: 600; }
tr.total td { font-weight: 600; border-top: 2px solid var(--line); }
table.facts td:last-child { text-align: left; white-space: normal; font-family: ui-monospace, monospace; font-size: .85rem; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 21rem), 1fr)); gap: 1rem; }
figure { margin: 0; }
figure img, figure video, figure svg { display: block; width: 100%; height: auto; border-radius: .35rem; }
figure svg text { fill: var(--text); }
pre { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .8rem; overflow-x: auto; font-size: .82rem; }
summary { cursor: pointer; }
"""


class Section(NamedTuple):
    """A part of the page; `body` is HTML."""

    anchor: str
    title: str
    body: str


def page(title: str, summary: str, sections: Sequence[Section]) -> str:
    """The whole document.

    Args:
        title: plain text.
        summary: HTML under the title.
        sections: in reading order; those with an empty body are left out.
    """
    shown = [section for section in sections if section.body]
    links = "\n".join(f'<a href="#{section.anchor}">{escape(section.title)}</a>' for section in shown)
    bodies = "\n".join(
        f'<section id="{section.anchor}">\n<h2>{escape(section.title)}</h2>\n{section.body}\n</section>' for section in shown
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<link rel="icon" href="data:,">
<style>{STYLE}</style>
</head>
<body>
<header>
<h1>{escape(title)}</h1>
{summary}
<nav>
{links}
</nav>
</header>
<main>
{bodies}
</main>
</body>
</html>
"""


def paragraph(text: str) -> str:
    """Plain text as a quiet paragraph."""
    return f'<p class="quiet">{escape(text)}</p>'


def pictures(figures: Sequence[str]) -> str:
    """Figures side by side where there is room."""
    return '<div class="pictures">\n' + "\n".join(figures) + "\n</div>" if figures else ""
