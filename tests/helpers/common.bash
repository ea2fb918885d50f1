# Loaded by every test file: its own store, what must be gone after each test, and short assertions.
# shellcheck shell=bash disable=SC2034,SC2154
bats_require_minimum_version 1.5.0

TOP=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
HELPERS=$TOP/tests/helpers
export HULL_BUILD=${HULL_BUILD:-$TOP/build}
# Plain names of bridge, table and pair: a file that has networks has a network namespace as well.
export HULL_NET_SUFFIX=
export BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-120}

# root: the machine's root. user: an ordinary user with ranges of ids. userns: root of that user's
# `unshare -r`, with one id.
AS=${HULL_TEST_AS:-root}

hull() {
	if [ -n "${HULL_TESTS_NET:-}" ]; then
		nsenter --net="$HULL_TESTS_NET" "$HULL_BUILD/hull" "$@"
	else
		"$HULL_BUILD/hull" "$@"
	fi
}

# A command with the powers that hull has over the test's files: owners may be changed to those there are.
as_hull() {
	if [ "$AS" = user ]; then unshare --map-root-user --map-auto -- "$@"; else "$@"; fi
}

# What root's files are owned by, as the test sees it.
OWN=$(id -u):$(id -g)

# Archives hold root's files, whoever makes them; owners that cannot be had are left out.
tar() {
	case $AS in
	root) command tar "$@" ;;
	user) as_hull tar "$@" ;;
	userns) command tar --no-same-owner "$@" ;;
	esac
}

# only WHO[|WHO] REASON: a skip for the others
only() {
	[[ "|$1|" == *"|$AS|"* ]] || skip "$AS: $2"
}

# --- store ---

# Each file gets a copy of the suite's store: its layers as hard links, so it costs no space.
setup_file() {
	if [ -z "${HULL_SUITE:-}" ]; then
		HULL_SUITE=$(mktemp -d "${HULL_TEST_TMP:-/var/tmp}/hull-tests.XXXXXX")
		export HULL_SUITE HULL_SUITE_OURS=1
		"$HELPERS/suite" make
	fi
	FILE_DIR=$(mktemp -d "$HULL_SUITE/f.XXXX")
	export FILE_DIR HULL_ROOT=$FILE_DIR/root HULL_RUNROOT=$FILE_DIR/run
	export PROBE=$HULL_SUITE/bin/probe
	mkdir "$FILE_DIR/run"
	: >"$FILE_DIR/run/no-idmaps.said" # one line for each boot, which one test looks at
	as_hull cp -al "$HULL_SUITE/root" "$HULL_ROOT"
	# What is written in place must not be shared.
	find "$HULL_ROOT" -maxdepth 1 -type f | while read -r f; do
		cp -p "$f" "$f.own" && mv "$f.own" "$f"
	done
	[ -n "${HULL_TESTS_ALONE:-}" ] || own_network
	if declare -F setup_more >/dev/null; then setup_more; fi
}

# Without tests/helpers/alone: bridges and rules are still not the machine's.
own_network() {
	[ "$AS" = root ] || return 0
	export HULL_TESTS_NET=$FILE_DIR/net
	: >"$HULL_TESTS_NET"
	unshare --net="$HULL_TESTS_NET" ip link set lo up
}

teardown_file() {
	if declare -F teardown_more >/dev/null; then teardown_more; fi
	[ -z "${HULL_TESTS_NET:-}" ] || umount "$HULL_TESTS_NET"
	[ -z "${FILE_DIR:-}" ] || as_hull rm -rf --one-file-system "$FILE_DIR"
	[ -z "${HULL_SUITE_OURS:-}" ] || "$HELPERS/suite" remove "$HULL_SUITE"
}

setup() {
	T=$(mktemp -d "$FILE_DIR/t.XXXX")
	cd "$T" || return 1
	[ -z "${ONLY_ROOT:-}" ] || only root "$ONLY_ROOT"
	remember
	if declare -F setup_one >/dev/null; then setup_one; fi
}

# What a failed test leaves is not one more failure, but must go, or bats would wait for it.
teardown() {
	local bad=0
	if declare -F teardown_one >/dev/null; then teardown_one; fi
	# One that setup skipped did nothing.
	if [ -z "${BEFORE:-}" ]; then return 0; fi
	if [ -n "${BATS_TEST_COMPLETED:-}" ]; then assert_nothing_left || bad=1; fi
	if [ -z "${BATS_TEST_COMPLETED:-}" ] || [ $bad -ne 0 ]; then
		jobs -p | grep -vx "${BATS_killer_pid:-none}" | xargs -r kill -KILL
		if [ -n "${HULL_TESTS_ALONE:-}" ]; then
			left_processes | grep -vxFf <(was processes) | awk '{ print $1 }' | xargs -r kill -KILL
			# bats's watchdog, when it went with the jobs: bats would wait for it.
			pkill -KILL -P 1 -x sleep
		fi
		sleep 0.1
		hull ps -aq 2>/dev/null | while read -r id; do hull rm -f "$id"; done
	fi >/dev/null 2>&1
	cd /
	rm -rf --one-file-system "$T" "$T".* 2>/dev/null || as_hull rm -rf --one-file-system "$T" "$T".*
	return $bad
}

