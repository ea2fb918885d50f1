#!/usr/bin/env bats
# What the container's process may and may not: user namespace, capabilities, seccomp, namespaces.

load ../helpers/common

run_tiny() { hull run --rm --network none "$@"; }
status_of() { run_tiny "$@" tiny grep -E '^(Cap|Seccomp:|NoNewPrivs)' /proc/self/status; }
inode() { readlink "/proc/self/ns/$1"; }

@test "a user namespace by default: 65536 ids that are nobody else's" {
	only root "a user has one range of ids"
	need_idmaps
	ok run_tiny tiny cat /proc/self/uid_map /proc/self/gid_map
	local from to n
	while read -r from to n; do
		is "$from $n" "0 65536"
		[ "$to" -ge 524288 ]
		[ $((to % 65536)) -eq 0 ]
		awk -F: -v to="$to" '$2 < to + 65536 && $2 + $3 > to { exit 1 }' /etc/subuid
	done <<<"$output"
}

@test "two containers have ranges that do not meet" {
	only root "a user has one range of ids"
	need_idmaps
	local n pids=()
	for n in 1 2; do
		run_tiny -v "$T:/t" tiny sh -c \
			'cat /proc/self/uid_map >/t/map.$0; while [ ! -e /t/end ]; do sleep 0.05; done' $n &
		pids+=($!)
	done
	wait_for test -s map.1
	wait_for test -s map.2
	touch end
	wait "${pids[@]}"
	isnt "$(cat map.1)" "$(cat map.2)"
}

@test "a range that /etc/subuid gives away is not taken" {
	only root "a user has one range of ids"
	need_idmaps
	[ -n "${HULL_TESTS_ALONE:-}" ] || skip "needs a mount namespace of its own"
	echo 'someone:524288:655360' >subuid
	mount --bind subuid /etc/subuid
	run run_tiny tiny cat /proc/self/uid_map
	umount /etc/subuid
	local to
	to=$(awk '{ print $2 }' <<<"$output")
	[ "$to" -ge $((524288 + 655360)) ]
}

@test "--userns=host: the host's ids" {
	only root "the machine's ids"
	ok run_tiny --userns=host tiny cat /proc/self/uid_map
	has "$output" '^ *0 +0 +4294967295$'
	ok run_tiny --userns=host tiny sh -c 'stat -c %u:%g / /etc /home/ann'
	is "$output" $'0:0\n0:0\n1234:100'
	need_idmaps
	ok run_tiny --userns=auto tiny cat /proc/self/uid_map
	has "$output" '^ *0 +[0-9]{6,} +65536$'
}

@test "a kernel that cannot show layers with other ids: the host's ids, and one line says so" {
	only root "nothing is shown with other ids"
	older 5.19 || skip "this kernel can"
	rm -f "$HULL_RUNROOT/no-idmaps.said"
	ok run_tiny tiny cat /proc/self/uid_map
	has "$output" '^ *0 +0 +4294967295$'
	is "$(wc -l <<<"$stderr")" 1
	has "$stderr" 'warning: .*id-mapped.*--userns=host'
	ok run_tiny tiny true
	is "$stderr" ""
	ok run_tiny --userns=auto tiny sh -c 'cat /proc/self/uid_map; stat -c %u:%g / /etc /home/ann /dev /dev/fd; echo >/dev/null'
	has "$output" '^ *0 +[0-9]{6,} +65536$'
	is "$(tail -n +2 <<<"$output")" $'0:0\n0:0\n1234:100\n0:0\n0:0'
	is "$(wc -l <<<"$stderr")" 1
	has "$stderr" 'warning: the root file system is copied'
}

@test "the image's owners are seen unshifted, and the store is not shifted" {
	only root "layers of a user are shifted"
	ok run_tiny tiny sh -c 'stat -c %u:%g / /etc /home/ann; chown 5:6 /home/ann; stat -c %u:%g /home/ann'
	is "$output" $'0:0\n0:0\n1234:100\n5:6'
	has "$(find "$HULL_ROOT/layers" -path '*/home/ann' -printf '%U:%G\n')" '^1234:100$'
}

