#!/bin/bash
# A sweep as a Slurm array: each task runs one shard, and goes on where it was when it is requeued.
#   sbatch examples/slurm-sweep.sh
#   sbatch --array=3 examples/slurm-sweep.sh    # one shard again
#SBATCH --job-name=sweep
#SBATCH --array=0-7
#SBATCH --gres=gpu:1
#SBATCH --cpus-per-task=8
#SBATCH --mem=64G
#SBATCH --time=12:00:00
#SBATCH --requeue
#SBATCH --output=sweep-%A_%a.log
set -euo pipefail

# not SLURM_ARRAY_TASK_COUNT, which is smaller when some of the tasks are run again
SHARDS=${SHARDS:-8}

exec tts-select sweep \
  --problems "${PROBLEMS:-problems.jsonl}" \
  --portfolio "${PORTFOLIO:-arms.yaml}" \
  --out "${OUT:-sweep}" \
  --shard "$SLURM_ARRAY_TASK_ID/$SHARDS" \
  "$@"
