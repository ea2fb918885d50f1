#!/usr/bin/env bats
# hull system check: what is broken is named and what is garbage goes; what is whole stays.
load ../helpers/common

ID=$(printf 'ab%.0s' $(seq 32))

# What others left on this host is not ours to count.
setup_more() { hull system check --repair >/dev/null || true; }
teardown_one() {
	local id
	for id in $(hull ps -aq --no-trunc 2>/dev/null); do hull rm -f "$id" >/dev/null; done
	rm -rf "$HULL_RUNROOT/containers/$ID" "$HULL_ROOT/containers/$ID"
	hull system check --repair >/dev/null || true
}

sql() { # DATABASE STATEMENT
	python3 - "$@" <<'PY'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
for row in db.execute(sys.argv[2]):
    print(*row)
PY
}
image_id() { hull images --no-trunc --format '{{.ID}}' "$1" | head -n 1; }
layer_of() { # the folder's name
	sql "$HULL_ROOT/hull.db" "SELECT substr(diff_id, 8) FROM image_layers WHERE image = '$(image_id "$1")'"
}
# An image of its own that a test may break.
import_own() {
	mkdir -p own && date +%N >own/stamp && cp "$HULL_SUITE/bin/busybox" own/
	tar -C own -cf own.tar . && hull import own.tar "$1" >/dev/null
}
clean() {
	ok hull system check
	has "$output" 'nothing is broken$'
}
# broken KIND PROBLEM: exactly this is found
broken() {
	expect 1 hull system check --format '{{.Kind}} {{.Name}}: {{.Problem}} ({{.State}})'
	has "$output" "^$1 .*: .*$2"
	is "$(wc -l <<<"$output")" "${3:-1}"
}
# mended [KIND PROBLEM]: repair says so, and nothing is left of it
mended() {
	broken "$@"
	ok hull system check --repair --format '{{.Kind}} {{.Problem}} ({{.State}})'
	has "$output" "^$1 .*$2.*\(repaired\)"
	lacks "$output" '\(failed\)|by hand'
	clean
}

deep_broken() { # KIND PROBLEM [STATE]: exactly this is found with --deep, and nothing without
	clean
	expect 1 hull system check --deep --format '{{.Kind}} {{.Name}}: {{.Problem}} ({{.State}})'
	has "$output" "^$1 .*: .*$2.*\(${3:-with --repair}\)"
	is "$(wc -l <<<"$output")" 1
}
deep_mended() {
	deep_broken "$@"
	ok hull system check --deep --repair --format '{{.Kind}} {{.Problem}} ({{.State}})'
	has "$output" "^$1 .*$2.*\(repaired\)"
	ok hull system check --deep
	has "$output" 'nothing is broken$'
}
# Other bytes, the same size.
flip() { printf '\xa5\x5a\xa5\x5a' | dd of="$1" bs=1 seek="${2:-100}" conv=notrunc status=none; }

@test "a store in which nothing is broken: exit status 0" {
	clean
	has "$output" '^checked [0-9]+ images, [0-9]+ layers, 0 containers \(0 running\): nothing is broken$'
	ok hull system check -q
	is "$output" ""
	ok hull system check --format json --repair
	is "$output" ""
}

@test "what is found can be read by programs" {
	mkdir "$HULL_ROOT/layers/.tmp-0123456789abcdef"
	expect 1 hull system check --format json
	is "$(python3 -c 'import json,sys; v = json.loads(sys.stdin.read()); print(v["Kind"], v["Name"], v["State"])' <<<"$output")" \
		"layer .tmp-0123456789abcdef with --repair"
	expect 1 hull system check -q
	is "$output" .tmp-0123456789abcdef
	expect 1 hull system check
	has "$output" '^layer +\.tmp-0123456789abcdef +nobody is at work in it.*the folder is removed'
	has "$output" '1 broken$'
	ok hull system check --repair
	has "$output" '1 repaired, 0 left$'
	[ ! -e "$HULL_ROOT/layers/.tmp-0123456789abcdef" ]
}

@test "a layer's folder without a row; a row without an image" {
	mkdir -p "$HULL_ROOT/layers/$ID/etc"
	mended layer 'no row in the database'
	[ ! -e "$HULL_ROOT/layers/$ID" ]
	mkdir "$HULL_ROOT/layers/$ID"
	sql "$HULL_ROOT/hull.db" "INSERT INTO layers VALUES('sha256:$ID', 1, 0, 0)"
	mended layer 'no image has it'
	[ ! -e "$HULL_ROOT/layers/$ID" ]
}

