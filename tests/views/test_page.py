"""The page of a run, as text and in a browser: Debian's package `chromium`, driven by Playwright."""

import base64
import dataclasses
import io
import json
import os
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from jaxgan.metrics.neighbours import Nearest
from jaxgan.views import page

HOSTILE = "</script><script>window.harmed = 1</script><img src=x onerror='window.harmed = 1'>\"'&\udc80"


@dataclasses.dataclass(frozen=True)
class Finding:
    step: int = 40
    kind: str = "few_classes"
    severity: str = "warning"
    sentence: str = "The samples show three classes."
    evidence: dict = dataclasses.field(default_factory=lambda: {"sample/class_entropy": 0.41})


def png(shade, size=(32, 32)):
    buffer = io.BytesIO()
    Image.new("L", size, shade).save(buffer, format="PNG")
    return buffer.getvalue()


def rows(num=200):
    return [
        {
            "step": 10 * i,
            "epoch": i / 40,
            "seconds": 2.0 * i,
            "images_per_sec": 1000.0 + i,
            "g/loss": 1 + 1 / i,
            "d/loss": 0.5,
            "d/loss_real": 0.2,
            "d/loss_fake": 0.3,
            "d/acc": 0.75,
            "g/acc": 0.25,
        }
        for i in range(1, num + 1)
    ]


def full():
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1), np.uint8)
    return page.Report(
        title="my run",
        written="1 May 2030",
        rows=rows(),
        evaluations=[
            {"step": s, "num": 1_000, "split": "test", "metrics": {"fd": fd, "recall": 0.5}, "floor": {"fd": 1.5}}
            for s, fd in ((500, 30.0), (1_000, 12.5), (1_500, 20.0), (2_000, 25.0))
        ],
        goals={"fd": "min", "recall": "max"},
        best_metric="fd",
        best_step=1_000,
        grids=[(step, png(step // 10)) for step in range(0, 2_001, 200)],
        nearest=Nearest(images, images, [0.5] * 4),
        config={"gan": "dcgan", "seed": 0, "data.range": [0.0, 1.0], "train.num_steps": 4_000},
        defaults={"gan": "", "seed": 0, "data.range": [-1.0, 1.0], "train.num_steps": 10_000},
        environment={"jax": "0.10.2", "device": "cpu"},
        findings=[Finding()],
    )


# ---- As text ------------------------------------------------------------------------------------------------------


def test_all_parts_are_there_and_the_settings_that_differ_come_first():
    html = page.render(full())
    for words in (
        "my run", "1 May 2030", "2,000", "of 4,000, 5 epochs", "6.7 min", "1,000 images, against test", "12.5",
        "floor 1.5", "few classes", "three classes", "sample/class_entropy 0.41", "0.10.2", "nearest real",
        "1 settings at their defaults",
    ):  # fmt: skip
        assert words in html, words
    assert html.index(">data.range<") < html.index("<details>") < html.index(">seed<")


def test_the_last_step_of_a_run_that_the_clock_ends_is_not_shown():
    config = full().config | {"train.max_minutes": 30.0}
    html = page.render(dataclasses.replace(full(), config=config))
    assert "of 4,000" not in html
    assert "5 epochs" in html


def test_time_of_a_resumed_run_is_the_sum_of_its_parts():
    parts = [row | {"seconds": s} for row, s in zip(rows(4), (30.0, 60.0, 20.0, 50.0), strict=True)]
    assert "1.8 min" in page.render(page.Report("x", rows=parts))  # 60 + 50 s


def test_what_is_missing_leaves_no_trace():
    html = page.render(page.Report("bare"))
    body = html[html.index("<main>") : html.index("</main>")]
    assert re.findall(r"<h[1-3]>[^<]*", body) == ["<h1>bare"]
    assert "verdict" not in body
    assert "No collapse" in page.render(page.Report("watched", findings=()))


def test_many_grids_are_thinned():
    html = page.render(page.Report("x", grids=[(i, png(i % 256)) for i in range(500)]))
    data = json.loads(re.search(r'id="data">(.*?)</script>', html)[1])
    steps = [step for step, _ in data["grids"]]
    assert len(steps) == page.MOST_GRIDS
    assert (steps[0], steps[-1]) == (0, 499)


def test_a_long_run_makes_a_small_page():
    rng = np.random.default_rng(0)
    long = [row | {"g/loss": float(x)} for row, x in zip(rows(20_000), rng.normal(size=20_000), strict=True)]
    assert len(page.render(page.Report("x", rows=long))) < 200_000


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (59, "59 s"), (90, "1.5 min"), (3_600, "1 h 0 min"), (100_000, "27 h 46 min")]
)
def test_duration(seconds, words):
    assert page.duration(seconds) == words


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, ""),
        (3, "3"),
        (0.12346, "0.1235"),
        (40_226.4, "40,226"),
        (2e-5, "2e-05"),
        (float("nan"), "nan"),
        (True, "True"),
        ([0.0, 1.0], "[0.0, 1.0]"),
        ("", ""),
    ],
)
def test_values_as_people_read_them(given, words):
    assert page.shown(given) == words
    assert f"<td>{words}</td>" in page.render(page.Report("x", environment={"y": given}))


