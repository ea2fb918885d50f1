#!/usr/bin/env bats
# Holes of this field that concern the container's process: descriptors, capabilities, users, calls.

load ../helpers/common

run_tiny() { hull run --rm --network none "$@"; }
# rebuilt: the tiny image after a change of its tree by the function given, as "evil"
rebuilt() {
	mkdir tree
	tar -C tree -xf "$HULL_SUITE/tiny.tar"
	(cd tree && "$@")
	tar -C tree --numeric-owner -cf evil.tar .
	hull import evil.tar evil >/dev/null
}

@test "CVE-2016-9962, CVE-2024-21626: no descriptor of the host is open inside" {
	exec 8</ 9</etc/passwd
	ok run_tiny tiny probe fds
	exec 8<&- 9<&-
	is "$(awk '{ print $1 }' <<<"$output" | sort -n | tr '\n' ' ')" '0 1 2 '
}

@test "CVE-2024-21626: a working folder through /proc/self/fd leads nowhere" {
	local n
	exec 8</ 9</etc
	for n in 3 4 5 6 7 8 9 10 11 12 13 20 100; do
		run --separate-stderr run_tiny -w "/proc/self/fd/$n" tiny sh -c 'probe cwd; ls -i -d .'
		if [ "$status" -eq 0 ]; then
			lacks "$output" unreachable
			has "$output" '^/'
		else
			[ "$status" -eq 126 ] || [ "$status" -eq 127 ] || [ "$status" -eq 125 ]
		fi
	done
	exec 8<&- 9<&-
	hull import -c 'WORKDIR /proc/self/fd/7' "$HULL_SUITE/tiny.tar" evil >/dev/null
	run --separate-stderr run_tiny evil sh -c 'probe cwd; cat ../../../../etc/hostname'
	lacks "$output" "unreachable|^$(cat /etc/hostname)$"
}

@test "CVE-2019-5736: our program cannot be written through /proc/self/exe" {
	local before program
	program=$(readlink -f "$HULL_BUILD/hull")
	before=$(sha256sum "$program" "$(dirname "$program")"/hull-* | sort)
	evil_exe() { printf '#!/proc/self/exe\n' >bin/evil && chmod +x bin/evil; }
	rebuilt evil_exe
	run timeout 20 "$HULL_BUILD/hull" run --rm --network none evil /bin/evil
	isnt "$status" 124
	run timeout 20 "$HULL_BUILD/hull" run --rm --network none --entrypoint /proc/self/exe evil run x
	isnt "$status" 124
	ok run_tiny tiny sh -c 'for p in /proc/[0-9]*; do readlink $p/exe; done'
	lacks "$output" hull
	# --init's program is the host's file: it must not be writable either.
	ok run_tiny --init tiny sh -c 'probe open /proc/1/exe w; probe open /sbin/docker-init w'
	lacks "$output" '^ok'
	is "$(sha256sum "$program" "$(dirname "$program")"/hull-* | sort)" "$before"
}

@test "CVE-2016-3697, CVE-2026-46680: a numeric user is a number, not a name of the image" {
	ok run_tiny -u 1000 tiny id -u
	is "$output" 1000
	liar() { echo '4294967297:x:0:0::/:/bin/sh' >>etc/passwd; echo '1000:x:0:' >>etc/group; }
	rebuilt liar
	expect 125 run_tiny -u 4294967297 evil id -u
	ok run_tiny -u 1000:1000 evil sh -c 'id -u; id -g'
	is "$output" $'1000\n1000'
}

@test "CVE-2024-40635: a uid above what the container has is an error, never root" {
	local uid
	for uid in 65536 2147483647 2147483648 4294967294 4294967295 4294967296 -1 99999999999999999999; do
		run --separate-stderr run_tiny -u "$uid" tiny id -u
		[ "$status" -ne 0 ] || is "$output" "$uid"
		run --separate-stderr run_tiny --userns=host -u "$uid" tiny id -u
		[ "$status" -ne 0 ] || is "$output" "$uid"
	done
	hull import -c 'USER 4294967296' "$HULL_SUITE/tiny.tar" evil >/dev/null
	expect 125 run_tiny evil id -u
}

@test "CVE-2022-29162 and kin: inheritable capabilities are none" {
	local user
	for user in 0 1000; do
		ok run_tiny -u $user --cap-add SYS_ADMIN tiny grep CapInh /proc/self/status
		has "$output" '0000000000000000$'
	done
	ok run_tiny --privileged tiny grep CapInh /proc/self/status
	has "$output" '0000000000000000$'
}

@test "CVE-2022-36109 and kin: supplementary groups are the image's, never the caller's" {
	need setpriv
	ok setpriv --groups 4242,4243 "$HULL_BUILD/hull" run --rm --network none -u 1000:1000 tiny id -G
	is "$output" 1000
	ok setpriv --groups 4242,4243 "$HULL_BUILD/hull" run --rm --network none tiny id -G
	is "$output" '0 10'
}

