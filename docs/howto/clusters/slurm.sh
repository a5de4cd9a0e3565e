#!/bin/bash
#SBATCH --job-name=jaxgan
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gres=gpu:1
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --signal=TERM@120
# One run on two machines, one task per GPU. SLURM sends SIGTERM to all tasks two minutes before the time limit. The run
# then saves and ends with status 0. An error ends this script.
set -euo pipefail

config=${1:-configs/dcgan.py}
workdir=${2:-runs/slurm}

srun .venv/bin/python run.py --config="$config" --workdir="$workdir" --distributed

status=0
.venv/bin/python docs/howto/clusters/finished.py "$workdir" || status=$?
if [ "$status" -eq 3 ]; then # steps are left
  scontrol requeue "$SLURM_JOB_ID"
fi
