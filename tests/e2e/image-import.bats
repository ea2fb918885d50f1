#!/usr/bin/env bats
# hull import: what is in the archive is what is in the layer.

load ../helpers/common

layer_ids() { hull image inspect "$1" | python3 -c 'import json,sys
for l in json.load(sys.stdin)[0]["RootFS"]["Layers"]: print(l)'; }

# tree: a root file system with busybox in it, to be added to; pack: -> tree.tar
tree() {
	mkdir -p tree/bin tree/etc
	cp "$HULL_SUITE/bin/busybox" tree/bin/sh
	cp "$PROBE" tree/bin/probe
	local a
	for a in cat ls stat test id readlink find chmod touch wc; do ln -s sh tree/bin/$a; done
}
pack() { tar -C tree --numeric-owner --xattrs --xattrs-include='*' "$@" -cf tree.tar .; }
in_tree() { hull run --rm --network none t "$@"; }

@test "import prints the image's id; the image runs" {
	tree
	pack
	ok hull import tree.tar t
	has "$output" '^sha256:[0-9a-f]{64}$'
	ok in_tree sh -c 'echo it runs'
	is "$output" "it runs"
}

@test "plain, gzip, xz, zstd, file and stdin: the same layer" {
	need gzip xz zstd
	tree
	pack
	gzip -k tree.tar
	xz -k -1 tree.tar
	zstd -q -k tree.tar
	local f
	for f in tree.tar tree.tar.gz tree.tar.xz tree.tar.zst; do ok hull import $f "t:${f##*.}"; done
	hull import - t:stdin <tree.tar.gz
	is "$(layer_ids t:tar)" "sha256:$(sha256sum tree.tar | cut -d' ' -f1)"
	for f in gz xz zst stdin; do is "$(layer_ids "t:$f")" "$(layer_ids t:tar)"; done
}

@test "several gzip members and zstd frames in one file are one archive" {
	tree
	pack
	{ head -c 100000 tree.tar | gzip; tail -c +100001 tree.tar | gzip; } >two.gz
	{ head -c 100000 tree.tar | zstd -q; tail -c +100001 tree.tar | zstd -q; } >two.zst
	ok hull import two.gz t:gz
	ok hull import two.zst t:zst
	is "$(layer_ids t:gz)" "sha256:$(sha256sum tree.tar | cut -d' ' -f1)"
	is "$(layer_ids t:zst)" "$(layer_ids t:gz)"
}

@test "a layer that is there already is not stored twice" {
	tree
	pack
	ok hull import tree.tar t:1
	local before
	before=$(ls "$HULL_ROOT/layers" | wc -l)
	ok hull import tree.tar t:2
	is "$(ls "$HULL_ROOT/layers" | wc -l)" "$before"
	is "$(layer_ids t:1)" "$(layer_ids t:2)"
}

@test "owners, modes, setuid, sticky and times below a second" {
	only "root|user" "one id: there is only root"
	tree
	echo x >tree/etc/one
	as_hull chown 12:34 tree/etc/one
	as_hull chmod 6711 tree/etc/one
	mkdir tree/etc/sticky
	chmod 1777 tree/etc/sticky
	ln -s one tree/etc/link
	as_hull chown -h 56:78 tree/etc/link
	as_hull touch -h -d '2001-02-03 04:05:06.123456789 UTC' tree/etc/one tree/etc/link tree/etc/sticky
	pack --format=pax
	ok hull import tree.tar t
	ok in_tree stat -c '%u:%g %a %y' /etc/one /etc/sticky /etc/link
	is "${lines[0]%+*}" '12:34 6711 2001-02-03 04:05:06.123456789 '
	has "${lines[1]}" '^0:0 1777 2001-02-03 04:05:06.123456789'
	has "${lines[2]}" '^56:78 .*2001-02-03 04:05:06.123456789'
}

@test "hard links stay one file" {
	tree
	echo x >tree/etc/a
	ln tree/etc/a tree/etc/b
	ln tree/etc/a tree/c
	pack
	ok hull import tree.tar t
	ok in_tree stat -c '%h %i' /etc/a /etc/b /c
	is "${lines[0]}" "${lines[1]}"
	is "${lines[0]}" "${lines[2]}"
	has "${lines[0]}" '^3 '
}

@test "device nodes and fifos are there; a foreign device does nothing" {
	only root "mknod(2)"
	tree
	mkdir tree/d
	mknod tree/d/null c 1 3
	mknod tree/d/disk b 8 0
	mkfifo tree/d/fifo
	pack
	ok hull import tree.tar t
	ok in_tree stat -c '%F %t:%T' /d/null /d/disk /d/fifo
	is "${lines[0]}" 'character special file 1:3'
	is "${lines[1]}" 'block special file 8:0'
	is "${lines[2]}" 'fifo 0:0'
	ok in_tree probe open /d/disk r
	isnt "$output" ok
}

@test "file capabilities survive and count" {
	only "root|user" "one id: there is only root"
	need setcap
	tree
	as_hull setcap cap_net_bind_service,cap_net_raw+ep tree/bin/probe
	pack
	ok hull import tree.tar t
	ok hull run --rm --network none -u 1000:1000 t probe status CapEff
	is "$output" 0000000000002400
	# Also after it was copied up.
	ok hull run --rm --network none t sh -c 'touch /bin/probe && exec probe status CapEff'
	is "$output" 00000000a80425fb
}

@test "user xattrs survive" {
	need setfattr getfattr
	tree
	echo x >tree/etc/x
	setfattr -n user.colour -v blue tree/etc/x
	pack
	ok hull import tree.tar t
	local layer
	layer=$(layer_ids t)
	is "$(getfattr --only-values -n user.colour "$HULL_ROOT/layers/${layer#sha256:}/etc/x" 2>/dev/null ||
		getfattr --only-values -n user.colour "$HULL_ROOT/layers/${layer#sha256:}"/*/etc/x)" blue
}

@test "overlay marks in an archive are not believed" {
	need setfattr
	tree
	mkdir tree/etc/dir tree/etc/opq
	echo x >tree/etc/dir/file
	setfattr -n user.overlay.opaque -v y tree/etc/opq
	setfattr -n user.overlay.redirect -v /bin tree/etc/dir
	[ "$AS" != root ] || setfattr -n trusted.overlay.opaque -v y tree/etc/dir
	mknod tree/etc/zero c 0 0
	pack
	ok hull import tree.tar t
	is "$(find "$HULL_ROOT/layers" -path '*etc/dir' -exec getfattr -m - {} + 2>/dev/null | grep overlay)" ""
	ok in_tree sh -c 'ls /etc/dir; cat /etc/dir/file'
	is "$output" $'file\nx'
}

@test "sparse files stay sparse" {
	tree
	truncate -s 100M tree/etc/sparse
	echo end >>tree/etc/sparse
	tar -C tree -S -cf tree.tar .
	[ "$(stat -c %s tree.tar)" -lt 20000000 ]
	ok hull import tree.tar t
	ok in_tree probe blocks /etc/sparse
	has "$output" '^104857604 '
	[ "${output#* }" -lt 1000 ]
	ok in_tree sh -c 'test "$(wc -c </etc/sparse)" = 104857604'
}

@test "long names, in every dialect of tar" {
	tree
	local deep=d name format
	name=$(printf 'n%.0s' $(seq 200))
	for _ in $(seq 8); do deep=$deep/$(printf 'p%.0s' $(seq 100)); done
	mkdir -p "tree/$deep"
	echo long >"tree/$deep/$name"
	ln -s "$deep/$name" tree/link
	for format in gnu pax; do
		tar -C tree --format=$format -cf tree.tar .
		ok hull import tree.tar "t:$format"
		ok hull run --rm --network none "t:$format" cat "/$deep/$name" /link
		is "$output" $'long\nlong'
	done
}

@test "names that are not ASCII, and names with blanks and newlines" {
	tree
	echo 1 >"tree/etc/späße und mehr"
	echo 2 >tree/etc/$'new\nline'
	echo 3 >tree/etc/$'latin\xe9'
	pack
	ok hull import tree.tar t
	ok in_tree sh -c "cat '/etc/späße und mehr' '/etc/"$'new\nline'"' /etc/latin?"
	is "$output" $'1\n2\n3'
}

@test "an archive without entries for its folders" {
	tree
	mkdir -p tree/a/b/c
	echo deep >tree/a/b/c/file
	(cd tree && find . ! -type d | tar -T - -cf ../tree.tar)
	ok hull import tree.tar t
	ok in_tree sh -c 'cat /a/b/c/file; stat -c "%u:%g %a" /a /a/b'
	is "$output" $'deep\n0:0 755\n0:0 755'
}

@test "a folder without the right to enter it does not stop the import" {
	tree
	mkdir -p tree/closed/inner
	echo x >tree/closed/inner/f
	chmod 0 tree/closed/inner tree/closed
	pack
	ok hull import tree.tar t
	ok in_tree stat -c '%a %s' /closed/inner/f
	has "$output" '^644 2'
}

@test "a whiteout in a lone layer hides nothing and does not appear" {
	tree
	touch tree/etc/.wh.gone tree/etc/.wh..wh..opq
	pack
	ok hull import tree.tar t
	ok in_tree find /etc -name '.wh*'
	is "$output" ""
	ok in_tree ls -a /etc
	lacks "$output" gone
}

@test "-c changes the configuration, -m is the comment" {
	only "root|user" "one id: there is only root"
	tree
	pack
	ok hull import -m 'a word' -c 'CMD ["sh","-c","echo from CMD $X"]' -c 'ENV X=1' \
		-c 'WORKDIR /etc' -c 'LABEL a=b' -c 'USER 5:6' tree.tar t
	ok hull run --rm --network none t
	is "$output" "from CMD 1"
	ok hull run --rm --network none t probe cwd
	is "$output" /etc
	ok hull run --rm --network none t sh -c 'id -u; id -g'
	is "$output" $'5\n6'
	ok hull image inspect t
	has "$output" '"a": ?"b"'
	has "$output" '"Comment": ?"a word"'
}

@test "every suite image is what its tar holds" {
	only root "owners on disk are the image's"
	need_image debian:trixie
	local tar
	tar=$("$HELPERS/suite" trixie)
	is "$(layer_ids debian:trixie)" "sha256:$(sha256sum "$tar" | cut -d' ' -f1)"
	# Names, types, modes, owners, links, sizes and times, as tar sees both; not sizes of folders, and
	# of hard links, as the first of them may be another one.
	local layer
	layer=$(layer_ids debian:trixie)
	layer=$HULL_ROOT/layers/${layer#sha256:}
	python3 - "$tar" "$layer" <<-'PY'
		import os, stat, sys, tarfile
		tar, layer = sys.argv[1:]
		kinds = {tarfile.REGTYPE: stat.S_IFREG, tarfile.LNKTYPE: stat.S_IFREG, tarfile.DIRTYPE: stat.S_IFDIR,
		         tarfile.SYMTYPE: stat.S_IFLNK, tarfile.CHRTYPE: stat.S_IFCHR}
		n, names = 0, set()
		for m in tarfile.open(tar):
		    path = os.path.normpath(m.name)
		    names.add(path)
		    st = os.lstat(os.path.join(layer, path))
		    want = (kinds[m.type], m.uid, m.gid, int(m.mtime))
		    got = (stat.S_IFMT(st.st_mode), st.st_uid, st.st_gid, int(st.st_mtime))
		    assert m.islnk() or want == got, (path, want, got)
		    assert m.issym() or stat.S_IMODE(st.st_mode) == m.mode, (path, oct(st.st_mode))
		    assert not m.isreg() or st.st_size == m.size, path
		    assert not m.issym() or os.readlink(os.path.join(layer, path)) == m.linkname, path
		    assert not m.islnk() or os.path.samefile(os.path.join(layer, path), os.path.join(layer, m.linkname)), path
		    n += 1
		for d, folders, files in os.walk(layer):
		    for f in folders + files:
		        assert os.path.relpath(os.path.join(d, f), layer) in names, (d, f)
		assert n > 5000, n
	PY
}
