"""Does a generator make what a label vector asks for? Judged by a network that was trained on real images alone.

python tests/benchmarks/conditions.py angles OUT              MNIST digits turned by an angle that is asked for
python tests/benchmarks/conditions.py faces OUT --path=FACES  skin, hair, glasses and beard, asked for together

FACES is a folder of images with a metadata.csv that has the columns of Open Peeps faces: file_name, skinColor, head,
headContrastColor, facialHair, accessories. Goals: a mean error below 5 degrees; each attribute right in 95 % of images.
The judge's own figures on real images that it was not trained on are printed beside, since no generator can be
expected to do better.
"""

import argparse
import collections
import csv
import json
import math
from pathlib import Path

import jax
import numpy as np
from PIL import Image

import jaxgan
from jaxgan.config_files import get_config
from jaxgan.data import InMemory
from jaxgan.data.images.canvas import Canvas, draw
from jaxgan.data.sources.mnist import open_mnist
from jaxgan.metrics.attributes import attribute_scores
from jaxgan.metrics.features import attributes
from jaxgan.metrics.features.digits import load_digits
from jaxgan.metrics.features.network import compiled
from jaxgan.sampling.labels import vectors_of
from jaxgan.sampling.pixels import generate_pixels

ONE_WAY_UP = (3, 4, 7)  # digits that look like no digit when they are turned upside down; 2 and 5 look like themselves
HAIR = {  # colours that differ at 64 pixels
    "#2c1b18": "dark", "#4a312c": "dark", "#724133": "brown", "#a55728": "brown", "#b58143": "brown",
    "#d6b370": "blond", "#ecdcbf": "light", "#e8e1e1": "light", "#c93305": "red", "#f59797": "pink",
}  # fmt: skip
SKIN = {"#694d3d": "brown", "#ae5d29": "copper", "#d08b5b": "honey", "#edb98a": "light", "#ffdbb4": "pale"}
SHOWN = 0.5  # correlation of colours in the image and in the table, from which on a head shows its colour


# ---- Data -----------------------------------------------------------------------------------------------------------


def upright(digit: np.ndarray) -> Image.Image:
    """Return a digit float[28, 28] sheared so that it does not slant: its rows' centres lie on a vertical line."""
    rows, columns = np.mgrid[:28, :28]
    total = digit.sum()
    down, across = (rows * digit).sum() / total, (columns * digit).sum() / total
    slant = ((rows - down) * (columns - across) * digit).sum() / (np.square(rows - down) * digit).sum()
    shear = (1, slant, across - 13.5 - slant * 13.5, 0, 1, down - 13.5)
    return Image.fromarray(digit).transform((28, 28), Image.Transform.AFFINE, shear, Image.Resampling.BICUBIC)


def turned(split: str, seed: int) -> InMemory:
    """Return MNIST digits that stand upright, each turned by an angle from all around; labels are its (cos, sin)."""
    digits = open_mnist(split)
    chosen = digits.images[np.isin(digits.labels, ONE_WAY_UP), ..., 0].astype(np.float32)
    angles = np.random.default_rng(seed).uniform(-math.pi, math.pi, len(chosen))
    images = np.stack(
        [
            np.asarray(upright(digit).rotate(math.degrees(angle), Image.Resampling.BICUBIC))
            for digit, angle in zip(chosen, angles, strict=True)
        ]
    )
    labels = np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)
    pixels = np.clip(np.rint(images), 0, 255).astype(np.uint8)[..., None]
    return InMemory(pixels, labels, None, label_names=("cos", "sin"))


def faces(path: Path) -> tuple[InMemory, InMemory]:
    """Return faces with what is known of them; every tenth one is kept for tests."""
    rows = list(csv.DictReader((path / "metadata.csv").read_text().splitlines()))
    images = np.stack([draw(Image.open(path / row["file_name"]), Canvas(64, 3)) for row in rows])
    coloured = heads_with_colour(rows, images)
    facts = [
        {
            f"skin={SKIN[row['skinColor']]}",
            f"hair={HAIR[row['headContrastColor']] if row['head'] in coloured else 'dark'}",
            *(["glasses"] if "glasses" in row["accessories"] else []),
            *(["beard"] if row["facialHair"] != "none" else []),
        }
        for row in rows
    ]
    names = sorted(set().union(*facts))
    labels = np.array([[name in one for name in names] for one in facts], np.float32)
    test = np.arange(len(rows)) % 10 == 9
    return tuple(InMemory(images[some], labels[some], None, label_names=names) for some in (~test, test))


