# shellcheck shell=bash
# What a check is: a line that says what holds, or the end of the run.
checks=0
stage_name=""
stage_start=0
stages=""

# stage NAME: what follows belongs to it, and so does its time
stage() {
  end_stage
  stage_name="$1"
  stage_start="$SECONDS"
  printf '\n== %s (%d s)\n' "$1" "$SECONDS"
}

end_stage() {
  [ -z "$stage_name" ] || stages+="$(printf '%6d  %s' $((SECONDS - stage_start)) "$stage_name")"$'\n'
  stage_name=""
}

# summary CODE: how long everything took, and whether it passed
summary() {
  local last="$stage_name"
  end_stage
  printf '\n== seconds, of %d in all\n%s' "$SECONDS" "$stages"
  [ "$1" = 0 ] && echo "$checks checks passed, 0 failed" || echo "$checks checks passed, then FAILED (exit $1) in: $last"
}

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
  local code="$1" what="$2" got=0 start="$SECONDS"
  shift 2
  "$@" >"$scratch/said" 2>&1 || got=$?
  [ "$got" = "$code" ] || fail "$what: exit code $got, expected $code" "$scratch/said"
  holds "$what (exit $code, $((SECONDS - start)) s)"
}

# said WHAT PATTERN: the last command printed it
said() { grep -qE -- "$2" "$scratch/said" && holds "$1" || fail "$1: nothing matches '$2'" "$scratch/said"; }

# equal WHAT ONE OTHER: two texts are the same
equal() { [ "$2" = "$3" ] && holds "$1" || fail "$1: '$2' is not '$3'"; }

# within SECONDS WHAT COMMAND...: the command succeeds in time; the best of five, for the machine may do other things
within() {
  local limit=$(($1 * slower)) what="$2" start took best=999999 try
  shift 2
  for try in 1 2 3 4 5; do
    start="$(date +%s%N)"
    "$@" >"$scratch/said" 2>&1 || fail "$what, try $try" "$scratch/said"
    took=$((($(date +%s%N) - start) / 1000000))
    [ "$took" -ge "$best" ] || best="$took"
    [ "$best" -gt $((limit * 1000)) ] || break
  done
  [ "$best" -le $((limit * 1000)) ] || fail "$what took $best ms, allowed are $limit s"
  holds "$what in $best ms"
}

# files FOLDER: every file in it, by name; intermediate files do not count
files() { (cd "$1" && find . -type f -not -path './work/*' | sed 's|^\./||' | LC_ALL=C sort); }

# same_files WHAT FOLDER LIST: the folder holds the files of a committed list.
same_files() {
  files "$2" | diff - "$repository/tests/expected/$3" >"$scratch/said" || fail "$1: < is there, > is expected" "$scratch/said"
  holds "$1: tests/expected/$3"
}

# digest FOLDER: one number for all bytes outside of logs
digest() { (cd "$1" && files . | grep -v '^logs/' | xargs -d '\n' sha256sum | sha256sum | cut -c1-16); }

# session_digest FOLDER: the same for the participants' folders, which do not say what made them
session_digest() { (cd "$1" && files . | grep '^sub-.*/' | xargs -d '\n' sha256sum | sha256sum | cut -c1-16); }
