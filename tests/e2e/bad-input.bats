#!/usr/bin/env bats
# Bad input: one line that names what was tried, on what, and what would help; Docker's exit status.

load ../helpers/common

run_tiny() { hull run --rm --network none "$@"; }

@test "unknown flags: the nearest one is suggested" {
	expect 125 run_tiny --privilged tiny true
	one_line '--privilged' '--privileged'
	expect 125 run_tiny --memry 5m tiny true
	one_line '--memry' '--memory'
	expect 125 run_tiny -X tiny true
	one_line "-X|'X'"
	expect 125 hull ps --al
	one_line '--al' '--all'
}

@test "unknown commands: the nearest one is suggested" {
	expect 1 hull rnu tiny
	one_line rnu 'run'
	expect 1 hull image isnpect tiny
	one_line isnpect inspect
}

@test "without arguments: the usage, on stderr or stdout, and a status" {
	run hull
	has "$output" 'run'
	has "$output" 'images'
	ok hull --help
	has "$output" 'run'
	ok hull run --help
	has "$output" -- '--rm'
	ok hull --version
	has "$output" '[0-9]+\.[0-9]+'
}

@test "too few arguments" {
	expect 1 hull rm
	one_line 'rm' 'requires at least 1 argument|at least 1'
	expect 1 hull run
	one_line 'run' 'requires at least 1 argument|at least 1'
	expect 1 hull tag tiny
	one_line 'tag' '2 arguments'
}

@test "a flag without its value, and a value that is none" {
	expect 125 hull run --name
	one_line 'name'
	expect 125 run_tiny --rm=perhaps tiny true
	one_line 'rm' 'perhaps'
	expect 125 run_tiny --cpus many tiny true
	one_line cpus many
	expect 125 run_tiny --pids-limit some tiny true
	one_line pids-limit some
	expect 125 run_tiny --shm-size big tiny true
	one_line shm-size big
	expect 125 run_tiny --stop-signal SIGNONE tiny true
	one_line SIGNONE
}

@test "flags as Docker takes them: joined, with =, bundled, after --" {
	ok hull run --rm=true --network=none -eA=1 -w/etc tiny sh -c 'echo $A; pwd'
	is "$output" $'1\n/etc'
	ok bash -c 'echo in | "$HULL_BUILD/hull" run -i --rm --network none -- tiny cat'
	is "$output" in
}

@test "an unknown image" {
	expect 125 run_tiny nowhere/at:all true
	one_line 'nowhere/at:all'
}

@test "names: a bad one, and one that is taken" {
	expect 125 run_tiny --name 'bad name' tiny true
	one_line 'Invalid container name' 'bad name'
	expect 125 run_tiny --name x tiny true
	one_line 'Invalid container name' 'x'
	ok hull run --name taken --network none tiny true
	expect 125 run_tiny --name taken tiny true
	one_line Conflict taken
	ok hull rm taken
	is "$output" taken
}

@test "-v: a malformed one, a relative target, a bad mode" {
	expect 125 run_tiny -v "$T:relative" tiny true
	one_line relative
	expect 125 run_tiny -v "$T:/d:nosuchmode" tiny true
	one_line nosuchmode
	expect 125 run_tiny -v "$T:/d:ro:extra" tiny true
	one_line extra
	expect 125 run_tiny -v "$T:/" tiny true
	one_line '/'
	expect 125 run_tiny -v "" tiny true
	one_line
}

@test "--mount: unknown keys and types, missing members" {
	expect 125 run_tiny --mount type=nosuch,dst=/d tiny true
	one_line nosuch
	expect 125 run_tiny --mount "type=bind,src=$T,dst=/d,nosuchkey=1" tiny true
	one_line nosuchkey
	expect 125 run_tiny --mount "type=bind,src=$T" tiny true
	one_line 'target'
	expect 125 run_tiny --mount "type=tmpfs,dst=/d,tmpfs-size=huge" tiny true
	one_line huge
}

@test "a folder over a file and a file over a folder" {
	touch f
	mkdir d
	expect 127 run_tiny -v "$T/d:/etc/passwd" tiny true
	one_line '/etc/passwd' '[Dd]irectory|folder'
	expect 127 run_tiny -v "$T/f:/etc" tiny true
	one_line '/etc' '[Dd]irectory|folder'
}

