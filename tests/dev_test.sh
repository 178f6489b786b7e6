#!/usr/bin/env bash
# ./dev on a copy of the checkout: what it refuses, and that the guard it makes compiles.
#
#   dev_test.sh SOURCE_DIRECTORY BINARY_DIRECTORY
set -euo pipefail

source_dir=$1
copy=$2/dev_test
rm -rf "$copy"
mkdir -p "$copy"
trap 'rm -rf "$copy"' EXIT
for part in dev deps.lock guards.def tools core catalog drills formats; do
  cp -r "$source_dir/$part" "$copy/"
done
cd "$copy"

fail() {
  printf 'dev_test: %s\n' "$*" >&2
  exit 1
}

# refuses CODE PATTERN COMMAND…: the command ends with that status and says what the pattern matches.
refuses() {
  local code=$1 pattern=$2 status=0 said
  shift 2
  said=$("$@" 2>&1) || status=$?
  [[ $status == "$code" ]] || fail "'$*' ended with $status instead of $code: $said"
  [[ $said =~ $pattern ]] || fail "'$*' did not say '$pattern': $said"
}

[[ $(./dev) == "$(./dev help)" ]] || fail "./dev alone is not ./dev help"
for name in setup build demo test drill mutate fuzz bench tidy new fixtures ci help; do
  grep -qE "^  $name( |$)" <(./dev help) || fail "./dev help does not name $name"
done
(cd core && ../dev help >/dev/null) || fail "./dev does not work from a folder of the checkout"

refuses 64 "no command 'nonsense'" ./dev nonsense
refuses 64 'usage' ./dev new guard export
refuses 64 "no stage 'nowhere'" ./dev new guard nowhere some_guard export-archive-bomb
refuses 64 "no threat 'nothing'" ./dev new guard export some_guard nothing
refuses 64 'a threat to export' ./dev new guard input some_guard export-archive-bomb
refuses 64 'snake_case' ./dev new guard export SomeGuard export-archive-bomb

# A fold and a second guard, whose threats have no OPEN entry to replace, and a plain hook.
./dev new guard preparation fresh_fold split-class-skew 2>/dev/null
./dev new guard model_export fresh_file export-object-store-exposure 2>/dev/null
./dev new guard export second_file export-object-store-exposure 2>/dev/null
refuses 64 'already' ./dev new guard export fresh_file export-archive-bomb
for threat in export-object-store-exposure; do
  if grep -q "^OPEN(\"$threat\"" guards.def; then fail "$threat is still open"; fi
done
compiles() {
  local -a compiler=(${launcher:+"$launcher"} "${CXX:-g++}" -std=c++23 -Wall -Wextra -Wpedantic -Werror)
  "${compiler[@]}" -I. -c "$1" -o made.o
}
launcher=$(command -v ccache || true)
for made in data_engineering/data_preparation/fresh_fold production/model_export/fresh_file; do
  folder=${made%/*}
  grep -qx "GUARD(${folder%/*}, ${folder#*/}, ${made##*/})" guards.def || fail "guards.def lacks $made"
  for file in "$made.cc" "${made}_drill.cc"; do
    if grep -q '@' "$file"; then fail "$file has an unfilled place"; fi
    compiles "$file" || fail "$file does not compile"
  done
done
cat >table.cc <<'TABLE'
#define OPEN(threat, reason)
#define HELD(section, stage, id, threat, mechanism)
#define DRILL(section, stage, id)
#define GUARD(section, stage, id) static_assert(sizeof(#section #stage #id) > 1);
#include "guards.def"
TABLE
compiles table.cc || fail "guards.def no longer parses"