def test_markup_in_texts_is_no_markup():
    bad = "<i>&\"'"
    report = page.Report(
        bad,
        written=bad,
        rows=[{"step": 1, f"g/{bad}": 1.0}],
        evaluations=[{"step": 1, "split": bad, "metrics": {bad: 1.0}}],
        goals={bad: bad},
        config={bad: bad},
        defaults={bad: [bad]},
        environment={bad: bad},
        findings=[Finding(kind=bad, severity=bad, sentence=bad, evidence={bad: bad})],
    )
    html = page.render(report)
    body = html[html.index("<title>") : html.index('<script type="application/json"')]
    assert "<i>" not in html
    assert body.count("&lt;i&gt;&amp;&#34;&#39;") >= 14


def test_small_images_are_enlarged_by_whole_factors_and_large_ones_are_not():
    small = page.render(page.Report("x", grids=[(1, png(5, (168, 100)))]))
    assert 'width="504" height="300" class="pixels" id="grid"' in small
    large = page.render(page.Report("x", grids=[(1, png(5, (600, 300)))]))
    assert 'width="600" height="300" id="grid"' in large
    assert 'class="pixels"' not in large


def test_one_grid_has_no_slider():
    grids = [(step, png(step // 10)) for step in (50, 1_000)]
    assert 'type="range"' not in page.render(page.Report("x", grids=grids[:1]))
    several = page.render(page.Report("x", grids=grids))
    assert 'max="1" value="1"' in several
    assert '<output id="shown">1,000</output>' in several
    assert f'<img src="data:image/png;base64,{base64.b64encode(grids[1][1]).decode()}"' in several


@pytest.mark.parametrize("distances", [(), [0.25] * 30])
def test_pairs_stand_side_by_side(distances):
    images = np.random.default_rng(0).integers(0, 256, (30, 6, 5, 3), np.uint8)
    html = page.render(page.Report("x", nearest=Nearest(images, images[::-1], distances)))
    assert html.count("<img") == 2 * page.MOST_PAIRS
    assert html.count("<figcaption>0.25<") == (page.MOST_PAIRS if distances else 0)
    assert ("how far away it is" in html) == bool(distances)
    nobody = page.render(page.Report("x", nearest=Nearest(images[:0], images[:0])))
    assert nobody == page.render(page.Report("x"))


def test_an_axis_that_reaches_zero_cannot_become_logarithmic():
    for values, can in ([1.0, 2.0], True), ([0.0, 2.0], False):
        report = page.Report("x", rows=[{"step": i, "y": value} for i, value in enumerate(values)])
        assert ('aria-label="Logarithmic axis"' in page.render(report)) == can


# ---- In a browser -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser():
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        missing = "no Chromium found; install it (Debian: apt-get install chromium) to test the page in a browser"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        started = driver.chromium.launch(executable_path=path, headless=True, args=flags)
        yield started
        started.close()


@pytest.fixture
def show(browser, tmp_path):
    """Return a function that opens a report; afterwards nothing may have gone wrong or asked the network."""
    wrong, asked, pages = [], [], []

    def opened(report, width=1280, scheme="light", **more):
        file = tmp_path / "report.html"
        file.write_text(page.render(report), "utf-8")
        view = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme, **more)
        pages.append(view)
        view.on("console", lambda message: wrong.append(message.text))
        view.on("pageerror", lambda error: wrong.append(str(error)))
        view.on("request", lambda request: asked.append(request.url))
        view.clock.install()
        view.goto(file.as_uri())
        return view

    yield opened
    for view in pages:
        view.close()
    assert not wrong
    assert {url.split(":")[0] for url in asked} <= {"file", "data"}
    assert len([url for url in asked if url.startswith("file")]) == len(pages)


def overflow(view):
    return view.evaluate("document.documentElement.scrollWidth - window.innerWidth")


def legend(view, title):
    chart = view.locator("figure.chart", has=view.get_by_role("heading", name=title, exact=True))
    return chart, dict(
        zip(chart.locator(".legend span").all_inner_texts(), chart.locator(".legend b").all_inner_texts(), strict=True)
    )


def test_slider_keys_and_play_move_through_the_images(show):
    view = show(full())
    grid, shown, slider = view.locator("#grid"), view.locator("#shown"), view.locator("#time")
    last = grid.get_attribute("src")
    assert shown.inner_text() == "2,000"
    slider.focus()
    view.keyboard.press("ArrowLeft")
    assert shown.inner_text() == "1,800"
    assert grid.get_attribute("src") != last
    view.keyboard.press("Home")
    first = grid.get_attribute("src")
    assert shown.inner_text() == "0"
    assert grid.evaluate("image => image.complete && image.naturalWidth") == 32
    view.get_by_role("button", name="Play").click()
    view.clock.run_for(1_500)
    assert grid.get_attribute("src") not in (first, last)
    view.clock.run_for(10_000)
    assert grid.get_attribute("src") == last
    assert slider.input_value() == "10"
    view.get_by_role("button", name="Play").click()
    assert shown.inner_text() == "0"
    view.get_by_role("button", name="Pause").click()
    view.clock.run_for(5_000)
    assert shown.inner_text() == "0"


def test_charts_read_at_the_pointer_and_by_keys(show):
    view = show(full())
    chart, at_end = legend(view, "Loss")
    assert at_end["generator"] == "1.005"  # 1 + 1 / 200
    plot = chart.locator("svg[role=img]")
    box = plot.bounding_box()
    plot.hover(position={"x": 46 + (box["width"] - 56) * 0.25, "y": 60})  # a quarter of the axis: step 500, row 50
    assert legend(view, "Loss")[1]["generator"] == "1.02"
    assert chart.locator(".read").inner_text() == "step 500, epoch 1.25"
    assert legend(view, "fd")[1] == {"1,000 images, against test": "30", "real against real": "1.5"}
    plot.click(position={"x": 46 + (box["width"] - 56) * 0.5, "y": 60})
    assert view.locator("#shown").inner_text() == "1,000"
    view.keyboard.press("Home")
    assert legend(view, "Loss")[1]["generator"] == "2"
    view.keyboard.press("ArrowRight")
    assert legend(view, "Loss")[1]["generator"] == "1.5"


@pytest.mark.long
def test_curves_can_be_hidden_and_the_axis_changed(show):
    view = show(full())
    chart, _ = legend(view, "Loss")
    curves = chart.locator("path.curve")
    assert curves.count() == 4
    before = curves.first.get_attribute("d")
    chart.get_by_role("button", name="Logarithmic axis").click()
    assert curves.first.get_attribute("d") != before
    chart.get_by_role("button", name="generator").click()
    assert curves.count() == 3


@pytest.mark.long
def test_the_best_step_and_the_floor_are_marked(show):
    view = show(full())
    chart, _ = legend(view, "fd")
    assert chart.locator("line.best").count() == 1
    assert chart.locator("path.dashed").count() == 1
    # The mark stands above the lowest point of the curve.
    dots = chart.locator(".plot svg > circle").evaluate_all(
        "all => all.map(c => [+c.getAttribute('cx'), +c.getAttribute('cy')])"
    )
    lowest = max(dots, key=lambda dot: dot[1])
    assert float(chart.locator("line.best").get_attribute("x1")) == pytest.approx(lowest[0])


@pytest.mark.long
@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (360, "dark"), (768, "light"), (1280, "dark")])
def test_every_width_and_scheme(show, width, scheme):
    report = dataclasses.replace(full(), config={"data.path": "/a" * 200, "x" * 80: "y" * 300}, title="long_name" * 9)
    view = show(report, width, scheme)
    assert overflow(view) == 0
    channels = [int(x) for x in re.findall(r"\d+", view.evaluate("getComputedStyle(document.body).backgroundColor"))]
    assert (np.mean(channels[:3]) < 60) == (scheme == "dark")
    drawn = view.locator(".plot svg").evaluate_all("all => all.map(svg => svg.getBoundingClientRect().right)")
    assert drawn
    assert max(drawn) <= width


