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
	evil_exe() {
		printf '#!/proc/self/exe\n' >bin/evil
		printf '#!/bin/evil\n' >bin/evil2
		chmod +x bin/evil bin/evil2
		ln -s /proc/self/exe bin/evil3
	}
	rebuilt evil_exe
	local userns file
	for userns in auto host; do
		for file in /bin/evil /bin/evil2 /bin/evil3 evil evil3 /proc/self/exe /proc/1/exe; do
			run --separate-stderr timeout 20 "$HULL_BUILD/hull" run --rm --network none --userns=$userns evil "$file" version
			is "$userns $file $status" "$userns $file 126"
			! older 5.19 || stderr=$(grep -v '^hull: warning: the root file system is copied' <<<"$stderr")
			one_line 'host'
		done
	done
	ok run_tiny tiny sh -c 'for p in /proc/[0-9]*; do readlink $p/exe; done'
	lacks "$output" hull
	# --init's program is the host's file: it must not be writable either.
	ok run_tiny --init tiny sh -c 'probe open /proc/1/exe w; probe open /sbin/docker-init w'
	lacks "$output" '^ok'
	is "$(sha256sum "$program" "$(dirname "$program")"/hull-* | sort)" "$before"
}

# out_of_reach COMMAND...: what /proc/PID/exe leads to can be written by nobody, while COMMAND (hull
# run --name stays) runs. hull's two lives have one pid.
out_of_reach() {
	local pid state
	"$@" >/dev/null 3>&- &
	pid=$!
	wait_for hull inspect -f '{{.State.Running}}' stays
	state=$(
		python3 - "$pid" <<-'PY'
		import fcntl, os, sys
		fd = os.open(f"/proc/{sys.argv[1]}/exe", os.O_RDONLY)
		try:
		    sealed = fcntl.fcntl(fd, 1034) & 8     # F_GET_SEALS, F_SEAL_WRITE
		except OSError:
		    sealed = os.fstatvfs(fd).f_flag & os.ST_RDONLY
		print("sealed" if sealed else "open")
		PY
	)
	is "$* $state" "$* sealed"
	hull rm -f stays >/dev/null
	wait $pid || true
}

@test "CVE-2019-5736: without a user namespace the program that container is started by is out of reach" {
	need python3
	local args
	for args in --userns=host --pid=host --privileged; do
		out_of_reach "$HULL_BUILD/hull" run --name stays --network none $args tiny sleep 60
	done
}

@test "CVE-2019-5736: so it is on kernels without detached mounts (5.12) and sealed copies (3.17)" {
	only "root|userns" "newuidmap(1) would have no rights beneath the filter"
	need python3
	local version
	for version in 5.4 3.16 3.10; do
		out_of_reach "$HULL_BUILD/tests/deny" $version -- \
			"$HULL_BUILD/hull" run --name stays --network none --userns=host tiny sleep 60
	done
}

@test "CVE-2019-5736: where our program cannot be put out of reach, no container starts" {
	only "root|userns" "newuidmap(1) would have no rights beneath the filter"
	cp "$(readlink -f "$HULL_BUILD/hull")" gone
	exec 9<gone
	rm gone # no path leads to it, so it can be mounted nowhere
	expect 125 "$HULL_BUILD/tests/deny" 3.10 -- /proc/self/fd/9 run --network none --userns=host tiny true
	exec 9<&-
	one_line "keep hull's own file out of the reach"
	is "$(hull ps -aq)" ''
}

@test "CVE-2016-3697, CVE-2026-46680: a numeric user is a number, not a name of the image" {
	only "root|user" "one id: there is only root"
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
	only "root|user" "one id: there is only root"
	local user
	for user in 0 1000; do
		ok run_tiny -u $user --cap-add SYS_ADMIN tiny grep CapInh /proc/self/status
		has "$output" '0000000000000000$'
	done
	ok run_tiny --privileged tiny grep CapInh /proc/self/status
	has "$output" '0000000000000000$'
}

@test "CVE-2022-36109 and kin: supplementary groups are the image's, never the caller's" {
	only root "setgroups(2)"
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
	local entry
	export SECRET=topsecret
	for entry in '*' 'S*' 'SECRET*' '=x' '=' 'SECRE'; do
		run --separate-stderr run_tiny -e "$entry" tiny probe env
		lacks "$output" topsecret
		printf '%s\n' "$entry" >file
		run --separate-stderr run_tiny --env-file file tiny probe env
		lacks "$output" topsecret
	done
	# In an image, where a name alone is no question to the host either.
	hull import -c 'ENV SECRET= OTHER=*' "$HULL_SUITE/tiny.tar" evil >/dev/null
	ok run_tiny evil probe env
	lacks "$output" topsecret
}

