#!/bin/bash
#SBATCH --job-name=jaxgan
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --signal=TERM@120
# One run on two machines. SLURM sends SIGTERM to all tasks two minutes before the end: the run saves and ends.
set -euo pipefail

config=${1:-configs/dcgan64.py}
workdir=${2:-runs/slurm}

srun .venv/bin/python run.py --config="$config" --workdir="$workdir" --distributed
# A run that reached its last step says "nothing to do" when it is started again, so this ends by itself.
if ! .venv/bin/python docs/clusters/finished.py "$workdir"; then
  scontrol requeue "$SLURM_JOB_ID"
fi
