"""The figures of a page: images with a slider over time, charts for the script to draw, pairs of images."""

from __future__ import annotations

from collections.abc import Sequence

from jaxgan.metrics.neighbours import Nearest
from jaxgan.views.charts import Chart
from jaxgan.views.embed import Embedded, Picture, embed, embed_pixels
from jaxgan.views.markup import image, section, text, value

MOST_BYTES = 2 << 20  # of the class grid
MOST_PAIRS = 24


def player(grids: list[tuple[int, Embedded]]) -> str:
    """Return the grids of fixed latents, with a slider over time where there are several."""
    if not grids:
        return ""
    step, last = grids[-1]
    controls = ""
    if len(grids) > 1:
        most = len(grids) - 1
        controls = f"""<div class="controls">
<button type="button" id="play" aria-label="Play">
<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M4 1.5v13l10-6.5z"></path></svg></button>
<input type="range" id="time" min="0" max="{most}" value="{most}" step="1" aria-label="Step of the images">
</div>"""
    return f"""<figure class="player">
{image(last, f"Samples at step {step:,}", "grid")}
{controls}<figcaption>Same latents at step <output id="shown">{step:,}</output></figcaption>
</figure>"""


def chart(number: int, drawn: Chart) -> str:
    """Return a chart with its place and its legend, so that nothing moves when the script draws the curves."""
    pressed = "true" if drawn["log"] else "false"
    axis = f'<button type="button" class="axis" aria-pressed="{pressed}" aria-label="Logarithmic axis">log</button>'
    return f"""<figure class="chart" data-chart="{number}">
<figcaption><div><h3>{text(drawn["title"])}</h3><span class="read">&nbsp;</span></div>
<div><span class="quiet">{text(drawn["unit"])}</span>{axis if drawn["positive"] else ""}</div></figcaption>
<div class="plot"><noscript>The script in this page draws the curves.</noscript></div>
<div class="legend">{"".join(map(_key, drawn["series"]))}</div></figure>"""


def _key(line: Chart) -> str:
    dashes = ' stroke-dasharray="4 3"' if line["dashed"] else ""
    mark = f'<line x1="0" x2="16" y1="4" y2="4" class="c{line["colour"]}"{dashes}></line>'
    return (
        f'<button type="button" aria-pressed="true"><svg viewBox="0 0 16 8" aria-hidden="true">{mark}</svg>'
        f"<span>{text(line['name'])}</span><b>&nbsp;</b></button>"
    )


def side_by_side(figures: Sequence[str]) -> str:
    """Return charts in as many columns as there is room for."""
    return f'<div class="charts">{"".join(figures)}</div>' if any(figures) else ""


def class_grid(picture: Picture | None) -> str:
    """Return a grid of samples with a row for each class."""
    grid = embed(picture, MOST_BYTES) if picture is not None else None
    if grid is None:
        return ""
    return section("Classes", f"<p>One row for each class, in order.</p>{image(grid, 'Samples of each class')}")


def pairs(nearest: Nearest | None) -> str:
    """Return samples, each beside the training image that it resembles most."""
    if nearest is None or not len(nearest.generated):
        return ""
    figures = []
    for i, both in enumerate(zip(nearest.generated[:MOST_PAIRS], nearest.real[:MOST_PAIRS], strict=True)):
        made, real = map(embed_pixels, both)
        distance = f"<figcaption>{value(nearest.distances[i])}</figcaption>" if len(nearest.distances) else ""
        figures.append(f"<figure>{image(made, 'generated')}{image(real, 'nearest real')}{distance}</figure>")
    below = ", and how far away it is." if len(nearest.distances) else "."
    explained = f"<p>Left: generated. Right: the nearest training image{below}</p>"
    return section("Nearest training images", f'{explained}<div class="pairs">{"".join(figures)}</div>')