@test "CVE-2020-14370, CVE-2026-57231: nothing of the host's environment leaks, malformed entries import nothing" {
	SECRET=topsecret hull import -c 'ENV GOOD=1' "$HULL_SUITE/tiny.tar" evil >/dev/null
	local blob id
	id=$(hull image inspect evil | python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["Id"])')
	blob=$(cat "$HULL_ROOT/blobs/sha256/${id#sha256:}")
	has "$blob" 'GOOD=1'
	SECRET=topsecret ok run_tiny --hostname h evil probe env
	is "$(sort <<<"$output" | tr '\n' ' ')" \
		'GOOD=1 HOME=/root HOSTNAME=h PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin '
	SECRET=topsecret run --separate-stderr run_tiny -e '*' -e '=x' -e 'S*' tiny probe env
	lacks "$output" topsecret
}

@test "CVE-2026-31431: AF_ALG is refused; so are vsock and what only root's tools need" {
	ok run_tiny tiny probe socket 38 5
	isnt "$output" ok
	ok run_tiny tiny probe socket 40 1
	isnt "$output" ok
	ok run_tiny tiny probe socket 2 1
	is "$output" ok
	ok run_tiny tiny probe socket 1 1
	is "$output" ok
}

@test "CVE-2022-0185: fsopen, unshare and mount are refused" {
	[ "$(uname -m)" = x86_64 ] || skip "the numbers below are x86-64's"
	local nr
	# mount, pivot_root, setns, fsopen, fsmount, move_mount, open_tree, mount_setattr
	for nr in 165 155 308 430 432 429 428 442; do
		ok run_tiny tiny probe syscall $nr
		is "$nr $output" "$nr EPERM"
	done
	# unshare(CLONE_NEWUSER)
	ok run_tiny tiny probe syscall 272 0x10000000
	is "$output" EPERM
}

@test "CVE-2022-0492: release_agent of cgroup v1 cannot be written" {
	ok run_tiny tiny sh -c 'find /sys/fs/cgroup -name release_agent -exec probe open {} w \; | sort -u'
	lacks "$output" '^ok'
	ok run_tiny --cap-add SYS_ADMIN --security-opt seccomp=unconfined tiny sh -c \
		'mkdir /c; for c in memory rdma pids cpu; do mount -t cgroup -o $c none /c 2>/dev/null && probe open /c/release_agent w; done; echo end'
	lacks "$output" '^ok'
}

@test "CVE-2023-25809: no file beneath /sys/fs/cgroup can be written" {
	ok run_tiny tiny sh -c 'find /sys/fs/cgroup -type f -exec probe open {} w \; | sort -u; echo end'
	lacks "$output" '^ok'
	has "$output" end
	ok run_tiny tiny sh -c 'for d in /sys/fs/cgroup /sys/fs/cgroup/*; do mkdir $d/x 2>/dev/null && echo made; done; echo end'
	is "$output" end
}

@test "CVE-2022-0811: a sysctl's value or name smuggles no other" {
	local value before
	before=$(cat /proc/sys/kernel/core_pattern)
	for value in 'kernel.shm_rmid_forced=1+kernel.core_pattern=x' 'kernel.shm_rmid_forced=1,kernel.core_pattern=x' \
		$'kernel.shm_rmid_forced=1\nkernel.core_pattern=x' 'net.ipv4.../../kernel/core_pattern=x' \
		'net.ipv4/../../kernel/core_pattern=x' 'kernel.core_pattern=x' 'fs.mqueue./../../kernel/core_pattern=x'; do
		run --separate-stderr run_tiny --sysctl "$value" tiny true
		isnt "$value: $status" "$value: 0"
	done
	is "$(cat /proc/sys/kernel/core_pattern)" "$before"
}

@test "CVE-2020-15257: no abstract socket of ours" {
	hull run --rm --network host -v "$T:/t" tiny sh -c 'cat /proc/net/unix >/t/unix; touch /t/up'
	lacks "$(cat unix)" '@.*hull'
}

@test "CVE-2017-5226: TIOCSTI does not reach the caller's terminal" {
	need python3
	ok "$HELPERS/pty" -- bash -c '"$HULL_BUILD/hull" run -i --rm --network none tiny probe tiocsti; sleep 0.1; read -r -t 0.3 -n 1 x; echo "[$x]"'
	lacks "$output" '\[X\]'
}

@test "our helpers cannot be traced or read from inside (--pid=host)" {
	ok run_tiny --pid=host tiny sh -c 'for p in /proc/[0-9]*; do
		case $(cat $p/comm) in hull*) echo seen
			readlink $p/exe $p/cwd $p/root; for f in $p/fd/*; do readlink $f; done; cat $p/environ $p/maps; esac
		done 2>/dev/null | sort -u'
	is "$output" seen
}