# --- what is left ---

# These run around every test, so they take builtins where they can: a fork costs 15 ms where the
# processor is emulated. Each prints lines, with $KIND in front.

# Processes: in a pid namespace of our own, all but bats and this test; else those that know our store.
left_processes() {
	local p pid stat words
	if [ -z "${HULL_TESTS_ALONE:-}" ]; then
		grep -lsz "^HULL_ROOT=$HULL_ROOT" /proc/[0-9]*/environ 2>/dev/null |
			while IFS=/ read -r _ _ pid _; do
				read -r stat <"/proc/$pid/comm" || continue
				case $stat in hull*) echo "${KIND:-}$pid" ;; esac
			done 2>/dev/null
		return 0
	fi
	for p in /proc/[0-9]*; do
		pid=${p#/proc/}
		read -r stat <"$p/stat" || continue
		mapfile -d '' -t words <"$p/cmdline" || continue
		[ ${#words[@]} -gt 0 ] || words=("${stat%%)*})") # a zombie
		case $pid:${words[*]} in
		1:* | *bats* | *"sleep $BATS_TEST_TIMEOUT") ;;
		*)
			read -r _ stat _ <<<"${stat##*) }"
			echo "${KIND:-}$pid $stat ${words[*]}"
			;;
		esac
	done 2>/dev/null
}

left_mounts() {
	local root point
	while read -r _ _ _ root point _; do echo "${KIND:-}$root $point"; done </proc/self/mountinfo
}

# Container cgroups (a folder named by 64 hexadecimal digits) in which no process lives.
left_cgroups() {
	local d pid
	[ "$AS" = root ] || return 0 # others' come and go
	find /sys/fs/cgroup -mindepth 1 -maxdepth 6 -type d -regextype posix-extended \
		-regex '.*[0-9a-f]{64}.*' 2>/dev/null | while read -r d; do
		read -r pid 2>/dev/null <"$d/cgroup.procs" || echo "${KIND:-}$d"
	done
}

