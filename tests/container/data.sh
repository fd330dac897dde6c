# shellcheck shell=bash
# The datasets, written by the image itself from the phantoms of the tests, so that the machine needs no Python packages.

# phantoms: $scratch/bids (two participants), $scratch/bad (a third, whose QSM is damaged), $scratch/many (eight),
# $scratch/large (a QSM that needs more memory than a small container has)
phantoms() {
  [ ! -d "$scratch/large" ] || return 0
  stage "write the phantom datasets"
  podman run --rm --network none -v "$repository:/repository:ro" -v "$scratch:/scratch" -e PYTHONPATH=/repository \
    --user 0 --entrypoint python "$image" /repository/tests/container/write_phantoms.py /scratch
  chmod -R a+rX "$scratch/bids" "$scratch/bad" "$scratch/many" "$scratch/large"
}

# fresh NAME: an empty output folder that the caller's user may write
fresh() {
  rm -rf "${scratch:?}/$1"
  mkdir "$scratch/$1"
  chown "$user" "$scratch/$1"
}

# outside_environment: the environment of the image on the machine itself, which has the same Python where it is Debian 12
outside_environment() {
  environment="$scratch/environment"
  debian python3
  [ ! -d "$environment" ] || return 0
  stage "copy the program out of the image"
  podman run --rm --network none --user 0 -v "$scratch:/scratch" --entrypoint cp "$image" -a /opt/qsmrim /scratch/environment
}
