#!/usr/bin/env bash
# sbatch deploy/slurm.sh [PRESET]: one `dvc repro` over the machines of a SLURM job. The repository lies on a file system that all of them
# mount, and so do the environment, the data and the store; MLflow's server runs on the first machine for as long as the job.
#SBATCH --job-name=throughline
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --signal=B:TERM@120
set -euo pipefail

preset=${1:-mot17}
: "${STORE:=$PWD/../throughline-store}" "${DATA_ROOT:=$PWD/../data}" "${PORT:=6379}" "${MLFLOW_PORT:=5000}"
export PATH=$PWD/.venv/bin:$PATH OMP_NUM_THREADS=1 RAY_USAGE_STATS_ENABLED=0 MLFLOW_DISABLE_TELEMETRY=true
export RAY_AUTH_MODE=token
mkdir -p .throughline
test -s .throughline/ray-token || (umask 077 && head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' > .throughline/ray-token)
export RAY_AUTH_TOKEN_PATH=$PWD/.throughline/ray-token

mapfile -t machines < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
head=${machines[0]}
trap 'kill $(jobs -p) 2> /dev/null || true; wait' EXIT

on() { srun --nodes=1 --ntasks=1 --overlap --nodelist="$1" "${@:2}"; }
on "$head" mlflow server --host 0.0.0.0 --port "$MLFLOW_PORT" --backend-store-uri "sqlite:///$PWD/mlflow.db" --artifacts-destination "$PWD/mlartifacts" &
on "$head" ray start --head --port="$PORT" --num-cpus="$SLURM_CPUS_PER_TASK" --disable-usage-stats --block &
for _ in $(seq 60); do on "$head" ray health-check --address "$head:$PORT" > /dev/null 2>&1 && break; sleep 2; done
for machine in "${machines[@]:1}"; do
  on "$machine" ray start --address="$head:$PORT" --num-cpus="$SLURM_CPUS_PER_TASK" --disable-usage-stats --block &
done

throughline preset "$preset" --data-root "$DATA_ROOT"
sed -i -e "s|^  address: auto |  address: $head:$PORT |" -e "s|^  store: \. |  store: $STORE |" \
  -e "s|^  tracking_uri: sqlite:///mlflow.db |  tracking_uri: http://$head:$MLFLOW_PORT |" params.yaml
dvc repro
