#!/bin/bash
# Start a run on the GPUs of this machine with one call, or continue one that began elsewhere:
#   recipes/on_gpus.sh pretrain|distil RECIPE RUN MODEL [HOURS]
# RECIPE and the files that it names are here; RUN is new, or the copy of another machine's --run.
# After HOURS the run is stopped: RUN then holds a checkpoint from which the same call goes on,
# here or on another machine. PROCESSES: default: one for each GPU. If their number changes, their
# product with gradient_accumulation_steps must stay.
set -euo pipefail
command=${1:?pretrain or distil}
recipe=$(realpath "${2:?the recipe}")
run=$(realpath -m "${3:?the directory of the run}")
model=$(realpath -m "${4:?the directory of the model}")
cd "$(dirname "$0")/.."
if ! command -v albertkit > /dev/null; then # a torch that is installed already is used
  python3 -m venv --system-site-packages .venvs/gpus
  PATH=$PWD/.venvs/gpus/bin:$PATH
  pip install --quiet '.[pretrain]'
fi
# The Python of albertkit, whose environment may be its own (pipx): in its first line, or near it.
script=$(realpath "$(command -v albertkit)")
python=$(sed -n '1s/^#![[:space:]]*\([^[:space:]]*\).*/\1/p' "$script")
case $python in */python*) ;; *) python=$(dirname "$script")/python3 ;; esac
gpus=$("$python" -c 'import torch; print(torch.cuda.device_count())' 2> /dev/null || true)
if [ -z "$gpus" ]; then
  echo "the Python of albertkit has no torch; install it: $python -m pip install torch" >&2
  exit 3
fi
processes=${PROCESSES:-$gpus}
if [ "$processes" = 0 ]; then
  echo "torch sees no GPU on this machine; PROCESSES=1 trains on its processor" >&2
  exit 3
fi
line=(albertkit "$command" "$recipe" --run "$run" --output "$model")
if [ "$processes" -gt 1 ]; then
  # seconds that torchrun waits for the last step and its checkpoint, before it kills; default: 30
  export TORCH_ELASTIC_SHUTDOWN_TIMEOUT=${TORCH_ELASTIC_SHUTDOWN_TIMEOUT:-600}
  line=("$python" -m torch.distributed.run --standalone --nproc-per-node "$processes" --no-python -- "${line[@]}")
fi
if [ -n "${5:-}" ]; then
  # --foreground: one signal, as a second one would end the run before its checkpoint is written
  line=(timeout --foreground --signal INT "${5}h" "${line[@]}")
fi
exec "${line[@]}"