def heads_with_colour(rows: list[dict[str, str]], images: np.ndarray) -> set[str]:
    """Return the heads whose upper half changes with headContrastColor."""
    upper = images[:, :32].astype(np.float64).mean((1, 2))
    colours = np.array([[int(row["headContrastColor"][i : i + 2], 16) for i in (1, 3, 5)] for row in rows], np.float64)
    skin = np.array([[int(row["skinColor"][i : i + 2], 16) for i in (1, 3, 5)] for row in rows], np.float64)
    by_head = collections.defaultdict(list)
    for number, row in enumerate(rows):
        by_head[row["head"]].append(number)
    found = set()
    for head, members in by_head.items():
        known = np.column_stack([skin[members], np.ones(len(members))])
        rest = [x - known @ np.linalg.lstsq(known, x, rcond=None)[0] for x in (upper[members], colours[members])]
        if np.corrcoef(rest[0].sum(1), rest[1].sum(1))[0, 1] > SHOWN:
            found.add(head)
    return found


# ---- Judging --------------------------------------------------------------------------------------------------------


def degrees(told: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean angle, in degrees, between (cos, sin) that were told and asked for, float[N, 2] each."""
    apart = np.arctan2(told[:, 1], told[:, 0]) - np.arctan2(labels[:, 1], labels[:, 0])
    return float(np.degrees(np.abs((apart + math.pi) % (2 * math.pi) - math.pi)).mean())


def shares(images: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Return the share of each digit among images turned back, since a generator may draw the clearest ones alone."""
    angles = np.degrees(np.arctan2(labels[:, 1], labels[:, 0]))
    back = [
        np.asarray(Image.fromarray(image).rotate(-angle, Image.Resampling.BICUBIC))
        for image, angle in zip(images[..., 0], angles, strict=True)
    ]
    told = load_digits().features_and_logits(np.stack(back)[..., None])[1].argmax(-1)
    counted = {f"share of {digit}": float((told == digit).mean()) for digit in ONE_WAY_UP}
    return counted | {"share of others": 1 - sum(counted.values())}


def judge(train: InMemory, steps: int):
    """Train a network on real images; return a function from images to what it tells of them."""
    facts = {**attributes.kinds_of(train.labels), "label_names": list(train.info.label_names)}
    params = attributes.train_attributes(train.images, train.labels, facts, num_steps=steps)
    see = compiled(lambda variables, images: attributes.see(variables, images, facts)[1], params)
    return facts, lambda images: np.concatenate([see(images[i : i + 500]) for i in range(0, len(images), 500)])


def compare(images: np.ndarray, told: np.ndarray, labels: np.ndarray, facts: dict) -> dict[str, float]:
    """Return the scores of images, of which a judge told something."""
    if facts["label_names"] == ["cos", "sin"]:
        return {"degrees": degrees(told, labels)} | shares(images, labels)
    return attribute_scores(told, labels, facts["label_names"], facts["is_binary"])


def main() -> None:
    """Train a generator and a judge, and write and print what they score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("angles", "faces"))
    parser.add_argument("out", type=Path)
    parser.add_argument("--path", type=Path, help="folder of the faces")
    parser.add_argument("--config", help="preset whose networks and settings are used, made conditional")
    parser.add_argument("--steps", type=int, help="of the generator; those of the preset by default")
    parser.add_argument("--minutes", type=float, help="of the generator's training; those of the preset by default")
    parser.add_argument("--label_weight", type=float, default=0.0, help="of the labels that D tells; 0: it tells none")
    parser.add_argument("--judge_steps", type=int, default=6_000)
    parser.add_argument("--num", type=int, default=5_000, help="images that are judged")
    given = parser.parse_args()
    train, test = (turned("train", 0), turned("test", 1)) if given.what == "angles" else faces(given.path)

    config = get_config(given.config or ("mnist_classes" if given.what == "angles" else "images64"))
    config.model.conditional = True
    config.model.label_head, config.class_weight = given.label_weight > 0, given.label_weight
    config.data.image_size, config.data.channels = train.info.image_shape[0], train.info.image_shape[2]
    config.train.num_steps = given.steps or config.train.num_steps
    config.train.max_minutes = given.minutes or config.train.max_minutes
    config.sample.num, config.sample.columns = 64, 8
    jaxgan.train(config, given.out / "run", source=train)
    params = jaxgan.load(given.out / "run")

    facts, look = judge(train, given.judge_steps)
    result = {"judge on real images": compare(test.images, look(test.images), test.labels, facts)}
    print(json.dumps(result), flush=True)
    labels = vectors_of(given.num, test.labels, 0)
    images = generate_pixels(params, jaxgan.latents(params, jax.random.key(0), given.num), labels)
    result["generated"] = compare(images, look(images), labels, facts)
    (given.out / "result.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