@pytest.mark.long
def test_a_finger_reads_and_large_targets_meet_it(show):
    view = show(full(), 390, has_touch=True)
    plot = legend(view, "Loss")[0].locator("svg[role=img]")
    plot.tap(position={"x": 60, "y": 60})
    assert legend(view, "Loss")[0].locator(".read").inner_text() != "step 2,000, epoch 5.00"
    for control in "#play", "#time":
        assert view.locator(control).bounding_box()["height"] >= 44


@pytest.mark.long
def test_a_narrower_window_draws_anew(show):
    view = show(full())
    view.set_viewport_size({"width": 400, "height": 800})
    plot = view.locator(".plot").first
    plot.locator("svg").wait_for()
    view.wait_for_function("document.querySelector('.plot svg').viewBox.baseVal.width < 400")
    assert overflow(view) == 0


def places(view):
    """Return where the parts of the page are, and how large."""
    return view.locator("main *:not(.plot *):not(.read)").evaluate_all(
        """all => all.map(node => {
            const box = node.getBoundingClientRect();
            return `${node.tagName} ${box.x} ${box.y + scrollY} ${box.height}`;
        })"""
    )


@pytest.mark.long
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_moves_when_the_script_draws_and_when_it_reads(show, width):
    view = show(full(), width)
    settled = places(view)
    view.locator("#time").press("Home")
    for x in 60, 100, 200:
        view.locator("svg[role=img]").nth(1).hover(position={"x": x, "y": 60})
        assert places(view) == settled
    assert places(show(full(), width, java_script_enabled=False)) == settled


