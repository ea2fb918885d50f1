#!/usr/bin/env bats
# hull volume create, ls, inspect, rm, prune.

load ../helpers/common

teardown_one() {
	hull ps -aq | while read -r id; do hull rm -f "$id"; done >/dev/null
	hull volume ls -q | while read -r v; do hull volume rm -f "$v"; done >/dev/null
}

@test "volume create prints the name, once and again; without a name it is an anonymous one" {
	ok hull volume create data
	is "$output" data
	ok hull volume create data
	is "$output" data
	ok hull volume create
	has "$output" '^[0-9a-f]{64}$'
	ok hull volume ls -q
	is "$(wc -l <<<"$output")" 2
}

@test "volume create refuses what it cannot do" {
	local name
	for name in a ../x .x 'a b' a/b ''; do
		[ -n "$name" ] || continue
		expect 1 hull volume create "$name"
		one_line 'includes invalid characters'
	done
	expect 1 hull volume create -d nfs data
	one_line 'nfs.*local'
	expect 1 hull volume create -o type=tmpfs data
	one_line 'type=tmpfs'
	ok hull volume ls -q
	is "$output" ""
}

@test "volume ls: columns, order, quiet, formats" {
	hull volume create zebra
	hull volume create --label b=2 --label a ape
	ok hull volume ls
	is "$output" $'DRIVER    VOLUME NAME\nlocal     ape\nlocal     zebra'
	ok hull volume list -q
	is "$output" $'ape\nzebra'
	ok hull volume ls --format '{{.Name}} {{.Driver}} {{.Scope}} {{.Mountpoint}} {{.Label "b"}}'
	is "${lines[0]}" "ape local local $HULL_ROOT/volumes/ape/_data 2"
	ok hull volume ls --format json
	is "$(python3 -c 'import json,sys; print(json.loads(sys.stdin.readline())["Labels"])' <<<"$output")" 'b=2,a='
	ok hull volume ls --format 'table {{.Name}}'
	is "${lines[0]}" 'VOLUME NAME'
}

@test "volume ls: filters" {
	hull volume create --label app=web one
	hull volume create --label app=db two
	hull run --name user --network none -v three:/d tiny true
	ok hull volume ls -q -f label=app
	is "$output" $'one\ntwo'
	ok hull volume ls -q -f label=app=db
	is "$output" two
	ok hull volume ls -q -f name=o -f name=thr
	is "$output" $'one\nthree\ntwo'
	ok hull volume ls -q -f name=o -f label=app=web
	is "$output" one
	ok hull volume ls -q -f dangling=true
	is "$output" $'one\ntwo'
	ok hull volume ls -q -f dangling=false
	is "$output" three
	ok hull volume ls -q -f driver=local
	is "$(wc -l <<<"$output")" 3
	ok hull volume ls -q -f driver=nfs
	is "$output" ""
	expect 1 hull volume ls -f labl=x
	one_line "invalid filter 'labl'.*label"
	expect 1 hull volume ls -f dangling=maybe
	one_line 'dangling=maybe'
	expect 1 hull volume ls -f dangling
	one_line 'KEY=VALUE'
}

@test "volume inspect: Docker's members; inspect finds volumes too" {
	hull volume create --label a=b data
	ok hull volume inspect data
	is "$(python3 -c 'import json,sys; v = json.load(sys.stdin)[0]; print(sorted(v)); print(v["Labels"], v["Options"], v["Name"], v["Driver"], v["Scope"])' <<<"$output")" \
		"['CreatedAt', 'Driver', 'Labels', 'Mountpoint', 'Name', 'Options', 'Scope']"$'\n'"{'a': 'b'} None data local local"
	ok hull volume inspect -f '{{.Mountpoint}}' data
	is "$output" "$HULL_ROOT/volumes/data/_data"
	ok hull inspect -f '{{.Name}}' data
	is "$output" data
	ok hull inspect --type volume -f '{{.Name}}' data
	is "$output" data
	run --separate-stderr hull volume inspect missing
	is "$status $output" '1 []'
	has "$stderr" 'get missing: no such volume'
	run --separate-stderr hull volume inspect -f '{{.Name}}' data ../data
	is "$status $output" '1 data'
}

@test "volume rm: refused while a container has it, with its id; -f only forgives a missing one" {
	local id
	hull run --cidfile id --name user --network none -v data:/d tiny sh -c 'echo x >/d/f'
	id=$(cat id)
	expect 1 hull volume rm data
	one_line "remove data: volume is in use - \[$id\]"
	expect 1 hull volume rm -f data
	one_line 'in use'
	ok hull run --rm --network none -v data:/d tiny cat /d/f
	is "$output" x
	hull rm user
	ok hull volume rm data
	is "$output" data
	[ ! -e "$HULL_ROOT/volumes/data" ]
	expect 1 hull volume rm data
	one_line 'get data: no such volume'
	ok hull volume rm -f data
	is "$output" data
	hull volume create one
	run --separate-stderr hull volume rm missing one
	is "$status $output" '1 one'
}

@test "volume prune: only anonymous ones unless -a; asks; says what it freed" {
	hull volume create --label keep=1 named
	hull run --name user --network none -v /anonymous tiny true
	hull volume create >anonymous
	dd if=/dev/zero of="$HULL_ROOT/volumes/$(cat anonymous)/_data/f" bs=1000 count=500 2>/dev/null
	ok hull volume prune </dev/null
	has "$output" 'anonymous local volumes'
	is "$(hull volume ls -q | wc -l)" 3
	ok hull volume prune -f
	is "${lines[0]}" 'Deleted Volumes:'
	is "${lines[1]}" "$(cat anonymous)"
	has "$output" '^Total reclaimed space: 5[0-9.]+kB$'
	is "$(hull volume ls -q | wc -l)" 2
	ok hull volume prune -f -a --filter label!=keep
	is "$output" 'Total reclaimed space: 0B'
	run hull volume prune -a <<<y
	has "$output" '^named$'
	ok hull volume ls -q
	is "$(wc -l <<<"$output")" 1
	hull rm -v user
	ok hull volume ls -q
	is "$output" ""
}

@test "--rm takes the anonymous volumes along, and leaves those with a name" {
	hull import -c 'VOLUME /image' "$HULL_SUITE/tiny.tar" voluminous >/dev/null
	ok hull run --rm --network none -v /anonymous -v named:/n voluminous grep -c -E ' /(anonymous|image|n) ' /proc/mounts
	is "$output" 3
	ok hull volume ls -q
	is "$output" named
	hull rmi voluminous >/dev/null
}

@test "volume: a name that a run used first, and one that was created first, are the same volume" {
	hull volume create first
	ok hull run --rm --network none -v first:/etc tiny cat /etc/os-release
	is "$output" NAME=tiny
	ok hull run --rm --network none --mount type=volume,src=second,dst=/d tiny sh -c 'echo x >/d/f'
	hull volume create --label late=1 second
	ok hull run --rm --network none -v second:/d tiny cat /d/f
	is "$output" x
	ok hull volume inspect -f '{{json .Labels}}' second
	is "$output" null
}

@test "a volume that is removed while containers start is whole or new, never half" {
	local i pids=()
	for i in $(seq 12); do
		hull run --rm --network none -v race:/etc tiny grep -c NAME=tiny /etc/os-release >"out.$i" 2>&1 3>&- &
		pids+=($!)
		hull volume rm race >/dev/null 2>&1 || true
	done
	wait "${pids[@]}"
	is "$(cat out.* | sort | uniq -c | awk '{ print $1, $2 }')" '12 1'
}
