#!/usr/bin/env bats
# hull images, tag, rmi, image inspect, image history.

load ../helpers/common

image_id() { hull image inspect "$1" | python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["Id"])'; }
# member PATH...: of the first object on stdin
member() { python3 -c '
import json, sys
v = json.load(sys.stdin)[0]
for k in sys.argv[1:]:
    v = v[int(k)] if isinstance(v, list) else v[k]
print(v if isinstance(v, str) else json.dumps(v))' "$@"; }

# another NAME: an image that shares no layer
another() {
	mkdir -p "tree.$1/bin"
	cp "$HULL_SUITE/bin/busybox" "tree.$1/bin/sh"
	echo "$1" >"tree.$1/name"
	tar -C "tree.$1" -cf "$1.tar" .
	hull import "$1.tar" "$1"
}

@test "images lists them as Docker does" {
	ok hull images
	has "${lines[0]}" '^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE$'
	grep -qE '^tiny +latest +[0-9a-f]{12} +[0-9A-Z].* ago +[0-9.]+[kMG]?B$' <<<"$output"
	ok hull images -q
	has "$output" '^[0-9a-f]{12}$'
	ok hull images -q --no-trunc
	has "$output" '^sha256:[0-9a-f]{64}$'
	ok hull image ls
	has "$output" '^tiny '
}

@test "tag gives a second name; rmi of one name keeps the other" {
	another one
	ok hull tag one two:v2
	is "$(image_id one)" "$(image_id two:v2)"
	ok hull rmi one
	is "$output" "Untagged: one:latest"
	ok hull run --rm --network none two:v2 sh -c 'read x </name; echo $x'
	is "$output" one
	ok hull rmi two:v2
	has "$output" '^Untagged: two:v2$'
	has "$output" '^Deleted: sha256:[0-9a-f]{64}$'
	expect 1 hull image inspect two:v2
}

@test "rmi removes the layers that nobody else has, and only those" {
	local before
	before=$(find "$HULL_ROOT/layers" -maxdepth 1 -mindepth 1 | sort)
	another one
	hull import -c 'ENV A=1' one.tar same
	local id
	id=$(image_id one)
	isnt "$id" "$(image_id same)"
	ok hull rmi one
	ok hull run --rm --network none same sh -c 'read x </name; echo $x'
	is "$output" one
	ok hull rmi same
	is "$(find "$HULL_ROOT/layers" -maxdepth 1 -mindepth 1 | sort)" "$before"
	is "$(find "$HULL_ROOT" -name "${id#sha256:}*")" ""
}

@test "rmi by id; an id with several names needs -f" {
	another one
	hull tag one two
	local id
	id=$(image_id one)
	expect 1 hull rmi "${id#sha256:}"
	one_line 'must be forced|must force' 'repositor'
	ok hull rmi -f "${id:7:12}"
	has "$output" 'Untagged: one:latest'
	has "$output" 'Untagged: two:latest'
	expect 1 hull image inspect "$id"
	is "$output" '[]'
	has "$stderr" 'No such image'
}

@test "rmi of what is not there" {
	expect 1 hull rmi nowhere
	one_line 'No such image: nowhere:latest'
}

@test "rmi of an image that a container uses is refused" {
	another one
	ok hull run --name user-of-one --network none one sh -c 'exit 0'
	expect 1 hull rmi one
	one_line 'container' 'using|used'
	ok hull rm user-of-one
	ok hull rmi one
}

@test "a new import of a name leaves the old image without one" {
	another one
	local old
	old=$(image_id one)
	echo changed >tree.one/name
	tar -C tree.one -cf one.tar .
	ok hull import one.tar one
	isnt "$(image_id one)" "$old"
	ok hull image inspect "$old"
	is "$(member RepoTags <<<"$output")" '[]'
	ok hull images -q -f dangling=true --no-trunc
	has "$output" "$old"
	ok hull rmi "$old"
	ok hull rmi one
}

@test "an image is found by name, by long name, by id and by the beginning of its id" {
	local id
	id=$(image_id tiny)
	local name
	for name in tiny tiny:latest docker.io/library/tiny library/tiny:latest "$id" "${id#sha256:}" "${id:7:12}"; do
		ok hull image inspect "$name"
		is "$(member Id <<<"$output")" "$id"
	done
	ok hull run --rm --network none "${id:7:12}" true
	expect 1 hull image inspect ffffffffffff
	is "$output" '[]'
	has "$stderr" 'No such image: ffffffffffff'
}

@test "image inspect is Docker's JSON" {
	another one
	hull import -c 'ENTRYPOINT ["sh"]' -c 'CMD ["-c","true"]' -c 'ENV A=b' -c 'EXPOSE 80' -c 'VOLUME /v' \
		-c 'LABEL l=m' -c 'STOPSIGNAL SIGINT' one.tar full
	ok hull image inspect full
	local json=$output
	is "$(member RepoTags 0 <<<"$json")" full:latest
	is "$(member Os <<<"$json")" linux
	has "$(member Architecture <<<"$json")" '^(amd64|arm64)$'
	is "$(member Config Entrypoint <<<"$json")" '["sh"]'
	is "$(member Config Cmd <<<"$json")" '["-c", "true"]'
	is "$(member Config Env <<<"$json")" '["A=b"]'
	is "$(member Config ExposedPorts <<<"$json")" '{"80/tcp": {}}'
	is "$(member Config Volumes <<<"$json")" '{"/v": {}}'
	is "$(member Config Labels l <<<"$json")" m
	is "$(member Config StopSignal <<<"$json")" SIGINT
	is "$(member RootFS Type <<<"$json")" layers
	has "$(member Created <<<"$json")" '^20[0-9-]{8}T[0-9:.]+Z$'
	[ "$(member Size <<<"$json")" -gt 100000 ]
	hull rmi full
}

@test "the id is the digest of the configuration in the store" {
	local id
	id=$(image_id tiny)
	is "sha256:$(sha256sum "$HULL_ROOT/blobs/sha256/${id#sha256:}" | cut -d' ' -f1)" "$id"
}

@test "history" {
	another one
	hull import -m 'from a test' one.tar one
	ok hull history one
	has "${lines[0]}" '^IMAGE +CREATED +CREATED BY +SIZE +COMMENT$'
	has "${lines[1]}" ' [1-9][0-9.]*[kM]B +from a test'
	ok hull image history -q --no-trunc one
	is "$output" "$(image_id one)"
}

@test "unknown images are one line, with Docker's words" {
	expect 1 hull image inspect nowhere
	has "$stderr" 'No such image: nowhere'
	expect 1 hull image history nowhere
	one_line 'No such image: nowhere'
	expect 1 hull tag nowhere x
	one_line 'No such image: nowhere'
	expect 125 hull run --rm nowhere true
	one_line 'nowhere:latest'
}

@test "an image of another architecture says so" {
	need_image busybox:arm64
	[ "$(uname -m)" = x86_64 ] || skip "arm64 is at home here"
	if grep -qs enabled /proc/sys/fs/binfmt_misc/qemu-aarch64; then skip "qemu is registered"; fi
	expect 126 hull run --rm --network none busybox:arm64 /bin/true
	one_line '[Ee]xec format|architecture' 'arm64|aarch64'
}

@test "32-bit programs run on a 64-bit kernel" {
	need_image busybox:i386
	ok hull run --rm --network none busybox:i386 sh -c 'uname -r; echo 32'
	is "$output" "$(uname -r)"$'\n'32
}

@test "a userland of 2011 runs" {
	need_image centos:6
	ok hull run --rm --network none centos:6 sh -c 'uname -r; echo $BASH_VERSION' ||
		{ grep -q vsyscall /proc/self/maps && return 1; skip "this kernel has no vsyscall page"; }
	is "${lines[0]}" "$(uname -r)"
	has "${lines[1]}" '^4\.1\.2'
	ok hull run --rm --network none centos:6 id -u
	is "$output" 0
}
