"""What a run's folder holds may come from anybody: any content is read, or refused in a sentence."""

import contextlib
import copy
import hashlib
import importlib
import json

import jax
import pytest
from fuzz import FUZZ
from hypothesis import given, strategies as st

import jaxgan
from jaxgan.base import keys
from jaxgan.base.checks import UserError
from jaxgan.rundir import digests, layout, metrics_log, restore, saved_config
from jaxgan.runs.health import rollback
from jaxgan.runs.record import report

STEP = 2
SMALL_R3GAN = importlib.import_module("configs.r3gan_mnist").get_config().model.to_dict() | {"blocks": 1}
NUMBERS = st.integers(-(10**20), 10**20) | st.floats() | st.sampled_from([0, 1, -1, 2**31, 2**63, 10**400, 1e308])
WORDS = st.text(max_size=12) | st.sampled_from(["", "..", "gan", "config", "step", "nan", "<b>", "\x1b[2J", "\u202e"])
ANYTHING = st.recursive(
    st.none() | st.booleans() | NUMBERS | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=8,
)
PLACE = st.integers(0, 10**9)
EDITS = st.lists(st.tuples(PLACE, st.sampled_from(["replace", "replace", "delete", "add"]), ANYTHING), max_size=4)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A small run of a GAN of the package, so that nothing in it needs consent."""
    workdir = tmp_path_factory.mktemp("run")
    config = importlib.import_module("configs.gan_mlp").get_config()
    config.model.hidden = config.model.latent_size = 2
    config.data.update(source="synthetic", image_size=4, batch_size=2, skip=0)
    config.train.update(num_devices=1, num_steps=STEP, log_every=1, sample_every=0, steps_per_call=1)
    jaxgan.train(config, workdir)
    return workdir


@pytest.fixture(scope="module")
def saved(run):
    return json.loads((run / layout.CONFIG_FILE).read_text())


@pytest.fixture(scope="module")
def tree(run):
    return restore.read_all(run / "checkpoints" / str(STEP))


@pytest.fixture(scope="module")
def arrays(tree):
    return content(tree)


def content(tree):
    return {name: keys.as_numpy(leaf).tobytes() for name, leaf in digests.by_path(tree).items()}


def edited(value, edits):
    """Change a JSON value at some places."""
    value = [copy.deepcopy(value)]
    for place, how, new in edits:
        spots = list(everything_in(value))
        inside, key = spots[place % len(spots)]
        if how == "delete" and inside is not value:
            del inside[key]
        elif how == "add" and isinstance(inside, dict):
            inside[str(new)[:12]] = new
        else:
            inside[key] = new
    return value[0]


def everything_in(value):
    for key in value if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], dict | list):
            yield from everything_in(value[key])


@pytest.mark.long
@FUZZ
@given(
    edits=EDITS, flips=st.lists(st.tuples(PLACE, st.integers(0, 255)), max_size=2), name=st.sampled_from(["", "r3gan"])
)
def test_fuzz_a_configuration_is_complete_or_refused(run, saved, edits, flips, name):
    given = copy.deepcopy(saved)
    if name:  # which its checkpoint does not fit, but it is built first
        given["config"] |= {"gan": name, "model": {**SMALL_R3GAN, "widths": [16, 16, 16]}}
    text = bytearray(json.dumps(edited(given, edits)).encode())
    for place, value in flips:
        text[place % len(text)] = value
    (run / layout.CONFIG_FILE).write_bytes(text)
    with contextlib.suppress(UserError):
        assert jax.tree.leaves(jaxgan.load(run).variables)
    (run / layout.CONFIG_FILE).write_text(json.dumps(saved))


@pytest.mark.long
@FUZZ
@given(
    rows=st.lists(
        ANYTHING | st.dictionaries(st.sampled_from(["step", "g/loss", "d/loss"]), NUMBERS | ANYTHING) | st.binary()
    ),
    lists=st.tuples(ANYTHING, ANYTHING),
    entry=EDITS,
)
def test_fuzz_a_page_is_made_of_any_records(run, rows, lists, entry):
    lines = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
    (run / layout.METRICS_FILE).write_bytes(b"\n".join(lines))
    evaluation = {"step": 1, "num": 2, "main": "fd", "metrics": {"fd": 1.0}, "floor": {"fd": 0.5}, "split": "train"}
    (run / layout.EVALUATION_FILE).write_text(json.dumps([edited(evaluation, entry)] if entry else lists[0]))
    (run / layout.ROLLBACKS_FILE).write_text(json.dumps(lists[1]))
    report.save_report(run, *saved_config.load_config(run), None)
    assert isinstance(rollback.read_rollbacks(run), list)
    assert all(isinstance(row["step"], int) for row in metrics_log.read_metrics(run))


@FUZZ
@given(edits=EDITS, honest=st.booleans())
def test_fuzz_a_record_of_a_checkpoint_is_whole_or_refused(run, tree, edits, honest):
    path = run / "checkpoints" / str(STEP) / "record" / "metadata"
    before = path.read_bytes()
    text = json.dumps(edited(json.loads(json.loads(before)["content"]), edits))
    seal = hashlib.sha256(text.encode()).hexdigest() if honest else "0"
    path.write_text(json.dumps({"content": text, "sha256": seal}))
    said = found = None
    try:
        found = digests.unseal(path.parents[1])
        digests.check_content(path.parents[1], found, tree, always=True)
    except UserError as error:
        said = str(error)
    assert str(path.parents[1]) in said if said else isinstance(found["record"], dict)
    path.write_bytes(before)


@FUZZ
@given(
    which=PLACE,
    flips=st.lists(st.tuples(PLACE, st.integers(0, 255)), min_size=1, max_size=4),
    cut=st.none() | PLACE,
    more=st.binary(max_size=4),
)
def test_fuzz_arrays_are_those_that_were_written_or_refused(run, arrays, which, flips, cut, more):
    step = run / "checkpoints" / str(STEP)
    files = sorted(path for path in step.rglob("*") if path.is_file() and path.stat().st_size)
    path = files[which % len(files)]
    before = path.read_bytes()
    damaged = bytearray(before)
    for place, value in flips:
        damaged[place % len(damaged)] = value
    path.write_bytes(bytes(damaged[: None if cut is None else cut % len(damaged)]) + more)
    said = tree = None
    try:
        tree = restore.read_all(step)
    except UserError as error:
        said = str(error)
    assert str(step) in said if said else content(tree) == arrays
    path.write_bytes(before)
