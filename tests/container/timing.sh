# shellcheck shell=bash
# How long a participant takes inside and outside of the container: the same program, packages and Python, in turn, so
# that what else the machine does falls on all of them.
rounds=5

# measured COMMAND...: its wall time and the processor time of it and its children, in seconds
read -r -d '' measured <<'PYTHON' || true
import resource, subprocess, sys, time
start = time.monotonic()
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"{time.monotonic() - start:.2f} {used.ru_utime + used.ru_stime:.2f}")
PYTHON

# summed FILE: medians of the wall time (with the start of the container, then without) and of the processor time by
# place, and what they are to those outside; ends with 1 where a container takes more than 1.1 times as long
read -r -d '' summed <<'PYTHON' || true
import statistics, sys
rows = [line.split() for line in open(sys.argv[1])]
median = {}
for place in dict.fromkeys(row[0] for row in rows):
    columns = zip(*(map(float, row[1:]) for row in rows if row[0] == place))
    median[place] = [statistics.median(column) for column in columns]
slow = False
for place, (wall, inner, cpu) in median.items():
    base = median["outside"]
    print(f"{place:10}{wall:7.2f} s wall, {inner:7.2f} s without the start, {cpu:7.2f} s of processor time; to outside: "
          f"{wall / base[0]:.3f}, {inner / base[1]:.3f}, {cpu / base[2]:.3f}")
    slow |= wall > 1.1 * base[0]
sys.exit(slow)
PYTHON

inside_docker() {
  docker run --rm --network none --user "$user" -v "$scratch/simulated/bids:/data:ro" -v "$scratch/timed-docker:/out" \
    --entrypoint python "$image" -c "$measured" qsmrim /data /out participant --nprocs 1
}

inside_apptainer() {
  as_user "$apptainer" exec --containall --no-home --bind "$scratch/simulated/bids:/data:ro" --bind "$scratch/timed-apptainer:/out" "$sif" \
    python -c "$measured" qsmrim /data /out participant --nprocs 1
}

outside() {
  as_user PATH="$environment/bin:$PATH" PYTHONDONTWRITEBYTECODE=1 "$environment/bin/python" -c "$measured" \
    "$environment/bin/python" "$environment/bin/qsmrim" "$scratch/simulated/bids" "$scratch/timed-outside" participant --nprocs 1
}

# timed PLACE COMMAND: a line of it in $scratch/times
timed() {
  local start got
  fresh "timed-$1"
  start="$(date +%s%N)"
  got="$("$2" 2>"$scratch/said")" || fail "$1" "$scratch/said"
  echo "$1 $((($(date +%s%N) - start) / 10000000))e-2 $got" | tee -a "$scratch/times"
}

timing() {
  podman_engine
  apptainer_engine
  [ -f "$scratch/image.tar" ] || image_archive
  singularity_image
  outside_environment
  dockerd_engine
  stage "timing: simulate a participant"
  if [ ! -d "$scratch/simulated/bids" ]; then
    fresh simulated
    docker run --rm --network none --user "$user" -v "$scratch/simulated:/out" --entrypoint qsmrim-simulate "$image" \
      /out/bids --participants 1 --seed 2026 --guarantee-rim >"$scratch/said" 2>&1 || fail "qsmrim-simulate" "$scratch/said"
  fi
  stage "timing: $rounds times each, in turn"
  rm -f "$scratch/times"
  local round
  for ((round = 1; round <= rounds; round++)); do
    timed docker inside_docker
    timed outside outside
    timed apptainer inside_apptainer
  done
  equal "the same bytes under Docker" "$(session_digest "$scratch/timed-docker")" "$(session_digest "$scratch/timed-outside")"
  equal "the same bytes under Apptainer" "$(session_digest "$scratch/timed-apptainer")" "$(session_digest "$scratch/timed-outside")"
  python3 -c "$summed" "$scratch/times" || fail "a container takes more than 1.1 times as long"
  holds "a container takes at most 1.1 times as long"
}
