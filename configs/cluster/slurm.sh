#!/bin/bash
# A run on a Slurm cluster: sbatch --nodes=8 configs/cluster/slurm.sh my.yaml [--set key=value ...]
# Submit it again and it goes on where it stopped. `output` and the sources must lie on a folder that all nodes see.
#SBATCH --job-name=mathpipe
#SBATCH --nodes=8
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=32
#SBATCH --mem-per-cpu=4G
#SBATCH --time=24:00:00
#SBATCH --no-kill
#SBATCH --requeue
#SBATCH --output=mathpipe-%j.log
set -euo pipefail

config=${1:?usage: sbatch slurm.sh CONFIG [--set key=value ...]}
shift
port=${MATHPIPE_RAY_PORT:-$((20000 + SLURM_JOB_ID % 20000))} # two jobs that share a node must not meet
store=(--object-store-memory=200000000 --disable-usage-stats) # only descriptions of tasks pass: nothing is spilled

# The job's own token: the cluster runs code for whoever can reach it. srun hands the environment on.
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN
RAY_AUTH_TOKEN=$(od -An -tx1 -N32 /dev/urandom | tr -d ' \n')

mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
head=${nodes[0]}
address=$(srun --nodes=1 --ntasks=1 --overlap -w "$head" hostname --ip-address | awk '{print $1}'):$port

srun --nodes=1 --ntasks=1 --overlap -w "$head" \
  ray start --head --port="$port" --num-cpus=$((SLURM_CPUS_PER_TASK - 1)) "${store[@]}" --block &
for _ in $(seq 60); do
  ray status --address="$address" > /dev/null 2>&1 && break
  sleep 2
done

# One step a node: a node that goes down ends its own step and no other.
for node in "${nodes[@]:1}"; do
  srun --nodes=1 --ntasks=1 --overlap -w "$node" \
    ray start --address="$address" --num-cpus="$SLURM_CPUS_PER_TASK" "${store[@]}" --block &
done

status=0
mathpipe run "$config" --set runner.address="$address" "$@" || status=$?
kill $(jobs -p) 2> /dev/null || true
wait || true
exit "$status"
