#!/usr/bin/env bash
# All that is to be known of a GPU in nine minutes: steps beside PyTorch, own images against time.
#
#   tests/benchmarks/gpu.sh OUT FOLDER_OF_IMAGES             needs jax[cuda12], torch and what `perceptual` brings
#   DEVICE=cpu SECONDS_A_PART=20 tests/benchmarks/gpu.sh ... tries the script without a GPU
#
# Each part has a time limit, writes a file in OUT, and the next one runs whatever became of it.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
out=$1 images=$2 device=${DEVICE:-cuda} python=${PYTHON:-python}
export PYTHONPATH=$PWD XLA_PYTHON_CLIENT_PREALLOCATE=false
mkdir -p "$out"
part() { # name, seconds, command
  local start=$SECONDS limit=${SECONDS_A_PART:-$2}
  timeout --kill-after=5 "$limit" "${@:3}" > "$out/$1.log" 2>&1
  echo "$1: status $?, $((SECONDS - start)) s"
}
steps() { # name, seconds, flags
  part "$1" "$2" "$python" tests/benchmarks/run.py --device="$device" --repeats=3 --seconds=1 --no-sampling --out="$out/$1.md" "${@:3}"
}
own() { # name, seconds, minutes, flags
  part "$1" "$2" "$python" tests/benchmarks/own_images.py "$out/$1" --set=own="$images" --minutes="$3" "${@:4}"
}
compiled=$([ "$device" = cuda ] && echo eager,compile+channels_last+graph || echo eager)

own images64_bf16 150 2 --presets=images64 --flags='--config.precision=bfloat16 --config.eval.every=2000 --config.data.cache=device'
own r3gan64_bf16 110 1.3 --presets=r3gan64 --flags='--config.precision=bfloat16 --config.eval.every=500 --config.data.cache=device'
steps images64_bf16_512 90 --systems=images64 --precision=bfloat16 --batch=512 --variants="$compiled"
steps dcgan64_width128_bf16_512 80 --systems=dcgan64 --precision=bfloat16 --batch=512 --set=model.width=128 --variants="$compiled"
steps images64_tf32 60 --systems=images64 --precision=tf32 --variants="$compiled"
steps small_tf32 50 --systems=gan_mlp,acgan,dcgan_z1x1 --precision=tf32 --variants=eager
