#!/usr/bin/env bash
# NumPy's nan_to_num leaves every NaN of a bfloat16 array in place, and its sort leaves such an array unsorted.
#
# Common guess: np.isnan works for bfloat16, so nan_to_num, nanmean and unique do too, and sort puts NaN last.
# Seen (NumPy 2.4.6, ml_dtypes 0.6.0): bfloat16 is no subtype of np.inexact. nan_to_num returns an array that holds
#   something else as it is, so NaN and infinity stay. nanmean, nanstd and nansum return NaN, as if nothing were left
#   out, though nanmax and nanmedian do leave it out. sort and argsort compare with <, which is false for NaN, so two
#   NaN among 1,001 numbers stay in the middle and leave the rest in a wrong order. unique repeats numbers. The same
#   array in float16 is right in all of these. Nothing warns.
# So: x.astype(np.float32) first, or jnp.nan_to_num, jnp.nanmean and jnp.sort.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q jax==0.10.2 jaxlib==0.10.2 ml_dtypes==0.6.0 numpy==2.4.6
cd "$work"
JAX_PLATFORMS=cpu venv/bin/python -W error - << 'PY'
import jax.numpy as jnp
import ml_dtypes
import numpy as np

bfloat16 = ml_dtypes.bfloat16
scores = np.random.default_rng(0).normal(size=1001).astype(np.float16)
scores[[3, 500]] = np.nan
seen = {}
for name, data in ("bfloat16", scores.astype(bfloat16)), ("float16", scores):
    assert np.isnan(data).sum() == 2
    ordered = np.sort(data).astype(np.float32)
    filled = np.nan_to_num(np.array([np.nan, np.inf, 1], data.dtype))
    seen[name] = {
        "NaN after nan_to_num": int(np.isnan(filled).sum()),
        "nanmean": float(np.nanmean(data)),
        "nanmedian": float(np.nanmedian(data)),
        "sorted": bool((np.diff(ordered[:999]) >= 0).all()),
        "NaN at": np.flatnonzero(np.isnan(ordered)).tolist(),
        "numbers said to be different": len(np.unique(data)),
        "that are": len(set(data[~np.isnan(data)].tolist())) + 1,
    }
    print(name, seen[name])
low, half = seen["bfloat16"], seen["float16"]
assert low["NaN after nan_to_num"] == 1 and half["NaN after nan_to_num"] == 0
assert np.isnan(low["nanmean"]) and abs(half["nanmean"]) < 0.1
assert abs(low["nanmedian"] - half["nanmedian"]) < 0.01
assert not low["sorted"] and low["NaN at"] != [999, 1000]
assert half["sorted"] and half["NaN at"] == [999, 1000]
assert low["numbers said to be different"] > low["that are"]
assert half["numbers said to be different"] == half["that are"]

best = scores.astype(bfloat16)
ranked = best[np.argsort(best)].astype(np.float32)
ranked = ranked[~np.isnan(ranked)]
print("ranked by argsort, steps down:", int((np.diff(ranked) < 0).sum()))
assert (np.diff(ranked) < 0).any()
for right in np.sort(best.astype(np.float32)), np.asarray(jnp.sort(best)).astype(np.float32):
    assert (np.diff(right[:999]) >= 0).all() and np.isnan(right[999:]).all()
assert not np.isnan(np.asarray(jnp.nan_to_num(best)).astype(np.float32)).any()
assert np.isfinite(float(jnp.nanmean(best)))
clean = best[~np.isnan(best)]
assert np.array_equal(np.sort(clean).astype(np.float32), np.sort(clean.astype(np.float32)))
PY