@test "links lead nowhere" {
	mkdir outside && touch outside/file
	ln -s "$PWD/outside" "$HULL_ROOT/layers/$ID"
	ln -s "$PWD/outside" "$HULL_ROOT/layers/.tmp-0000000000000001"
	ln -s "$PWD/outside/file" "$HULL_ROOT/blobs/sha256/$ID"
	mkdir -p "$HULL_ROOT/containers"
	ln -s "$PWD/outside" "$HULL_ROOT/containers/$ID"
	expect 1 hull system check
	run hull system check --repair
	[ -f outside/file ]
	[ ! -L "$HULL_ROOT/blobs/sha256/$ID" ]
	rm -f "$HULL_ROOT/layers/.tmp-0000000000000001"
	[ ! -L "$HULL_ROOT/layers/$ID" ]
	[ ! -L "$HULL_ROOT/containers/$ID" ]
	clean
}

@test "a running import is left alone" {
	mkfifo archive.tar
	"$HULL_BUILD/hull" import - slow <archive.tar >id 2>&1 3>&- &
	local import=$!
	exec 7>archive.tar
	tar -C "$HULL_SUITE" -cf half.tar tiny.tar
	head -c 20000 half.tar >&7
	wait_for bash -c 'ls -d "$HULL_ROOT"/layers/.tmp-*'
	clean
	ok hull system check --repair
	tail -c +20001 half.tar >&7
	exec 7>&-
	ends $import 0
	clean
	ok hull rmi slow
}

@test "a killed import" {
	mkfifo archive.tar
	"$HULL_BUILD/hull" import - dead <archive.tar >id 2>&1 3>&- &
	local import=$!
	exec 7>archive.tar
	tar -C "$HULL_SUITE" -cf half.tar tiny.tar
	head -c 20000 half.tar >&7
	wait_for bash -c 'ls -d "$HULL_ROOT"/layers/.tmp-*'
	kill -KILL $import
	fails $import
	exec 7>&-
	mended layer 'nobody is at work in it' 2 # the layer and its recipe
}

