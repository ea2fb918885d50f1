#!/usr/bin/env bats
# hull save: what came in goes out with the same digests, and the other tools take it.

load ../helpers/common

mkimage() { "$HELPERS/mkimage" "$@"; }

layers() {
	mkdir -p base/bin base/etc change/etc
	cp "$HULL_SUITE/bin/busybox" base/bin/sh
	ln -s sh base/bin/cat
	echo one >base/etc/one
	echo two >base/etc/two
	ln base/etc/one base/etc/hard
	truncate -s 300000 base/etc/zeros
	echo changed >change/etc/one
	touch change/etc/.wh.two
	tar -C base --numeric-owner --owner=0 --group=0 -cf base.tar .
	tar -C change --numeric-owner --owner=0 --group=0 -cf change.tar etc
}
setup_one() {
	export HULL_ROOT=$T/root
	layers
}

sum() { sha256sum "$1" | cut -d' ' -f1; }
# index FILE: "DIGEST NAME" of each descriptor in a saved archive or layout
index() {
	if [ -d "$1" ]; then cat "$1/index.json"; else tar -xOf "$1" index.json; fi | python3 -c '
import json, sys
for d in json.load(sys.stdin)["manifests"]:
    a = d.get("annotations", {})
    print(d["digest"], a.get("io.containerd.image.name", "-"))'
}
manifest_of() { grep -o 'sha256:[0-9a-f]*' "$1/index.json" | head -n1; }
# Every blob of the layout is in the folder, byte for byte.
same_blobs() { (cd "$1/blobs" && find . -type f) | while read -r f; do cmp "$1/blobs/$f" "$2/blobs/$f" || exit 1; done; }

# --- the same digests ---

@test "an imported root file system comes out as the tar it came in as" {
	ok hull import base.tar made:1
	ok hull save -o out.tar made:1
	tar -xf out.tar "blobs/sha256/$(sum base.tar)"
	cmp base.tar "blobs/sha256/$(sum base.tar)"
	is "$(sum "blobs/sha256/$(sum base.tar)")" "$(sum base.tar)"
}

@test "an archive that has a name twice, holes, and padding: the same tar again" {
	tar -S -C base -cf odd.tar .
	cp odd.tar twice.tar
	tar -C change --transform s,^etc/one,./etc/zeros, -rf twice.tar etc/one
	tar -C change --transform s,^etc/one,./etc, -rf twice.tar etc/one
	head -c 30000 /dev/zero >>twice.tar
	local t
	for t in odd twice; do
		ok hull import $t.tar made:$t
		ok hull save -o out.tar made:$t
		tar -xOf out.tar "blobs/sha256/$(sum $t.tar)" | cmp - $t.tar
	done
}

@test "compressed layers and manifests come out as they came, in every format" {
	need zstd
	local c f
	for c in gzip zstd no; do
		mkimage layout lay layers=base.tar,change.tar compress=$c names=made:$c
		ok hull load -i lay
		ok hull save --format oci-dir -o out made:$c
		is "$(index out)" "$(manifest_of lay) docker.io/library/made:$c"
		same_blobs lay out
		for f in oci-archive docker-archive; do
			ok hull save --format $f -o out.tar made:$c
			is "$(index out.tar)" "$(manifest_of lay) docker.io/library/made:$c"
			mkdir x
			tar -C x -xf out.tar
			same_blobs lay x
			rm -r x
		done
		ok hull rmi made:$c
		rm -r lay out
	done
}

@test "one image with two manifests: each name keeps its own, a new name that of the old one" {
	need zstd
	mkimage layout g layers=base.tar names=made:g
	mkimage layout z layers=base.tar names=made:z compress=zstd
	mkimage docker d.tar layers=base.tar names=made:d
	local i
	for i in g z d.tar; do ok hull load -i $i; done
	is "$(hull images -q | sort -u | wc -l)" 1
	ok hull tag made:g copy:g
	ok hull save -o out.tar made:g made:z copy:g
	is "$(index out.tar)" "$(printf '%s docker.io/library/%s\n' \
		"$(manifest_of g)" made:g "$(manifest_of g)" copy:g "$(manifest_of z)" made:z)"
	ok hull save -o out.tar made:d
	isnt "$(index out.tar | cut -d' ' -f1)" "$(manifest_of g)"
	ok hull save -o out.tar made
	is "$(index out.tar | wc -l)" 3
}

