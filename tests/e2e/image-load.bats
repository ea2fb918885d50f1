#!/usr/bin/env bats
# hull load: images of the other tools come in, digests and all; bad archives leave nothing.

load ../helpers/common

mkimage() { "$HELPERS/mkimage" "$@"; }

# layers: base.tar has busybox; change.tar takes some of it away
layers() {
	[ ! -e base.tar ] || return 0
	mkdir -p base/bin base/etc/old base/opt/keep change/etc/old change/opt
	cp "$HULL_SUITE/bin/busybox" base/bin/sh
	for a in cat ls find id stat sort; do ln -s sh base/bin/$a; done
	echo one >base/etc/one
	echo two >base/etc/two
	echo x >base/etc/old/x
	echo k >base/opt/keep/k
	echo changed >change/etc/one
	touch change/etc/.wh.two change/etc/old/.wh..wh..opq
	echo y >change/etc/old/y
	echo file >change/opt/keep
	tar -C base --numeric-owner --owner=0 --group=0 -cf base.tar .
	tar -C change --numeric-owner --owner=0 --group=0 -cf change.tar etc opt/keep
}
look() { hull run --rm --network none "$1" sh -c 'cd /etc; for f in one two old/* ../opt/keep ../opt/keep/*; do [ -f $f ] && echo $f $(cat $f); done; true'; }
BASE=$'one one\ntwo two\nold/x x\n../opt/keep/k k'
CHANGED=$'one changed\nold/y y\n../opt/keep file'

# What the store has: nothing may be added to it by a load that fails.
stored() { (cd "$HULL_ROOT" && ls -A layers recipes blobs/sha256 && hull images -aq --no-trunc); }

# own: a store of this test's own, where no image has been
own() {
	export HULL_ROOT=$T/root
	layers
}
config_id() { python3 - "$1" <<'PY'
import json, sys
d = sys.argv[1]
i = json.load(open(d + "/index.json"))["manifests"][0]
m = json.load(open(f"{d}/blobs/sha256/{i['digest'][7:]}"))
print(m["config"]["digest"])
PY
}
manifest_of() { grep -o 'sha256:[0-9a-f]*' "$1/index.json" | head -n1; }
inspect_id() { hull image inspect "$1" --format '{{.Id}}'; }

# --- what comes in ---

@test "an OCI layout folder: two layers with whiteouts, an opaque folder, a file over a folder" {
	own
	mkimage layout lay layers=base.tar,change.tar names=made:1
	ok hull load -i lay
	is "$output" "Loaded image: made:1"
	is "$(inspect_id made:1)" "$(config_id lay)"
	is "$(look made:1)" "$CHANGED"
}

@test "gzip, zstd, uncompressed, in a docker archive: the same layers, stored once" {
	own
	need zstd
	local c
	for c in gzip zstd no; do
		mkimage layout $c layers=base.tar,change.tar compress=$c names=made:$c
		ok hull load -i $c
	done
	mkimage docker d.tar layers=base.tar,change.tar names=made:docker
	mkimage docker dz.tar layers=base.tar,change.tar names=made:dockerz compress=gzip
	ok hull load -i d.tar
	is "$output" "Loaded image: made:docker"
	ok hull load -i dz.tar
	is "$(find "$HULL_ROOT/layers" -mindepth 1 -maxdepth 1 | wc -l)" 2
	for c in gzip zstd no docker dockerz; do is "$(look made:$c)" "$CHANGED"; done
}

@test "an archive from standard input, from a pipe, and compressed as a whole" {
	own
	mkimage layout lay layers=base.tar names=made:1
	tar -C lay -cf lay.tar .
	gzip -k lay.tar
	xz -k -0 lay.tar
	ok hull load -i lay.tar
	local how
	for how in 'hull load <lay.tar' 'cat lay.tar | hull load' 'cat lay.tar.gz | hull load -i -' 'hull load --input lay.tar.xz'; do
		ok hull rmi made:1
		ok bash -c 'hull() { "$HULL_BUILD/hull" "$@"; }; '"$how"
		is "$output" "Loaded image: made:1"
		is "$(look made:1)" "$BASE"
	done
}

@test "many names in one archive, none, and one that was another image's" {
	own
	mkimage layout lay layers=base.tar names=a:1,b:2,localhost:5000/c/d:3,word
	ok hull load -i lay
	is "$output" $'Loaded image: a:1\nLoaded image: b:2\nLoaded image: localhost:5000/c/d:3\nLoaded image: word:latest'
	mkimage layout bare layers=base.tar,change.tar names=-
	ok hull load -i bare
	is "$output" "Loaded image ID: $(config_id bare)"
	mkimage docker other.tar layers=base.tar,change.tar names=a:1,new:1
	ok hull load -i other.tar
	is "${lines[0]}" "The image a:1 already exists, renaming the old one with ID $(config_id lay) to empty string"
	is "${lines[1]}" "Loaded image: a:1"
	ok hull load -q -i lay
	lacks "$output" exists
}

