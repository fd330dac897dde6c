# shellcheck shell=bash
# How long a participant takes inside and outside of the container: the same program, packages and Python.

# measured COMMAND...: its wall time and the processor time of it and its children, in seconds
read -r -d '' measured <<'PYTHON' || true
import resource, subprocess, sys, time
start = time.monotonic()
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"exit {code}, {time.monotonic() - start:.1f} s, {used.ru_utime + used.ru_stime:.1f} s of processor time")
PYTHON

timing() {
  podman_engine
  [ -f "$scratch/image.tar" ] || image_archive
  dockerd_engine
  outside_environment
  if [ ! -d "$scratch/simulated" ]; then
    fresh simulated
    docker run --rm --network none --user "$user" -v "$scratch/simulated:/out" --entrypoint qsmrim-simulate "$image" /out/bids --seed 2026 --guarantee-rim
  fi
  local round
  for round in 1 2 3; do
    stage "timing, round $round"
    fresh timed-inside
    printf 'inside:  '
    docker run --rm --network none --user "$user" -v "$scratch/simulated/bids:/data:ro" -v "$scratch/timed-inside:/out" \
      --entrypoint python "$image" -c "$measured" qsmrim /data /out participant --nprocs 1
    fresh timed-outside
    printf 'outside: '
    setpriv --reuid "${user%:*}" --regid "${user#*:}" --clear-groups env -i PATH="$environment/bin:$PATH" PYTHONDONTWRITEBYTECODE=1 \
      PYTHONPATH="$repository" "$environment/bin/python" -c "$measured" \
      "$environment/bin/python" "$repository/run.py" "$scratch/simulated/bids" "$scratch/timed-outside" participant --nprocs 1
  done
  equal "the same bytes" "$(digest "$scratch"/timed-inside/sub-*)" "$(digest "$scratch"/timed-outside/sub-*)"
}
