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
			# The host's root is who could do harm.
			run timeout 30 "$HULL_BUILD/hull" run --rm --network none --userns=host evil probe fds
			[ "$status" -ne 124 ]
			unharmed
			run timeout 30 "$HULL_BUILD/hull" run --rm --network none --userns=host --rootfs "$T/tree" /bin/probe fds
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
	run run_tiny --userns=host -v "$T/d:/out/sub" -v "$T/d/f:/outfile" -v "$T/d:/up$T/host/made" evil sh -c 'cat /out/sub/f'
	unharmed
	run run_tiny --userns=host -w /out/made/by/workdir evil true
	unharmed
	run run_tiny --userns=host --tmpfs /out/tmpfs evil true
	unharmed
	run run_tiny --userns=host --device /dev/null:/out/null evil true
	unharmed
}

@test "CVE-2026-55686: a WORKDIR through links makes nothing on the host" {
	hostward() { ln -s "$T/host" out; ln -s "/proc/1/root$T/host" viaproc; }
	evil hostward
	local w
	for w in /out/made /viaproc/made "/out/../../../..$T/host/made"; do
		hull import -c "WORKDIR $w" evil.tar evil >/dev/null
		run run_tiny --userns=host evil probe cwd
		unharmed
	done
}

# Two names that change places without end, as somebody does who shares the folder.
swap_start() {
	need python3
	cat >swap.py <<-'PY'
		import ctypes, sys
		libc = ctypes.CDLL(None)
		while True:
		    libc.renameat2(-100, sys.argv[1].encode(), -100, sys.argv[2].encode(), 2)
	PY
	/usr/bin/env python3 swap.py "$1" "$2" 3>&- &
	swapper=$!
}
swap_end() {
	kill "$swapper"
	wait "$swapper" || true
}

@test "CVE-2021-30465, CVE-2024-45310: links that are swapped in a shared volume during the start" {
	mkdir -p shared/a d
	ln -s "$T/host" shared/b
	echo mine | tee f >d/marker
	# At rest: a link that leads to a folder here and to one there.
	mkdir host/sub
	host_before=$(host_list)
	both() { ln -s "$T/host" out && mkdir -p ".$T/host/sub"; }
	evil both
	ok run_tiny --userns=host -v "$T/d:/out/sub" -v "$T/d:/out/deep/er" evil cat /out/sub/marker /out/deep/er/marker
	is "$output" $'mine\nmine'
	unharmed
	swap_start "$T/shared/a" "$T/shared/b"
	for _ in $(seq 60); do
		# Wherever it is by now, the mount is in the container, or the start was refused.
		run timeout 20 "$HULL_BUILD/hull" run --rm --network none --userns=host -v "$T/shared:/s" \
			-v "$T/d:/s/a/sub" -v "$T/d:/s/a/deep/er/folder" -v "$T/f:/s/a/file" tiny sh -c \
			'for i in $(seq 50); do for m in /s/a/sub /s/b/sub "$1/sub"; do [ ! -e $m/marker ] || exit 3; done; done' \
			sh "$T/host"
		[ "$status" -eq 3 ] || [ "$status" -gt 124 ]
	done
	swap_end
	unharmed
}

@test "CVE-2023-27561, CVE-2023-28642: a root folder whose /proc is swapped for a link during the start" {
	local round
	mkdir -p tree/fake
	tar -C tree -xf "$HULL_SUITE/tiny.tar"
	ln -s fake tree/link
	swap_start "$T/tree/proc" "$T/tree/link"
	# Refused, or proc with its masks is where proc is: whatever it is called.
	for round in $(seq 60); do
		run --separate-stderr timeout 20 "$HULL_BUILD/hull" run --rm --network none --userns=host \
			--rootfs "$T/tree" /bin/sh -c \
			'for d in /proc /link /fake; do for f in kcore keys; do [ ! -e $d/$f ] || head -c 1 $d/$f; done
			probe open $d/sysrq-trigger w; probe open $d/sys/kernel/core_pattern w; done; echo end'
		[ "$status" -ne 124 ]
		lacks "round $round $output" '^ok|^[^e]*[[:cntrl:]]'
		[ "$status" -ne 0 ] || has "$output" '^end$'
	done
	swap_end
}