@test "layers that are links to other members, as docker save has made them" {
	own
	mkimage docker d.tar layers=base.tar,change.tar names=made:1 symlinks=1
	ok hull load -i d.tar
	is "$(look made:1)" "$CHANGED"
}

@test "an image that has a layer twice runs" {
	own
	mkimage docker d.tar layers=base.tar,change.tar,base.tar names=made:1
	ok hull load -i d.tar
	is "$(look made:1)" $'one one\ntwo two\nold/x x\nold/y y\n../opt/keep/k k'
	is "$(hull image inspect made:1 --format '{{len .RootFS.Layers}}')" 3
	is "$(hull history -q made:1 | wc -l)" 3
}

@test "a layer of umoci's whose whiteouts lie beneath a file" {
	own
	mkdir odd odd/opt odd/opt/keep
	touch odd/opt/keep/.wh.k
	printf file >keep
	tar -C odd -cf odd.tar opt/keep/.wh.k
	tar -cf first.tar --transform s,^keep,opt/keep, keep
	python3 - <<'PY'
import tarfile
with tarfile.open("both.tar", "w") as out:
    for name in ("first.tar", "odd.tar"):
        with tarfile.open(name) as t:
            for m in t:
                out.addfile(m, t.extractfile(m))
PY
	mkimage layout lay layers=base.tar,both.tar names=made:1
	ok hull load -i lay
	is "$(hull run --rm --network none made:1 cat /opt/keep)" file
}

@test "of several platforms this machine's, or the one that is named" {
	own
	export MKIMAGE_ARCH
	MKIMAGE_ARCH=$(hull info --format '{{.Architecture}}' 2>/dev/null || true)
	case $(uname -m) in x86_64) here=linux/amd64 there=linux/arm64 ;; *) here=linux/arm64 there=linux/amd64 ;; esac
	mkimage layout lay layers=base.tar names=made:1 platforms=linux/s390x,$there,$here attest=1 nest=1
	ok hull load -i lay
	is "$(hull run --rm --network none made:1 cat /platform)" $here
	is "$(hull images -q | wc -l)" 1
	ok hull load -i lay --platform ${there#linux/}
	is "$(hull image inspect made:1 --format '{{.Os}}/{{.Architecture}}')" $there
	expect 1 hull load -i lay --platform linux/riscv64
	one_line "no image for linux/riscv64" "linux/s390x, $there, $here" --platform
	mkimage docker d.tar layers=base.tar names=made:2
	expect 1 hull load -i d.tar --platform linux/riscv64
	one_line "linux/amd64, not for linux/riscv64"
	expect 1 hull load -i lay --platform 'linux/../x'
	one_line "is no platform"
}

@test "ARM variants: the best that the machine can" {
	own
	mkimage layout lay layers=base.tar names=made:1 platforms=linux/arm/v5,linux/arm/v6,linux/arm/v7
	ok hull load -i lay --platform linux/arm/v6
	is "$(hull image inspect made:1 --format '{{.Variant}}')" v6
	ok hull load -i lay --platform linux/arm
	is "$(hull image inspect made:1 --format '{{.Variant}}')" v7
	mkimage layout 64 layers=base.tar names=made:64 platforms=linux/arm64/v8
	ok hull load -i 64 --platform linux/arm64
}

# --- made by the real tools ---

@test "skopeo's docker and OCI archives" {
	need skopeo
	own
	mkimage layout lay layers=base.tar,change.tar names=x
	skopeo copy -q oci:lay:x docker-archive:d.tar:made:docker
	skopeo copy -q oci:lay:x oci-archive:o.tar:made:oci
	skopeo copy -q --dest-compress --dest-compress-format zstd oci:lay:x oci:z:made:zstd
	ok hull load -i d.tar
	is "$output" "Loaded image: made:docker"
	ok hull load -i o.tar
	is "$output" "Loaded image: made:oci"
	ok hull load -i z
	local t
	for t in docker oci zstd; do
		is "$(inspect_id made:$t)" "$(config_id lay)"
		is "$(look made:$t)" "$CHANGED"
	done
}

