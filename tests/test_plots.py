import numpy as np
from PIL import Image

from jaxgan import plots, report


def test_losses_are_drawn(tmp_path):
    assert plots.save_losses(tmp_path) is None
    log = report.MetricsLog(tmp_path, 0)
    for step in (10, 20):
        log.write({"step": step, "g/loss": step / 10, "d/loss": 0.5, "g/acc": 0.1, "d/acc": 0.9})
    log.close()
    path = plots.save_losses(tmp_path)
    with Image.open(path) as image:
        assert image.size == (900, 600)
        colours = {tuple(c[:3]) for c in np.unique(np.asarray(image).reshape(-1, 4), axis=0)}
    assert {(31, 119, 180), (214, 39, 40)} <= colours  # the two curves
    assert sorted(p.name for p in tmp_path.iterdir()) == ["losses.png", "metrics.jsonl"]