@test "an image's configuration: missing and damaged, in the blob and in the row" {
	import_own own
	local id hex
	id=$(image_id own) hex=${id#sha256:}
	rm "$HULL_ROOT/blobs/sha256/$hex"
	mended blob 'is missing'
	is "$(sha256sum <"$HULL_ROOT/blobs/sha256/$hex" | cut -d' ' -f1)" "$hex"
	echo x >>"$HULL_ROOT/blobs/sha256/$hex"
	mended blob 'not those of its digest'
	is "$(sha256sum <"$HULL_ROOT/blobs/sha256/$hex" | cut -d' ' -f1)" "$hex"
	sql "$HULL_ROOT/hull.db" "UPDATE images SET config = '{' WHERE id = '$id'"
	mended image 'in the database is damaged'
	ok hull run --rm own /busybox true
	ok hull rmi own
	clean
}

@test "an image that is damaged beyond repair goes, and can be removed without repair" {
	import_own own
	local id
	id=$(image_id own)
	sql "$HULL_ROOT/hull.db" "UPDATE images SET config = '{' WHERE id = '$id'"
	echo x >"$HULL_ROOT/blobs/sha256/${id#sha256:}"
	broken image 'its configuration is damaged'
	ok hull rmi own
	clean
	import_own own2
	rm -rf "${HULL_ROOT:?}/layers/$(layer_of own2)"
	broken image 'its layer sha256:[0-9a-f]+ is missing'
	ok hull rmi own2
	clean
	import_own own3
	sql "$HULL_ROOT/hull.db" "PRAGMA foreign_keys=OFF" >/dev/null
	rm -rf "${HULL_ROOT:?}/layers/$(layer_of own3)"
	mended image 'is missing'
	lacks "$(hull images)" own
	ok tiny true
}

@test "a damaged image that a container uses is left to the user" {
	import_own own
	ok hull run --name keeps own /busybox true
	rm -rf "${HULL_ROOT:?}/layers/$(layer_of own)"
	broken image 'is missing.*by hand'
	expect 1 hull system check --repair
	has "$output" 'uses it: hull rm'
	ok hull rm keeps
	ok hull system check --repair
	clean
}

@test "a name that leads nowhere, a blob of nobody" {
	sql "$HULL_ROOT/hull.db" "INSERT INTO refs VALUES('docker.io/library/lost:latest', 'sha256:$ID')"
	mended reference 'not there'
	echo '{}' >"$HULL_ROOT/blobs/sha256/$ID"
	mended blob 'no image has it'
	echo '{}' >"$HULL_ROOT/blobs/sha256/$ID.tmp77"
	mended blob 'never finished'
}

@test "what save needs: recipes and blobs" {
	import_own own
	local layer
	layer=$(layer_of own)
	touch "$HULL_ROOT/recipes/$ID"
	mended recipe 'no layer has it'
	rm "$HULL_ROOT/recipes/$layer"
	mended recipe 'is missing'
	sql "$HULL_ROOT/hull.db" "INSERT INTO image_blobs VALUES('$(image_id own)', 'sha256:$ID', 'layer', 7, 0)"
	mended blob 'came with is missing'
	ok hull run --rm own /busybox true
	ok hull rmi own
	clean
}

@test "--deep: nothing is broken, and how much was read" {
	import_own own
	ok hull system check --deep
	has "$output" '^checked ([0-9]+) images, ([0-9]+) layers \(contents of \2, and of [0-9]+ blobs\), .*: nothing is broken$'
	ok hull system check --deep -q
	is "$output" ""
	ok hull rmi own
}

@test "--deep: a layer with other contents: its images are named, and go; others stay" {
	import_own own
	local top
	top=$HULL_ROOT/layers/$(layer_of own)
	flip "$top/busybox" 5000
	deep_broken image 'its layer sha256:[0-9a-f]+ is damaged: its files have other contents'
	ok hull system check --deep --repair
	lacks "$(hull images)" own
	[ ! -e "$top" ]
	ok tiny true
	import_own shorter
	truncate -s 10 "$HULL_ROOT/layers/$(layer_of shorter)/busybox"
	deep_broken image 'is damaged: busybox of the layer is shorter than it was'
	ok hull rmi shorter
	import_own less
	rm "$HULL_ROOT/layers/$(layer_of less)/stamp"
	deep_broken image 'is damaged: read stamp of the layer'
	ok hull rmi less
	import_own fifo
	rm "$HULL_ROOT/layers/$(layer_of fifo)/stamp"
	mkfifo "$HULL_ROOT/layers/$(layer_of fifo)/stamp"
	deep_broken image 'is damaged: stamp of the layer is no file any more'
	ok hull rmi fifo
	ok hull system check --deep
}

@test "--deep: a damaged layer that a container uses is left to the user" {
	import_own own
	ok hull run --name keeps own /busybox true
	flip "$HULL_ROOT/layers/$(layer_of own)/stamp" 0
	deep_broken image 'is damaged' 'by hand'
	expect 1 hull system check --deep --repair
	has "$output" 'uses it: hull rm'
	hull images | grep -q '^own '
	ok hull rm keeps
	ok hull system check --deep --repair
	lacks "$(hull images)" own
}

@test "--deep: a damaged recipe is not a damaged layer" {
	import_own own
	local recipe
	recipe=$HULL_ROOT/recipes/$(layer_of own)
	flip "$recipe" $(($(stat -c %s "$recipe") / 2))
	deep_mended recipe "recipe is damaged"
	ok hull run --rm own /busybox true
	ok hull system check --deep
	has "$output" 'of 1 layers nothing says what their contents should be'
	ok hull rmi own
}

@test "--deep: a damaged blob of a layer: the image still runs, and is loaded once more" {
	local blob
	mkdir -p own && date +%N >own/stamp && cp "$HULL_SUITE/bin/busybox" own/
	command tar -C own -cf layer.tar .
	"$HELPERS/mkimage" layout lay layers=layer.tar names=own:1
	ok hull load -i lay
	blob=$(sql "$HULL_ROOT/hull.db" "SELECT substr(digest, 8) FROM image_blobs WHERE kind = 'layer'")
	flip "$HULL_ROOT/blobs/sha256/$blob"
	deep_mended blob "layer that its image came with has other bytes than its digest's"
	ok hull run --rm own:1 /busybox true
	ok hull load -i lay
	ok hull save -o saved.tar own:1
	ok hull rmi own:1
}

@test "folders without containers, run folders too" {
	mkdir -p "$HULL_ROOT/containers/$ID/upper"
	mended container 'no row in the database'
	mkdir -p "$HULL_RUNROOT/containers/$ID"
	touch "$HULL_RUNROOT/containers/$ID/"{lock,config.json}
	mended 'run folder' 'no such container'
	mkdir -p "$HULL_RUNROOT/containers/.$ID"
	mended 'run folder' 'killed while it made'
	is "$(ls -A "$HULL_RUNROOT/containers")" ""
}

@test "the parts of containers" {
	ok hull run --name whole tiny sh -c 'echo data >/kept'
	ok hull run --name fresh tiny true
	clean
	local fresh whole
	fresh=$(state fresh Id) whole=$(state whole Id)
	rm -rf "$HULL_ROOT/containers/$fresh/"{upper,exit}
	rm "$HULL_ROOT/containers/$whole/hosts"
	broken container 'its folder upper is missing' 2
	has "$output" "^container $whole: its hosts is missing \(by hand\)"
	expect 1 hull system check --repair
	is "$(hull ps -a --format '{{.Names}}')" whole
	is "$(cat "$HULL_ROOT/containers/$whole/upper/kept")" data
	ok hull rm whole
	clean
}

@test "a container whose image is gone, and one whose configuration is damaged, are named" {
	import_own own
	ok hull run --name lost own /busybox true
	local id
	id=$(image_id own)
	sql "$HULL_ROOT/hull.db" "UPDATE containers SET config = '{', image_id = 'sha256:$ID'"
	expect 1 hull system check
	has "$output" 'its image sha256:(ab)+ is gone'
	has "$output" 'its configuration in the database is damaged'
	ok hull ps -a
	ok hull rm lost
	ok hull rmi own
	clean
}

@test "a container of --rm whose hull and monitor were killed" {
	"$HULL_BUILD/hull" run --rm --name gone --network none tiny sleep 1000 3>&- &
	local hull=$! monitor
	wait_for hull inspect --format '{{.State.Pid}}' gone
	wait_for container_pid gone
	monitor=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["monitorPid"])' \
		"$HULL_RUNROOT/containers/$(state gone Id)/state")
	clean
	has "$output" '1 containers \(1 running\)'
	ok hull system check --repair
	kill -KILL $hull "$monitor"
	fails $hull
	mended container 'its hull and its monitor are gone'
}

