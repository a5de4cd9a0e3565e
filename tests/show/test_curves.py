import numpy as np
from PIL import Image

from jaxgan.show import curves


def test_losses_are_drawn(tmp_path):
    rows = [{"step": s, "g/loss": s / 10, "d/loss": 0.5, "g/acc": 0.1, "d/acc": 0.9} for s in (10, 20)]
    path = tmp_path / "losses.png"
    curves.save_losses(path, rows)
    with Image.open(path) as image:
        assert image.size == (900, 600)
        colours = {tuple(c[:3]) for c in np.unique(np.asarray(image).reshape(-1, 4), axis=0)}
    assert {(31, 119, 180), (214, 39, 40)} <= colours  # the two curves
    assert [p.name for p in tmp_path.iterdir()] == ["losses.png"]
