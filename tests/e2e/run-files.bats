#!/usr/bin/env bats
# The container's file system: volumes, mounts, read-only, --rootfs, what is hidden, /etc's files.

load ../helpers/common

run_tiny() { hull run --rm --network none "$@"; }

@test "-v rw and ro" {
	mkdir d
	echo host >d/f
	ok run_tiny -v "$T/d:/d" tiny sh -c 'cat /d/f; echo new >/d/g'
	is "$output" host
	is "$(cat d/g)" new
	expect 1 run_tiny -v "$T/d:/d:ro" tiny sh -c 'cat /d/f; echo x >/d/h'
	has "$stderr" 'Read-only file system'
	[ ! -e d/h ]
}

@test "-v of one file" {
	echo host >f
	ok run_tiny -v "$T/f:/etc/motd" tiny sh -c 'cat /etc/motd; echo more >>/etc/motd'
	is "$output" host
	is "$(cat f)" $'host\nmore'
}

@test "-v makes a missing source, as Docker does" {
	ok run_tiny -v "$T/made/here:/d" tiny sh -c 'echo x >/d/f'
	is "$(cat made/here/f)" x
	is "$(stat -c %u:%g made/here)" "$OWN"
}

@test "-v with a relative source" {
	mkdir rel
	ok run_tiny -v ./rel:/d tiny sh -c 'echo x >/d/f'
	is "$(cat rel/f)" x
}

@test "the container's side of -v is made when it is missing" {
	mkdir d
	ok run_tiny -v "$T/d:/a/b/c" -v /etc/hostname:/x/y/z:ro tiny sh -c 'test -d /a/b/c && test -f /x/y/z && echo yes'
	is "$output" yes
}

@test "-v shows the host's own ids, inside and out" {
	only root "the files of a bind mount are the user's, and root's inside"
	mkdir d
	echo x >d/f
	chown 1234:5678 d/f
	ok run_tiny -v "$T/d:/d" tiny sh -c 'stat -c %u:%g /d/f; echo y >/d/g; chown 77:88 /d/g'
	is "$output" 1234:5678
	is "$(stat -c %u:%g d/g)" 77:88
	expect 1 run_tiny -u 1000 -v "$T/d:/d" tiny sh -c 'echo z >/d/h'
	chmod 777 d
	ok run_tiny -u 1000:1000 -v "$T/d:/d" tiny sh -c 'echo z >/d/h'
	is "$(stat -c %u:%g d/h)" 1000:1000
}

@test "-v of a mount with mounts below shows them too; ro covers them" {
	only "root|userns" "mount(2)"
	[ -n "${HULL_TESTS_ALONE:-}" ] || skip "needs a mount namespace of its own"
	mkdir -p d/sub
	mount -t tmpfs none d/sub
	echo below >d/sub/f
	# A line may say that tmpfs shows no other ids (before 6.3).
	run --separate-stderr run_tiny -v "$T/d:/d" tiny cat /d/sub/f
	local got=$output
	run run_tiny -v "$T/d:/d:ro" tiny sh -c 'echo x >/d/sub/g'
	local first=$status second
	# With the host's ids they come as one tree.
	run run_tiny --userns=host -v "$T/d:/d:ro" tiny sh -c 'cat /d/sub/f && echo x >/d/sub/g'
	second=$status
	run run_tiny --userns=host --mount "type=bind,src=$T/d,dst=/d,readonly,bind-recursive=writable" tiny \
		sh -c 'echo x >/d/g || echo x >/d/sub/g && echo written'
	umount d/sub
	is "$got" below
	isnt "$first" 0
	isnt "$second" 0
	has "$output" '^written$'
}

