#!/usr/bin/env bats
# What hull is for, in one image. The file's name says which: the others are links to this one.

load ../helpers/common

case ${BATS_TEST_FILENAME##*/} in
mission-trixie.bats) IMAGE=debian:trixie NAME='Debian GNU/Linux' ;;
mission-alpine.bats) IMAGE=alpine:3.20 NAME='Alpine Linux' ;;
mission-old-alpine.bats) IMAGE=alpine:3.6 NAME='Alpine Linux' ;;
mission-busybox.bats) IMAGE=busybox NAME= ;;
*) IMAGE=tiny NAME=tiny ;;
esac

setup_one() { need_image "$IMAGE"; }
inside() { hull run --rm --network none "$IMAGE" "$@"; }

@test "the container sees the host's kernel" {
	ok inside uname -srvm
	is "$output" "$(uname -srvm)"
}

@test "the container has the image's own /" {
	ok inside sh -c 'cat /etc/os-release 2>/dev/null; ls -d /bin /etc /proc/self; ls -di /'
	[ -z "$NAME" ] || has "$output" "$NAME"
	has "$output" '^/etc$'
	lacks "$output" "^ *$(stat -c %i /) +/$"
	expect 1 inside test -e "$TOP"
}

@test "what is written to / stays in the container" {
	ok inside sh -c 'echo new >/etc/hull-test && rm /etc/passwd && cat /etc/hull-test'
	is "$output" new
	[ ! -e /etc/hull-test ] && [ -e /etc/passwd ]
	ok inside sh -c 'ls /etc/hull-test; ls /etc/passwd || [ "$0" = busybox ]' "$IMAGE"
	lacks "$output" hull-test
}

@test "a file written through -v appears on the host, and is root's there" {
	mkdir shared
	ok hull run --rm --network none -v "$T/shared:/mnt/shared" "$IMAGE" \
		sh -c 'id -u; echo from inside >/mnt/shared/file'
	is "$output" 0
	is "$(cat shared/file)" "from inside"
	is "$(stat -c %u:%g shared/file)" "$OWN"
}

@test "inside, there are only the container's own processes; the host sees them all" {
	sleep 300 &
	local host_sleep=$!
	mkfifo go
	exec 8<>go
	hull run --rm --network none -v "$T:/t" "$IMAGE" sh -c 'sleep 4321 & echo $$ >/t/pid
		while [ "$(cat /proc/$!/comm)" != sleep ]; do :; done; for p in /proc/[0-9]*; do echo ${p#/proc/} $(tr "\0" " " <$p/cmdline); done >/t/list
		echo done >/t/listed; read x </t/go; kill $!' 8>&- &
	wait_for test -e listed
	run cat list
	has "$output" '^1 sh '
	has "$output" '^[0-9]+ sleep 4321'
	lacks "$output" 'sleep 300|bats|systemd|hull run'
	[ "${#lines[@]}" -le 5 ]
	is "$(cat pid)" 1
	has "$(ps -e -o args=)" '^sleep 4321'
	echo go >&8
	wait "$!"
	kill "$host_sleep"
}

@test "uid 1234 inside is not uid 1234 outside" {
	only "root|user" "one id: there is only root"
	need_idmaps
	chmod 755 "$T"
	[ "$IMAGE" != alpine:3.6 ] || skip "this archive's root folder is closed to all but root (0700)"
	hull run --rm --network none -u 1234:1234 -v "$T:/t" "$IMAGE" \
		sh -c 'id -u; while [ ! -e /t/end ]; do sleep 0.1; done' >out &
	local outside
	wait_for test -s out
	is "$(cat out)" 1234
	outside=$(ps -e -o uid=,args= | awk '/[w]hile \[ ! -e/ && !/hull run/ { print $1; exit }')
	touch end
	wait "$!"
	isnt "$outside" ""
	isnt "$outside" 1234
	[ "$outside" -ge 524288 ]
}

@test "children of children have the same view and the same limits" {
	local script='exec sh -c "sh -c \"
		hostname; cat /etc/inherited; ls -l /proc/self/ns/pid /proc/1/ns/pid | sed s/.*-.// | uniq | wc -l
		cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null
		grep CapEff /proc/self/status\""'
	ok hull run --rm --network none --hostname deep --pids-limit 77 "$IMAGE" \
		sh -c "echo yes >/etc/inherited; $script"
	is "${lines[0]}" deep
	is "${lines[1]}" yes
	is "${lines[2]}" 1
	[ "$AS" != root ] || is "${lines[3]}" 77
	has "${lines[-1]}" '00000000a80425fb'
}

@test "a memory limit hits a grandchild" {
	only root "no control group is delegated"
	ok hull run --rm --network none -m 32m -v "$PROBE:/probe:ro" "$IMAGE" \
		sh -c 'sh -c "/probe alloc 16"; sh -c "/probe alloc 200; echo status \$?"'
	is "${lines[0]}" ok
	is "${lines[1]}" "status 137"
}

@test "a pids limit hits a grandchild" {
	only root "no control group is delegated"
	ok hull run --rm --network none --pids-limit 20 -v "$PROBE:/probe:ro" "$IMAGE" \
		sh -c 'sh -c "/probe forks 100"'
	[ "$output" -ge 10 ] && [ "$output" -lt 20 ]
}

@test "installing a kernel package inside changes nothing about uname -r" {
	[ "$IMAGE" = debian:trixie ] || skip "only where there is dpkg"
	need dpkg-deb
	mkdir -p package/DEBIAN package/boot package/lib/modules/9.9.9-hull
	printf '%s\n' 'Package: linux-image-9.9.9-hull' 'Version: 9.9.9-1' 'Architecture: all' \
		'Maintainer: nobody <nobody@example.org>' 'Description: a kernel that is none' \
		>package/DEBIAN/control
	echo 'not bootable' >package/boot/vmlinuz-9.9.9-hull
	touch package/lib/modules/9.9.9-hull/modules.dep
	dpkg-deb -b --root-owner-group package kernel.deb >/dev/null
	ok hull run --rm --network none -v "$T/kernel.deb:/kernel.deb:ro" "$IMAGE" \
		sh -c 'dpkg -i /kernel.deb >&2 && ls /boot && uname -r'
	is "${lines[0]}" vmlinuz-9.9.9-hull
	is "${lines[1]}" "$(uname -r)"
	[ ! -e /boot/vmlinuz-9.9.9-hull ]
}

@test "when it ends, nothing is left" {
	# What teardown looks for after every test must be seen while the container runs.
	hull run --rm --network none -v "$T:/t" "$IMAGE" \
		sh -c 'touch /t/up; while [ ! -e /t/end ]; do sleep 0.05; done' &
	wait_for test -e up
	isnt "$(left_files)" "$(was files)"
	isnt "$(left_rows)" ""
	[ "$AS" != root ] || isnt "$(find /sys/fs/cgroup -maxdepth 4 -type d -regextype posix-extended -regex '.*[0-9a-f]{64}.*')" ""
	if [ -n "${HULL_TESTS_ALONE:-}" ]; then isnt "$(left_processes)" "$(was processes)"; fi
	is "$(left_mounts)" "$(was mounts)"
	touch end
	wait "$!"
}
