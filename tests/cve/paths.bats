#!/usr/bin/env bats
# Holes of this field that are path resolution: an image or a shared volume with links in the way.

load ../helpers/common

run_tiny() { hull run --rm --network none "$@"; }
# A place on the host that hostile links point to; it must stay as it is.
setup_one() {
	mkdir -p "$T/host/etc"
	echo precious >"$T/host/file"
	host_before=$(host_list)
}
host_list() { find "$T/host" -printf '%p %y %s %m %U %T@\n' | sort; }
unharmed() { is "$(host_list)" "$host_before"; }
# evil COMMAND...: the tiny image after changes made in its tree, as "evil" and in the folder tree
evil() {
	rm -rf tree
	mkdir tree
	tar -C tree -xf "$HULL_SUITE/tiny.tar"
	(cd tree && "$@")
	tar -C tree --numeric-owner -cf evil.tar .
	hull import evil.tar evil >/dev/null
}
link_instead() { rm -rf "$1" && mkdir -p "$(dirname "$1")" && ln -s "$2" "$1"; }

@test "CVE-2019-18837, CVE-2019-19921, CVE-2026-41579: mount points of the image that are links" {
	local place target
	for place in proc sys dev etc dev/pts dev/shm etc/hosts etc/resolv.conf etc/hostname sys/fs/cgroup; do
		for target in "$T/host" "../../../../../../../..$T/host" "../../../../../../../..$T/host/file"; do
			evil link_instead "$place" "$target"
			run timeout 30 "$HULL_BUILD/hull" run --rm --network none evil probe fds
			[ "$status" -ne 124 ]
			unharmed
			run timeout 30 "$HULL_BUILD/hull" run --rm --network none --rootfs "$T/tree" /bin/probe fds
			[ "$status" -ne 124 ]
			unharmed
		done
	done
}

@test "CVE-2019-19921: with /proc a link, the masks are in place or the run is refused" {
	other_proc() { rmdir proc && mkdir fake && ln -s fake proc; }
	evil other_proc
	run --separate-stderr run_tiny evil sh -c 'cat /proc/kcore 2>/dev/null | head -c 1 | wc -c; probe open /proc/sysrq-trigger w'
	if [ "$status" -eq 0 ]; then
		is "${lines[0]}" 0
		isnt "${lines[1]}" ok
	fi
}

@test "CVE-2025-31133, CVE-2026-88265: /dev/null of the image is a link" {
	null_link() { rm -rf dev/null; mkdir -p dev; ln -s /proc/sysrq-trigger dev/null; ln -s "$T/host/file" dev/console; }
	evil null_link
	ok run_tiny evil sh -c 'stat -c "%F %t:%T" /dev/null; cat /proc/keys /proc/kcore 2>/dev/null | wc -c; probe open /proc/sysrq-trigger w'
	is "${lines[0]}" 'character special file 1:3'
	is "${lines[1]}" 0
	isnt "${lines[2]}" ok
	run hull run --rm --network none --rootfs "$T/tree" /bin/probe fds
	unharmed
}

@test "targets of -v through links of the image stay in the container" {
	hostward() { ln -s "$T/host" out; ln -s ../../../../../../.. up; ln -s "$T/host/file" outfile; }
	evil hostward
	mkdir d
	echo mine >d/f
	run run_tiny -v "$T/d:/out/sub" -v "$T/d/f:/outfile" -v "$T/d:/up$T/host/made" evil sh -c 'cat /out/sub/f'
	unharmed
	run run_tiny -w /out/made/by/workdir evil true
	unharmed
	run run_tiny --tmpfs /out/tmpfs evil true
	unharmed
	run run_tiny --device /dev/null:/out/null evil true
	unharmed
}

@test "CVE-2026-55686: a WORKDIR through links makes nothing on the host" {
	hostward() { ln -s "$T/host" out; ln -s "/proc/1/root$T/host" viaproc; }
	evil hostward
	local w
	for w in /out/made /viaproc/made "/out/../../../..$T/host/made"; do
		hull import -c "WORKDIR $w" evil.tar evil >/dev/null
		run run_tiny evil probe cwd
		unharmed
	done
}

@test "CVE-2021-30465: links that are swapped in a shared volume during the start" {
	need python3
	mkdir -p shared/a
	ln -s "$T/host" shared/b
	cat >swap.py <<-'PY'
		import ctypes, sys
		libc = ctypes.CDLL(None)
		while True:
		    libc.renameat2(-100, sys.argv[1].encode(), -100, sys.argv[2].encode(), 2)
	PY
	mkdir d
	/usr/bin/env python3 swap.py "$T/shared/a" "$T/shared/b" 3>&- &
	local swapper=$!
	for _ in $(seq 60); do
		run timeout 20 "$HULL_BUILD/hull" run --rm --network none -v "$T/shared:/s" -v "$T/d:/s/a/sub" tiny true
		[ "$status" -ne 124 ]
	done
	kill "$swapper"
	wait "$swapper" || true
	unharmed
	is "$(left_mounts)" "$(cat "$T.mounts")"
}

