#!/usr/bin/env bats
# What the process that reads archives has: looked at from outside while it waits for more of one.

load ../helpers/common

setup_one() {
	no_sanitizer
	"$HELPERS/hostile" file_random 1 >x.tar
	mkfifo slow
	"$HULL_BUILD/hull" import slow t >/dev/null 2>&1 &
	importer=$!
	exec 7>slow
	head -c 300000 x.tar >&7
	wait_for has_worker
	worker=$(pgrep -P "$importer")
	# In the box, and waiting for the rest.
	wait_for grep -q '^Seccomp:	2' "/proc/$worker/status"
}

teardown_one() {
	exec 7>&-
	[ -z "${importer:-}" ] || wait "$importer" || true
}

has_worker() { pgrep -P "$importer" >/dev/null && [ -n "$(find "$HULL_ROOT/layers" -name once)" ]; }
status_of() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$worker/status"; }

@test "no privileges beyond owners and modes, and none to be had" {
	is "$(status_of CapEff)" 000000008000001b
	is "$(status_of CapPrm)" 000000008000001b
	is "$(status_of CapBnd)" 000000008000001b
	is "$(status_of CapInh)" 0000000000000000
	is "$(status_of CapAmb)" 0000000000000000
	is "$(status_of NoNewPrivs)" 1
}

@test "namespaces of its own, of every kind that it can live in" {
	local ns
	for ns in user mnt pid net ipc uts; do
		isnt "$(readlink "/proc/$worker/ns/$ns")" "$(readlink "/proc/self/ns/$ns")"
	done
	is "$(nsenter -t "$worker" -n ls /sys/class/net 2>/dev/null | grep -v '^lo$')" "" ||
		nsenter -t "$worker" -n ip link
	# The host's ids, each for itself: so files get their owners. A user's are numbered anew.
	[ "$AS" != root ] || is "$(head -n 1 "/proc/$worker/uid_map" | tr -s ' ')" "$(head -n 1 /proc/self/uid_map | tr -s ' ')"
}

@test "one folder is all there is" {
	is "$(ls -A "/proc/$worker/root/")" once
	is "$(cut -d ' ' -f 5 "/proc/$worker/mountinfo")" /
	has "$(cut -d ' ' -f 6 "/proc/$worker/mountinfo")" 'nosuid,nodev,noexec'
}

@test "no descriptor that it does not need" {
	local fd mount
	mount=$(cut -d ' ' -f 1 "/proc/$worker/mountinfo")
	for fd in "/proc/$worker/fd/"*; do
		fd=${fd##*/}
		case $fd:$(readlink "/proc/$worker/fd/$fd") in
		0:"$T/slow" | 3:pipe:* | 5:*/layers/.tmp-*) ;; # archive, result, recipe
		# Anything else lies in the folder that is filled.
		*) is "$fd: $(sed -n 's/^mnt_id:[[:space:]]*//p' "/proc/$worker/fdinfo/$fd")" "$fd: $mount" ;;
		esac
	done
}

@test "limits: no core file, bounded memory, not dumpable" {
	has "$(cat "/proc/$worker/limits")" '^Max core file size +0 +0 '
	has "$(cat "/proc/$worker/limits")" '^Max address space +335544320 +335544320 '
	# What is not dumpable belongs to the root of its memory's user namespace, for users themselves.
	[ "$AS" != root ] || is "$(stat -c %u "/proc/$worker/fd")" 0
}

@test "killed with whoever started it" {
	kill -9 "$importer"
	wait "$importer" || true
	wait_for test ! -d "/proc/$worker"
}
