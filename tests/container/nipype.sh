# shellcheck shell=bash
# nipype's own ways to share out the preprocessing (--use-plugin): MultiProc in the container, SLURM outside of it.

nipype_cases() {
  podman_engine
  apptainer_engine
  phantoms
  singularity_image
  multiproc
  outside_environment
  slurm_engine
  slurm_plugin
}

# multiproc: eight participants in one call, as the program does it by itself and by nipype's MultiProc
multiproc() {
  stage "nipype: eight participants in one call, then by MultiProc"
  local inputs=many
  out=out-many
  fresh "$out"
  expect 0 "participant --nprocs 2" sif_run /data /out participant --nprocs 2
  equal "eight pages" "$(ls "$scratch/$out"/sub-*.html | wc -l)" 8
  out=out-multiproc
  fresh "$out"
  printf 'plugin: MultiProc\nplugin_args:\n  n_procs: 2\n' >"$scratch/$out/multiproc.yml"
  expect 0 "participant --use-plugin, MultiProc" sif_run /data /out participant --nprocs 2 --use-plugin /out/multiproc.yml
  equal "the same bytes" "$(session_digest "$scratch/$out")" "$(session_digest "$scratch/out-many")"
}

# slurm_plugin: the program outside of the container, one job of Slurm a step; one participant is damaged
slurm_plugin() {
  stage "nipype: its SLURM plugin, outside of the container"
  fresh site
  fresh out-plugin
  printf 'plugin: SLURM\nplugin_args:\n  sbatch_args: --mem=2G --time=10 --cpus-per-task=1\n' >"$scratch/slurm.yml"
  expect 65 "participant --use-plugin, SLURM" at_site PYTHONDONTWRITEBYTECODE=1 "$environment/bin/python" "$environment/bin/qsmrim" \
    "$scratch/bad" "$scratch/out-plugin" participant --use-plugin "$scratch/slurm.yml" -w "$scratch/out-plugin/work"
  said "one sentence names the damaged one" "sub-03.*Chimap"
  same_files "the others are complete" "$scratch/out-plugin" image_outputs_bad.txt
  [ -n "$(find "$scratch/out-plugin/work" -name 'batchscript_*.sh')" ] || fail "no step was submitted"
  holds "the steps were jobs of Slurm"
  fresh out-sif
  local inputs=bad
  out=out-sif
  expect 65 "the same participants in the container" sif_run /data /out participant
  equal "the same bytes" "$(session_digest "$scratch/out-plugin")" "$(session_digest "$scratch/out-sif")"
}
