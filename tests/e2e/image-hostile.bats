#!/usr/bin/env bats
# Archives that wish nobody well (tests/helpers/hostile makes them): either the right content inside
# the layer, or one clear line; nothing left behind, and never much memory.
#
# HULL_TEST_LONG=1 (make check-hostile) takes the numbers that need minutes.

load ../helpers/common

setup_one() {
	hostname_before=$(md5sum /etc/hostname)
	store_before=$(store_list)
}

# What was never to be touched, after each test.
teardown_one() {
	is "$(ls -d /tmp/hull-hostile* 2>/dev/null)" ""
	is "$(md5sum /etc/hostname)" "$hostname_before"
	is "$(find "$HULL_ROOT" -samefile /etc/shadow -o -samefile /etc/hostname)" ""
}

store_list() { (cd "$HULL_ROOT" && find layers blobs -maxdepth 2 | sort; hull images -aq --no-trunc 2>&1); }

# archive CASE [NUMBER]: -> x.tar
archive() { "$HELPERS/hostile" "$@" >x.tar; }

# refuses REGEX...: import of x.tar ends with one line, and the store is as before
refuses() {
	expect 1 hull import x.tar t
	one_line "$@"
	is "$(store_list)" "$store_before"
}

# takes: it is an image now; $layer is its folder, which remove_it removes without a trace
takes() {
	ok hull import x.tar t
	layer=$(hull image inspect t | python3 -c '
import json, sys
print(json.load(sys.stdin)[0]["RootFS"]["Layers"][0][7:])')
	layer=$HULL_ROOT/layers/$layer
}
remove_it() {
	ok hull rmi t
	is "$(store_list)" "$store_before"
}

long() { [ -n "${HULL_TEST_LONG:-}" ]; }

# peak_mib COMMAND...: the most memory that any process of it had resident, in MiB
peak_mib() {
	python3 -c '
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)' "$@"
}

@test "names that climb out" {
	archive names_out
	refuses 'climbs out'
	archive hard_out
	refuses 'climbs out'
	archive name_terminal
	refuses 'climbs out'
	lacks "$stderr" $'[\x01-\x1f\x7f-\x9f]'
}

@test "absolute names are names inside" {
	archive name_absolute
	takes
	is "$(cat "$layer/etc/absolute" "$layer/etc/double")" insideinside
	remove_it
}

@test "a link out of the tree, then a file through it" {
	local c
	for c in link_out link_up; do
		archive $c
		refuses 'hull-hostile' 'No such file'
	done
	archive link_loop
	refuses 'a/x' 'symbolic links'
	archive link_inside
	takes
	is "$(cat "$layer/tmp/hull-hostile-1" "$layer/tmp/hull-hostile-2")" insideinside
	remove_it
}

@test "a file where a link was: the link goes, not what it names" {
	archive link_replaced
	takes
	is "$(cat "$layer/victim")" mine
	is "$(readlink "$layer/plain")" /etc/hostname
	remove_it
	archive link_written
	takes
	is "$(cat "$layer/h")" mine
	is "$(readlink "$layer/l")" /etc/hostname
	remove_it
}

@test "hard links: out of the tree, through a link, to a folder" {
	archive hard_absolute
	refuses 'link hard to etc/shadow'
	archive hard_through
	refuses 'link hard to out/shadow'
	archive hard_folder
	refuses 'a folder cannot have a second name'
}

@test "more hard links to a file than a file can have" {
	local n=66000
	! long || n=1000000
	[ "$(stat -f -c %T "$HULL_ROOT")" = ext2/ext3 ] || skip "only ext4's limit is known"
	archive hard_many $n
	refuses 'as many names'
}

@test "devices: as they are, and only where they were not replaced" {
	only root "mknod(2)"
	archive devices
	takes
	is "$(cd "$layer" && stat -c '%n %F %t:%T' mem disk fifo)" \
		$'mem character special file 1:1\ndisk block special file 8:0\nfifo fifo 0:0'
	[ "$layer/mem" -ef "$layer/mem2" ]
	[ ! -e "$layer/zero" ]
	is "$(cat "$layer/gone")" "a file"
	is "$(readlink "$layer/moved")" fifo
	remove_it
	archive devices_many 4097
	refuses 'more devices'
	archive devices_long 400
	refuses 'more devices'
	archive unknown_type
	refuses 'unknown type'
}

@test "the same name again: the last one wins" {
	archive duplicates
	takes
	is "$(cd "$layer" && cat f g/inner s d/x same)" 'a file now2no link any more399'
	remove_it
}

