#!/usr/bin/env bats
# Holes in what reads images: archives, manifests, indexes.

load ../helpers/common

mkimage() { "$HELPERS/mkimage" "$@"; }

setup_one() {
	export HULL_ROOT=$T/root
	mkdir -p tree/bin
	cp "$HULL_SUITE/bin/busybox" tree/bin/sh
	tar -C tree -cf tree.tar .
}

@test "CVE-2021-41190: a document that is a manifest for some and an index for others is nobody's" {
	local spoil
	for spoil in both both-case index-both media-type; do
		rm -rf lay
		mkimage layout lay layers=tree.tar names=x:1 spoil=$spoil
		expect 1 hull load -i lay
		one_line 'both "manifests" and|says of itself'
		tar -C lay -cf lay.tar .
		expect 1 hull load -i lay.tar
		one_line 'both "manifests" and|says of itself'
	done
	is "$(hull images -aq)" ""
}

@test "CVE-2024-3727: a digest in an archive's documents is no path" {
	local spoil
	for spoil in manifest-name config-name layer-name; do
		rm -rf lay
		mkimage layout lay layers=tree.tar names=x:1 spoil=$spoil
		expect 1 hull load -i lay
		one_line 'only "sha256:" and 64'
	done
	is "$(find "$HULL_ROOT/blobs" "$HULL_ROOT/layers" "$HULL_ROOT/recipes" -type f -o -name '*tmp*')" ""
}

@test "CVE-2019-14271, 2026-17106: links of an archive of images lead to nothing of the host" {
	echo secret >"$T/secret"
	mkimage docker d.tar layers=tree.tar names=x:1 symlinks=1 spoil=link-out
	expect 1 hull load -i d.tar
	one_line "is missing"
	# In a layout folder, too: its links end at its root.
	mkimage layout lay layers=tree.tar names=x:1
	local blob
	for blob in lay/blobs/sha256/*; do
		cp "$blob" "$T/outside.${blob##*/}"
		rm "$blob"
		ln -s "$T/outside.${blob##*/}" "$blob"
	done
	expect 1 hull load -i lay
	one_line "is missing"
	is "$(hull images -aq)" ""
}