@test "CVE-2025-31133: masks show our own null device, not the one of a /dev that is shared" {
	mkdir -p dev
	ln -s "$T/host/file" dev/null
	run --separate-stderr run_tiny --userns=host -v "$T/dev:/dev" tiny sh -c \
		'stat -c "%F %t:%T" /proc/keys /proc/kcore; head -c 1 /proc/keys | wc -c; probe open /proc/sysrq-trigger w'
	unharmed
	[ "$status" -ne 0 ] || is "$output" $'character special file 1:3\ncharacter special file 1:3\n0\nerrno 30 (Read-only file system)'
	rm dev/null
	ln -s /proc/sysrq-trigger dev/null
	run --separate-stderr run_tiny --userns=host -v "$T/dev:/dev" tiny sh -c \
		'stat -c "%F %t:%T" /proc/keys /proc/kcore; head -c 1 /proc/keys | wc -c; probe open /proc/sysrq-trigger w'
	[ "$status" -ne 0 ] || is "$output" $'character special file 1:3\ncharacter special file 1:3\n0\nerrno 30 (Read-only file system)'
}

@test "CVE-2025-52565, CVE-2026-88264: /dev/console is our terminal, whatever lies at /dev/pts or /dev/console" {
	only "root|userns" "mount(2)"
	ok run_tiny -t tiny sh -c '[ /dev/console -ef /proc/self/fd/0 ] && stat -c %t /dev/console'
	is "${output%%$'\r'*}" 88
	local where
	for where in pts/0 pts/1 console; do
		# What is there must stay, and CVE-2026-88264: what is not must not come to be.
		rm -rf dev pts
		mkdir -p dev/pts pts
		ln -s "$T/host/new" "dev/$where"
		[ "$where" = console ] || ln -s "$T/host/file" "$where"
		# With a devpts of its own, or there would be no terminal at all.
		[ "$where" != console ] || mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
		run timeout 20 "$HULL_BUILD/hull" run --rm --network none --userns=host -t -v "$T/dev:/dev" tiny stat -c %t /dev/console
		[ "$where" != console ] || umount -l dev/pts
		[ "$status" -ne 124 ]
		[ "$status" -ne 0 ] || is "${lines[0]%%$'\r'*}" 88
		unharmed
		run timeout 20 "$HULL_BUILD/hull" run --rm --network none --userns=host -t -v "$T/pts:/dev/pts" tiny stat -c %t /dev/console
		[ "$status" -ne 124 ]
		[ "$status" -ne 0 ] || is "${lines[0]%%$'\r'*}" 88
		unharmed
	done
}