@test "-v rprivate: a mount made on the host later does not appear; rslave: it does" {
	only "root|userns" "mount(2)"
	[ -n "${HULL_TESTS_ALONE:-}" ] || skip "needs a mount namespace of its own"
	local mode
	for mode in rprivate rslave; do
		mkdir -p "$mode/sub"
		run_tiny -v "$T/$mode:/d:$mode" -v "$T:/t" tiny sh -c \
			'touch /t/up.$0; while [ ! -e /t/go.$0 ]; do sleep 0.05; done; ls /d/sub' "$mode" >"out.$mode" &
		wait_for test -e "up.$mode"
		mount -t tmpfs none "$mode/sub"
		touch "$mode/sub/late" "go.$mode"
		wait "$!"
		umount "$mode/sub"
	done
	is "$(cat out.rprivate)" ""
	is "$(cat out.rslave)" late
}

@test "--mount type=bind; its source must exist" {
	mkdir d
	echo x >d/f
	ok run_tiny --mount "type=bind,source=$T/d,target=/d" tiny cat /d/f
	is "$output" x
	ok run_tiny --mount "type=bind,src=$T/d,dst=/d,readonly" tiny sh -c 'echo y >/d/g || echo refused'
	is "$output" refused
	expect 125 run_tiny --mount "type=bind,src=$T/nowhere,dst=/d" tiny true
	one_line "bind source path does not exist" "$T/nowhere"
	[ ! -e nowhere ]
}

@test "--mount type=tmpfs and --tmpfs" {
	ok run_tiny --mount type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=0750 tiny \
		sh -c 'stat -f -c %T /t; stat -c %a /t; df -k /t | tail -n 1'
	is "${lines[0]}" tmpfs
	is "${lines[1]}" 750
	has "${lines[2]}" ' 1024 '
	ok run_tiny --tmpfs /t:size=64k,mode=1777 tiny sh -c 'stat -c %a /t; grep " /t " /proc/self/mounts; dd if=/dev/zero of=/t/f bs=1k count=100 || echo full'
	is "${lines[0]}" 1777
	has "${lines[1]}" 'nosuid,nodev,noexec'
	is "${lines[2]}" full
	ok run_tiny --tmpfs /t:exec tiny sh -c 'cp /bin/busybox /t/true && /t/true && echo ran'
	is "$output" ran
}

@test "--tmpfs takes the mode of the folder it covers" {
	ok run_tiny --tmpfs /tmp tiny sh -c 'stat -c %a /tmp; ls -A /tmp'
	is "$output" 1777
}

@test "--read-only: / is, volumes and tmpfs are not" {
	mkdir d
	ok run_tiny --read-only -v "$T/d:/d" --tmpfs /run tiny sh -c '
		echo x >/f || echo refused
		echo x >/d/f && echo x >/run/f && echo x >/dev/shm/f && echo x >/dev/null && echo rest writable'
	is "$output" $'refused\nrest writable'
}

@test "--read-only: mount points that the image lacks can still be used" {
	mkdir d
	ok run_tiny --read-only -v "$T/d:/not/there/yet" tiny sh -c 'echo x >/not/there/yet/f'
	is "$(cat d/f)" x
}

@test "--rootfs DIR: that folder is /, and keeps what is written" {
	mkdir root
	tar -C root -xf "$HULL_SUITE/tiny.tar"
	ok hull run --rm --network none --rootfs "$T/root" /bin/sh -c 'cat /etc/os-release; echo x >/new; id -u'
	is "$output" $'NAME=tiny\n0'
	is "$(cat root/new)" x
	is "$(stat -c %u:%g root/new)" "$OWN"
}

@test "--rootfs DIR:O: a throw-away overlay" {
	mkdir root
	tar -C root -xf "$HULL_SUITE/tiny.tar"
	local before
	before=$(find root -printf '%p %s %u %m\n' | sort | sha256sum)
	ok hull run --rm --network none --rootfs "$T/root:O" /bin/sh -c 'rm -r /etc /home; echo x >/new; cat /new'
	is "$output" x
	is "$(find root -printf '%p %s %u %m\n' | sort | sha256sum)" "$before"
}