@test "own namespaces: mnt, pid, uts, ipc, net, user, cgroup" {
	ok run_tiny tiny sh -c 'for n in mnt pid uts ipc net user cgroup; do readlink /proc/self/ns/$n; done'
	local n i=0
	for n in mnt pid uts ipc net user cgroup; do
		if [ $n = user ] && older 5.19; then
			i=$((i + 1))
			continue
		fi
		has "${lines[i]}" "^$n:"
		isnt "${lines[i]}" "$(inode $n)"
		i=$((i + 1))
	done
}

@test "--pid=host, --ipc=host, --uts=host" {
	local n
	for n in pid ipc uts; do
		ok run_tiny --$n=host tiny readlink "/proc/self/ns/$n"
		is "$n $output" "$n $(inode $n)"
	done
	ok run_tiny --uts=host tiny hostname
	is "$output" "$(hostname)"
	ok run_tiny --pid=host tiny sh -c "tr '\\0' ' ' </proc/$$/cmdline"
	has "$output" bats
}

@test "--ipc=none: no /dev/shm of its own; low ports and ping need no power" {
	expect 1 run_tiny --ipc=none tiny grep -c ' /dev/shm ' /proc/mounts
	is "$output" 0
	ok run_tiny tiny grep -c ' /dev/shm ' /proc/mounts
	is "$output" 1
	ok run_tiny tiny cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/net/ipv4/ping_group_range
	is "${lines[0]}" 0
	has "${lines[1]}" '^0[[:blank:]]+[0-9]+$'
}

@test "--network none: only lo; --network host: the host's" {
	ok run_tiny tiny ls /sys/class/net
	is "$output" lo
	ok run_tiny tiny sh -c 'cat /sys/class/net/lo/operstate; ifconfig lo | grep -c 127.0.0.1; ping -c 1 -w 2 127.0.0.1 >/dev/null && echo up'
	has "$output" '^up$'
	ok hull run --rm --network host tiny sh -c 'readlink /proc/self/ns/net; ls /sys/class/net'
	is "${lines[0]}" "$(inode net)"
	# Without a user namespace the container has a sysfs of its own: that of the network it is in.
	local here=/sys/class/net names
	! older 5.19 || { mkdir sys && mount -t sysfs none sys && here=sys/class/net; }
	names=$(ls $here | sort)
	! mountpoint -q sys || umount sys
	is "$(printf '%s\n' "${lines[@]:1}" | sort)" "$names"
	ok hull run --rm --net=host tiny readlink /proc/self/ns/net
	is "$output" "$(inode net)"
}

@test "capabilities are Docker's fourteen; inheritable and ambient are none" {
	ok status_of
	has "$output" 'CapInh:[[:blank:]]0000000000000000'
	has "$output" 'CapPrm:[[:blank:]]00000000a80425fb'
	has "$output" 'CapEff:[[:blank:]]00000000a80425fb'
	has "$output" 'CapBnd:[[:blank:]]00000000a80425fb'
	has "$output" 'CapAmb:[[:blank:]]0000000000000000'
}

@test "a user who is not root has only the bounding set" {
	only "root|user" "one id: there is only root"
	ok status_of -u 1000
	has "$output" 'CapPrm:[[:blank:]]0000000000000000'
	has "$output" 'CapEff:[[:blank:]]0000000000000000'
	has "$output" 'CapBnd:[[:blank:]]00000000a80425fb'
	has "$output" 'CapAmb:[[:blank:]]0000000000000000'
}

