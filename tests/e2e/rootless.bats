#!/usr/bin/env bats
# What is different without the machine's root: ids, folders, one's own files.

load ../helpers/common

run_tiny() { hull run --rm --network none "$@"; }
# map: the lines of an id map, without the blanks
map() { sed 's/^ *//; s/  */ /g'; }
# one_id COMMAND...: as a user who has no range: newuidmap is not found
one_id() { env PATH="$T/nothing" HULL_ROOT="$T/one/root" HULL_RUNROOT="$T/one/run" "$@"; }

@test "the user's one map: root is the user, the rest comes from /etc/subuid" {
	only user "a user's"
	ok run_tiny --userns=host tiny cat /proc/self/uid_map /proc/self/gid_map
	local first
	first=$(cut -d: -f2 /etc/subuid)
	is "$(map <<<"$output")" "$(printf '0 %s 1\n1 %s 65536\n0 %s 1\n1 %s 65536' "$(id -u)" "$first" "$(id -g)" "$first")"
	# A container has a namespace of its own in it, with the same ids.
	ok run_tiny tiny cat /proc/self/uid_map
	is "$(map <<<"$output")" $'0 0 1\n1 1 65536'
	# Layers are shifted on disk by the same map.
	is "$(find "$HULL_ROOT/layers" -path '*/home/ann' -printf '%U:%G\n' 2>/dev/null | head -n 1)" \
		"$((first + 1233)):$((first + 99))"
}

@test "-v: the user's files are root's inside; root's are the user's outside" {
	only "user|userns" "root keeps the ids of the host"
	mkdir d
	echo mine >d/f
	ok run_tiny -v "$T/d:/d" tiny sh -c 'stat -c %u:%g /d/f; echo x >/d/g; chmod 4711 /d/g'
	is "$output" 0:0
	is "$(stat -c '%u:%g %a' d/g)" "$OWN 4711"
	[ "$AS" = user ] || return 0
	ok run_tiny -v "$T/d:/d" tiny sh -c 'chown 5:6 /d/g; stat -c %u:%g /d/g'
	is "$output" 5:6
	[ "$(stat -c %u d/g)" -ge 2000000000 ]
	as_hull rm -r d
}

@test "export: owners as the container sees them" {
	ok hull run --name out tiny sh -c 'echo x >/new; rm /etc/passwd'
	hull export out >out.tar
	ok command tar --numeric-owner -tvf out.tar
	local ann=1234/100
	[ "$AS" != userns ] || ann=0/0
	has "$output" " $ann .*home/ann/$"
	has "$output" ' 0/0 .*(\./)?new$'
	lacks "$output" 'etc/passwd$'
	hull rm out
}

@test "files that only root of the machine may read stay closed" {
	only "user|userns" "root may"
	ok run_tiny -v /etc:/e:ro tiny sh -c 'cat /e/shadow 2>&1; true'
	has "$output" 'denied'
}

@test "--userns=keep-id: the user is nobody else inside, and root is another" {
	if [ "$AS" != user ]; then
		expect 125 run_tiny --userns=keep-id tiny true
		one_line 'keep-id' 'root|/etc/subuid'
		return
	fi
	mkdir d
	echo mine >d/f
	ok run_tiny --userns=keep-id -v "$T/d:/d" tiny sh -c \
		'id -u; id -g; stat -c %u:%g /d/f /etc /home/ann; echo x >/d/g; touch /etc/x 2>/dev/null || echo closed'
	is "$output" "$(printf '%s\n' "$(id -u)" "$(id -g)" "$OWN" 0:0 1234:100 closed)"
	is "$(stat -c %u:%g d/g)" "$OWN"
	has "$stderr" 'copied.*keep-id'
	ok run_tiny --userns=keep-id -u 0 -v "$T/d:/d" tiny sh -c 'id -u; touch /etc/x /dev/shm/x && chown 5:6 /etc/x && stat -c %u:%g /etc/x; cat /etc/hostname >/dev/null && echo x >>/etc/hosts; echo x >/d/h || echo closed'
	is "$output" $'0\n5:6' || is "$output" $'0\n5:6\nclosed'
	ok bash -c 'echo through | "$HULL_BUILD/hull" run -i --rm --userns=keep-id tiny sh -c "cat >/dev/stdout"'
	is "$output" through
	ok run_tiny tiny true
	is "$stderr" "" # it did not make copies the rule
}

