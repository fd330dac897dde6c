# shellcheck shell=bash
# A Slurm of one machine, and the ready scripts of slurm/ on it, with the SIF and a participant that fails.

slurm_engine() {
  [ -z "${SLURM_CONF:-}" ] || return 0
  debian slurmctld slurmd slurm-client munge slurm-wlm-basic-plugins
  normal_user
  export SLURM_CONF="$scratch/slurm/slurm.conf"
  stage "start munge and Slurm"
  local machine
  machine="$(hostname -s)"
  mkdir -p "$scratch/slurm/state" "$scratch/slurm/spool"
  cat >"$SLURM_CONF" <<CONF
ClusterName=test
SlurmctldHost=$machine(127.0.0.1)
SlurmUser=root
StateSaveLocation=$scratch/slurm/state
SlurmdSpoolDir=$scratch/slurm/spool
SlurmctldPidFile=$scratch/slurm/slurmctld.pid
SlurmdPidFile=$scratch/slurm/slurmd.pid
SlurmctldLogFile=$scratch/slurm/slurmctld.log
SlurmdLogFile=$scratch/slurm/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
PropagateResourceLimits=NONE
JobAcctGatherType=jobacct_gather/linux
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
ReturnToService=2
MpiDefault=none
GresTypes=gpu
NodeName=$machine NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=$(($(awk '/MemTotal/ {print $2}' /proc/meminfo) / 1024 - 512)) Gres=gpu:1 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=120 State=UP
CONF
  echo "NodeName=$machine Name=gpu File=/dev/null" >"$scratch/slurm/gres.conf" # a card in name only
  if ! pgrep -x munged >/dev/null; then
    install -d -o munge -g munge -m 755 /run/munge
    setpriv --reuid munge --regid munge --init-groups munged --pid-file /run/munge/munged.pid
    touch "$scratch/slurm/own_munge"
  fi
  slurmctld && slurmd
  local tries=0
  until [ "$(sinfo -h -o %T 2>/dev/null)" = idle ]; do
    tries=$((tries + 1))
    [ "$tries" -lt $((60 * slower)) ] || fail "the node does not come up" "$scratch/slurm/slurmd.log"
    sleep 0.5
  done
}

# end PID: ask a service to end, and wait until it writes no more
end() {
  local tries=50
  while kill "$1" 2>/dev/null && [ $((tries -= 1)) -gt 0 ]; do sleep 0.2; done
}

stop_slurm() {
  local name
  for name in slurmd slurmctld; do
    [ ! -f "$scratch/slurm/$name.pid" ] || end "$(cat "$scratch/slurm/$name.pid")"
  done
  [ ! -f "$scratch/slurm/own_munge" ] || kill "$(cat /run/munge/munged.pid)" 2>/dev/null || true
  rm -rf "$scratch/slurm"
}

# at_site COMMAND...: what a user of the cluster types, in the folder of the jobs' logs
at_site() {
  (cd "$scratch/site" && as_user SLURM_CONF="$SLURM_CONF" APPTAINER="$apptainer" QSMRIM_SIF="$sif" \
    QSMRIM_BIDS="$scratch/slurm-bids" QSMRIM_OUT="$scratch/out-slurm" "$@")
}

# ended JOB: wait until a job is in no queue
ended() {
  local tries=0
  while [ -n "$(squeue -h -j "$1" 2>/dev/null)" ]; do
    tries=$((tries + 1))
    [ "$tries" -lt $((1800 * slower)) ] || fail "job $1 does not end"
    sleep 0.5
  done
}

slurm_cases() {
  podman_engine
  apptainer_engine
  phantoms
  singularity_image
  slurm_engine
  stage "slurm: an array of three participants, one of them damaged, then the group"
  fresh out-slurm
  fresh site
  rm -rf "$scratch/slurm-bids"
  cp -r "$scratch/bad" "$scratch/slurm-bids"
  expect 0 "submit" at_site "$repository/slurm/submit"
  local array group list="$scratch/out-slurm/logs/sessions.txt"
  array="$(sed -n 's/^participants: job \([0-9]*\).*/\1/p' "$scratch/said")"
  group="$(sed -n 's/^group: job \([0-9]*\).*/\1/p' "$scratch/said")"
  ended "$array"
  ended "$group"
  same_files "the outputs" "$scratch/out-slurm" slurm_outputs.txt
  at_site "$repository/slurm/unfinished" "$scratch/out-slurm" "$list" >"$scratch/again.txt" 2>"$scratch/said" || fail "unfinished"
  equal "one failed" "$(cat "$scratch/again.txt")" 03
  said "its reason is given" "sub-03: .*Chimap"
  stage "slurm: repaired, only what failed runs again"
  cp "$scratch"/many/derivatives/qsm/sub-03/anat/sub-03_Chimap.nii.gz "$scratch"/slurm-bids/derivatives/qsm/sub-03/anat/
  expect 0 "the array of what failed" at_site sbatch --wait --array=1-1 "$repository/slurm/qsmrim.sbatch" participant "$scratch/again.txt"
  at_site "$repository/slurm/unfinished" "$scratch/out-slurm" "$list" >"$scratch/again.txt" 2>/dev/null
  equal "nothing is left to do" "$(cat "$scratch/again.txt")" ""
  stage "slurm: fits as tasks, then gathered"
  local training=(--train aprl-rf --folds 2 --seeds 0)
  expect 0 "two shares" at_site sbatch --wait --array=1-2 "$repository/slurm/qsmrim.sbatch" fit "${training[@]}"
  expect 0 "a share again" at_site QSMRIM_SHARES=2 sbatch --wait --array=2 "$repository/slurm/qsmrim.sbatch" fit "${training[@]}"
  expect 0 "gathered" at_site sbatch --wait "$repository/slurm/qsmrim.sbatch" group "${training[@]}"
  [ -f "$scratch/out-slurm/models/aprl-rf/model.json" ] || fail "no model"
  holds "the model is there"
  stage "slurm: what it says without a GPU"
  expect 64 "a GPU that is none" at_site sbatch --wait --gres=gpu:1 --array=1-1 -o gpu.log "$repository/slurm/qsmrim.sbatch" participant "$list"
  cp "$scratch/site/gpu.log" "$scratch/said"
  said "one sentence says why" "cuda"
  cancelled "$list"
}

# cancelled LIST: scancel reaches the program in its container, and what it did not finish is listed
cancelled() {
  stage "slurm: a job that is cancelled"
  fresh out-cancelled
  local job tries=0
  job="$(at_site QSMRIM_OUT="$scratch/out-cancelled" sbatch --parsable --array=1-1 -o cancelled.log "$repository/slurm/qsmrim.sbatch" participant "$1")"
  until find "$scratch/out-cancelled/work" -name 'result_*.pklz' -print -quit 2>/dev/null | grep -q .; do
    sleep 0.2
    tries=$((tries + 1))
    [ "$tries" -lt $((600 * slower)) ] || fail "the job does not begin" "$scratch/site/cancelled.log"
  done
  at_site scancel "$job"
  ended "$job"
  cp "$scratch/site/cancelled.log" "$scratch/said"
  said "it says so" "ended by SIGTERM"
  head -n 1 "$1" >"$scratch/first.txt"
  at_site "$repository/slurm/unfinished" "$scratch/out-cancelled" "$scratch/first.txt" >"$scratch/again.txt" 2>"$scratch/said"
  equal "it is listed" "$(cat "$scratch/again.txt")" 01
}