@test "--cap-add and --cap-drop, with and without CAP_, and ALL" {
	ok status_of --cap-add SYS_PTRACE --cap-drop cap_mknod
	has "$output" 'CapEff:[[:blank:]]00000000a00c25fb'
	ok status_of --cap-drop ALL
	has "$output" 'CapBnd:[[:blank:]]0000000000000000'
	ok status_of --cap-drop all --cap-add NET_BIND_SERVICE
	has "$output" 'CapEff:[[:blank:]]0000000000000400'
	need_idmaps
	ok status_of --cap-add ALL --cap-drop SYS_ADMIN
	# A user namespace of its own has all there are, whatever the caller has.
	local all=$(((2 << $(cat /proc/sys/kernel/cap_last_cap)) - 1))
	has "$output" "CapEff:[[:blank:]]$(printf '%016x' $((all & ~0x200000)))"
	expect 125 run_tiny --cap-add NOSUCH tiny true
	one_line 'NOSUCH'
}

@test "a capability that was dropped is missed" {
	only "root|user" "one id: there is only root"
	ok run_tiny tiny sh -c 'chown 5:5 /etc/passwd && echo may'
	is "$output" may
	expect 1 run_tiny --cap-drop CHOWN tiny chown 5:5 /etc/passwd
}

@test "--privileged: all capabilities, no seccomp, no masks, the host's devices" {
	ok status_of --privileged
	local all
	all=$(as_hull awk '/CapPrm/ { print $2 }' /proc/self/status)
	has "$output" "CapEff:[[:blank:]]$all"
	has "$output" "Seccomp:[[:blank:]]$(seccomp_here)"
	ok run_tiny --privileged tiny sh -c 'probe open /proc/sys/kernel/panic w
		mkdir /m && mount -t tmpfs none /m && echo mounted; grep -c " /proc/kcore " /proc/self/mounts || true'
	[ "$AS" != root ] || is "${lines[0]}" ok # the machine's own settings
	is "${lines[1]}" mounted
	is "${lines[2]}" 0
	local node
	for node in /dev/kmsg /dev/loop-control; do
		[ -c "$node" ] || continue
		ok run_tiny --privileged tiny stat -c %t:%T "$node"
		is "$output" "$(stat -c %t:%T "$node")"
	done
}

@test "mount, unshare and new devices are refused by default" {
	need_idmaps
	ok run_tiny tiny sh -c 'mkdir /m; probe mount tmpfs /m; probe mknod /n 8 0; probe syscall 272 0x10000000'
	is "${lines[0]}" EPERM
	is "${lines[1]}" EPERM
	is "${lines[2]}" EPERM
}

@test "seccomp: on by default; a forbidden call is EPERM, one that is not known ENOSYS" {
	ok status_of
	has "$output" 'Seccomp:[[:blank:]]2'
	[ "$(uname -m)" = x86_64 ] || skip "the numbers below are x86-64's"
	# reboot, swapon, kexec_load, init_module, add_key, ptrace is allowed, acct, settimeofday
	local nr
	for nr in 169 167 246 175 248 163; do
		ok run_tiny tiny probe syscall $nr
		is "$nr $output" "$nr EPERM"
	done
	for nr in 1000 480 511; do
		ok run_tiny tiny probe syscall $nr
		is "$nr $output" "$nr ENOSYS"
	done
	# clone3: ENOSYS, so that libraries fall back to clone, whose flags can be seen
	ok run_tiny tiny probe syscall 435
	is "$output" ENOSYS
}

@test "seccomp: what ordinary programs use is allowed" {
	[ "$(uname -m)" = x86_64 ] || skip "the numbers below are x86-64's"
	# getpid, uname, gettid, sched_yield, memfd_create(fails EFAULT), statx
	local nr
	for nr in 39 186 24 102 111; do
		ok run_tiny tiny probe syscall $nr
		is "$nr $output" "$nr ok"
	done
}

@test "seccomp follows the capabilities: mount with SYS_ADMIN is the kernel's to judge" {
	ok run_tiny --cap-add SYS_ADMIN tiny sh -c 'mkdir /m; probe mount tmpfs /m'
	is "$output" ok
}

@test "--security-opt seccomp=unconfined" {
	ok status_of --security-opt seccomp=unconfined
	has "$output" "Seccomp:[[:blank:]]$(seccomp_here)"
}

