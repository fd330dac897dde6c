# shellcheck shell=bash
# Podman, which builds the image, and Docker's engine; both without systemd and without a registry if there is none.
image="${IMAGE:-qsmrim}"
base=docker.io/library/debian:bookworm-slim
export CONTAINERS_CONF="$repository/tests/container/containers.conf"

podman_engine() {
  debian podman buildah runc fuse-overlayfs uidmap netavark
  export CONTAINERS_STORAGE_CONF="$scratch/storage.conf"
  printf '[storage]\ndriver = "overlay"\ngraphroot = "%s"\nrunroot = "%s"\n' "$scratch/podman" "$scratch/podman-run" >"$CONTAINERS_STORAGE_CONF"
}

# base_image: from the registry, else made from Debian's packages
base_image() {
  podman image exists "$base" && return 0
  if timeout 60 podman pull -q "$base" >"$scratch/said" 2>&1; then return 0; fi
  stage "no registry: make the base image from Debian's packages"
  debian mmdebstrap
  mmdebstrap --quiet --variant=minbase --aptopt='APT::Install-Recommends "false"' \
    --customize-hook='rm -rf "$1"/var/cache/apt/archives/*.deb "$1"/var/lib/apt/lists/*' bookworm "$scratch/base.tar"
  podman import -q "$scratch/base.tar" "$base"
  rm "$scratch/base.tar"
}

# pip_setting NAME: what the host's pip is told, if anything
pip_setting() { python3 -m pip config list 2>/dev/null | sed -n "s/^[^=]*[.]$1='\(.*\)'\$/\1/p" | tail -n 1; }

# host_pip: the arguments that give a build the host's package sources: certificates, folders, indexes
host_pip() {
  local name value word certificates
  certificates="$(pip_setting cert)"
  certificates="${certificates:-/etc/ssl/certs/ca-certificates.crt}"
  printf '[global]\ncert = /etc/pip-certificates.pem\n' >"$scratch/pip.conf"
  build_mounts=(-v "$certificates:/etc/pip-certificates.pem:ro" -v "$scratch/pip.conf:/etc/pip.conf:ro")
  for name in index-url extra-index-url find-links; do
    value="$(pip_setting "$name")"
    [ -n "$value" ] || continue
    echo "$name = $value" >>"$scratch/pip.conf"
    for word in $value; do
      word="${word#file://}"
      [ -d "$word" ] || continue
      [ "$name" = find-links ] || word="$(dirname "$word")" # an index names files beside it
      build_mounts+=(-v "$word:$word:ro")
    done
  done
}

image() {
  podman_engine
  base_image
  host_pip
  stage "build the image (TORCH_VARIANT=${TORCH_VARIANT:-cpu})"
  local torch="${TORCH_VARIANT:-cpu}" version layers=false # layers cost time; only a folder that is kept can save by them
  version="$(cat "$repository/version")"
  [ -z "${SCRATCH:-}" ] || layers=true
  podman build --layers="$layers" --pull=never --network host "${build_mounts[@]}" \
    --build-arg "TORCH_VARIANT=$torch" --build-arg "PIP_ARGS=${PIP_ARGS:-}" --build-arg "VERSION=$version" \
    --build-arg "REVISION=$(git -C "$repository" rev-parse HEAD 2>/dev/null || echo unknown)" \
    -t "$image" "$repository" >"$scratch/build.log" 2>&1 || fail "the build" "$scratch/build.log"
  holds "the image is built"
  image_archive
}

# image_archive: the image as a file, for the other engines
image_archive() {
  stage "save the image for the other engines"
  rm -f "$scratch/image.tar"
  podman save -q --format docker-archive -o "$scratch/image.tar" "$image"
}

# dockerd_engine: Docker's engine, started by hand. A stand-in for NVIDIA's hook lets `--gpus all` through where
# there is no GPU.
dockerd_engine() {
  debian docker.io iptables
  export DOCKER_HOST="unix://$scratch/docker.sock"
  ! docker version >/dev/null 2>&1 || return 0
  stage "start dockerd"
  mkdir -p "$scratch/docker" "$scratch/bin"
  command -v nvidia-container-runtime-hook >/dev/null || {
    printf '#!/bin/sh\nexit 0\n' >"$scratch/bin/nvidia-container-runtime-hook"
    chmod +x "$scratch/bin/nvidia-container-runtime-hook"
  }
  PATH="$scratch/bin:$PATH" dockerd --data-root "$scratch/docker" --exec-root "$scratch/docker-run" \
    --pidfile "$scratch/docker.pid" -H "unix://$scratch/docker.sock" --storage-driver overlay2 \
    --exec-opt native.cgroupdriver=cgroupfs --oom-score-adjust 0 --default-ulimit nofile=20000:20000 \
    --iptables=false --ip6tables=false --bridge=none --ip-forward=false --ip-masq=false >"$scratch/dockerd.log" 2>&1 &
  local tries=0
  until docker version >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -lt $((60 * slower)) ] || fail "dockerd does not start" "$scratch/dockerd.log"
    sleep 0.5
  done
  stage "give Docker the image"
  docker load -q -i "$scratch/image.tar"
  docker tag "localhost/$image:latest" "$image" 2>/dev/null || true
}

stop_dockerd() {
  [ -f "$scratch/docker.pid" ] || return 0
  local pid tries=0
  pid="$(cat "$scratch/docker.pid")"
  kill "$pid" 2>/dev/null || true
  while kill -0 "$pid" 2>/dev/null && [ "$tries" -lt 40 ]; do
    sleep 0.5
    tries=$((tries + 1))
  done
}

# unmount: whatever the engines left mounted in the temporary folder, the innermost first
unmount() {
  local place
  awk -v folder="$scratch/" 'index($2, folder) == 1 { print $2 }' /proc/mounts | LC_ALL=C sort -r | while read -r place; do
    umount -l "$place"
  done
}