@test "--userns=keep-id: the layers are copied once, and shared; rmi, check and export know them" {
	only user "keep-id is for users"
	local copies=$HULL_ROOT/shifted before
	before=$(find "$copies" -mindepth 1 -maxdepth 1 ! -name 'base*' 2>/dev/null | sort)
	command cp "$HULL_SUITE/tiny.tar" kept.tar
	mkdir more more/dir && echo keep >more/file && ln more/file more/dir/second
	command tar -C more --owner=0 --group=0 --numeric-owner -rf kept.tar file dir
	ok hull import kept.tar kept
	ok hull run --userns=keep-id --name one kept sh -c 'test ! -w /etc; id -u >/home/ann/x || stat -c %u:%g /etc /home/ann'
	has "$stderr" "copied.*keep-id"
	is "$output" $'0:0\n1234:100'
	ok hull run --userns=keep-id --name two -u 0 kept sh -c \
		'stat -c "%u:%g %h" /file /dir/second; rm /file; echo new >/etc/new; chown 5:6 /etc/new; id -u'
	is "$stderr" ""
	is "$output" $'0:0 2\n0:0 2\n0'
	ok bash -c 'hull() { "$HULL_BUILD/hull" "$@"; }; hull export two | tar -tv --numeric-owner'
	has "$output" ' 5/6 .* etc/new$'
	has "$output" ' 0/0 .* dir/second$'
	has "$output" ' 1234/100 .* home/ann/$'
	lacks "$output" ' file$'
	ok bash -c '"$HULL_BUILD/hull" export one | tar -xO dir/second'
	is "$output" keep
	ok hull system check
	ok hull rm one two
	ok hull rmi kept
	is "$(find "$copies" -mindepth 1 -maxdepth 1 ! -name 'base*' | sort)" "$before"
	ok hull system check
}

@test "--userns=keep-id: a copy that is damaged, or of no layer, is named and made again" {
	only user "keep-id is for users"
	local copy
	run_tiny --userns=keep-id tiny true
	copy=$(find "$HULL_ROOT/shifted" -mindepth 1 -maxdepth 1 ! -name 'base*' | head -n 1)
	as_hull cp -a "$copy" "$HULL_ROOT/shifted/$(printf 'ab%.0s' $(seq 32)).0123456789abcdef"
	expect 1 hull system check --format '{{.Kind}} {{.Problem}}'
	is "$output" "copy its layer is gone"
	ok hull system check --repair
	as_hull sh -c "echo spoilt >'$copy/etc/passwd'"
	ok hull system check
	expect 1 hull system check --deep --format '{{.Kind}} {{.Problem}}'
	has "$output" '^copy .*'
	is "$(wc -l <<<"$output")" 1
	ok hull system check --deep --repair
	[ ! -e "$copy" ]
	ok run_tiny --userns=keep-id tiny true
	has "$stderr" copied
	ok hull system check --deep
}

@test "without a range there is one id: a line says so once, and what would help" {
	only user "a user's"
	mkdir nothing
	ok one_id "$HULL_BUILD/hull" import "$HULL_SUITE/tiny.tar" tiny
	has "$stderr" 'uidmap.*/etc/subuid'
	has "$stderr" "belong to users or groups"
	ok one_id "$HULL_BUILD/hull" run --rm tiny sh -c 'cat /proc/self/uid_map; stat -c %u:%g /home/ann; id -G'
	is "$stderr" ""
	is "$(map <<<"$output")" $'0 0 1\n0:0\n0'
	expect 125 one_id "$HULL_BUILD/hull" run --rm -u 1234 tiny true
	one_line 'user id 1234' '/etc/subuid'
	ok one_id "$HULL_BUILD/hull" run --rm -v vol:/home tiny sh -c 'touch /home/x && ls /home'
	is "$output" $'ann\nx'
	ok one_id "$HULL_BUILD/hull" rmi tiny
}

