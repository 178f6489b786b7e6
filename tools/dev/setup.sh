# shellcheck shell=bash
# ./dev setup: takes a bare Debian 12 machine to one that builds Sallyport, from deps.lock alone.
: "${here:?set by ./dev}"

readonly lock_file=$here/deps.lock
readonly deps=$here/.deps
readonly setup_log=$here/build/setup.log
readonly cache=${XDG_CACHE_HOME:-$HOME/.cache}/sallyport

# locked KIND: prints "name version sha256" for each line of that kind.
locked() { awk -v kind="$1" '$1 == kind { print $2, $3, $4 }' "$lock_file"; }

# locked_field KIND NAME FIELD
locked_field() {
  awk -v kind="$1" -v name="$2" -v field="$3" '$1 == kind && $2 == name { print $field }' "$lock_file"
}

setup_stamp() { cat "$lock_file" "$here/tools/dev/setup.sh" | sha256sum | cut -d' ' -f1; }

# The commands are looked for again each time because a checkout may travel to a machine that never saw the
# set-up.
setup_is_done() {
  [[ -r $deps/stamp && $(<"$deps/stamp") == "$(setup_stamp)" ]] || return 1
  local tool
  for tool in g++ cmake ninja git; do
    command -v "$tool" >/dev/null || return 1
  done
}

# apt_install PACKAGE…: one apt run at a time on a machine, and a wait rather than an error when another holds
# the lock.
apt_install() {
  if ! command -v apt-get >/dev/null; then
    die 1 "this machine has no apt-get" "install what corresponds to these Debian packages: $*"
  fi
  if ((EUID != 0)); then
    die 1 "Debian packages are missing, and only root can install them" \
      "run: sudo apt-get update && sudo apt-get install --no-install-recommends $*"
  fi
  local -a apt=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=900 -y -q)
  if [[ ! -e $deps/.apt-updated ]]; then
    step "$setup_log" "setup: reading Debian's package lists" "${apt[@]}" update ||
      die 1 "apt-get update failed" "check that this machine reaches its Debian mirror, then try again"
    : >"$deps/.apt-updated"
  fi
  step "$setup_log" "setup: installing Debian packages ($#: $1${2:+, $2}${3:+, ...})" \
    "${apt[@]}" install --no-install-recommends "$@" ||
    die 1 "apt-get install failed" "repair what the log says (often: apt-get -f install), then try again"
}