@test "CVE-2024-9676: passwd and group of the image as FIFO, folder, device, link, or huge" {
	only "root|user" "one id: there is only root"
	fifo() { rm etc/passwd etc/group; mkfifo etc/passwd etc/group; }
	folder() { rm -rf etc/passwd etc/group; mkdir etc/passwd etc/group; }
	device() { rm -rf etc/passwd etc/group; mknod etc/passwd c 1 5; mknod etc/group c 1 5; }
	outward() { rm -rf etc/passwd etc/group; ln -s "$T/host/passwd" etc/passwd; ln -s /proc/kmsg etc/group; }
	huge() { rm -rf etc/passwd etc/group; truncate -s 3G etc/passwd etc/group; }
	echo 'intruder:x:0:0::/:/bin/sh' >host/passwd
	host_before=$(host_list)
	local kind
	for kind in fifo folder device outward; do
		[ "$kind" != device ] || [ "$AS" = root ] || continue # mknod(2)
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

@test "CVE-2019-16884: a VOLUME or -v over /proc is refused" {
	run --separate-stderr run_tiny -v "$T:/proc" tiny true
	isnt "$status" 0
	one_line '/proc'
	mkdir -p tree/proc/self/attr
	tar -C tree -xf "$HULL_SUITE/tiny.tar"
	touch tree/proc/self/attr/exec
	tar -C tree --numeric-owner -cf evil.tar .
	local volume
	for volume in /proc /proc/ /./proc /sys; do
		hull import -c "VOLUME [\"$volume\"]" evil.tar evil >/dev/null
		run --separate-stderr run_tiny evil sh -c 'stat -f -c %T /proc; head -c 1 /proc/keys | wc -c'
		[ "$status" -ne 0 ] || is "$volume $output" "$volume proc"$'\n0'
	done
}

@test "CVE-2022-23648: a VOLUME with .. copies nothing of the host" {
	local up=/../../../../../../../../../../../..
	hull import -c "VOLUME [\"$up/etc\"]" "$HULL_SUITE/tiny.tar" evil >/dev/null
	run --separate-stderr run_tiny evil cat /etc/os-release
	[ "$status" -ne 0 ] || is "$output" NAME=tiny
	hull import -c "VOLUME [\"$up$T/host\"]" "$HULL_SUITE/tiny.tar" evil >/dev/null
	run --separate-stderr run_tiny evil find / -name file -not -path '/proc/*' -exec cat '{}' '+'
	lacks "$output" precious
}

@test "CVE-2021-41091: others of the host cannot walk into the store or the run folder" {
	only root "becoming another user"
	need setpriv
	chmod 755 "$HULL_SUITE" "$FILE_DIR" "$T" "$HULL_ROOT" "$HULL_RUNROOT"
	hull run --name stay --network none tiny true
	ok setpriv --reuid 1000 --regid 1000 --clear-groups sh -c \
		'for d in "$HULL_ROOT" "$HULL_ROOT"/* "$HULL_RUNROOT" "$HULL_RUNROOT"/*; do [ -d "$d" ] && ls "$d" >/dev/null 2>&1 && [ -n "$(find "$d" -mindepth 2 2>/dev/null | head -n 1)" ] && echo "$d"; done; cat "$HULL_ROOT/hull.db" 2>/dev/null | head -c 1; true'
	is "$output" ""
	# The same for the user that a container's root is on the host, and for a setuid file in a volume.
	local id
	id=$(run_tiny tiny awk '{ print $2 }' /proc/self/uid_map)
	run_tiny -v keep:/k tiny sh -c 'cp /bin/probe /k/probe; chmod 6755 /k/probe'
	for id in "$id" 1000; do
		[ "$id" -ne 0 ] || continue # no user namespace: root may
		ok setpriv --reuid "$id" --regid "$id" --clear-groups sh -c \
			'cat "$HULL_ROOT"/*/*/* "$HULL_ROOT"/containers/*/* "$HULL_RUNROOT"/*/*/* "$HULL_ROOT"/volumes/keep/_data/probe 2>/dev/null | wc -c
			touch "$HULL_ROOT/x" "$HULL_RUNROOT/x" 2>/dev/null; chmod 777 "$HULL_ROOT" 2>/dev/null; true'
		is "$id $output" "$id 0"
	done
	[ ! -e "$HULL_ROOT/x" ] && [ ! -e "$HULL_RUNROOT/x" ]
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

@test "CVE-2020-1726: what a volume has is never overwritten by the image" {
	hull run --rm --network none -v keep:/k tiny sh -c 'echo mine >/k/passwd; chmod 600 /k/passwd'
	ok run_tiny -v keep:/etc tiny sh -c 'ls /etc; cat /etc/passwd; stat -c %a /etc/passwd'
	has "$output" '^mine$'
	has "$output" '^600$'
	lacks "$output" 'root:|os-release'
	mkdir here
	ok run_tiny -v "$T/here:/etc" tiny ls /etc
	lacks "$output" 'passwd|os-release'
}

@test "CVE-2026-33945, GHSA-7f67-crqm-jgh7: names climb nowhere" {
	local name before
	hull run --rm --network none -v keep:/k tiny true
	before=$(cd "$FILE_DIR" && find . -path './t.*' -prune -o -path './root/containers' -prune -o -type d -print | sort)
	for name in ../x .. . ../../x x/../../y '/../x' '.x' 'a/b' $'a\nb' 'a b' '%2e%2e' ''; do
		[ -z "$name" ] || expect 125 run_tiny --name "$name" tiny true
		run --separate-stderr run_tiny --mount "type=volume,src=$name,dst=/m" tiny true
		[ -z "$name" ] || isnt "volume $name $status" "volume $name 0"
		case $name in
		a/b) ;; # a repository may have a slash, and that is no path
		*)
			run --separate-stderr hull tag tiny "$name"
			isnt "tag $name $status" "tag $name 0"
			;;
		esac
		run --separate-stderr hull rm "$name"
		isnt "rm $name $status" "rm $name 0"
		run --separate-stderr hull rmi "$name"
		isnt "rmi $name $status" "rmi $name 0"
	done
	is "$(cd "$FILE_DIR" && find . -path './t.*' -prune -o -path './root/containers' -prune -o -type d -print | sort)" "$before"
}

@test "CVE-2024-3727: what is called a digest and is none goes nowhere" {
	local hex d before
	hex=$(printf '%064d' 0)
	echo '{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[]}}' >"$HULL_ROOT/planted"
	before=$(cd "$HULL_ROOT" && find . -not -name 'hull.db*' | sort)
	for d in "sha256:../../planted" "sha256:..%2f..%2fplanted" "sha256:" "sha256:${hex%0}" "sha256:${hex}0" \
		"sha256:${hex%??}/x" "md5:${hex%????????????????????????????????}" "sha256:${hex%?}G" "../sha256:$hex" "sha1:$hex"; do
		run --separate-stderr run_tiny "tiny@$d" true
		is "$d $status" "$d 125"
		one_line 'invalid|unsupported'
		run --separate-stderr hull image inspect "$d"
		isnt "$d $status" "$d 0"
		lacks "$output" architecture
		run --separate-stderr hull tag tiny "other@$d"
		isnt "$d $status" "$d 0"
	done
	is "$(cd "$HULL_ROOT" && find . -not -name 'hull.db*' | sort)" "$before"
	rm "$HULL_ROOT/planted"
}