@test "a set-id bit does not survive the loss of its owner" {
	mkdir tree
	cp "$PROBE" tree/a
	command tar -C tree --owner=77 --group=88 --mode=6755 -cf tree.tar a
	ok hull import tree.tar t
	ok run_tiny -v "$HULL_SUITE/bin/busybox:/stat" t /stat -c "%u:%g %a" /a
	if [ "$AS" = userns ]; then is "$output" '0:0 755'; else is "$output" '77:88 6755'; fi
}

@test "further commands join the namespace of a running container" {
	only user "a user's"
	local first
	hull run -d --name stays tiny sleep 60
	first=$(run_tiny --userns=host tiny readlink /proc/self/ns/user)
	is "$(run_tiny --userns=host tiny readlink /proc/self/ns/user)" "$first"
	ok hull rm -f stays
	isnt "$(run_tiny --userns=host tiny readlink /proc/self/ns/user)" "$first"
}

@test "rm -f of a container in another user namespace of the user's" {
	only user "a user's"
	hull run -d --name other -u 1234 tiny sleep 60
	local pid
	pid=$(container_pid other)
	# From a sibling of its namespace its processes cannot be killed: its monitor can.
	ok as_hull "$HULL_BUILD/hull" rm -f other
	[ ! -e "/proc/$pid/root" ]
	ok hull ps -aq
	is "$output" ""
}

@test "limits without a control group are discarded, with one line" {
	only "user|userns" "root has control groups"
	ok run_tiny -m 64m --pids-limit 50 --cpus 0.5 tiny echo runs
	is "$output" runs
	is "$(wc -l <<<"$stderr")" 1
	has "$stderr" 'limits.*discarded'
}

@test "an oom score that only root may give is a wish; a limit above one's own an error" {
	only "user|userns" "root may"
	ok run_tiny --oom-score-adj -900 tiny cat /proc/self/oom_score_adj
	[ "$output" -ge 0 ]
	expect 125 run_tiny --ulimit "nofile=$(($(ulimit -Hn) + 1))" tiny true
	one_line 'NOFILE'
	ok bash -c 'ulimit -n 900 && "$HULL_BUILD/hull" run --rm tiny sh -c "ulimit -n; ulimit -Hn"'
	is "$output" $'900\n900'
}

@test "the folders of XDG, closed to others" {
	only user "a user's"
	mkdir -m 700 home xdg
	local here=(env -u HULL_ROOT -u HULL_RUNROOT HOME="$T/home" XDG_RUNTIME_DIR="$T/xdg")
	ok "${here[@]}" "$HULL_BUILD/hull" import "$HULL_SUITE/tiny.tar" tiny
	is "$(stat -c %a home/.local/share/hull xdg/hull | sort -u)" 700
	ok "${here[@]}" "$HULL_BUILD/hull" run --rm tiny echo yes
	is "$output" yes
	ok "${here[@]}" XDG_DATA_HOME="$T/data" "$HULL_BUILD/hull" images -q
	is "$output" ""
	is "$(stat -c %a data/hull)" 700
	ok "${here[@]}" XDG_DATA_HOME=relative "$HULL_BUILD/hull" images -q
	isnt "$output" ""
	as_hull rm -r home
}

@test "no XDG_RUNTIME_DIR: a folder in /tmp that nobody else may enter, or none" {
	only user "a user's"
	mkdir -m 700 home
	local here=(env -u HULL_ROOT -u HULL_RUNROOT -u XDG_RUNTIME_DIR HOME="$T/home") place
	place=/tmp/hull-$(id -u)
	[ ! -e "$place" ] || skip "$place is in use"
	[ ! -e "/run/user/$(id -u)" ] || skip "there is /run/user/$(id -u)"
	ln -s "$T/home" "$place"
	run --separate-stderr "${here[@]}" "$HULL_BUILD/hull" ps
	rm "$place"
	is "$status" 1
	one_line "$place" XDG_RUNTIME_DIR
	ok "${here[@]}" "$HULL_BUILD/hull" ps
	is "$(stat -c %a "$place")" 700
	rm -r "$place"
}

