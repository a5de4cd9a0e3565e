"""A page with a generator in it."""

import base64
import gzip
import json
import os
import re
import shutil

import jax
import numpy as np
import pytest
from cli import call

import jaxgan
from jaxgan.base.checks import UserError
from jaxgan.gans import compact
from jaxgan.generators import demo

FACTS = {"latent_shape": [64], "latent_law": "normal", "num_classes": 10, "image_range": [-1, 1]}


@pytest.fixture(scope="module")
def params():
    return jaxgan.load("mnist_classes")


@pytest.fixture
def runtime(tmp_path, monkeypatch):
    """Stand-ins for the files of onnxruntime-web."""
    for name in demo.RUNTIME, demo.GLUE, demo.WASM:
        (tmp_path / name).write_text(f"{name} </script>")
    monkeypatch.setenv(demo.RUNTIME_AT, str(tmp_path))
    return tmp_path


@pytest.mark.long
def test_the_page_holds_all_that_it_needs(params, runtime):
    page = demo.page(params, b"a model", FACTS, demo.read_runtime())
    assert "http://" not in page
    assert "https://" not in page
    parts = dict(re.findall(r'<script type="[^"]*" id="(\w+)">([^<]*)</script>', page))
    facts = json.loads(parts["facts"])
    assert (facts["latent_shape"], facts["latent_law"], facts["num_classes"]) == ([64], "normal", 10)
    assert np.shape(facts["directions"]) == (8, 64)
    assert gzip.decompress(base64.b64decode(parts["model"])) == b"a model"
    assert gzip.decompress(base64.b64decode(parts["wasm"])).decode() == f"{demo.WASM} </script>"
    assert "ort.wasm.min.js <\\/script>" in page


def test_what_is_missing_is_named(runtime, monkeypatch):
    (runtime / demo.WASM).unlink()
    with pytest.raises(UserError, match=f"where there is no {demo.WASM}; get them by `npm pack"):
        demo.read_runtime()
    monkeypatch.delenv(demo.RUNTIME_AT)
    with pytest.raises(UserError, match="is not set; get them by"):
        demo.read_runtime()


def browser_or_skip():
    pytest.importorskip("jax2onnx")
    browser = shutil.which("chromium")
    if browser is None or not os.environ.get(demo.RUNTIME_AT):
        pytest.skip(f"needs Chromium, and the files of onnxruntime-web in {demo.RUNTIME_AT}")
    return browser


@pytest.mark.filterwarnings("default")  # of what jax2onnx imports
@pytest.mark.parametrize("name", ["mnist", "mnist_classes"])
def test_in_a_browser(name, tmp_path):
    browser = browser_or_skip()
    from playwright.sync_api import sync_playwright

    done = call("--mode=export", f"--workdir={name}", f"--out={tmp_path / 'demo.html'}")
    assert done.returncode == 0, done.stderr
    params = jaxgan.load(name)
    z, wrong, asked = np.asarray(jaxgan.latents(params, jax.random.key(3), 2)), [], []
    with sync_playwright() as starter:
        chromium = starter.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = chromium.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto((tmp_path / "demo.html").as_uri())
        page.wait_for_selector("body[data-ready=yes]", timeout=60_000)
        run = "async (z) => [...(await generate(z.map((one) => Float32Array.from(one)), [3, 7])).data]"
        made = page.evaluate(run, z.tolist())
        labels = None if params.num_classes is None else np.array([3, 7])
        np.testing.assert_allclose(np.reshape(made, (2, 28, 28, 1)), jaxgan.generate(params, z, labels), atol=1e-5)

        def looks(canvas):
            return page.evaluate("canvas => document.getElementById(canvas).toDataURL()", canvas)

        def wait_for(canvas, comparison, before):
            found = f"([canvas, before]) => document.getElementById(canvas).toDataURL() {comparison} before"
            page.wait_for_function(found, arg=[canvas, before])

        first, grid = looks("one"), looks("grid")
        page.locator("#sliders input").first.fill("3")
        wait_for("one", "!=", first)
        page.click("#reset")
        wait_for("one", "==", first)
        page.click("#new")
        wait_for("grid", "!=", grid)
        if params.num_classes is not None:
            page.select_option("#class", "7")
        page.click("#grid", position={"x": 5, "y": 5})
        wait_for("one", "!=", first)
        chosen = looks("one")
        page.click("#walk")
        wait_for("one", "!=", chosen)
        # A walk keeps to the kind of its start, since images would jump.
        ends = np.array(page.evaluate("Array.from({length: 30}, () => [...next(current.z)])"))
        start, kinds = np.array([page.evaluate("[...current.z]")]), compact.kinds_of(params.module)
        assert set(np.asarray(compact.kind_of(ends, kinds))) == set(np.asarray(compact.kind_of(start, kinds)))
        assert len(set(np.asarray(compact.kind_of(ends[:, ::-1], 4)))) == 4  # the other numbers are free
        chromium.close()
    assert wrong == []
    assert [url for url in asked if not url.startswith(("blob:", "data:"))] == [(tmp_path / "demo.html").as_uri()]


