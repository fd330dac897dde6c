# shellcheck shell=bash
# What a check is: a line that says what holds, or the end of the run.
checks=0

stage() { printf '\n== %s (%d s)\n' "$1" "$SECONDS"; }

fail() {
  echo "FAILED: $1"
  [ -z "${2:-}" ] || tail -n 40 "$2"
  exit 1
}

holds() {
  checks=$((checks + 1))
  echo "ok: $1"
}

# expect CODE WHAT COMMAND...: the command ends with this code; what it prints goes to $scratch/said
expect() {
  local code="$1" what="$2" got=0
  shift 2
  "$@" >"$scratch/said" 2>&1 || got=$?
  [ "$got" = "$code" ] || fail "$what: exit code $got, expected $code" "$scratch/said"
  holds "$what (exit $code)"
}

# said WHAT PATTERN: the last command printed it
said() { grep -qE -- "$2" "$scratch/said" && holds "$1" || fail "$1: nothing matches '$2'" "$scratch/said"; }

# equal WHAT ONE OTHER: two texts are the same
equal() { [ "$2" = "$3" ] && holds "$1" || fail "$1: '$2' is not '$3'"; }

# within SECONDS WHAT COMMAND...: the command succeeds in time
within() {
  local limit="$1" what="$2" start end
  shift 2
  start="$(date +%s%N)"
  "$@" >"$scratch/said" 2>&1 || fail "$what" "$scratch/said"
  end="$(date +%s%N)"
  local took=$(((end - start) / 1000000))
  [ "$took" -le $((limit * 1000)) ] || fail "$what took $took ms, allowed are $limit s"
  holds "$what in $took ms"
}

# files FOLDER: every file in it, by name; intermediate files do not count
files() { (cd "$1" && find . -type f -not -path './work/*' | sed 's|^\./||' | LC_ALL=C sort); }

# same_files WHAT FOLDER LIST: the folder holds the files of a committed list
same_files() {
  files "$2" | diff - "$repository/tests/expected/$3" >"$scratch/said" || fail "$1: < is there, > is expected" "$scratch/said"
  holds "$1: tests/expected/$3"
}

# digest FOLDER: one number for all bytes outside of logs
digest() { (cd "$1" && files . | grep -v '^logs/' | xargs -d '\n' sha256sum | sha256sum | cut -c1-16); }
