# shellcheck shell=bash
# What the parts of ./dev share: messages, timing, steps whose output goes to a log.

# say TEXT: progress goes to stderr, so that results alone are on stdout.
say() { printf '%s\n' "$*" >&2; }

# die CODE MESSAGE [HINT]
die() {
  say "dev: $2"
  if [[ -n ${3:-} ]]; then say "     $3"; fi
  exit "$1"
}

jobs_max() { nproc 2>/dev/null || echo 2; }

# elapsed START: seconds since START, a value of EPOCHREALTIME, with one decimal.
elapsed() {
  local tenths=$(((${EPOCHREALTIME/[.,]/} - ${1/[.,]/}) / 100000))
  printf '%d.%d s' $((tenths / 10)) $((tenths % 10))
}

# begin TITLE: a line that the time taken will end, except on a terminal, where a tool shows its own progress.
begin() {
  if [[ -t 2 ]]; then say "$1"; else printf '%s ... ' "$1" >&2; fi
}

# step LOG TITLE COMMAND…: runs the command with its output appended to LOG, and prints the title and the time
# taken. A failure prints the end of the log and returns the command's status.
step() {
  local log=$1 title=$2 start=$EPOCHREALTIME status=0 first
  shift 2
  printf '%s ... ' "$title" >&2
  printf '\n== %s\n' "$title" >>"$log"
  first=$(($(wc -l <"$log") + 1))
  "$@" >>"$log" 2>&1 </dev/null || status=$?
  if ((status == 0)); then
    say "$(elapsed "$start")"
    return 0
  fi
  say "failed after $(elapsed "$start"); the end of ${log#"$here/"}:"
  tail -n +"$first" "$log" | tail -n 20 | sed 's/^/  | /' >&2
  return "$status"
}