@pytest.mark.filterwarnings("default")
def test_label_vectors_and_transparency_in_a_browser(tmp_path):
    browser = browser_or_skip()
    from playwright.sync_api import sync_playwright

    config = jaxgan.get_config("mnist_classes")
    config.model.update({"conditional": True, "g_widths": (8, 8), "d_widths": (8, 8)})
    names = "hair=red", "</script>", "age", "hair=dark"
    table = (0.0, 1.0, 3.0, 1.0), (1.0, 0.0, 9.0, 0.0)
    gan = jaxgan.build(config, jaxgan.DataInfo((8, 12, 4), 10, None, 4, names, None, table))
    z = np.asarray(gan.latent.draw(jax.random.key(1), 2))
    labels = np.array(table, np.float32)
    variables = gan.generator.init(jax.random.key(0), z, labels, train=False)
    params = jaxgan.generator_params(gan, variables)
    jaxgan.export(params, tmp_path / "demo.html")
    with sync_playwright() as starter:
        chromium = starter.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page, wrong = chromium.new_page(), []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto((tmp_path / "demo.html").as_uri())
        page.wait_for_selector("body[data-ready=yes]", timeout=60_000)
        run = "async ([z, labels]) => [...(await generate(z.map((one) => Float32Array.from(one)), labels)).data]"
        made = page.evaluate(run, [z.tolist(), labels.tolist()])
        np.testing.assert_allclose(np.reshape(made, (2, 8, 12, 4)), jaxgan.generate(params, z, labels), atol=1e-5)
        assert page.evaluate("[...document.querySelectorAll('#labels input')].map((one) => one.type)") == [
            "checkbox",
            "range",
        ]
        hair, tick, age = page.locator("#labels label").all()
        assert (hair.locator("option").all_inner_texts(), tick.inner_text(), age.inner_text()) == (
            ["red", "dark"],
            "</script>",
            "age",
        )
        assert (page.input_value("#labels select"), page.is_checked("#labels [type=checkbox]")) == ("3", True)
        for change, label in (
            (lambda: page.select_option("#labels select", "0"), [1, 1, 3, 0]),
            (lambda: page.uncheck("#labels [type=checkbox]"), [1, 0, 3, 0]),
            (lambda: page.fill("#labels [type=range]", "9"), [1, 0, 9, 0]),
        ):
            before = page.evaluate("document.getElementById('one').toDataURL()")
            change()
            page.wait_for_function("before => document.getElementById('one').toDataURL() != before", arg=before)
            assert page.evaluate("current.label") == label
        opaque = "[...document.getElementById('one').getContext('2d').getImageData(0, 0, 12, 8).data]"
        assert set(page.evaluate(opaque)[3::4]) == {255}
        chromium.close()
    assert wrong == []