@test "CVE-2026-31431: AF_ALG is refused; so are vsock and what only root's tools need" {
	# By the filter: this kernel may have none of them, another has.
	ok run_tiny tiny sh -c 'probe socket 38 5; probe socket 40 1; probe socket 2 1; probe socket 1 1'
	is "$output" $'EPERM\nEPERM\nok\nok'
	[ "$(uname -m)" = x86_64 ] || return 0
	# The other doors: x32's numbers, i386's direct call and its multiplexer.
	ok run_tiny tiny sh -c 'probe syscall 0x40000029 38 5; probe syscall 41 0x100000026 5; probe int80 359 38 5; probe socketcall 38 5
		probe int80 359 1 1'
	has "${lines[0]}" '^(EPERM|ENOSYS)$'
	has "${lines[1]}" '^(EPERM|ENOSYS)$'
	has "${lines[2]}" '^(EPERM|ENOSYS)$'
	has "${lines[3]}" '^(EPERM|ENOSYS)$'
	# Without IA32 emulation there is no such door at all, before 4.3 not this one.
	if "$PROBE" int80 20 >/dev/null 2>&1; then is "${lines[4]}" "$("$PROBE" int80 359 1 1)"; fi
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
	local userns
	for userns in auto host; do
		ok run_tiny --userns=$userns tiny sh -c 'find /sys/fs/cgroup -name release_agent -exec probe open {} w \; | sort -u'
		lacks "$output" '^ok'
	done
	ok run_tiny --cap-add SYS_ADMIN --security-opt seccomp=unconfined tiny sh -c \
		'mkdir /c; for c in memory rdma pids cpu; do mount -t cgroup -o $c none /c 2>/dev/null && probe open /c/release_agent w; done; echo end'
	lacks "$output" '^ok'
}

@test "CVE-2023-25809: no file beneath /sys/fs/cgroup can be written" {
	local userns
	for userns in auto host; do
		ok run_tiny --userns=$userns tiny sh -c 'find /sys/fs/cgroup -type f -exec probe open {} w \; | sort -u; echo end'
		lacks "$output" '^ok'
		has "$output" end
	done
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
		# The host's root would be able to.
		run --separate-stderr run_tiny --userns=host --sysctl "$value" tiny true
		isnt "$value: $status" "$value: 0"
		if [ "$(cat /proc/sys/kernel/core_pattern)" != "$before" ]; then
			echo "$before" >/proc/sys/kernel/core_pattern
			echo "written: kernel.core_pattern, by $value"
			return 1
		fi
	done
}

@test "CVE-2020-15257: no abstract socket of ours" {
	hull run --rm --network host -v "$T:/t" tiny sh -c 'cat /proc/net/unix >/t/unix; touch /t/up'
	lacks "$(cat unix)" '@.*hull'
}

@test "CVE-2017-5226: TIOCSTI does not reach the caller's terminal" {
	need python3
	ok "$HELPERS/pty" -- bash -c '"$HULL_BUILD/hull" run -i --rm --network none tiny probe tiocsti; sleep 0.1; read -r -t 0.3 -n 1 x; echo "[$x]"'
	lacks "$output" '\[X\]'
	# Nor is there any other way to it: the container has pipes, or a terminal of its own.
	ok "$HELPERS/pty" -- "$HULL_BUILD/hull" run -i --rm --network none tiny \
		sh -c 'for n in 0 1 2; do [ -t $n ] && echo caller $n; done; echo end'
	lacks "$output" caller
	ok "$HELPERS/pty" -- bash -c '"$HULL_BUILD/hull" run -it --rm --network none tiny sh -c "probe tiocsti; tty"; read -r -t 0.3 -n 1 x; echo "[$x]"'
	has "$output" '/dev/(console|pts/0)'
	lacks "$output" '\[X\]'
}