@test "CVE-2024-9676: passwd and group of the image as FIFO, folder, device, link, or huge" {
	fifo() { rm etc/passwd etc/group; mkfifo etc/passwd etc/group; }
	folder() { rm -rf etc/passwd etc/group; mkdir etc/passwd etc/group; }
	device() { rm -rf etc/passwd etc/group; mknod etc/passwd c 1 5; mknod etc/group c 1 5; }
	outward() { rm -rf etc/passwd etc/group; ln -s "$T/host/passwd" etc/passwd; ln -s /proc/kmsg etc/group; }
	huge() { rm -rf etc/passwd etc/group; truncate -s 3G etc/passwd etc/group; }
	echo 'intruder:x:0:0::/:/bin/sh' >host/passwd
	host_before=$(host_list)
	local kind
	for kind in fifo folder device outward; do
		evil $kind
		# A number needs neither file: refused is fine as well, to hang or to be root is not.
		run --separate-stderr timeout 20 "$HULL_BUILD/hull" run --rm --network none -u 1000 evil probe status Uid
		if [ "$status" -eq 0 ]; then is "${output%%[[:blank:]]*}" 1000; else is "$kind $status" "$kind 125"; fi
		run --separate-stderr timeout 20 "$HULL_BUILD/hull" run --rm --network none -u intruder evil probe status Uid
		is "$kind $status" "$kind 125"
		one_line 'passwd|intruder'
	done
	rm -rf tree
	mkdir tree
	tar -C tree -xf "$HULL_SUITE/tiny.tar"
	(cd tree && huge)
	run timeout 20 "$HULL_BUILD/hull" run --rm --network none --rootfs "$T/tree" -u 1000 /bin/probe status Uid
	[ "$status" -ne 124 ]
	[ "$status" -ne 137 ]
	unharmed
}

@test "CVE-2025-52881: a volume over /proc or its parts redirects none of our writes" {
	mkdir -p fake/sys/net/ipv4 fake/self/attr fake/1
	touch fake/sys/net/ipv4/ip_unprivileged_port_start fake/self/attr/exec fake/1/oom_score_adj fake/self/oom_score_adj
	local before
	before=$(find fake -type f -size +0)
	run --separate-stderr run_tiny -v "$T/fake:/proc" --sysctl net.ipv4.ip_unprivileged_port_start=1 --oom-score-adj 5 tiny true
	is "$(find fake -type f -size +0)" "$before"
	fake_proc() { rm -rf proc && mkdir -p proc/sys/net/ipv4 && touch proc/sys/net/ipv4/ip_unprivileged_port_start; }
	evil fake_proc
	ok run_tiny --sysctl net.ipv4.ip_unprivileged_port_start=7 evil cat /proc/sys/net/ipv4/ip_unprivileged_port_start
	is "$output" 7
}

@test "CVE-2019-16884: a VOLUME or -v over /proc is refused or harmless" {
	run --separate-stderr run_tiny -v "$T:/proc" tiny true
	isnt "$status" 0
	one_line '/proc'
}

@test "CVE-2022-23648: a VOLUME with .. copies nothing of the host" {
	hull import -c 'VOLUME ["/../../../../etc"]' "$HULL_SUITE/tiny.tar" evil >/dev/null || return 0
	run --separate-stderr run_tiny evil cat /etc/shadow
	lacks "$output" '^root:'
	run --separate-stderr run_tiny evil cat /etc/os-release
	[ "$status" -ne 0 ] || is "$output" NAME=tiny
}

@test "CVE-2021-41091: others of the host cannot walk into the store or the run folder" {
	need setpriv
	chmod 755 "$HULL_SUITE" "$FILE_DIR" "$T"
	hull run --name stay --network none tiny true
	ok setpriv --reuid 1000 --regid 1000 --clear-groups sh -c \
		'for d in "$HULL_ROOT" "$HULL_ROOT"/* "$HULL_RUNROOT" "$HULL_RUNROOT"/*; do [ -d "$d" ] && ls "$d" >/dev/null 2>&1 && [ -n "$(find "$d" -mindepth 2 2>/dev/null | head -n 1)" ] && echo "$d"; done; cat "$HULL_ROOT/hull.db" 2>/dev/null | head -c 1; true'
	is "$output" ""
	hull rm stay
}

@test "CVE-2026-53488: labels of an image change nothing of ours" {
	local before
	before=$(run_tiny tiny grep -E '^(Cap|Seccomp:|NoNewPrivs|Uid)' /proc/self/status)
	hull import -c 'LABEL hull.privileged=true io.hull.layers=/etc hull=1 org.opencontainers.privileged=true' \
		"$HULL_SUITE/tiny.tar" evil >/dev/null
	ok run_tiny evil grep -E '^(Cap|Seccomp:|NoNewPrivs|Uid)' /proc/self/status
	is "$output" "$before"
}

@test "CVE-2026-41567: programs of the image never unpack" {
	fake() { local p; for p in xz gzip zstd unpigz tar sh; do
		printf '#!/bin/busybox sh\ntouch %s/host/ran\n' "$T" >"bin/$p"; chmod +x "bin/$p"; done; }
	evil fake
	need xz
	xz -1 -k evil.tar
	ok hull import evil.tar.xz evil
	unharmed
}
