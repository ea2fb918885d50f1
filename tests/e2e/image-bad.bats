#!/usr/bin/env bats
# Archives and references that are bad: one line that says so, and no half-image.

load ../helpers/common

setup_one() {
	mkdir -p tree/bin
	cp "$HULL_SUITE/bin/busybox" tree/bin/sh
	head -c 300000 /dev/urandom >tree/noise
	tar -C tree -cf tree.tar .
	store_before=$(store_list)
}
# What the store holds, by name; compared after each failure.
store_list() { (cd "$HULL_ROOT" && find layers blobs -maxdepth 2 | sort; hull images -aq --no-trunc 2>&1); }

refused() { # REGEX... after a failed import
	one_line "$@"
	is "$(store_list)" "$store_before"
}

@test "a file that is not there" {
	expect 1 hull import nowhere.tar t
	refused 'nowhere.tar' '[Nn]o such file'
}

@test "a folder instead of a file" {
	expect 1 hull import tree t
	refused 'tree' '[Dd]irectory|folder'
}

@test "something that is no archive" {
	echo 'this is text, not a tar' >text
	expect 1 hull import text t
	refused text
	head -c 100000 /dev/urandom >random
	expect 1 hull import random t
	refused random
	: >empty
	expect 1 hull import empty t
	refused empty
}

@test "truncated: plain, gzip, xz, zstd" {
	gzip -k tree.tar
	xz -k -1 tree.tar
	zstd -q -k tree.tar
	local f
	for f in tree.tar tree.tar.gz tree.tar.xz tree.tar.zst; do
		head -c 150000 "$f" >"cut.${f#tree.}"
		expect 1 hull import "cut.${f#tree.}" t
		refused "cut.${f#tree.}" 'truncated|damaged|corrupt|unexpected end|ends'
	done
}

@test "damaged: a flipped byte in gzip, xz, zstd" {
	gzip -k tree.tar
	xz -k -1 tree.tar
	zstd -q --check -k tree.tar
	local f
	for f in tree.tar.gz tree.tar.xz tree.tar.zst; do
		printf '\377\0\377\0' | dd of="$f" bs=1 seek=200000 conv=notrunc status=none
		expect 1 hull import "$f" t
		refused "$f"
	done
}

@test "damaged: a tar header" {
	printf 'XXXXXXXX' | dd of=tree.tar bs=1 seek=148 conv=notrunc status=none
	expect 1 hull import tree.tar t
	refused tree.tar
}

@test "a name that leads out stays inside or is refused" {
	python3 - <<'PY'
import io, tarfile
with tarfile.open("evil.tar", "w") as t:
    for name in ("../../../../../../../../tmp/hull-evil-dots", "/tmp/hull-evil-abs", "a/../../../tmp/hull-evil-mid"):
        i = tarfile.TarInfo(name); i.size = 4
        t.addfile(i, io.BytesIO(b"evil"))
    for name, to in (("out", "/tmp"), ("up", "../../../../../../../../tmp")):
        i = tarfile.TarInfo(name); i.type = tarfile.SYMTYPE; i.linkname = to
        t.addfile(i)
        i = tarfile.TarInfo(name + "/hull-evil-link"); i.size = 4
        t.addfile(i, io.BytesIO(b"evil"))
    i = tarfile.TarInfo("hard"); i.type = tarfile.LNKTYPE; i.linkname = "../../../../../../../../etc/shadow"
    t.addfile(i)
PY
	run hull import evil.tar evil
	[ "$status" -eq 0 ] || [ "$status" -eq 1 ]
	is "$(ls -d /tmp/hull-evil* 2>/dev/null)" ""
	is "$(find "$HULL_ROOT" -name 'hull-evil*' ! -path "$HULL_ROOT/layers/*")" ""
	is "$(find "$HULL_ROOT/layers" -samefile /etc/shadow)" ""
}

@test "malformed references" {
	local ref
	for ref in 'Debian' 'a:b:c' 'a//b' ':x' 'a:-x' 'a@sha256:123' 'a b' "$(printf 'a%.0s' $(seq 300))"; do
		expect 1 hull import tree.tar "$ref"
		refused 'reference'
	done
	expect 125 hull run --rm --network none 'Debian:trixie' true
	one_line 'lowercase'
	expect 1 hull tag tiny 'a b'
	one_line 'reference'
}

@test "a bad -c" {
	expect 1 hull import -c 'RUN echo' tree.tar t
	refused 'RUN'
	expect 1 hull import -c 'ENV' tree.tar t
	refused 'ENV'
}

@test "a full disk" {
	need mkfs.ext4 losetup
	[ -n "${HULL_TESTS_ALONE:-}" ] || skip "needs a mount namespace of its own"
	mkdir small
	truncate -s 8M disk
	mkfs.ext4 -q -F disk
	mount -o loop disk small || skip "no loop device here"
	truncate -s 0 tree/noise
	head -c 20M /dev/urandom >tree/noise
	tar -C tree -cf big.tar .
	expect 1 env HULL_ROOT="$T/small/root" "$HULL_BUILD/hull" import big.tar t
	one_line 'nine tenths of the free space'
	expect 1 env HULL_ROOT="$T/small/root" "$HULL_BUILD/hull" import --max-size 0 big.tar t
	one_line '[Nn]o space left|full'
	is "$(find small/root/layers -mindepth 1 2>/dev/null)" ""
	expect 0 env HULL_ROOT="$T/small/root" "$HULL_BUILD/hull" images -q
	is "$output" ""
	umount small
}

@test "SIGKILL of an import: no half-image, and the next import works" {
	mkfifo slow
	"$HULL_BUILD/hull" import slow t &
	local pid=$!
	exec 7>slow
	head -c 200000 tree.tar >&7
	sleep 0.3
	kill -9 "$pid"
	wait "$pid" || true
	exec 7>&-
	lacks "$(hull images)" '^t '
	ok hull import tree.tar t
	ok hull run --rm --network none t sh -c 'echo alive'
	is "$output" alive
	# The dead one's pieces go with the next writer, not into an image.
	is "$(find "$HULL_ROOT" -maxdepth 2 -name '*tmp*' -not -empty | wc -l)" 0
	hull rmi t
}