@test "what a save wrote, loaded elsewhere and saved again, is the same file" {
	mkimage layout lay layers=base.tar,change.tar names=made:1
	ok hull load -i lay
	ok hull import base.tar made:2
	ok hull save -o one.tar made
	ok hull save -o two.tar made
	cmp one.tar two.tar
	HULL_ROOT=$T/other ok hull load -i one.tar
	is "$output" $'Loaded image: made:1\nLoaded image: made:2'
	HULL_ROOT=$T/other ok hull save -o three.tar made
	is "$(index three.tar | sort)" "$(index one.tar | sort)"
	is "$(tar -tf three.tar | sort)" "$(tar -tf one.tar | sort)"
}

# --- what is saved ---

@test "a name without a tag is all its tags, an id has no name, shared layers lie there once" {
	ok hull import base.tar made:1
	ok hull tag made:1 made:2
	ok hull tag made:1 other/made:3
	mkimage docker d.tar layers=base.tar,change.tar names=made:4
	ok hull load -i d.tar
	ok hull save -o out.tar made
	is "$(index out.tar | cut -d' ' -f2)" "$(printf 'docker.io/library/made:%s\n' 1 2 4)"
	is "$(tar -tf out.tar | grep -c "$(sum base.tar)")" 1
	ok hull save -o id.tar "$(hull images -q made:1)"
	is "$(index id.tar | cut -d' ' -f2)" -
	is "$(tar -xOf id.tar manifest.json | python3 -c 'import json,sys; print(json.load(sys.stdin)[0].get("RepoTags"))')" None
	HULL_ROOT=$T/other ok hull load -i id.tar
	has "$output" '^Loaded image ID: sha256:[0-9a-f]{64}$'
}

@test "bad names and formats leave the old file alone, and nothing beside it" {
	ok hull import base.tar made:1
	echo old >out.tar
	mkdir full new
	touch full/x
	local before
	before=$(ls -A . full new)
	expect 1 hull save -o out.tar made:1 missing:2
	one_line "No such image: missing:2"
	expect 1 hull save --format oci-dir -o new missing:2
	one_line "No such image: missing:2"
	expect 1 hull save --format tar.gz -o out.tar made:1
	one_line "docker-archive, oci-archive and oci-dir"
	expect 1 hull save --format oci-dir made:1
	one_line "-o"
	expect 1 hull save --format oci-dir -o full made:1
	one_line "new or an empty"
	expect 1 hull save -o nowhere/out.tar made:1
	one_line "nowhere/out.tar"
	is "$(cat out.tar)" old
	is "$(ls -A . full new)" "$before"
	ok hull save --format oci-dir -o new/ made:1
	[ -e new/index.json ]
	ok hull save -o out.tar made:1
	is "$(stat -c %a out.tar)" 644
}

@test "not to a terminal; a reader that goes away is an error" {
	ok hull import base.tar made:1
	run "$HELPERS/pty" -- "$HULL_BUILD/hull" save made:1
	has "$output" "cowardly refusing"
	run -1 --separate-stderr bash -c '"$HULL_BUILD/hull" save made:1 | head -c 1 >/dev/null; exit "${PIPESTATUS[0]}"'
	has "$stderr" "write the archive: Broken pipe"
}