@test "--rootfs that is not there, or a file" {
	expect 125 hull run --rm --network none --rootfs "$T/nowhere" true
	one_line nowhere
	touch f
	expect 125 hull run --rm --network none --rootfs "$T/f" true
	one_line "$T/f"
}

@test "a working folder that is a file" {
	expect 127 run_tiny -w /etc/passwd tiny true
	one_line '/etc/passwd' '[Nn]ot a directory'
}

@test "a network or a namespace mode that is not there" {
	only root "bridges are for root so far"
	expect 125 hull run --rm --network nosuch tiny true
	one_line nosuch
	expect 125 run_tiny --pid=nosuch tiny true
	one_line nosuch
	expect 125 run_tiny --userns=nosuch tiny true
	one_line nosuch
}

@test "a store that cannot be" {
	touch file
	expect 125 env HULL_ROOT="$T/file" "$HULL_BUILD/hull" run --rm tiny true
	one_line "$T/file"
	expect 1 env HULL_ROOT="$T/file" "$HULL_BUILD/hull" images
	one_line "$T/file"
	echo 'no database' >hull.db
	mkdir root && mv hull.db root/
	expect 1 env HULL_ROOT="$T/root" "$HULL_BUILD/hull" images
	one_line hull.db
}

@test "--root and --runroot" {
	ok hull --root "$T/root" --runroot "$T/run" images -q
	is "$output" ""
	[ -e root/hull.db ]
}

@test "the store is closed to others" {
	is "$(stat -c %a "$HULL_ROOT/layers" "$HULL_ROOT/containers" | sort -u)" 700
	is "$(stat -c %a "$HULL_ROOT/hull.db")" 600
	only root "becoming another user"
	need setpriv
	chmod 755 "$HULL_SUITE" "$FILE_DIR"
	expect 2 setpriv --reuid 1000 --regid 1000 --clear-groups ls "$HULL_ROOT/layers"
}

@test "an image whose configuration was damaged in the database" {
	hull import -c 'LABEL x=broken' "$HULL_SUITE/tiny.tar" broken >/dev/null
	cp -a "$HULL_ROOT"/hull.db* .
	python3 - "$HULL_ROOT/hull.db" <<-'PY'
		import sqlite3, sys
		with sqlite3.connect(sys.argv[1]) as db:
		    assert db.execute("""UPDATE images SET config = '{"architecture": '
		        WHERE config LIKE '%"x":"broken"%'""").rowcount == 1
	PY
	expect 125 run_tiny broken true
	one_line 'broken|configuration' 'JSON|json|end of file'
	run --separate-stderr hull images
	[ "$status" -le 1 ]
	[ "$(wc -l <<<"$stderr")" -le 1 ]
	ok run_tiny tiny true
	ok hull rmi broken
	cp -a hull.db* "$HULL_ROOT/"
	hull rmi -f broken
}

@test "a layer that is missing from the store" {
	mkdir -p tree/bin
	cp "$HULL_SUITE/bin/busybox" tree/bin/sh
	tar -C tree -cf tree.tar .
	hull import tree.tar gone
	local layer
	layer=$(hull image inspect gone | python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["RootFS"]["Layers"][0])')
	as_hull rm -r "$HULL_ROOT/layers/${layer#sha256:}"
	expect 125 hull run --rm --network none gone sh -c true
	one_line "layers|${layer:7:12}"
	ok hull rmi gone
}

@test "very long arguments, and very many" {
	local long
	long=$(head -c 100000 /dev/zero | tr '\0' x)
	ok run_tiny tiny sh -c 'echo ${#1}' sh "$long"
	is "$output" 100000
	ok run_tiny -e "LONG=$long" tiny sh -c 'echo ${#LONG}'
	is "$output" 100000
	# shellcheck disable=SC2046
	ok run_tiny tiny sh -c 'echo $#' sh $(seq 5000)
	is "$output" 5000
	expect 127 run_tiny tiny "$long"
	[ "${#stderr}" -lt 2000 ]
}