@test "umoci's layers: removed, replaced, capabilities" {
	need umoci setcap
	only root "umoci unpacks as root"
	own
	umoci init --layout lay
	umoci new --image lay:multi
	umoci unpack --image lay:multi b
	cp -a base/. b/rootfs/
	umoci repack --image lay:multi b
	rm -rf b
	umoci unpack --image lay:multi b
	rm -r b/rootfs/etc/two b/rootfs/etc/old b/rootfs/opt/keep
	mkdir b/rootfs/etc/old
	echo y >b/rootfs/etc/old/y
	echo changed >b/rootfs/etc/one
	echo file >b/rootfs/opt/keep
	setcap cap_net_raw+ep b/rootfs/bin/sh
	umoci repack --image lay:multi b
	umoci config --image lay:multi --config.cmd /bin/sh
	ok hull load -i lay
	is "$output" "Loaded image: multi:latest"
	is "$(look multi)" "$CHANGED"
	has "$(getcap "$HULL_ROOT"/layers/*/bin/sh)" cap_net_raw
}

@test "buildah's image in podman's archives" {
	need buildah podman
	only root "podman has folders of its own for users"
	own
	local b=(--root "$T/bs" --runroot "$T/br" --storage-driver vfs) c mnt
	c=$(buildah "${b[@]}" from scratch)
	buildah "${b[@]}" copy -q "$c" base /
	buildah "${b[@]}" commit -q "$c" docker.io/library/bone
	c=$(buildah "${b[@]}" from --pull-never docker.io/library/bone)
	mnt=$(buildah "${b[@]}" mount "$c")
	rm -r "$mnt/etc/two" "$mnt/etc/old" "$mnt/opt/keep"
	mkdir "$mnt/etc/old"
	echo y >"$mnt/etc/old/y"
	echo changed >"$mnt/etc/one"
	echo file >"$mnt/opt/keep"
	buildah "${b[@]}" umount "$c"
	buildah "${b[@]}" config --cmd /bin/sh "$c"
	buildah "${b[@]}" commit -q "$c" docker.io/library/btwo
	podman "${b[@]}" save -q -o d.tar docker.io/library/btwo
	podman "${b[@]}" save -q --format oci-archive -o o.tar docker.io/library/btwo
	podman "${b[@]}" save -q -m -o m.tar docker.io/library/btwo docker.io/library/bone
	local f id
	id=sha256:$(podman "${b[@]}" image inspect btwo --format '{{.Id}}')
	for f in d.tar o.tar; do
		ok hull load -i $f
		is "$output" "Loaded image: btwo:latest"
		is "$(inspect_id btwo)" "$id"
		is "$(look btwo)" "$CHANGED"
		ok hull rmi btwo
	done
	ok hull load -i m.tar
	has "$output" '^Loaded image: btwo:latest$'
	has "$output" '^Loaded image: bone:latest$'
	is "$(look bone)" "$BASE"
	rm -rf bs br
}

# --- what is refused, and what is left of it ---

@test "documents that lie are refused in one line, and nothing is left" {
	own
	mkimage layout good layers=base.tar names=good:1
	ok hull load -i good
	local before spoil words
	before=$(stored)
	while read -r spoil words; do
		rm -rf bad
		mkimage layout bad layers=base.tar,change.tar names=bad:1 spoil="$spoil"
		expect 1 hull load -i bad
		one_line "^hull: bad: " "$words"
		is "$(stored)" "$before"
		tar -C bad -cf bad.tar .
		expect 1 hull load -i bad.tar
		one_line "$words"
		is "$(stored)" "$before"
	done <<-END
		manifest-digest blobs/sha256/.* is damaged|damaged: blobs/sha256
		manifest-missing is missing
		manifest-longer damaged
		manifest-size damaged
		manifest-name only "sha256:"
		manifest-sha512 only "sha256:"
		config-digest damaged
		config-missing is missing
		config-longer damaged
		config-size damaged
		config-name only "sha256:"
		config-nul configuration
		layer-digest damaged: layer 0 .* manifest
		layer-missing is missing
		layer-longer damaged
		layer-size damaged: layer
		layer-name only "sha256:"
		diff-id damaged: layer 1 .* configuration
		too-few-diff-ids do not belong together
		both both "manifests" and
		both-case both "manifests" and
		index-both both "manifests" and
		index-cut index
		schema1 schema 1
		media-type says of itself
		artifact of no image
		layer-kind no layer
		many-layers at most 500
	END
}

@test "indexes within indexes are followed to some depth only" {
	own
	mkimage layout bad layers=base.tar names=bad:1 platforms=linux/amd64,linux/arm64 nest=3
	expect 1 hull load -i bad
	one_line "indexes within indexes"
}