@test "a layer that was changed in the store is not saved" {
	ok hull import base.tar made:1
	local f
	f=$(echo "$HULL_ROOT"/layers/*/etc/two)
	echo Two >"$f"
	expect 1 hull save -o out.tar made:1
	one_line "store is damaged"
	rm "$f"
	expect 1 hull save -o out.tar made:1
	one_line "etc/two"
	mkdir "$f"
	expect 1 hull save -o out.tar made:1
	one_line "etc/two"
	rmdir "$f"
	echo two >"$f"
	ok hull save -o out.tar made:1
	: >"$(echo "$HULL_ROOT"/recipes/*)"
	expect 1 hull save -o out2.tar made:1
	one_line "recipe is damaged"
	is "$(find . -name '*hull-*')" ""
}

@test "rmi takes blobs and recipes with the last image that has them" {
	mkimage layout lay layers=base.tar,change.tar names=made:1
	mkimage layout low layers=base.tar names=made:2
	ok hull load -i lay
	ok hull load -i low
	ok hull rmi made:1
	ok hull save -o out.tar made:2
	is "$(index out.tar | cut -d' ' -f1)" "$(manifest_of low)"
	is "$(ls "$HULL_ROOT/blobs/sha256" | wc -l)" 3
	is "$(ls "$HULL_ROOT/recipes")" "$(sum base.tar)"
	ok hull rmi made:2
	is "$(find "$HULL_ROOT/blobs/sha256" "$HULL_ROOT/recipes" "$HULL_ROOT/layers" -mindepth 1)" ""
}

# --- the other tools ---

@test "skopeo takes it as docker-archive and as oci-archive" {
	need skopeo
	ok hull import base.tar made:1
	mkimage layout lay layers=base.tar,change.tar names=made:2
	ok hull load -i lay
	ok hull save -o one.tar made:1
	ok hull save -o two.tar made:2
	ok skopeo copy -q docker-archive:one.tar:made:1 oci:o:1
	ok skopeo copy -q oci-archive:one.tar:1 oci:o:1b
	ok skopeo copy -q docker-archive:two.tar oci:o:2
	ok skopeo copy -q oci-archive:two.tar:2 oci:o:2b
	# (docker-archive to oci writes a configuration of its own.)
	ok skopeo inspect --config --raw oci:o:1b
	is "sha256:$(printf %s "$output" | sha256sum | cut -d' ' -f1)" "$(hull image inspect made:1 --format '{{.Id}}')"
	ok skopeo inspect --raw oci:o:2b
	is "sha256:$(printf %s "$output" | sha256sum | cut -d' ' -f1)" "$(manifest_of lay)"
}

@test "umoci unpacks it to what a container sees" {
	only root "the other program wants to be root"
	need umoci
	only root "umoci unpacks as root"
	mkimage layout lay layers=base.tar,change.tar names=made:1
	ok hull load -i lay
	ok hull save --format oci-dir -o out made:1
	ok umoci unpack --image out:1 b
	is "$(cat b/rootfs/etc/one)" changed
	[ ! -e b/rootfs/etc/two ]
	is "$(hull run --rm --network none made:1 cat /etc/one /etc/hard)" $'changed\none'
}

@test "podman loads it with the same ids" {
	only root "the other program wants to be root"
	need podman
	only root "podman has folders of its own for users"
	local p=(--root "$T/ps" --runroot "$T/pr" --storage-driver vfs)
	mkimage layout lay layers=base.tar,change.tar names=made:1
	ok hull load -i lay
	ok hull import base.tar made:2
	ok hull save -o all.tar made
	ok podman "${p[@]}" load -q -i all.tar
	is "$(podman "${p[@]}" image inspect made:1 --format 'sha256:{{.Id}}')" "$(hull image inspect made:1 --format '{{.Id}}')"
	is "$(podman "${p[@]}" image inspect made:2 --format 'sha256:{{.Id}}')" "$(hull image inspect made:2 --format '{{.Id}}')"
	podman "${p[@]}" rmi -a -f >/dev/null
	ok hull save --format oci-archive -o one.tar made:2
	ok podman "${p[@]}" load -q -i one.tar
	is "$(podman "${p[@]}" image inspect made:2 --format '{{.RootFS.Layers}}')" "$(hull image inspect made:2 --format '{{.RootFS.Layers}}')"
	rm -rf ps pr
}

@test "docker loads it, builds on it, and gives it back" {
	only root "its daemon is root's"
	command -v dockerd docker containerd >/dev/null || skip "no dockerd"
	local d="docker --host unix://$T/sock" daemon
	unshare -m sh -c 'mount -t tmpfs none /run && exec "$@"' sh dockerd --data-root "$T/dd" --exec-root "$T/de" \
		--pidfile "$T/dp" --host "unix://$T/sock" --bridge none --iptables=false --ip6tables=false >log 2>&1 &
	daemon=$!
	for _ in $(seq 100); do
		$d version >/dev/null 2>&1 && break
		kill -0 $daemon 2>/dev/null || break
		sleep 0.1
	done
	if ! $d version >/dev/null 2>&1; then
		kill $daemon 2>/dev/null || true
		wait $daemon || true
		skip "dockerd does not start here"
	fi
	mkimage layout lay layers=base.tar,change.tar names=made:1
	ok hull load -i lay
	ok hull import base.tar made:2
	ok hull save -o all.tar made
	$d load -i all.tar >loaded
	$d image inspect made:1 made:2 --format '{{.Id}}' >ids
	$d create --name ctr made:1 sh >/dev/null
	$d commit -c 'ENV A=b' ctr built:1 >/dev/null
	$d save -o built.tar built:1 made:2
	$d image inspect built:1 --format '{{.Id}} {{.RootFS.Layers}}' >built
	kill $daemon
	wait $daemon || true
	rm -rf dd de
	is "$(cat loaded)" $'Loaded image: made:1\nLoaded image: made:2'
	is "$(cat ids)" "$(hull image inspect made:1 made:2 --format '{{.Id}}')"
	ok hull load -i built.tar
	has "$output" '^Loaded image: built:1$'
	is "$(hull image inspect built:1 --format '{{.Id}} {{.RootFS.Layers}}')" "$(cat built)"
}