@test "--security-opt seccomp-allow: calls on top of the profile" {
	[ "$(uname -m)" = x86_64 ] || skip "the numbers below are x86-64's"
	# swapoff and acct: refused by the filter, then by the kernel for want of a path or a power
	ok run_tiny tiny sh -c 'probe syscall 168; probe syscall 272 0x10000000'
	is "$output" $'EPERM\nEPERM'
	ok run_tiny --security-opt seccomp-allow=unshare,swapoff tiny sh -c 'probe syscall 272 0x10000000; probe syscall 165'
	is "$output" $'ok\nEPERM'
	if "$PROBE" socketcall 1 1 >/dev/null 2>&1; then
		ok run_tiny tiny probe socketcall 1 1
		is "$output" EPERM
		ok run_tiny --security-opt seccomp-allow=socketcall tiny probe socketcall 1 1
		is "$output" ok
	fi
	expect 125 run_tiny --security-opt seccomp-allow=frobnicate tiny true
	one_line 'frobnicate'
	expect 125 run_tiny --security-opt seccomp-allow= tiny true
}

@test "--security-opt seccomp=FILE" {
	cat >profile.json <<-'END'
		{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
		{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}]}
	END
	ok run_tiny --security-opt "seccomp=$T/profile.json" tiny sh -c 'mkdir /x || echo refused; touch /y && echo fine'
	is "$output" $'refused\nfine'
	expect 125 run_tiny --security-opt "seccomp=$T/nowhere.json" tiny true
	one_line nowhere.json
	echo '{"defaultAction": ' >broken.json
	expect 125 run_tiny --security-opt "seccomp=$T/broken.json" tiny true
	one_line broken.json
	echo '{"defaultAction": "SCMP_ACT_WHATEVER"}' >broken.json
	expect 125 run_tiny --security-opt "seccomp=$T/broken.json" tiny true
	one_line SCMP_ACT_WHATEVER
}

@test "--security-opt no-new-privileges" {
	ok status_of
	has "$output" 'NoNewPrivs:[[:blank:]]0'
	local form
	for form in no-new-privileges no-new-privileges:true no-new-privileges=true; do
		ok status_of --security-opt "$form"
		has "$output" 'NoNewPrivs:[[:blank:]]1'
	done
	expect 125 run_tiny --security-opt nosuch=thing tiny true
	one_line nosuch
}

@test "setuid programs of the image work, and not with no-new-privileges" {
	only "root|user" "one id: there is only root"
	mkdir -p tree/bin
	cp "$PROBE" tree/bin/suid
	as_hull chown 55 tree/bin/suid
	as_hull chmod 4755 tree/bin/suid
	tar -C tree --numeric-owner -cf tree.tar .
	hull import tree.tar suid
	ok run_tiny -u 1000 suid suid status Uid
	is "$(awk '{ print $2 }' <<<"$output")" 55
	ok run_tiny -u 1000 --security-opt no-new-privileges suid suid status Uid
	is "$(awk '{ print $2 }' <<<"$output")" 1000
}

@test "the keyring, /proc/PID of the host and ptrace of others are out of reach" {
	ok run_tiny tiny sh -c 'ls -d /proc/[0-9]* | wc -l; cat /proc/keys 2>/dev/null | wc -l'
	[ "${lines[0]}" -le 4 ]
	is "${lines[1]}" 0
}

@test "the seccomp filter is compiled once" {
	hull run --rm --network none --cap-add SYS_NICE tiny true
	local before
	before=$(find "$HULL_ROOT" "$HULL_RUNROOT" -name '*.bpf' -o -path '*seccomp*' -type f | sort)
	hull run --rm --network none --cap-add SYS_NICE tiny true
	is "$(find "$HULL_ROOT" "$HULL_RUNROOT" -name '*.bpf' -o -path '*seccomp*' -type f | sort)" "$before"
	isnt "$before" ""
}