@test "folders left from before su or sudo are an error that says so" {
	only user "a user's"
	local plain=(env -u HULL_ROOT -u HULL_RUNROOT)
	mkdir -m 700 home xdg
	expect 1 "${plain[@]}" HOME=/root XDG_RUNTIME_DIR="$T/xdg" "$HULL_BUILD/hull" images
	one_line 'HOME is /root' 'user 0' "user $(id -u)"
	expect 1 "${plain[@]}" HOME="$T/home" XDG_RUNTIME_DIR=/run "$HULL_BUILD/hull" images
	one_line 'XDG_RUNTIME_DIR is /run' 'user 0'
	expect 1 "${plain[@]}" HOME="$T/home" XDG_DATA_HOME=/usr XDG_RUNTIME_DIR="$T/xdg" "$HULL_BUILD/hull" images
	one_line 'XDG_DATA_HOME is /usr'
	expect 1 "${plain[@]}" HOME="$T/nowhere" XDG_RUNTIME_DIR="$T/xdg" "$HULL_BUILD/hull" images
	one_line "$T/nowhere" HULL_ROOT
	expect 1 env HULL_ROOT=/usr "$HULL_BUILD/hull" images
	one_line '/usr'
}

@test "a store where overlay does not work: a plain copy, and a line that says so" {
	only "root|userns" "mount(2)"
	[ -n "${HULL_TESTS_ALONE:-}" ] || skip "needs a mount namespace of its own"
	mkdir -p low up work on d
	# Overlay cannot have its upper folder on another, as in a container whose root is one.
	mount -t overlay -o "lowerdir=$T/low,upperdir=$T/up,workdir=$T/work,userxattr" none on || skip "no overlay"
	# Not with local: teardown looks for rows in the store of before.
	run bash -c '
		set -e
		: "${HULL_TEST_AS:=root}"; export HULL_ROOT=$PWD/on/root HULL_RUNROOT=$PWD/on/run
		hull() { "$HULL_BUILD/hull" "$@"; }
		hull import "$HULL_SUITE/tiny.tar" tiny >/dev/null 2>&1
		echo input | hull run -i --rm tiny sh -c "cat; id -u; rm /etc/passwd; mkdir -p /new/folder; stat -c %u:%g /etc"
		hull run --name stays -v "$PWD/d:/d" tiny sh -c "ls /etc/passwd; echo x >/d/f; echo new >/made; rm /bin/cat"
		stat -c "owner %u:%g" d/f
		if [ "$(id -u)" -eq 0 ] && [ "$HULL_TEST_AS" != root ]; then hull export stays | tar t; fi
		hull system check
		hull rm stays >/dev/null
		find "$HULL_ROOT/containers" "$HULL_RUNROOT/containers" -mindepth 1'
	wait_for umount on # the keeper of networks stays half a second longer
	is "$status" 0
	is "$(grep -c 'warning: the root file system is copied (2' <<<"$output")" 2
	has "$output" '^input$'
	has "$output" '^0:0$'
	has "$output" '^/etc/passwd$'
	has "$output" "^owner $OWN$"
	has "$output" 'nothing is broken$'
	if [ "$AS" != root ]; then
		has "$output" '^made$'
		lacks "$output" '^(\./)?bin/cat$'
	fi
	lacks "$output" "$T/on/.*/containers/"
}

@test "unshare -r in a mount namespace of others, and once more inside" {
	# The store of a machine's root is not of this namespace's root; one of its own is.
	if [ "$AS" != userns ]; then only root "ids on disk are the map's"; fi
	export HULL_ROOT=$T/in/root HULL_RUNROOT=$T/in/run
	ok unshare -r "$HULL_BUILD/hull" import "$HULL_SUITE/tiny.tar" tiny
	ok unshare -r "$HULL_BUILD/hull" run --rm -v vol:/v -v "$T:/t" tiny sh -c 'id -u; touch /t/made; ls /proc/self/fd | wc -l'
	is "${lines[0]}" 0
	is "$(stat -c %u:%g made)" "$OWN"
	ok unshare -rm unshare -r "$HULL_BUILD/hull" run --rm --network host tiny echo deep
	is "$output" deep
	ok unshare -r rm -rf "$T/in"
}