def test_names_and_values_of_strangers_stay_text(show):
    report = dataclasses.replace(
        full(),
        title=HOSTILE,
        written=HOSTILE,
        rows=[row | {HOSTILE: 1.0, f"d/{HOSTILE}": 2.0} for row in rows(3)],
        evaluations=[{"step": 10, "num": 5, "split": HOSTILE, "metrics": {HOSTILE: 1.0}, "floor": {HOSTILE: 1.0}}],
        goals={HOSTILE: "min"},
        best_metric=HOSTILE,
        best_step=10,
        config={HOSTILE: HOSTILE},
        defaults={HOSTILE: [HOSTILE]},
        environment={HOSTILE: HOSTILE},
        findings=[Finding(kind=HOSTILE, severity=HOSTILE, sentence=HOSTILE, evidence={HOSTILE: HOSTILE})],
    )
    view = show(report)
    view.clock.run_for(100)
    assert view.evaluate("window.harmed") is None
    assert view.locator("main script").count() == 0
    assert view.locator("h1").inner_text() == HOSTILE.replace("\udc80", "?")
    assert overflow(view) <= 0


@pytest.mark.long
@pytest.mark.parametrize(
    "report",
    [
        page.Report("nothing"),
        page.Report("one row", rows=rows(1)),
        page.Report("one grid", grids=[(0, png(9))]),
        page.Report("one score", evaluations=[{"step": 5, "num": 9, "split": "test", "metrics": {"fd": 1.0}}]),
        page.Report("no names", rows=[{"step": 1}], evaluations=[{"step": 1}]),
        page.Report("a hole", rows=[row | {"g/loss": float("nan")} if row["step"] == 30 else row for row in rows(5)]),
        page.Report("all holes", rows=[row | {"g/loss": float("inf")} for row in rows(5)]),
        page.Report("odd clock", rows=[{"step": 1, "epoch": float("nan"), "seconds": None, "g/loss": 0.0}]),
    ],
    ids=lambda report: report.title.replace(" ", "_"),
)
def test_runs_with_little_to_show(show, report):
    view = show(report, 390)
    view.clock.run_for(100)
    assert view.locator("h1").inner_text() == report.title
    assert overflow(view) <= 0
    assert "NaN" not in " ".join(view.locator("svg *").evaluate_all("all => all.map(node => node.outerHTML)"))


@pytest.mark.long
def test_print_has_paper_colours_and_no_controls(show):
    view = show(full(), scheme="dark")
    view.emulate_media(media="print", color_scheme="dark")
    assert view.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(251, 250, 248)"
    assert not view.locator("#play").is_visible()
    view.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert view.locator("details").get_attribute("open") is not None