@test "our helpers cannot be traced or read from inside (--pid=host)" {
	ok run_tiny --pid=host tiny sh -c 'for p in /proc/[0-9]*; do
		case $(cat $p/comm) in hull*) echo seen
			readlink $p/exe $p/cwd $p/root; for f in $p/fd/*; do readlink $f; done; cat $p/environ $p/maps; esac
		done 2>/dev/null | sort -u'
	is "$output" seen
}

@test "CVE-2021-43784: a large configuration arrives whole" {
	local i args=()
	for i in $(seq 200); do
		args+=(-e "V$i=$(printf "%0400d" "$i")" -l "label.$i=$(printf '%0500d' "$i")")
		mkdir -p "m/$i"
		args+=(-v "$T/m/$i:/m/$i")
	done
	ok hull run --name large --network none "${args[@]}" tiny sh -c \
		'env | grep -c "^V[0-9]*=0*[0-9]*$"; env | wc -c; grep -c " /m/" /proc/self/mountinfo; echo "${#1}"' \
		sh "$(printf '%0100000d' 1)"
	is "${lines[0]}" 200
	[ "${lines[1]}" -gt 80000 ]
	is "${lines[2]}" 200
	is "${lines[3]}" 100000
	ok hull inspect -f '{{len .Config.Labels}} {{index .Config.Labels "label.200"}}' large
	is "$output" "200 $(printf '%0500d' 200)"
	hull rm large
}

@test "CVE-2026-30892: every form of a user means what passwd(5) and Docker say" {
	only "root|user" "one id: there is only root"
	need python3
	local form want got bad=0
	python3 - >forms <<-'PY'
		# The reference: fields of the image's passwd and group, by hand.
		users = {"root": (0, 0), "ann": (1234, 100), "bob": (1235, 1235), "1000": None}
		ids = {0: 0, 1234: 100, 1235: 1235, 1000: 0}   # the liar is called 1000 and has uid 0
		groups = {"root": 0, "users": 100, "wheel": 10, "audio": 63, "bob": 1235}
		names = ["root", "ann", "bob", "0", "1000", "1234", "65535", "", "nobody", "01234", "+5", "0x10", " 5", "5 "]
		ways = [None, "", "users", "audio", "0", "63", "4000", "nogroup", "-1"]
		for u in names:
		    for g in ways:
		        if u == "" and g is None:
		            continue
		        if u == "":
		            uid, gid = 0, 0
		        elif u.isdigit():
		            uid = int(u)
		            gid = {0: 0, 1234: 100, 1235: 1235}.get(uid, 0)
		        elif users.get(u):
		            uid, gid = users[u]
		        else:
		            uid = None
		        if g:
		            gid = int(g) if g.isdigit() else groups.get(g)
		        text = u if g is None else f"{u}:{g}"
		        print(f"{text}\t" + ("error" if uid is None or gid is None else f"{uid} {gid}"))
	PY
	[ "$(wc -l <forms)" -ge 60 ]
	while IFS=$'\t' read -r form want; do
		got=$(run_tiny -u "$form" tiny sh -c 'echo $(id -u) $(id -g)' 2>/dev/null) || got=error
		[ "$got" = "$want" ] && continue
		echo "-u '$form': got $got, expected $want"
		bad=1
	done <forms
	is $bad 0
}

@test "CVE-2018-10892, CVE-2020-8694: what the kernel says of the machine is masked" {
	local path
	# The list of these files, kernel by kernel; what this one lacks cannot be asked.
	for path in /proc/acpi /proc/asound /proc/interrupts /proc/kcore /proc/keys /proc/latency_stats \
		/proc/sched_debug /proc/scsi /proc/timer_list /proc/timer_stats /sys/firmware \
		/sys/devices/virtual/powercap; do
		[ -e "$path" ] || continue
		ok run_tiny --userns=host tiny sh -c "if [ -d $path ]; then ls -A $path; else head -c 1 $path | wc -c; fi"
		[ -z "$output" ] || is "$path $output" "$path 0"
		ok run_tiny tiny sh -c "if [ -d $path ]; then ls -A $path; else head -c 1 $path | wc -c; fi"
		[ -z "$output" ] || is "$path $output" "$path 0"
	done
	for path in /proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger; do
		[ -e "$path" ] || continue
		ok run_tiny --userns=host tiny sh -c "find $path -maxdepth 2 -type f -exec probe open {} w \\; | sort -u"
		lacks "$path $output" 'ok$'
	done
}

# rss MIB COMMAND...: no process of it may ever have had more memory than that
rss() {
	python3 - "$@" <<-'PY'
		import resource, subprocess, sys
		null = subprocess.DEVNULL
		status = subprocess.run(sys.argv[2:], stdout=null, stderr=null).returncode
		mib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
		print(f"{mib:.0f} MiB, status {status}")
		sys.exit(mib > float(sys.argv[1]))
	PY
}

@test "CVE-2022-31030, CVE-2023-25153, CVE-2026-47262: nobody's output or files fill our memory" {
	need python3
	no_sanitizer
	ok rss 32 "$HULL_BUILD/hull" run --rm --network none tiny sh -c 'head -c 300000000 /dev/zero'
	has "$output" 'status 0'
	ok rss 32 "$HULL_BUILD/hull" run --rm --network none tiny sh -c 'yes | head -c 100000000 >&2'
	mkdir tree
	tar -C tree -xf "$HULL_SUITE/tiny.tar"
	truncate -s 4G tree/etc/group
	ok rss 32 "$HULL_BUILD/hull" run --rm --network none --rootfs "$T/tree" -u ann /bin/true
	has "$output" 'status 125'
	truncate -s 4G env
	ok rss 32 "$HULL_BUILD/hull" run --rm --network none --env-file env tiny true
	has "$output" 'status 125'
}

@test "CVE-2025-23266: the environment of an image reaches none of our programs" {
	local pid
	hull import -c 'ENV LD_PRELOAD=/evil.so LD_LIBRARY_PATH=/evil PATH=/evil:/bin' "$HULL_SUITE/tiny.tar" evil >/dev/null
	ok hull run -d --name stays --network none --init evil sleep 60
	pid=$(awk '/^PPid/ { print $2 }' "/proc/$(container_pid stays)/status")
	is "$(cat "/proc/$pid/comm")" hull-monitor
	lacks "$(tr '\0' '\n' <"/proc/$pid/environ")" evil
	hull rm -f stays
}