# A folder to run, and hull in it as root of a user namespace. WHERE is shell text with hull's name in $H.
nested() { # HIDE [FLAG...]
	local hide=$1
	shift
	mkdir -p tree/bin tree/proc tree/sys tree/dev tree/etc state
	command cp "$HULL_SUITE/bin/busybox" tree/bin/busybox
	ln -sf busybox tree/bin/sh && ln -sf busybox tree/bin/ls && ln -sf busybox tree/bin/touch
	chmod -R a+rX . && chmod 755 .
	run --separate-stderr env HULL_ROOT="$PWD/state/r" HULL_RUNROOT="$PWD/state/rr" unshare -m sh -c "
		$hide
		unshare -r '$HULL_BUILD/hull' run --rm --network none $* --rootfs '$PWD/tree:O' sh -c \
			'ls -d /sys/class; ls /sys/firmware; touch /sys/x 2>/dev/null || echo read-only; ls -d /proc/self'"
}

@test "nested: parts of /sys are hidden: the outer one is shown, read-only, and a line says so once" {
	only root "mounts over /sys"
	nested 'mount -t tmpfs none /sys/firmware'
	is "$status" 0
	is "$output" $'/sys/class\nread-only\n/proc/self'
	is "$(grep -c 'parts of /sys are hidden here' <<<"$stderr")" 1
	nested 'mount -t tmpfs none /sys/firmware'
	is "$status" 0
	is "$output" $'/sys/class\nread-only\n/proc/self'
	lacks "$stderr" hidden
	rm -rf state
	nested '' --security-opt systempaths=unconfined
	is "$status" 0
	has "$output" acpi\|dmi\|qemu_fw_cfg\|memmap
	lacks "$stderr" hidden
}

@test "nested: parts of /proc are hidden: one line, what would help, nothing left" {
	only root "mounts over /proc"
	nested 'mount -t tmpfs none /proc/acpi || mount -t tmpfs none /proc/bus'
	is "$status" 125
	has "$stderr" '^hull: mount proc on /proc: parts of /proc are hidden.*systempaths=unconfined'
	is "$(find state/r/containers state/rr/containers -mindepth 1 -maxdepth 1)" ""
}

@test "nested: in a container of hull itself" {
	only root "a container that may mount"
	no_sanitizer # which makes hull need a libc that the container has not
	mkdir -p tree/bin tree/proc tree/sys tree/dev tree/etc
	command cp "$HULL_SUITE/bin/busybox" tree/bin/busybox
	chmod -R a+rX . && chmod 755 .
	inner() { # OUTER FLAG...
		run --separate-stderr "$HULL_BUILD/hull" run --rm --network none "$@" --tmpfs /s -v "$TOP:$TOP:ro" -v "$HULL_BUILD:$HULL_BUILD:ro" \
			-v "$PWD/tree:/tree" tiny sh -c "HULL_ROOT=/s/r HULL_RUNROOT=/s/rr '$HULL_BUILD/hull' run --rm --network none \
				--security-opt seccomp=unconfined --rootfs /tree /bin/busybox id -u"
	}
	inner
	is "$status" 125
	has "$stderr" 'may not mount.*--cap-add SYS_ADMIN'
	inner --cap-add SYS_ADMIN --security-opt seccomp=unconfined
	is "$status" 125
	has "$stderr" '/proc are hidden.*systempaths=unconfined'
	inner --cap-add SYS_ADMIN --security-opt systempaths=unconfined
	is "$status" 125
	has "$stderr" 'seccomp=unconfined'
	inner --cap-add SYS_ADMIN --security-opt seccomp=unconfined --security-opt systempaths=unconfined
	is "$status" 0
	is "$output" 0
}