@test "archives of docker save that lie" {
	own
	mkimage layout good layers=base.tar names=good:1
	ok hull load -i good
	local before spoil words
	before=$(stored)
	while read -r spoil words; do
		mkimage docker bad.tar layers=base.tar,change.tar names=bad:1 symlinks=1 spoil="$spoil"
		expect 1 hull load -i bad.tar
		one_line "^hull: bad.tar: " "$words"
		is "$(stored)" "$before"
	done <<-END
		config-digest damaged
		config-missing is missing
		diff-id damaged: layer 1
		climb climbs out
		bad-tag names an image
		no-manifest before 1.10
		link-out is missing
		link-loop is missing
	END
}

@test "what is no archive of images says so" {
	own
	expect 1 hull load -i base.tar
	one_line "neither an index.json" "hull import"
	mkdir empty
	expect 1 hull load -i empty
	one_line "no image layout"
	echo hello >text
	expect 1 hull load -i text
	one_line "no tar archive"
	expect 1 hull load -i missing.tar
	one_line "missing.tar: No such file"
	: >nothing
	expect 1 hull load -i nothing
	one_line "empty"
	mkimage docker d.tar layers=base.tar names=made:1
	head -c 600000 d.tar >cut.tar
	expect 1 hull load -i cut.tar
	one_line "truncated"
	head -c 600000 d.tar | gzip >cut.tar.gz
	expect 1 hull load -i cut.tar.gz
	one_line "truncated"
	is "$(stored)" $'blobs/sha256:\n\nlayers:\n\nrecipes:'
}

@test "a layer that fails in the middle of an image takes all of it away" {
	own
	head -c 5000 change.tar >cut.tar
	mkimage docker d.tar layers=base.tar,cut.tar names=made:1
	expect 1 hull load -i d.tar
	one_line "layer 1: .*truncated"
	is "$(stored)" $'blobs/sha256:\n\nlayers:\n\nrecipes:'
}

@test "hostile layers: out of the tree, marks of overlay, devices" {
	own
	python3 - <<'PY'
import io, tarfile
def out(name, *members):
    with tarfile.open(name, "w", format=tarfile.PAX_FORMAT) as t:
        for m, data in members:
            m.size = len(data)
            t.addfile(m, io.BytesIO(data))
def m(name, **k):
    i = tarfile.TarInfo(name)
    for key, v in k.items(): setattr(i, key, v)
    return i
out("dots.tar", (m("../../evil"), b"x"))
out("link.tar", (m("l", type=tarfile.SYMTYPE, linkname="/"), b""), (m("l/evil-by-link"), b"x"))
out("mark.tar", (m("etc", type=tarfile.DIRTYPE, mode=0o755, pax_headers={"SCHILY.xattr.user.overlay.opaque": "y"}), b""),
    (m("etc/one", type=tarfile.CHRTYPE), b""))
PY
	mkimage layout dots layers=base.tar,dots.tar names=made:dots
	expect 1 hull load -i dots
	one_line "climbs out"
	mkimage layout link layers=base.tar,link.tar names=made:link
	ok hull load -i link
	[ ! -e /evil-by-link ]
	mkimage layout mark layers=base.tar,mark.tar names=made:mark
	ok hull load -i mark
	is "$(look made:mark)" "$BASE"
}

@test "killed at any moment: nothing half visible, and the next load clears up" {
	own
	head -c 30000000 /dev/urandom >base/big
	tar -C base -cf big.tar .
	mkimage layout lay layers=big.tar,change.tar names=made:1
	tar -C lay -cf lay.tar .
	ok hull images
	local i pid
	for i in 2 5 9 15 25 40 60 90 130 200; do
		"$HULL_BUILD/hull" load -i lay.tar >out.$i 2>&1 &
		pid=$!
		sleep "$(awk "BEGIN { print $i / 1000 }")"
		kill -KILL $pid 2>/dev/null || true
		wait $pid 2>/dev/null || true
		if hull image inspect made:1 >/dev/null 2>&1; then
			is "$(look made:1)" "$CHANGED"
			ok hull rmi made:1
		else
			is "$(hull images -aq)" ""
		fi
	done
	# What the last kill left may live for a moment: the worker, whose name is hull until it executes.
	wait_for sh -c '! pgrep -x "hull|hull-transfer"'
	ok hull load -i lay.tar
	is "$(look made:1)" "$CHANGED"
	is "$(find "$HULL_ROOT/layers" -name '*tmp*')" ""
	is "$(find "$HULL_ROOT/layers" -mindepth 1 -maxdepth 1 | wc -l)" 2
}