@test "/proc, /sys and /dev are as Docker has them" {
	ok run_tiny tiny sh -c 'awk "{ print \$2, \$3, \$4 }" /proc/self/mounts'
	has "$output" '^/ overlay rw'
	has "$output" '^/proc proc rw,nosuid,nodev,noexec'
	has "$output" '^/dev tmpfs rw,nosuid'
	has "$output" '^/dev/pts devpts rw,nosuid,noexec'
	has "$output" '^/sys sysfs ro,nosuid,nodev,noexec'
	has "$output" '^/dev/mqueue mqueue rw,nosuid,nodev,noexec'
	has "$output" '^/dev/shm tmpfs rw,nosuid,nodev,noexec.*size=65536k'
	has "$output" '^/etc/(hosts|hostname|resolv.conf) '
	has "$output" '^/sys/fs/cgroup.* (tmpfs|cgroup2|cgroup) ro'
}

@test "/dev holds Docker's nodes and links, and they work" {
	ok run_tiny tiny sh -c 'cd /dev; for n in null zero full random urandom tty; do
			stat -c "%n %F %t:%T %a %u:%g" $n; done
		for l in fd stdin stdout stderr ptmx core; do echo $l $(readlink $l); done
		head -c 4 zero | wc -c; echo x >null; head -c 3 urandom | wc -c; ls | tr "\n" " "'
	# The host's own nodes where nobody can make some.
	local of=0:0
	[ "$AS" = root ] || of=65534:65534
	is "${lines[0]}" 'null character special file 1:3 666 '"$of"
	is "${lines[1]}" 'zero character special file 1:5 666 '"$of"
	is "${lines[5]}" 'tty character special file 5:0 666 '"$of"
	is "${lines[6]}" 'fd /proc/self/fd'
	is "${lines[10]}" 'ptmx pts/ptmx'
	is "${lines[12]}" 4
	is "${lines[13]}" 3
	is "${lines[14]}" 'core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero '
}

@test "masked paths show nothing" {
	ok run_tiny tiny sh -c 'cat /proc/kcore /proc/keys /proc/timer_list 2>/dev/null | wc -c
		for d in /proc/acpi /proc/scsi /proc/asound /sys/firmware; do [ ! -d $d ] || ls -A $d; done'
	is "$output" 0
}

@test "read-only paths of /proc cannot be written" {
	ok run_tiny tiny sh -c 'for f in /proc/sys/kernel/hostname /proc/sys/vm/swappiness /proc/sysrq-trigger \
		/proc/irq/default_smp_affinity; do
		[ ! -e $f ] || probe open $f w; done | sort | uniq'
	has "$output" 'EROFS|Read-only|errno 30|EPERM|errno 13'
	lacks "$output" '^ok'
}

@test "hostname, hosts and resolv.conf" {
	ok run_tiny --hostname box --domainname example.org --add-host db:10.1.2.3 --dns 9.9.9.9 \
		--dns-search lan --dns-option ndots:2 tiny \
		sh -c 'hostname; cat /etc/hostname; cat /etc/hosts; cat /etc/resolv.conf; cat /proc/sys/kernel/domainname'
	is "${lines[0]}" box
	is "${lines[1]}" box
	has "$output" '^127\.0\.0\.1[[:blank:]]+localhost'
	has "$output" '^::1[[:blank:]]+localhost'
	has "$output" '^10\.1\.2\.3[[:blank:]]+db'
	has "$output" '^nameserver 9\.9\.9\.9'
	has "$output" '^search lan'
	has "$output" '^options ndots:2'
	is "${lines[-1]}" example.org
}

@test "the hostname is the beginning of the id" {
	ok run_tiny tiny sh -c 'hostname; cat /etc/hostname'
	has "${lines[0]}" '^[0-9a-f]{12}$'
	is "${lines[0]}" "${lines[1]}"
}

