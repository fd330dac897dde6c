# shellcheck shell=bash
# What a user of Docker or Podman does, and what a careful administrator allows.
user=12345:12345
outside=(--read-only --network none --user "$user" -e HOME=/nonexistent)

# contained ARGUMENT...: the image as on a strict machine, input read-only, /tmp of 64 MB
contained() {
  "$engine" run --rm "${outside[@]}" --tmpfs /tmp:size=64m --memory 3g \
    -v "$scratch/bids:/data:ro" -v "$scratch/$out:/out" "$image" "$@"
}

podman_cases() {
  podman_engine
  engine=podman
  phantoms
  common_cases
}

docker_cases() {
  podman_engine
  [ -f "$scratch/image.tar" ] || image_archive
  phantoms
  dockerd_engine
  engine=docker
  common_cases
  stage "docker: what Podman does otherwise"
  no_temporary_folder
  graphics_card
}

common_cases() {
  stage "$engine: start"
  out="out-$engine"
  fresh "$out"
  expect 0 "--version says" contained --version
  said "the version of the file 'version'" "^qsmrim $(cat "$repository/version")\$"
  within 2 "--version" contained --version
  within 2 "--help" contained --help
  inside
  stage "$engine: participant, then group"
  expect 0 "participant" contained /data /out participant
  expect 0 "group" contained /data /out group
  same_files "the outputs" "$scratch/$out" image_outputs.txt
  equal "every file is the caller's" "$(find "$scratch/$out" ! -uid 12345 -o ! -gid 12345 | head -n 1)" ""
  equal "no work folder is left" "$(ls -d "$scratch/$out/work" 2>/dev/null || true)" ""
  told_to_end
  out_of_memory
  bad_data
}

# inside: what the image holds
inside() {
  expect 0 "the image looks into itself" "$engine" run --rm --network none --user 12345 --entrypoint bash "$image" -c '
    command -v gcc cc pip-cache && echo compiler
    find / -xdev \( -path /proc -o -path /sys \) -prune -o ! -type l ! -perm -o=r -path "/opt/*" -print
    find /home -mindepth 1
    cat /version
    python -c "import torch; print(\"torch for\", torch.version.cuda or \"cpu\")"
    python -c "import importlib.metadata as m; print(\"no metadata\" if m.version(\"qsmrim\") != open(\"/version\").read().strip() else \"same version\")"'
  said "torch is for ${TORCH_VARIANT:-cpu}" "torch for $([ "${TORCH_VARIANT:-cpu}" = cpu ] && echo cpu || echo '[0-9]')"
  said "/version is the version" "same version"
  ! grep -qE '^compiler|^/opt|^/home' "$scratch/said" || fail "no compiler, nothing unreadable, nothing in /home" "$scratch/said"
  holds "no compiler, nothing unreadable, nothing in /home"
  local size
  size="$("$engine" image inspect -f '{{.Size}}' "$image")"
  echo "image size: $((size / 1000000)) MB"
  [ "${TORCH_VARIANT:-cpu}" != cpu ] || [ "$size" -le 2500000000 ] || fail "the image is larger than 2.5 GB"
  equal "the label is the version" "$("$engine" image inspect -f '{{index .Config.Labels "org.opencontainers.image.version"}}' "$image")" "$(cat "$repository/version")"
}

# told_to_end: SIGTERM ends it at once; the same command goes on to the same bytes
told_to_end() {
  stage "$engine: told to end"
  local whole="$out" start took name="qsmrim-ends-$$"
  out="ended-$engine"
  fresh "$out"
  "$engine" run -d --name "$name" "${outside[@]}" --tmpfs /tmp:size=64m -v "$scratch/bids:/data:ro" -v "$scratch/$out:/out" \
    "$image" /data /out participant --nprocs 1 >/dev/null
  local tries=0
  until find "$scratch/$out/work" -name 'result_*.pklz' -print -quit 2>/dev/null | grep -q .; do
    sleep 0.2
    tries=$((tries + 1))
    [ "$tries" -lt $((600 * slower)) ] || fail "the run does not begin"
  done
  start="$(date +%s%N)"
  "$engine" stop -t 10 "$name" >/dev/null
  took=$((($(date +%s%N) - start) / 1000000))
  equal "SIGTERM ends it with 143" "$("$engine" inspect -f '{{.State.ExitCode}}' "$name")" 143
  "$engine" logs "$name" >"$scratch/said" 2>&1
  said "it says so" "ended by SIGTERM"
  "$engine" rm "$name" >/dev/null
  [ "$took" -le $((2000 * slower)) ] || fail "it took $took ms to stop"
  holds "stopped in $took ms, the engine's own time included"
  expect 0 "the same command goes on" contained /data /out participant
  expect 0 "group" contained /data /out group
  equal "to the same bytes" "$(digest "$scratch/$out")" "$(digest "$scratch/$whole")"
  out="$whole"
}

# out_of_memory: the kernel ends a worker, not the program
out_of_memory() {
  stage "$engine: too little memory"
  fresh "large-$engine"
  expect 75 "a worker that needs more than there is" "$engine" run --rm "${outside[@]}" --tmpfs /tmp:size=64m \
    --memory 1500m --memory-swap 1500m -v "$scratch/large:/data:ro" -v "$scratch/large-$engine:/out" "$image" /data /out participant --nprocs 1
  said "one sentence says why" "sub-01.*killed, probably for lack of memory"
  expect 137 "a container too small for the program itself is killed whole" "$engine" run --rm "${outside[@]}" --tmpfs /tmp:size=64m \
    --memory 60m --memory-swap 60m -v "$scratch/bids:/data:ro" -v "$scratch/large-$engine:/out" "$image" /data /out participant
}

# bad_data: one participant fails, the others do not
bad_data() {
  stage "$engine: damaged data"
  fresh "bad-$engine"
  expect 65 "a damaged image" "$engine" run --rm "${outside[@]}" --tmpfs /tmp:size=64m \
    -v "$scratch/bad:/data:ro" -v "$scratch/bad-$engine:/out" "$image" /data /out participant
  said "one sentence names it" "sub-03.*Chimap"
  same_files "the others are complete" "$scratch/bad-$engine" image_outputs_bad.txt
}

# no_temporary_folder: Docker gives a read-only container no /tmp
no_temporary_folder() {
  out=bare
  fresh bare
  expect 0 "read-only without /tmp" "$engine" run --rm "${outside[@]}" -v "$scratch/bids:/data:ro" -v "$scratch/bare:/out" \
    "$image" /data /out participant
}

# graphics_card: the words that users type
graphics_card() {
  expect 0 "--gpus all is accepted" "$engine" run --rm --gpus all --network none --entrypoint bash "$image" -c 'echo "sees $NVIDIA_VISIBLE_DEVICES"'
  said "and reaches the container" "sees all"
}
