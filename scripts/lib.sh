# shellcheck shell=bash
# What setup, run and test share: where things lie, how a part is started and stopped, how the program is built.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
CACHE=${CHARGEDECK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/chargedeck}
TOOLS=$CACHE/tools
APP=$ROOT/target/app

# One target folder for every checkout: a fresh clone finds its dependencies compiled.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$CACHE/target}
# cargo-leptos sets this name; without it plain cargo would compile Leptos a second time.
export LEPTOS_OUTPUT_NAME=chargedeck
# A shell that is set up for `cargo leptos watch` has them off.
export LEPTOS_HASH_FILES=true
# What setup installed stands first; containers stand in only for what is found nowhere else.
export PATH="$TOOLS/bin:$ROOT/end2end/node_modules/.bin:$PATH:$HOME/.cargo/bin:$TOOLS/docker"
export CHARGEDECK_SESSION=$$
# Other servers than those on PATH: a program of each may be named, for all that starts one.
export MONGOD=${MONGOD:-mongod} REDIS_SERVER=${REDIS_SERVER:-redis-server}

cd "$ROOT"

say() { printf '\033[1m==>\033[0m %s\n' "$*"; }
note() { printf '    %s\n' "$*"; }
die() {
  printf '\033[31mchargedeck:\033[0m %s\n' "$*" >&2
  exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# Parts ------------------------------------------------------------------------------------------------------

# Process groups in the order they were started. Each part has its own, so that Ctrl-C reaches this script alone
# and the parts are stopped in the right order: nothing loses its database before it has finished.
parts=()

# spawn LOG COMMAND...: starts a part; its process group is in $part. The kernel ends it if this script is killed.
spawn() {
  local log=$1
  shift
  if [[ $log == - ]]; then
    setsid setpriv --pdeathsig TERM "$@" </dev/null &
  else
    setsid setpriv --pdeathsig TERM "$@" </dev/null >>"$log" 2>&1 &
  fi
  part=$!
  parts+=("$part")
}

# step COMMAND...: runs a long command to its end and gives back its status; can be interrupted at any time.
step() {
  local status=0
  setsid "$@" </dev/null &
  parts+=("$!")
  wait "$!" || status=$?
  unset 'parts[-1]'
  return "$status"
}

# stop GROUP SECONDS: asks a group to end, and insists when the seconds are over.
stop() {
  local tenths=$(($2 * 10))
  send TERM "$1" || return 0
  while send 0 "$1"; do
    ((tenths-- > 0)) || {
      send KILL "$1" || true
      return 0
    }
    sleep 0.1
  done
}

# A part that has only just been forked is not yet the leader of its group.
send() { kill "-$1" -- "-$2" 2>/dev/null || kill "-$1" "$2" 2>/dev/null; }

stop_all() {
  trap '' INT TERM HUP
  local i
  for ((i = ${#parts[@]} - 1; i >= 0; i--)); do
    stop "${parts[i]}" 25
  done
  if [[ -d $TOOLS/docker ]] && have docker; then
    docker ps -q --filter "label=chargedeck=$CHARGEDECK_SESSION" 2>/dev/null | xargs -r docker rm -f >/dev/null 2>&1 || true
  fi
}

trap stop_all EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

port_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# free_port FIRST: the first port from FIRST on that nobody listens to.
free_port() {
  local port=$1
  while port_taken "$port"; do port=$((port + 1)); done
  echo "$port"
}

# wait_for SECONDS PART COMMAND...: asks again until the command succeeds, the part ends or the time is over.
wait_for() {
  local tenths=$(($1 * 10)) of=$2
  shift 2
  until "$@"; do
    kill -0 "$of" 2>/dev/null && ((tenths-- > 0)) || return 1
    sleep 0.1
  done
}

redis_answers() {
  (
    exec 3<>"/dev/tcp/127.0.0.1/$1" && printf 'PING\r\n' >&3 && read -r -t 2 answer <&3 && [[ $answer == +PONG* ]]
  ) 2>/dev/null
}

# http_ok PORT PATH: whether this machine's server answers 200.
http_ok() {
  (
    exec 3<>"/dev/tcp/127.0.0.1/$1" &&
      printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nConnection: close\r\n\r\n' "$2" "$1" >&3 &&
      read -r -t 5 _ status _ <&3 && [[ $status == 200 ]]
  ) 2>/dev/null
}

# The program --------------------------------------------------------------------------------------------------

# The files a build is made of. A folder's own time tells of what was removed from it.
build_inputs() {
  local input
  for input in src view style public Cargo.toml Cargo.lock Leptos.toml rust-toolchain.toml end2end/package-lock.json \
    end2end/charts.mjs; do
    [[ ! -e $input ]] || echo "$input"
  done
}

built() {
  local inputs
  mapfile -t inputs < <(build_inputs)
  [[ -e $APP/.built && -z $(find "${inputs[@]}" -newer "$APP/.built" -print -quit) ]]
}

# Builds the program into $APP: binary, hash.txt beside it (the server looks there) and the site. The target folder
# serves all checkouts, so the result is copied out while nobody else may build.
build_app() {
  local status=0
  built && return 0
  say "Building ChargeDeck, server and browser side (the first time takes about 12 minutes on two cores)"
  exec 9>"$CACHE/build.lock"
  if ! flock -n 9; then
    note "waiting for another checkout's build"
    step flock 9
  fi
  build_and_copy || status=1
  exec 9>&-
  return "$status"
}

# What pages with charts load besides: ECharts, cut down. cargo-leptos takes it from public/ with everything else there.
bundle_charts() { step node end2end/charts.mjs; }

build_and_copy() {
  # What is outdated must not be tested; what is edited while the compiler runs must count as newer than the result.
  rm -rf "$APP" && mkdir -p target && bundle_charts && touch target/.build-began &&
    step cargo leptos build --release --precompress --split &&
    rm -rf "$APP.new" && mkdir "$APP.new" &&
    cp "$CARGO_TARGET_DIR/release/chargedeck" "$CARGO_TARGET_DIR/release/hash.txt" "$APP.new/" &&
    cp -R target/site "$APP.new/site" &&
    touch -r target/.build-began "$APP.new/.built" &&
    mv "$APP.new" "$APP"
}