@test "overlay's own marks are left out" {
	need getfattr
	archive marks
	takes
	is "$(cd "$layer" && getfattr -dm - -- * 2>/dev/null)" ""
	is "$(cd "$layer" && find . | sort | tr '\n' ' ')" ". ./d ./d/x ./f "
	remove_it
}

@test "whiteouts of odd names" {
	archive whiteouts
	takes
	is "$(cd "$layer" && find . -name '.wh*')" ""
	is "$(cat "$layer/kept" "$layer/from-plnk")" therelinked
	is "$(cd "$layer" && find . -type c | sort | tr '\n' ' ')" \
		"./... ./d/gone ./folder ./gone ./$(printf 'n%.0s' $(seq 90)) "
	remove_it
	archive whiteout_inside
	refuses '[.]wh[.]'
}

@test "deep folders: refused as a name, taken through links, removed again" {
	local n=2000
	! long || n=10000
	archive deep_name 10000
	refuses 'longer than'
	archive deep $n
	takes
	is "$(find "$layer" -name d -printf . | wc -c)" $n
	remove_it
}

@test "names of 64 KiB, names without end" {
	archive name_long 65536
	refuses 'longer than'
	archive component_long
	refuses 'File name too long'
	archive name_endless 100
	refuses 'more than 1 MiB'
	archive name_empty
	refuses 'without a name'
}

@test "names that are no text" {
	archive names_odd
	takes
	is "$(cd "$layer" && cat $'caf\xe9' $'\xff\xfe\x9b31m' $'tab\tnew\nline \x1b[31mred' ' ' ./-rf ./\*)" \
		latin1rawcontrolblankdashstar
	remove_it
}

@test "gzip, xz and zstd bombs against a limit" {
	need xz zstd
	"$HELPERS/hostile" bomb 100 | gzip -1 >b.gz
	"$HELPERS/hostile" bomb 100 | xz -0 >b.xz
	"$HELPERS/hostile" bomb 100 | zstd -q >b.zst
	"$HELPERS/hostile" bomb_behind 100 | zstd -q >behind.zst
	local bomb
	for bomb in b.gz b.xz b.zst behind.zst; do
		expect 1 hull import --max-size 50m $bomb t
		one_line 'more than 52.4MB' '--max-size'
		is "$(store_list)" "$store_before"
	done
	ok hull import --max-size 200m b.zst t
	remove_it
	ok hull import --max-size 0 b.zst t
	remove_it
	expect 1 hull import --max-size much b.gz t
	one_line '--max-size' 'much'
}

@test "without being asked, nine tenths of the free space and inodes" {
	only "root|userns" "mount(2)"
	need zstd
	[ -n "${HULL_TESTS_ALONE:-}" ] || skip "needs a mount namespace of its own"
	mkdir small
	mount -t tmpfs -o size=40m,nr_inodes=3000 none small
	"$HELPERS/hostile" bomb 37 | zstd -q >b.zst
	expect 1 env HULL_ROOT="$T/small/root" "$HULL_BUILD/hull" import b.zst t
	one_line 'nine tenths of the free space'
	archive bytes_each 2900
	expect 1 env HULL_ROOT="$T/small/root" "$HULL_BUILD/hull" import x.tar t
	one_line 'more than 2[67][0-9][0-9] entries'
	is "$(find small/root/layers -mindepth 1)" ""
	archive folders_implied 10
	expect 1 env HULL_ROOT="$T/small/root" "$HULL_BUILD/hull" import x.tar t
	one_line 'more than 2[67][0-9][0-9] entries'
	is "$(find small/root/layers -mindepth 1)" ""
	archive bytes_each 2000
	ok env HULL_ROOT="$T/small/root" "$HULL_BUILD/hull" import x.tar t
	umount small
}

@test "a file of a byte takes a block" {
	archive bytes_each 3000
	expect 1 hull import --max-size 8m x.tar t
	one_line 'more than 8.39MB'
	ok hull import --max-size 16m x.tar t
	remove_it
}

@test "very many empty files" {
	local n=20000
	! long || n=1000000
	archive files $n
	takes
	is "$(find "$layer" -type f -printf . | wc -c)" $n
	remove_it
}

@test "sparse: 8 EiB, out of order, in very many pieces" {
	archive sparse_huge
	run --separate-stderr hull import x.tar t
	if [ "$status" -eq 1 ]; then
		one_line 'huge' 'File too large'
		is "$(store_list)" "$store_before"
	else
		is "$status" 0
		remove_it
	fi
	archive sparse_overflow
	refuses 'sparse map'
	archive bomb_sparse_map 300000
	refuses 'more pieces'
}