# Folders of containers, and what was being made in the store.
left_files() {
	local f
	for f in "$FILE_DIR"/root/containers/* "$FILE_DIR"/run/containers/* "$FILE_DIR"/root/*tmp*/* \
		"$FILE_DIR"/root/*/*tmp*; do
		[[ ! -e $f && ! -L $f ]] || echo "${KIND:-}$f"
	done
}

left_rows() {
	local id
	[ -x "$HULL_BUILD/hull" ] || return 0
	hull ps -aq 2>/dev/null | while read -r id; do echo "${KIND:-}$id"; done
}

# bats looks at every command of a test (trap DEBUG): not at these.
all_left() {
	local what
	trap - DEBUG
	set +eET
	for what in processes mounts cgroups files rows; do KIND="$what: " left_$what; done
}

# Cgroups are the whole machine's: without those of containers that still have a guardian, which, were
# they this test's, would be left themselves.
without_guarded() {
	local line
	while read -r line; do
		[[ $line =~ ^cgroups:.*([0-9a-f]{64}) ]] && pgrep -f "hull-monitor ${BASH_REMATCH[1]}" >/dev/null && continue
		echo "$line"
	done
}

remember() { BEFORE=$(all_left); }
# was KIND: what was there when the test began
was() { sed -n "s/^$1: //p" <<<"$BEFORE"; }

# An end may be seen by the user a moment before its last process is gone: two seconds are granted. What
# other test files do at the same time comes and goes: only what stays was left.
assert_nothing_left() {
	local now new stays='' round
	for round in $(seq 40); do
		now=$(all_left)
		[ "$now" != "$BEFORE" ] || return 0
		new=$(comm -13 <(sort <<<"$BEFORE") <(sort <<<"$now"))
		[ "$round" -eq 1 ] || new=$(comm -12 <(echo "$stays") <(echo "$new"))
		stays=$new
		[ -n "$stays" ] || return 0
		sleep 0.05
	done
	stays=$(without_guarded <<<"$stays")
	[ -n "$stays" ] || return 0
	echo "left behind:"
	echo "$stays"
	return 1
}

# --- what the machine must have ---

# need PROGRAM...: a skip at a desk, a failure in CI
need() {
	local p
	for p in "$@"; do
		command -v "$p" >/dev/null && continue
		missing "$p is not installed"
	done
}

missing() {
	if [ "${CI:-}" = true ]; then
		echo "missing: $*"
		return 1
	fi
	skip "$*"
}

# need_image REF: the data in ../shared/images is nobody's duty, Debian's and ours are
need_image() {
	grep -qxF "$1" "$HULL_SUITE/images" && return
	case $1 in
	tiny | debian:*) missing "image $1 could not be made" ;;
	*) skip "image $1 is not there (HULL_TEST_IMAGES)" ;;
	esac
}

# older VERSION: this kernel is, or what tests/helpers/deny lets us see of it
older() {
	local kernel=${HULL_DENY:-$(uname -r)}
	[ "$(printf '%s\n' "$1" "${kernel%%-*}" | sort -V | head -n 1)" != "$1" ]
}

# Layers with other owners than on the disk: before that, no user namespace by default (spec_modes.c).
need_idmaps() { ! older 5.19 || skip "this kernel has no id-mapped layers (5.19)"; }

# What every process here has of seccomp: 0, or 2 beneath tests/helpers/deny
seccomp_here() { awk '/^Seccomp:/ { print $2 }' /proc/self/status; }

# --- assertions ---

# expect STATUS COMMAND...: $output is its stdout, $stderr the other
expect() {
	local want=$1
	shift
	run --separate-stderr "-$want" "$@" && return
	echo "command: $*"
	echo "status:  $status, expected $want"
	echo "stdout:  $output"
	echo "stderr:  $stderr"
	return 1
}

ok() { expect 0 "$@"; }

# ends PID STATUS: a background job of this shell
ends() {
	local got=0
	wait "$1" || got=$?
	is "status $got" "status $2"
}

fails() {
	local got=0
	wait "$1" || got=$?
	isnt "status $got" "status 0"
}

# is GOT WANT
is() {
	[ "$1" = "$2" ] && return
	echo "got:      $1"
	echo "expected: $2"
	return 1
}

isnt() {
	[ "$1" != "$2" ] && return
	echo "got what it must not be: $1"
	return 1
}

# has TEXT REGEX: some line matches
has() {
	grep -qE -- "$2" <<<"$1" && return
	echo "got:      $1"
	echo "no match: $2"
	return 1
}

lacks() {
	grep -qE -- "$2" <<<"$1" || return 0
	echo "got:   $1"
	echo "match: $2"
	return 1
}

# An error is one line on stderr, of which each REGEX matches something; nothing is on stdout.
one_line() {
	local regex
	if [ "$(wc -l <<<"$stderr")" -ne 1 ] || [ -z "$stderr" ] || [ -n "$output" ]; then
		echo "expected one line of error and no output"
		echo "stdout: $output"
		echo "stderr: $stderr"
		return 1
	fi
	for regex in "$@"; do has "$stderr" "$regex" || return 1; done
}

# tiny COMMAND...: in the small image, gone afterwards
tiny() { hull run --rm --network none tiny "$@"; }

# Of what a sanitizer changes: memory (what was freed is kept, all of it has a shadow), the worker's filter,
# what hull is linked with.
no_sanitizer() {
	if grep -q __asan_init "$HULL_BUILD/hull"; then skip 'not under a sanitizer'; fi
}

# wait_for COMMAND...: until it is true, 10 s at most
wait_for() {
	for _ in $(seq 200); do
		if "$@" >/dev/null 2>&1; then return 0; fi
		sleep 0.05
	done
	echo "waited in vain for: $*"
	return 1
}

# The host's pid of the only running container's first process, or of the one named.
container_pid() {
	hull inspect --format '{{.State.Pid}}' "$1" 2>/dev/null ||
		hull inspect "$1" | python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["State"]["Pid"])'
}

# state NAME PATH: a member of the inspected container's JSON ("State.ExitCode")
state() {
	hull inspect "$1" | python3 -c '
import json, sys
v = json.load(sys.stdin)[0]
for k in sys.argv[1].split("."):
    v = v[int(k)] if isinstance(v, list) else v[k]
print(v if isinstance(v, str) else json.dumps(v))' "$2"
}

# limit_file V1-CONTROLLER V1-FILE V2-FILE: where a limit is read, in the container and outside
limit_file() {
	if [ -d "/sys/fs/cgroup/$1" ]; then
		echo "/sys/fs/cgroup/$1/$2"
	else
		echo "/sys/fs/cgroup/$3"
	fi
}
