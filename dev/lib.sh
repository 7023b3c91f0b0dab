# Owns what every service script shares: verbs, the cache, atomic installs, free ports, and the life of one server process.
# Does not own what is particular to a service: the script that sources this sets `service` and defines its verbs.
# Invariants: an install is whole or not there; only a process this folder's pid file names (pid and start time) is ever
# signalled; a start either announces a server that answered a question or leaves nothing running.
# shellcheck shell=bash

cache="${TICKLAKE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ticklake}/${service:?set by the script that sources this}"
ready_within_s=120
stop_within_s=20

say() { printf '%s: %s\n' "$service" "$*" >&2; }
die() { say "$*"; exit 1; }

# dispatch VERB [DIR]: runs verb_VERB. A verb that takes DIR finds its own folder in $state.
dispatch() {
  local verb=${1:-}
  declare -F "verb_${verb:-none}" >/dev/null || usage
  shift
  if [[ $verb =~ ^(start|stop|restart|kill9)$ ]]; then
    [[ ${1:-} ]] || usage
    [[ $verb == *start || -d $1/$service ]] || exit 0 # nothing was ever started there
    mkdir -p "$1/$service"
    state=$(cd "$1/$service" && pwd)
    shift
  fi
  "verb_$verb" "$@"
}

usage() {
  local verbs
  verbs=$(declare -F | sed -n 's/^declare -f verb_//p' | paste -sd'|')
  printf 'usage: dev/%s %s [DIR]\n' "$service" "$verbs" >&2
  exit 2
}

need() { command -v "$1" >/dev/null || die "needs \`$1\` on the PATH"; }

# ---- install -----------------------------------------------------------------------------------------------------

# install_as DEST BUILDER: BUILDER OUT WORK DEST fills OUT; only a finished OUT is renamed to DEST, and WORK thrown away.
install_as() {
  local dest=$1 builder=$2
  [[ -d $dest ]] && return
  mkdir -p "$cache"
  (
    flock 9
    [[ -d $dest ]] && exit                # another install was faster
    rm -rf "$dest".tmp.*                  # left by one that was killed; we hold the lock
    tmp=$(mktemp -d "$dest.tmp.XXXXXX")
    trap 'rm -rf "$tmp"' EXIT
    mkdir "$tmp/out" "$tmp/work"
    renice -n 10 -p "$BASHPID" >/dev/null || true
    say "installing into $dest"
    "$builder" "$tmp/out" "$tmp/work" "$dest"
    mv -T "$tmp/out" "$dest"
  ) 9>"$cache/.lock" >&2
}

# maven WORK GOAL...: the one Maven plugin we use, with a local repository of its own that goes away with WORK.
maven() {
  local work=$1 goal=$2
  shift 2
  need mvn
  (cd "$work" && mvn -q -B -ntp -Dmaven.repo.local="$work/m2" \
    "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:$goal" "$@")
}

# jars LIBS WORK <dependencies: puts what the given Maven <dependency> elements need at run time into LIBS.
jars() {
  {
    echo '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
    echo '<groupId>ticklake.dev</groupId><artifactId>jars</artifactId><version>1</version><packaging>pom</packaging>'
    echo "<dependencies>$(cat)</dependencies></project>"
  } >"$2/pom.xml"
  maven "$2" copy-dependencies -DincludeScope=runtime -DoutputDirectory="$1"
}

# build_venv OUT WORK DEST PIP-ARGS...: a virtual environment made in OUT that works once it is renamed to DEST.
build_venv() {
  local out=$1 dest=$3
  shift 3
  need python3
  python3 -m venv "$out"
  "$out/bin/python" -m pip install --quiet --no-cache-dir "$@"
  grep -rlIF "$out" "$out/bin" "$out/pyvenv.cfg" | xargs sed -i "s|$out|$dest|g"
}

# ---- ports and questions -----------------------------------------------------------------------------------------

port_taken() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
port_free() { ! port_taken "$1"; }

# Below the kernel's range for outgoing connections, so that no client's socket can take the port before we bind it.
free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 12000))
    port_free "$port" && break
  done
  echo "$port"
}

# keep_port NAME: the port this folder used before if it is still free, else a new one; remembered for the next start.
keep_port() {
  local file="$state/$1.port" port=
  [[ -f $file ]] && port=$(<"$file")
  [[ $port ]] && port_free "$port" || port=$(free_port)
  echo "$port" | tee "$file"
}

# wait_for SECONDS QUESTION...: asks until the answer is yes; no when the time is up.
wait_for() {
  local until=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < until)) || return 1
    sleep 0.1
  done
}

# ---- one server process ------------------------------------------------------------------------------------------

# born PID: the start time of a process that runs; nothing for one that is gone. Pids are reused, the pair is not.
# A zombie is gone only with its last thread: until then a killed JVM still holds its port.
born() {
  local line
  line=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
  read -ra line <<<"${line##*) }"
  [[ ${line[0]} == Z && ${line[17]} -le 1 ]] || echo "${line[19]}"
}

# running: does the process that the pid file names (`PID STARTTIME`) still run?
running() {
  local pid time
  [[ -f $state/pid ]] && read -r pid time <"$state/pid" && [[ $time && $(born "$pid") == "$time" ]]
}
gone() { ! running; }

signal() {
  local pid
  read -r pid _ <"$state/pid" && kill "-$1" "$pid" 2>/dev/null || true
}

# launch COMMAND...: a server that outlives this script, holds none of its pipes and drops its litter in $state.
# Until `announce`, any exit kills it.
launch() {
  trap abandon EXIT
  (cd "$state" && exec setsid nohup "$@" </dev/null >>log 2>&1) &
  echo "$! $(born $!)" >"$state/pid"
}

abandon() {
  stop_server
  say "did not get ready; the end of $state/log:"
  tail -n 30 "$state/log" >&2
  exit 1
}

# ready_when QUESTION...: waits for a yes; gives up at once when the server dies.
ready_when() {
  question=("$@")
  wait_for "$ready_within_s" settled || die "no answer within $ready_within_s s"
  running || die "the server ended by itself"
}
settled() { gone || "${question[@]}"; }

# announce KEY=value...: the server is up. The lines stay in the folder, so that a second start can repeat them.
announce() {
  printf '%s\n' "$@" >"$state/env"
  trap - EXIT
  say "ready, pid $(cut -d' ' -f1 "$state/pid"), in $state"
  cat "$state/env"
}

# already_up: a start of what runs only repeats its lines. One whose start was cut off before the answer makes room.
already_up() {
  running && cat "$state/env" 2>/dev/null && return
  stop_server
  return 1
}

stop_server() { end_with TERM; }
kill9_server() { end_with KILL; }

end_with() {
  if running; then
    signal "$1"
    wait_for "$stop_within_s" gone || { signal KILL && wait_for "$stop_within_s" gone; } || die "cannot end $(<"$state/pid")"
  fi
  rm -f "$state/pid" "$state/env"
}