setup_debian() {
  local name version _ installed
  local -A have=()
  local -a wanted=() missing=()
  if command -v dpkg-query >/dev/null; then
    mapfile -t wanted < <(locked debian | cut -d' ' -f1)
    while IFS=' ' read -r name version; do
      have[$name]=$version
    done < <(dpkg-query -W -f='${db:Status-Status} ${Package} ${Version}\n' "${wanted[@]}" 2>/dev/null |
      sed -n 's/^installed //p')
  fi
  while read -r name version _; do
    if [[ -z ${have[$name]:-} ]]; then missing+=("$name"); fi
  done < <(locked debian)
  if ((${#missing[@]} > 0)); then apt_install "${missing[@]}"; fi
  while read -r name version _; do
    installed=${have[$name]:-$(dpkg-query -W -f='${Version}' "$name")}
    if [[ $installed != "$version" ]]; then
      say "setup: warning: $name is $installed, deps.lock was written with $version"
    fi
  done < <(locked debian)
}

# need_tool COMMAND PACKAGE
need_tool() { command -v "$1" >/dev/null || apt_install "$2"; }

fetch_pypi() {
  local name=$1 version=$2 folder=$3
  pip3 download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --implementation cp \
    --python-version 3.11 --abi cp311 --platform manylinux_2_28_x86_64 --dest "$folder" "$name==$version"
}

# Debian's lists may never have been read on this machine.
fetch_deb() {
  local name=$1 version=$2 folder=$3
  (cd "$folder" && { apt-get -q download "$name=$version" ||
    { apt-get -q update && apt-get -q download "$name=$version"; }; })
}

fetch_npm() {
  local name=$1 version=$2 folder=$3
  (cd "$folder" && npm pack --silent --ignore-scripts "$name@$version")
}

# fetched KIND NAME: makes sure that the cache holds the archive under its hash, and sets `archive` to its
# path.
fetched() {
  local kind=$1 name=$2 version sha256 folder file actual
  version=$(locked_field "$kind" "$name" 3)
  sha256=$(locked_field "$kind" "$name" 4)
  [[ $sha256 =~ ^[0-9a-f]{64}$ ]] || die 1 "deps.lock: $name has no SHA-256"
  archive=$cache/$sha256
  if [[ -f $archive && $(sha256sum <"$archive") == "$sha256  -" ]]; then return; fi
  case $kind in
    pypi) need_tool pip3 python3-pip ;;
    npm) need_tool npm npm ;;
  esac
  folder=$(mktemp -d "$cache/fetch.XXXXXX")
  step "$setup_log" "setup: fetching $name $version" "fetch_$kind" "$name" "$version" "$folder" || {
    rm -rf "$folder"
    die 1 "cannot fetch $name $version" "check that this machine reaches the package registry, then try again"
  }
  file=$(find "$folder" -type f)
  actual=$(sha256sum <"$file" | cut -d' ' -f1)
  if [[ $actual != "$sha256" ]]; then
    rm -rf "$folder"
    die 1 "$name $version: SHA-256 is $actual, deps.lock says $sha256; it was not installed" \
      "someone may have replaced the package: do not change the hash before you know why it differs"
  fi
  mv -f "$file" "$archive"
  rm -rf "$folder"
}

# unzip_matching ARCHIVE FOLDER PATTERN: the members whose name matches the regular expression.
unzip_matching() {
  python3 - "$@" <<'PYTHON'
import re, sys, zipfile
archive, folder, pattern = sys.argv[1:]
with zipfile.ZipFile(archive) as wheel:
    wheel.extractall(folder, [name for name in wheel.namelist() if re.fullmatch(pattern, name)])
PYTHON
}

# A folder appears under its final name only when it is complete, so a set-up that was killed leaves nothing
# half done. The commands are chained because bash ignores `set -e` in a function whose status is tested.
unpack_openvino() {
  local target=$1 wheel=$2 part=$1.part members
  members='openvino/include/(openvino|tbb|oneapi)/.*|.*/licenses/.*|openvino/libs/('
  members+='libopenvino\.so\.\d+|libopenvino_intel_cpu_plugin\.so|libopenvino_(ir|onnx)_frontend\.so\.\d+|'
  members+='libtbb(|malloc|bind_2_5)\.so\.\d+|libhwloc\.so\.\d+)'
  rm -rf "$part" "$target" &&
    unzip_matching "$wheel" "$part" "$members" &&
    mv "$part/openvino/include" "$part/openvino/libs" "$part" &&
    mv "$part"/*.dist-info/licenses "$part" &&
    rmdir "$part/openvino" "$part"/*.dist-info &&
    mv "$part" "$target"
}

unpack_blake3() {
  local target=$1 package=$2 part=$1.part crate
  rm -rf "$part" "$target" &&
    dpkg-deb -x "$package" "$part" &&
    crate=$(echo "$part"/usr/share/cargo/registry/blake3-*) &&
    mv "$crate/LICENSE" "$crate"/c/*.[chS] "$part" &&
    rm -rf "$part/usr" &&
    mv "$part" "$target"
}

unpack_duckdb() {
  local target=$1 library=$2 source=$3 part=$1.part
  rm -rf "$part" "$target" &&
    mkdir -p "$part/include" "$part/libs" &&
    tar -xzf "$library" -C "$part/libs" --strip-components=1 package/libduckdb.so &&
    tar -xzf "$source" -C "$part/include" --strip-components=5 package/src/duckdb/src/include/duckdb.h &&
    tar -xzf "$source" -C "$part" --strip-components=1 package/LICENSE &&
    mv "$part" "$target"
}

setup_archives() {
  local archive wheel library target version
  fetched deb librust-blake3-dev
  target=$deps/blake3-$(locked_field deb librust-blake3-dev 3)
  if [[ ! -d $target ]]; then
    step "$setup_log" "setup: unpacking ${target##*/}" unpack_blake3 "$target" "$archive" ||
      die 1 "cannot unpack BLAKE3" "is the disk full?"
  fi
  fetched pypi openvino
  wheel=$archive
  fetched npm @duckdb/node-bindings-linux-x64
  library=$archive
  fetched npm duckdb
  target=$deps/openvino-$(locked_field pypi openvino 3)
  if [[ ! -d $target ]]; then
    step "$setup_log" "setup: unpacking ${target##*/}" unpack_openvino "$target" "$wheel" ||
      die 1 "cannot unpack OpenVINO" "is the disk full?"
  fi
  version=$(locked_field npm duckdb 3)
  if [[ $(locked_field npm @duckdb/node-bindings-linux-x64 3) != "$version"-r.* ]]; then
    die 1 "deps.lock: DuckDB's library and header are of different releases"
  fi
  target=$deps/duckdb-$version
  if [[ ! -d $target ]]; then
    step "$setup_log" "setup: unpacking ${target##*/}" unpack_duckdb "$target" "$library" "$archive" ||
      die 1 "cannot unpack DuckDB" "is the disk full?"
  fi
}

command_setup() {
  if setup_is_done; then return; fi
  local start=$EPOCHREALTIME
  mkdir -p "$deps" "$cache" "$here/build"
  : >"$setup_log"
  rm -f "$deps/.apt-updated"
  exec {setup_lock}>"$cache/lock"
  if ! flock --nonblock "$setup_lock"; then
    say "setup: waiting for another checkout's set-up to end"
    flock "$setup_lock"
  fi
  setup_debian
  setup_archives
  exec {setup_lock}>&-
  setup_stamp >"$deps/stamp"
  say "setup: done in $(elapsed "$start")"
}