@test "/etc/hosts and resolv.conf can be written, for this container only" {
	ok run_tiny tiny sh -c 'echo "1.2.3.4 me" >>/etc/hosts && tail -n 1 /etc/hosts'
	is "$output" "1.2.3.4 me"
	lacks "$(cat /etc/hosts)" '1\.2\.3\.4 me'
}

@test "--device" {
	ok run_tiny --device /dev/null:/dev/mine tiny sh -c 'stat -c "%F %t:%T" /dev/mine; echo x >/dev/mine && echo written'
	is "$output" $'character special file 1:3\nwritten'
	expect 125 run_tiny --device /dev/nowhere tiny true
	one_line /dev/nowhere
}

@test "--device of a node that only root may open works for root inside" {
	only root "mknod(2)"
	mknod -m 600 node c 1 5
	ok run_tiny --device "$T/node:/dev/mine" tiny sh -c 'head -c 3 /dev/mine | wc -c'
	is "$output" 3
}

@test "--device: what the container may do with it" {
	only root "device rules"
	[ -c /dev/loop-control ] || skip "no /dev/loop-control here"
	ok run_tiny --device /dev/loop-control:/dev/mine:r tiny sh -c 'probe open /dev/mine r; probe open /dev/mine w'
	is "${lines[0]}" ok
	isnt "${lines[1]}" ok
	ok run_tiny --device /dev/loop-control:/dev/mine tiny probe open /dev/mine w
	is "$output" ok
}

@test "a device that was not given cannot be opened, even where it can be made" {
	only root "device rules"
	[ -c /dev/loop-control ] || skip "no /dev/loop-control here"
	ok run_tiny --userns=host tiny sh -c 'mknod /node c 10 237 && echo made; probe open /node w'
	has "$output" made
	isnt "${lines[1]}" ok
	ok run_tiny --privileged tiny sh -c 'mknod /node c 10 237; probe open /node w'
	is "$output" ok
}

@test "/ has the owner and the mode that the image gives it, and everybody may enter" {
	only root "ids of other users"
	mkdir tree
	tar -C tree -xf "$HULL_SUITE/tiny.tar"
	chown 1234:100 tree
	chmod 1700 tree
	tar -C tree --numeric-owner -cf own.tar .
	hull import own.tar own >/dev/null
	ok run_tiny own stat -c '%u:%g %a' /
	is "$output" '1234:100 1755'
	ok run_tiny -u 4321 own ls /etc/passwd
}

@test "--shm-size" {
	ok run_tiny --shm-size 2m tiny sh -c 'df -k /dev/shm | tail -n 1; stat -c %a /dev/shm'
	has "$output" ' 2048 '
	is "${lines[1]}" 1777
}

@test "a mount over a mount: the order of the flags does not matter" {
	mkdir -p outer inner outer/in
	echo outer >outer/f
	echo inner >inner/f
	ok run_tiny -v "$T/inner:/d/in" -v "$T/outer:/d" tiny cat /d/f /d/in/f
	is "$output" $'outer\ninner'
}

@test "two mounts on one place are refused" {
	mkdir d
	expect 125 run_tiny -v "$T/d:/d" -v "$T:/d" tiny true
	one_line 'Duplicate mount point: /d|duplicate'
}

@test "many volumes" {
	local i flags=()
	for i in $(seq 60); do
		mkdir "v$i"
		flags+=(-v "$T/v$i:/v/$i")
	done
	ok run_tiny "${flags[@]}" tiny sh -c 'for d in /v/*; do echo x >$d/f; done; ls /v | wc -l'
	is "$output" 60
	is "$(cat v*/f | wc -l)" 60
}

@test "no mount of the container is seen by the host while it runs" {
	mkdir d
	run_tiny -v "$T/d:/d" tiny sh -c 'touch /d/up; while [ ! -e /d/end ]; do sleep 0.05; done' &
	wait_for test -e d/up
	is "$(left_mounts)" "$(was mounts)"
	touch d/end
	wait "$!"
}
