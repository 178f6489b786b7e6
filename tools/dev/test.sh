# shellcheck shell=bash
# ./dev test, tidy and ci.
: "${here:?set by ./dev}"

# junit_attribute NAME FILE: a count from the head of the report that ctest wrote, one attribute a line.
junit_attribute() {
  sed -n "s/^[[:space:]]*$1=\"\([0-9]*\)\".*/\1/p" "$2" | head -n 1
}

# failures_of LOG: what ctest said of the tests that failed, without the frame that GoogleTest puts around it.
failures_of() {
  local frame='^$|^Running main|^Note: Google Test filter|^\[(=+|-+| RUN +|  PASSED  )\]|FAILED TEST'
  frame+='|^Internal ctest|^Test project| Passed +[0-9.]+ sec$|^ +Start +[0-9]+:'
  frame+='|^\[  FAILED  \].*(listed below|ms\)$)|^The following tests|^Errors while'
  frame+='|tests passed, |^Total Test time'
  grep -vE "$frame" "$1" || true
}

# run_tests [REGEX]: on what is already built.
run_tests() {
  local report=$here/build/release/tests.xml log=$here/build/release/tests.log start=$EPOCHREALTIME status=0
  local -a options=(--test-dir build/release --parallel "$(jobs_max)")
  options+=(--output-on-failure --output-junit "$report")
  if (($# > 0)); then options+=(--tests-regex "$1"); fi
  rm -f "$report"
  begin 'test: running'
  if [[ -t 2 ]]; then
    ctest "${options[@]}" --progress >&2 || status=$?
  else
    ctest "${options[@]}" >"$log" 2>&1 || status=$?
    say "$(elapsed "$start")"
    if ((status != 0)); then failures_of "$log" >&2; fi
  fi
  local total=0 failed=0 skipped=0
  if [[ -s $report ]]; then
    total=$(junit_attribute tests "$report")
    failed=$(junit_attribute failures "$report")
    skipped=$(($(junit_attribute skipped "$report") + $(junit_attribute disabled "$report")))
  fi
  local passed=$((total - failed - skipped)) summary
  if ((passed + failed == 0)); then
    say "dev: no test ran${1:+: none matches $1}"
    status=1
  fi
  summary="$passed passed, $failed failed"
  if ((skipped > 0)); then summary+=", $skipped skipped"; fi
  printf '%s\n' "$summary"
  return "$status"
}

command_test() {
  command_build release
  run_tests "$@"
}

command_ci() { command_test "$@"; }

command_tidy() {
  command_build release tidy_tests
  run_tests 'Tidy'
}