@test "ids that overlap, and ids that belong to somebody by now" {
	need_idmaps
	only root "a user has one range of ids"
	ok hull run --name aa tiny true
	ok hull run --name bb tiny true
	sql "$HULL_ROOT/hull.db" "UPDATE containers SET slot = 5, n_slots = 2 WHERE name = 'aa'"
	sql "$HULL_ROOT/hull.db" "UPDATE containers SET slot = 6 WHERE name = 'bb'"
	broken ids "overlaps with another container's"
	ok hull rm aa
	clean
	sql "$HULL_ROOT/hull.db" "UPDATE containers SET slot = 999999 WHERE name = 'bb'"
	broken ids 'lies outside'
	ok hull rm bb
	clean
}

@test "a cgroup of a container that does not run, with a process in it" {
	only root "no control group is delegated"
	ok hull run --name idle tiny true
	local id dirs=() d
	id=$(state idle Id)
	for d in /sys/fs/cgroup/hull /sys/fs/cgroup/*/hull; do
		[ -d "$d" ] && mkdir "$d/$id" 2>/dev/null && dirs+=("$d/$id")
	done
	[ ${#dirs[@]} -gt 0 ]
	sleep 1000 3>&- &
	local inside=$!
	for d in "${dirs[@]}"; do echo $inside >"$d/cgroup.procs" 2>/dev/null || true; done
	mended cgroup 'its container does not run'
	ends $inside 137
	for d in "${dirs[@]}"; do [ ! -d "$d" ]; done
}

@test "a cgroup of nobody is judged by its age and by who guards it" {
	only root "no control group is delegated"
	local d dir=
	for d in /sys/fs/cgroup/hull /sys/fs/cgroup/pids/hull; do
		[ -d "$d" ] && mkdir "$d/$ID" 2>/dev/null && dir=$d/$ID && break
	done
	clean # it may be another store's that is just starting
	rmdir "$dir"
}

@test "mounts beneath the store" {
	only root "mount(2)"
	ok hull run --name mounted tiny true
	mkdir src
	mount --bind src "$HULL_ROOT/containers/$(state mounted Id)/upper"
	mended mount 'is mounted in the host'
	lacks "$(cat /proc/self/mountinfo)" "$HULL_ROOT/containers"
}

@test "a monitor whose container's folder was taken away" {
	only root "what another user namespace holds open is not seen"
	"$HULL_BUILD/hull" run --name orphan --network none tiny sleep 1000 3>&- &
	local hull=$! id
	wait_for container_pid orphan
	id=$(state orphan Id)
	wait_for test -e "$HULL_RUNROOT/containers/$id/state"
	rm -rf "$HULL_RUNROOT/containers/$id"
	expect 1 hull system check
	has "$output" '^process +[0-9]+ +a monitor whose container'
	ok hull system check --repair
	fails $hull
	clean
	ok hull rm orphan
}

@test "compiled filters: changed, unfinished, of another kernel" {
	ok tiny true
	local f sum
	f=$(ls "$HULL_ROOT"/seccomp/*.bpf | head -n 1) sum=${f%.bpf}.sum
	clean
	printf '\0\0\0\0\0\0\0\0' >>"$f"
	mended filter 'do not have its checksum'
	[ ! -e "$f" ] && [ ! -e "$sum" ]
	ok tiny true
	sed -i 's/ [^ ]* / 1.2.3 /' "$sum"
	mended filter 'another kernel'
	ok tiny true
	rm "$f"
	mended filter 'without its filter'
	touch "$HULL_ROOT/seccomp/$ID.bpf.tmp1"
	mended filter 'never finished'
	ok tiny true
}

@test "the base layer" {
	ok tiny true
	rm "$HULL_ROOT/base/etc/hosts"
	mkdir "$HULL_ROOT/base.tmp77"
	mended base 'is not whole' 2
	[ -f "$HULL_ROOT/base/etc/hosts" ]
	[ ! -e "$HULL_ROOT/base.tmp77" ]
	ok tiny true
}

@test "after a reboot: the run folder is empty" {
	ok hull run --name before tiny sh -c 'echo data >/kept'
	"$HULL_BUILD/hull" run --rm --name dies --network none tiny sleep 1000 3>&- &
	local hull=$! id pid
	wait_for container_pid dies
	id=$(state dies Id)
	wait_for test -e "$HULL_RUNROOT/containers/$id/state"
	pid=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["monitorPid"])' \
		"$HULL_RUNROOT/containers/$id/state")
	kill -KILL $hull "$pid"
	fails $hull
	sleep 0.2
	find /sys/fs/cgroup -depth -type d -name "$id" -exec rmdir {} +
	rm -rf "${HULL_RUNROOT:?}"/*
	mended container 'no row in the database'
	is "$(hull ps -a --format '{{.Names}}')" before
	is "$(cat "$HULL_ROOT/containers/$(state before Id)/upper/kept")" data
	ok tiny true
	ok hull rm before
	clean
}

@test "a damaged database is named, hull.db by hand, run.db with repair" {
	ok tiny true
	cp -a "$HULL_RUNROOT" saved-run
	dd if=/dev/urandom of="$HULL_RUNROOT/run.db" bs=4096 count=3 conv=notrunc status=none
	rm -f "$HULL_RUNROOT"/run.db-*
	broken database 'run.db.*damaged'
	ok hull system check --repair
	clean
	ok tiny true
	mkdir -m 700 other other-run
	HULL_ROOT=$PWD/other HULL_RUNROOT=$PWD/other-run hull images >/dev/null
	rm -f other/hull.db-*
	dd if=/dev/urandom of=other/hull.db bs=4096 count=4 conv=notrunc status=none
	HULL_ROOT=$PWD/other HULL_RUNROOT=$PWD/other-run expect 1 hull system check --repair
	has "$output" "^database +$PWD/other/hull.db +.*damaged.*by hand: left: restore it"
}

@test "while others import, run and remove, nothing is taken for damage" {
	local i jobs=()
	for i in 1 2 3; do
		(
			for _ in $(seq 8); do
				hull run --rm --network none tiny true || exit 1
				hull run --name "c$i" --network none tiny true || exit 1
				hull rm "c$i" >/dev/null || exit 1
			done
		) 3>&- &
		jobs+=($!)
	done
	(
		for _ in 1 2 3; do
			hull import "$HULL_SUITE/tiny.tar" busy >/dev/null && hull rmi -f busy >/dev/null || exit 1
		done
	) 3>&- &
	jobs+=($!)
	for i in $(seq 6); do
		ok hull system check --repair
		has "$output" 'nothing is broken$'
	done
	for i in "${jobs[@]}"; do ends "$i" 0; done
}

@test "an image that is removed while a container of it is made" {
	only "root|userns" "nobody traces newuidmap(1)"
	need strace
	import_own own
	ok hull run --rm own /busybox true # its filter is compiled
	strace -f -o /dev/null -e trace=renameat -e inject=renameat:delay_enter=1s:when=1 \
		"$HULL_BUILD/hull" run --name late --network none own /busybox true >out 2>err 3>&- &
	local run=$!
	sleep 0.5
	ok hull rmi own
	ends $run 125
	has "$(cat err)" '^hull: No such image: own: it was removed just now$'
	is "$(hull ps -aq)" ""
	clean
}