@test "numbers: negative, too large, not even promised" {
	local pair
	for pair in 'size_negative:bad size' 'size_overflow:bad size' 'size_huge:more than|truncated' \
		'size_pax:bad number' 'uid_huge:an owner'; do
		archive "${pair%%:*}"
		refuses "${pair#*:}"
	done
}

@test "times long before and long after" {
	archive times
	takes
	is "$(stat -c %Y "$layer/before")" -1
	[ "$(stat -c %Y "$layer/long-before")" -lt -1 ]
	[ "$(stat -c %Y "$layer/after")" -gt 4000000000 ]
	[ "$(stat -c %Y "$layer/pax-after")" -gt 4000000000 ]
	remove_it
}

@test "extended headers: hundreds of MiB, very many, global ones" {
	archive pax_huge 200
	refuses 'more than 1 MiB'
	archive pax_many 2000
	refuses 'more than 1 MiB'
	archive pax_global 20
	takes
	is "$(cat "$layer/x")" here
	is "$(as_hull stat -c %u "$layer/x")" 0
	remove_it
}

@test "attributes: very many, very large, ACLs that are none" {
	only "root|user" "one id: there is only root"
	archive xattr_many 1200
	refuses 'attribute'
	archive xattr_big 70000
	refuses 'attribute'
	if [ "$(stat -f -c %T "$HULL_ROOT")" = ext2/ext3 ]; then
		archive xattr_big 60000
		refuses 'attribute' '60008 bytes'
		archive xattr_many 900
		refuses 'attribute'
	fi
	archive acl
	takes
	is "$(as_hull python3 -c '
import os, sys
print(os.getxattr(sys.argv[1] + "/good", "system.posix_acl_access").hex()[24:40],
      os.listxattr(sys.argv[1] + "/bad"))' "$layer")" "0200070039050000 []"
	remove_it
}

@test "windows of 64 and 128 MiB: the same bytes, little memory" {
	local want peak
	archive file_random 50
	want=$(sha256sum <x.tar | cut -d' ' -f1)
	zstd -q -1 --long=27 -c <x.tar >x.zst
	peak=$(peak_mib "$HULL_BUILD/hull" import x.zst t)
	[ "$peak" -lt 32 ] || { echo "zstd: $peak MiB"; false; }
	is "$(hull image inspect t | python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["RootFS"]["Layers"])')" \
		"['sha256:$want']"
	ok hull rmi t
	"$HELPERS/hostile" good >good.tar
	! long || cp x.tar good.tar
	xz -9 -c <good.tar >x.xz
	peak=$(peak_mib "$HULL_BUILD/hull" import x.xz t)
	[ "$peak" -lt 32 ] || { echo "xz: $peak MiB"; false; }
	ok hull rmi t
	is "$(store_list)" "$store_before"
	# Larger ones than the tools take without being asked.
	"$HELPERS/hostile" good | zstd -q --long=28 --ultra -22 -c >x.tar
	refuses 'window of more than 128 MiB' 'long=27'
	"$HELPERS/hostile" good | xz --lzma2=preset=9,dict=128MiB -c >x.tar
	refuses 'more than 100 MiB' 'xz -9'
}

@test "empty, twice, with garbage behind" {
	archive empty
	refuses 'no files'
	archive two
	refuses 'garbage'
	archive trailing
	refuses 'garbage'
}

@test "cut off anywhere" {
	local size at format
	"$HELPERS/hostile" good >whole.tar
	gzip -k whole.tar
	xz -k whole.tar
	zstd -q -k whole.tar
	# One of the two blocks of zeros is enough for an end.
	size=$(($(stat -c %s whole.tar) - 512))
	for ((at = 0; at < size; at += 512)); do
		head -c "$at" whole.tar >x.tar
		refuses 'truncated|empty'
	done
	for format in gz xz zst; do
		size=$(stat -c %s whole.tar.$format)
		for ((at = 1; at < size; at += size / 7)); do
			head -c "$at" whole.tar.$format >x.tar
			refuses 'truncated|no tar'
		done
	done
}

@test "whatever the archive, the worker stays below 32 MiB" {
	local c n=5000
	no_sanitizer
	! long || n=1000000
	for c in "files $n" "folders $n" 'devices_long 400' 'bomb_sparse_map 250000' 'pax_many 900' \
		'hard_many 60000' 'xattr_many 999' 'deep 2000'; do
		# shellcheck disable=SC2086
		archive $c
		n=$(peak_mib "$HULL_BUILD/hull" import x.tar t)
		[ "$n" -lt 32 ] || { echo "$c: $n MiB"; false; }
	done
}
