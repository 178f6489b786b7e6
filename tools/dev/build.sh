# shellcheck shell=bash
# ./dev build and the commands that build, then hand over to a binary.
: "${here:?set by ./dev}"

# Checkouts share one compiler cache: paths inside the checkout are made relative before they are hashed.
use_ccache() {
  if ! command -v ccache >/dev/null; then return; fi
  export CCACHE_BASEDIR=$here CCACHE_NOHASHDIR=1
  export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
}

# run_ninja FOLDER [--target NAME]...: on a terminal ninja keeps one line up to date; elsewhere it is silent,
# and shows what it said when something failed.
run_ninja() {
  if [[ -t 2 ]]; then
    cmake --build "$@" >&2
    return
  fi
  local log=$1/build.log status=0
  cmake --build "$@" -- --quiet >"$log" 2>&1 || status=$?
  if ((status != 0)); then
    say ''
    sed -E '/^(ninja: no work to do\.$|-- )/d' "$log" >&2
  fi
  return "$status"
}

configure_preset() {
  local preset=$1 log=build/$1/configure.log
  if [[ -e build/$preset/build.ninja && ! CMakePresets.json -nt build/$preset/build.ninja ]]; then return; fi
  mkdir -p "build/$preset"
  : >"$log"
  step "$log" "build: configuring $preset" cmake --preset "$preset" ||
    die 1 "cmake could not configure the preset $preset" "the whole log: $log"
}

build_preset() {
  local preset=$1 target
  shift
  local -a targets=()
  for target in "$@"; do targets+=(--target "$target"); done
  run_ninja "build/$preset" "${targets[@]}" ||
    die 1 "the build failed" "its first error is above; ./dev build tries again"
}

command_build() {
  local preset=${1:-release}
  [[ $preset =~ ^(dev|release|asan|tsan|fuzz)$ ]] ||
    die 64 "no preset '$preset'" "dev, release, asan, tsan or fuzz"
  command_setup
  local start=$EPOCHREALTIME
  use_ccache
  configure_preset "$preset"
  begin "build: $preset"
  build_preset "$preset" "${@:2}"
  say "$(elapsed "$start")"
}

# run_built BINARY ARGUMENT…: builds quietly, then becomes the binary.
run_built() {
  local binary=build/release/$1
  shift
  command_build release
  [[ -x $binary ]] || die 1 "the build made no $binary" "is its target missing from CMakeLists.txt?"
  exec "$binary" "$@"
}

command_demo() { run_built sallyport demo "$@"; }
command_drill() { run_built sallyport drill "$@"; }
command_mutate() { run_built sallyport-mutate "$@"; }
command_bench() { run_built sallyport-bench "$@"; }

# fuzz_one NAME SECONDS: starts from the samples in fuzz/corpus/NAME and in the folders that fuzz/seeds.txt
# names, and keeps what it finds under build/.
fuzz_one() {
  local name=$1 seconds=$2 target folders
  local -a seeds=("build/fuzz/corpus/$name")
  mkdir -p "${seeds[0]}"
  if [[ -d fuzz/corpus/$name ]]; then seeds+=("fuzz/corpus/$name"); fi
  while read -r target folders; do
    # shellcheck disable=SC2206
    if [[ $target == "$name" ]]; then seeds+=($folders); fi
  done <fuzz/seeds.txt
  say "fuzz: $name for at most $seconds s"
  "build/fuzz/fuzz_$name" "-max_total_time=$seconds" "-artifact_prefix=build/fuzz/$name-" "${seeds[@]}"
}

# The canary is a target that crashes behind four branches. A fuzzer that cannot find that proves nothing.
fuzz_canary() {
  rm -rf build/fuzz/corpus/canary
  if fuzz_one canary 60 2>/dev/null; then
    die 1 "the fuzzer did not find the canary's crash" "fuzz/driver.cc or the compiler's coverage is broken"
  fi
  say "fuzz: the canary's crash was found"
}

command_fuzz() {
  local name=${1:-} seconds=${2:-10} target
  command_build fuzz fuzzers
  if [[ -n $name ]]; then
    [[ -x build/fuzz/fuzz_$name ]] || die 64 "no fuzz target '$name'" "targets are fuzz/fuzz_NAME.cc"
    fuzz_one "$name" "$seconds"
    return
  fi
  fuzz_canary
  for target in build/fuzz/fuzz_*; do
    if [[ -x $target && $target != */fuzz_canary ]]; then fuzz_one "${target##*/fuzz_}" "$seconds"; fi
  done
}

# A fixture script writes samples with the tool that users have, so that a guard meets what it will meet
# outside.
command_fixtures() {
  command_setup
  local script found=0
  for script in tools/fixtures/*; do
    if [[ ! -f $script || ! -x $script || ${script##*/} != "${1:-${script##*/}}" ]]; then continue; fi
    found=1
    say "fixtures: ${script##*/}"
    "$script"
  done
  ((found)) || die 64 "no fixture script${1:+ of the name $1}" "they are the executables in tools/fixtures/"
  git status --short
}
