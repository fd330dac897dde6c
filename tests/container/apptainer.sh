# shellcheck shell=bash
# Apptainer on Debian 12, whose releases lack it: unpacked from a later one into a folder of its own, with the C library
# that it was built against. Nothing of the machine is changed but the rights of /dev/fuse.
runner=qsmrim-test # a user without home and without rights

# normal_user: make the user that runs the image as people do
normal_user() {
  id "$runner" >/dev/null 2>&1 || useradd --system --no-create-home --shell /bin/sh "$runner"
  user="$(id -u "$runner"):$(id -g "$runner")"
}

apptainer_engine() {
  normal_user
  apptainer="$scratch/apptainer/usr/bin/apptainer"
  [ ! -x "$apptainer" ] || return 0
  if command -v apptainer >/dev/null; then
    apptainer="$(command -v apptainer)"
    return 0
  fi
  debian patchelf squashfs-tools squashfuse uidmap
  stage "unpack apptainer"
  local place="$scratch/packages" mirror options libc program
  mkdir -p "$place/lists/partial" "$place/cache/archives/partial"
  mirror="$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -E '/debian/?$' | head -n 1)"
  printf "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror %s main\n" sid trixie >"$place/sources.list"
  options=(-o "Dir::Etc::sourcelist=$place/sources.list" -o Dir::Etc::sourceparts=/dev/null -o "Dir::State::lists=$place/lists"
    -o "Dir::Cache=$place/cache" -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null)
  apt-get "${options[@]}" update -qq
  (cd "$place" && apt-get "${options[@]}" download -qq apptainer/sid libc6/trixie 2>/dev/null)
  dpkg-deb -x "$place"/apptainer_*.deb "$scratch/apptainer"
  dpkg-deb -x "$place"/libc6_*.deb "$place/libc"
  mv "$place/libc/usr/lib/x86_64-linux-gnu" "$scratch/apptainer/libc"
  libc="$scratch/apptainer/libc"
  for program in "$apptainer" "$scratch/apptainer/usr/lib/x86_64-linux-gnu/apptainer/bin/starter"; do
    patchelf --set-interpreter "$libc/ld-linux-x86-64.so.2" --set-rpath "$libc:/usr/lib/x86_64-linux-gnu" "$program"
  done
  ln -s ../etc "$scratch/apptainer/usr/etc" # it looks for its settings and its mount points beside itself
  ln -s ../../etc ../../var "$scratch/apptainer/usr/lib"
  rm -rf "$place"
  chmod -R a+rX "$scratch/apptainer"
  [ ! -c /dev/fuse ] || chmod 666 /dev/fuse
}

# singularity_image: the SIF, as docs/hpc.md says to build it
singularity_image() {
  sif="$scratch/qsmrim.sif"
  [ ! -f "$sif" ] || return 0
  [ -f "$scratch/image.tar" ] || image_archive
  stage "build the SIF"
  APPTAINER_CACHEDIR="$scratch/cache" APPTAINER_TMPDIR="$scratch" "$apptainer" build \
    --mksquashfs-args "-comp zstd -Xcompression-level 3" "$sif" "docker-archive:$scratch/image.tar" >"$scratch/sif.log" 2>&1 \
    || fail "apptainer build" "$scratch/sif.log"
  rm -rf "$scratch/cache"
  chmod a+r "$sif"
  echo "SIF size: $(($(stat -c %s "$sif") / 1000000)) MB"
}

# as_user COMMAND...: without the caller's environment, as the normal user
as_user() { setpriv --reuid "${user%:*}" --regid "${user#*:}" --clear-groups env -i PATH="$PATH" HOME=/nonexistent "$@"; }

inputs=bids
# sif_run ARGUMENT...: the strictest way to run it, without a network, on the dataset $inputs
sif_run() {
  as_user "$apptainer" run --containall --no-home --net --network none \
    --bind "$scratch/$inputs:/data:ro" --bind "$scratch/$out:/out" "$sif" "$@"
}

apptainer_cases() {
  podman_engine
  apptainer_engine
  phantoms
  singularity_image
  stage "apptainer: as a normal user, read-only, no home, no network, /tmp of 64 MB"
  out=out-apptainer
  fresh "$out"
  expect 0 "--version says" sif_run --version
  said "the version of the file 'version'" "^qsmrim $(cat "$repository/version")\$"
  within 2 "--version" sif_run --version
  within 2 "--help" sif_run --help
  expect 0 "participant" sif_run /data /out participant
  expect 0 "group" sif_run /data /out group
  same_files "the outputs" "$scratch/$out" image_outputs.txt
  equal "every file is the user's" "$(find "$scratch/$out" ! -uid "${user%:*}" | head -n 1)" ""
  local other="$scratch/out-docker"
  [ ! -d "$other" ] || equal "the same bytes as under Docker" "$(digest "$scratch/$out")" "$(digest "$other")"
}
