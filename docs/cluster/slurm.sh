#!/bin/bash
# sbatch slurm.sh search.yaml
# One Ray cluster over all nodes of the job. Each task of the array goes on where the one before stopped; so does a requeue.
#SBATCH --job-name=raypose
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --gpus-per-node=4
#SBATCH --time=12:00:00
#SBATCH --array=1-4%1
#SBATCH --requeue
#SBATCH --output=raypose-%A_%a.log
set -euo pipefail

space=${1:-search.yaml}
experiments=$PWD/experiments # on a disk that all nodes see
name=$(sed -n 's/^name: *\([^ #]*\).*/\1/p' "$space")
source .venv/bin/activate

# Nodes may be shared with others: a port, a folder and a token of this job's own.
port=$((20000 + SLURM_JOB_ID % 10000))
export RAY_TMPDIR=/tmp/raypose-$SLURM_JOB_ID RAY_AUTH_MODE=token
RAY_AUTH_TOKEN=$(python -c "import secrets; print(secrets.token_hex(32))")
export RAY_AUTH_TOKEN
srun mkdir -p "$RAY_TMPDIR"

has=(--block --disable-usage-stats --num-cpus="$SLURM_CPUS_PER_TASK" --num-gpus="${SLURM_GPUS_ON_NODE:-0}")
others=$((SLURM_JOB_NUM_NODES - 1))
srun --overlap --nodes=1 --ntasks=1 --nodelist="$SLURMD_NODENAME" \
  ray start --head --port="$port" "${has[@]}" &
timeout 120 bash -c "until (: < /dev/tcp/$SLURMD_NODENAME/$port) 2> /dev/null; do sleep 1; done"
if ((others > 0)); then
  srun --overlap --nodes="$others" --ntasks="$others" --exclude="$SLURMD_NODENAME" \
    ray start --address="$SLURMD_NODENAME:$port" "${has[@]}" &
fi
timeout 120 python - <<END
import time, ray
ray.init(address="$SLURMD_NODENAME:$port", log_to_driver=False)
while sum(node["Alive"] for node in ray.nodes()) < $SLURM_JOB_NUM_NODES:
    time.sleep(1)
END

resume=()
if [ -e "$experiments/$name/study.journal" ]; then resume=(--resume); fi
# Half an hour less than the job's time.
raypose tune "$space" --address "$SLURMD_NODENAME:$port" --experiments "$experiments" --time-budget 11h30m "${resume[@]}"
