#!/usr/bin/env bats
# Holes of this field that are archives: entries that leave their folder, change what is outside of it, or
# bring the reader down.

load ../helpers/common

# A store of its own in memory: every import is synced, and there are hundreds.
setup_one() {
	FILE_ROOT=$HULL_ROOT
	HULL_ROOT=$(mktemp -d /dev/shm/hull-tests.XXXXXX)
	mkdir -p "$T/host/etc"
	echo precious >"$T/host/file"
	chmod 640 "$T/host/file"
	host_before=$(host_list)
}
teardown_one() {
	rm -rf --one-file-system "$HULL_ROOT"
	HULL_ROOT=$FILE_ROOT
}
host_list() { find "$T/host" "$HULL_ROOT/victim" -printf '%p %y %s %m %U %n %T@\n' 2>/dev/null | sort; }
unharmed() { is "$(host_list)" "$host_before"; }

# archives DIR OUTSIDE: a corpus of hostile archives, each one attack that would reach OUTSIDE, a folder with
# "file" in it, or the store's "victim"
archives() {
	python3 - "$@" <<-'PY'
		import io, itertools, os, sys, tarfile
		to, outside = sys.argv[1:]
		os.makedirs(to)
		up = "../" * 12
		number = 0

		def entry(name, kind=tarfile.REGTYPE, link="", data=b"x", mode=0o777):
		    t = tarfile.TarInfo(name)
		    t.type, t.linkname, t.mode, t.uid, t.gid = kind, link, mode, 65534, 65534
		    t.size = len(data) if kind == tarfile.REGTYPE else 0
		    return t, io.BytesIO(data)

		def archive(what, *entries):
		    global number
		    number += 1
		    with tarfile.open(f"{to}/{number:03}-{what}.tar", "w", format=tarfile.PAX_FORMAT) as tar:
		        tar.addfile(*entry("etc/passwd", data=b"root:x:0:0::/:/bin/sh\n", mode=0o644))
		        for t, data in entries:
		            tar.addfile(t, data)

		DIR, SYM, HARD, FIFO = tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE
		CHAR = tarfile.CHRTYPE
		last = {"file": dict(), "dir": dict(kind=DIR), "sym": dict(kind=SYM, link="x"), "fifo": dict(kind=FIFO),
		        "char": dict(kind=CHAR), "hard": dict(kind=HARD, link="etc/passwd")}
		# By name: absolute, climbing, climbing in the middle.
		for kind, base in itertools.product(last, (outside + "/", up + outside + "/", "../../", "etc/../../../")):
		    archive(f"name-{kind}", entry(base + "made", **last[kind]))
		    archive(f"over-{kind}", entry(base + ("file" if outside in base else "victim"), **last[kind]))
		# Through a link: to the folder, or to the file itself.
		for kind, target in itertools.product(last, (outside, up + outside, "../..", "/", "/proc/self/cwd", "/proc/1/root")):
		    archive(f"through-{kind}", entry("l", SYM, target), entry("l/made", **last[kind]))
		    archive(f"deep-{kind}", entry("l", SYM, target), entry("l/etc/more/made", **last[kind]))
		for target in (outside + "/file", up + outside + "/file", "../../victim"):
		    archive("link-then-file", entry("l", SYM, target), entry("l"))
		    archive("link-then-mode", entry("l", SYM, target), entry("l", DIR))
		    archive("hard-to-outside", entry("h", HARD, target), entry("h"))
		    archive("hard-to-link", entry("l", SYM, target), entry("h", HARD, "l"), entry("h"))
		    archive("hard-through-link", entry("d", SYM, os.path.dirname(target)),
		            entry("h", HARD, "d/" + os.path.basename(target)), entry("h"))
		    archive("hard-mode", entry("d", SYM, os.path.dirname(target)),
		            entry("h", HARD, "d/" + os.path.basename(target), mode=0o4777))
		    archive("whiteout-of-link", entry("l", SYM, os.path.dirname(target)),
		            entry("l/.wh." + os.path.basename(target)))
		    archive("opaque-through-link", entry("l", SYM, os.path.dirname(target)), entry("l/.wh..wh..opq"))
		for name in (".wh...", ".wh..", ".wh.../victim", "etc/.wh...", ".wh.", ".wh../file"):
		    archive("whiteout-name", entry(name))
		# The same name as folder, link, folder: the last one must not go where the second led.
		for target in (outside, up + outside, "../.."):
		    archive("dir-link-dir", entry("d", DIR), entry("d", SYM, target), entry("d", DIR, mode=0o707), entry("d/made"))
		    archive("link-chain", entry("a", SYM, "b"), entry("b", SYM, "c"), entry("c", SYM, target), entry("a/made"))
		    archive("link-dotdot", entry("a/b/c", DIR), entry("a/b/c/l", SYM, "../../../.." + "/.." * 8 + target), entry("a/b/c/l/made"))
		print(number)
	PY
}

@test "CVE-2026-17106, CVE-2021-32760, CVE-2021-41089: hostile archives make and change nothing outside" {
	need python3
	local f seconds=$SECONDS
	echo precious >"$HULL_ROOT/victim"
	host_before=$(host_list)
	archives "$T/corpus" "$T/host" >count
	[ "$(cat count)" -ge 150 ]
	mkdir layers
	for f in corpus/*.tar; do
		run timeout 20 "$HULL_BUILD/hull" import "$f" evil
		[ "$status" -ne 124 ]
		unharmed || { echo "by $f"; return 1; }
	done
	# Nothing stands beside the layers that only a climbing name can have made.
	is "$(find "$HULL_ROOT" -maxdepth 2 \( -name made -o -name x -o -name l -o -name h \))" ""
	[ ! -e /made ] && [ ! -e /etc/more/made ]
	rm "$HULL_ROOT/victim"
	[ $((SECONDS - seconds)) -le 60 ]
}

@test "CVE-2021-32760: set-user-id programs of a layer are out of reach of the host's users" {
	only root "becoming another user"
	need setpriv
	local program
	mkdir tree
	tar -C tree -xf "$HULL_SUITE/tiny.tar"
	chmod 6755 tree/bin/probe
	tar -C tree --numeric-owner -cf suid.tar .
	chmod 755 "$HULL_ROOT"
	hull import suid.tar suid >/dev/null
	program=$(find "$HULL_ROOT" -perm -6000 -path '*/bin/probe')
	[ -n "$program" ]
	ok "$program" status Uid
	# By a shell, because setpriv has all capabilities until its exec.
	run setpriv --reuid 1000 --regid 1000 --clear-groups sh -c '"$1" status Uid' sh "$program"
	is "$status" 126
}

@test "CVE-2021-21285, CVE-2021-20291: crafted archives neither crash the reader nor hang it" {
	need python3
	local f
	python3 - <<-'PY'
		import gzip, io, os, random, tarfile
		random.seed(7)
		os.makedirs("bad")
		out = io.BytesIO()
		with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
		    for i in range(6):
		        t = tarfile.TarInfo("d/" * 20 + f"name{i}" + "n" * 120)
		        t.size = 700
		        tar.addfile(t, io.BytesIO(b"y" * 700))
		good = out.getvalue()
		def bad(name, data):
		    with open(f"bad/{name}", "wb") as f:
		        f.write(data)
		bad("empty", b"")
		bad("zeros", bytes(10240))
		bad("short-gzip", gzip.compress(good)[:60])
		bad("gzip-of-nothing", gzip.compress(b""))
		bad("gzip-head", b"\x1f\x8b")
		bad("xz-head", b"\xfd7zXZ\x00")
		bad("zstd-head", b"\x28\xb5\x2f\xfd")
		for at in (100, 511, 513, 700, 1500, 2047, 3000):
		    bad(f"cut-{at}", good[:at])
		# Lengths of pax and GNU headers that say nonsense, names that are too long.
		def block(name, size, kind, prefix=b""):
		    h = bytearray(512)
		    h[0:len(name)] = name
		    h[100:108] = b"0000644\0"
		    h[108:116] = h[116:124] = b"0000000\0"
		    h[124:136] = size
		    h[136:148] = b"00000000000\0"
		    h[148:156] = b" " * 8
		    h[156:157] = kind
		    h[257:265] = b"ustar\00000"
		    h[148:156] = b"%06o\0 " % sum(h)
		    return bytes(h)
		bad("pax-length", block(b"p", b"00000000100\0", b"x") + b"99999999999 path=x\n".ljust(512, b"\0"))
		bad("pax-negative", block(b"p", b"00000000100\0", b"x") + b"-5 path=x\n".ljust(512, b"\0"))
		bad("pax-huge", block(b"p", b"77777777777\0", b"x") + bytes(512))
		bad("gnu-huge", block(b"p", b"77777777777\0", b"L") + b"A" * 512)
		bad("base-256", block(b"p", b"\xff" * 12, b"0") + bytes(512))
		bad("base-256-max", block(b"p", b"\x80" + b"\x7f" * 11, b"0") + bytes(512))
		long = b"a/" * 40000
		bad("long-name", block(b"p", b"%011o\0" % len(long), b"L") + long.ljust((len(long) + 511) // 512 * 512, b"\0")
		    + block(b"x", b"00000000000\0", b"0") + bytes(1024))
		long = b"a/" * 6000
		bad("long-name-2", block(b"p", b"%011o\0" % len(long), b"L") + long.ljust((len(long) + 511) // 512 * 512, b"\0")
		    + block(b"x", b"00000000000\0", b"0") + bytes(1024))
		for i in range(12):
		    data = bytearray(good)
		    for _ in range(8):
		        data[random.randrange(len(data))] = random.randrange(256)
		    bad(f"random-{i}", bytes(data))
	PY
	for f in bad/*; do
		run --separate-stderr timeout 10 "$HULL_BUILD/hull" import "$f" bad
		[ "$status" -ne 124 ] || { echo "hangs: $f"; return 1; }
		[ "$status" -le 1 ] || { echo "status $status: $f"; return 1; }
		lacks "$stderr" 'killed|signal|died|crash|nonsense'
		case $f in
		bad/random*) [ "$status" -eq 0 ] || one_line . ;;
		*) is "$f $status" "$f 1" && one_line . ;;
		esac
	done
	hull images -q | sort -u | while read -r f; do hull rmi -f "$f" >/dev/null; done
	is "$(find "$HULL_ROOT" -mindepth 2 -not -path '*/blobs/sha256')" ""
}

@test "CVE-2021-41190, CVE-2024-3727: an index that is a manifest as well, digests that are paths" {
	need python3
	local spoil f before
	mkdir -p base/bin
	cp "$HULL_SUITE/bin/busybox" base/bin/sh
	tar -C base -cf base.tar .
	"$HELPERS/mkimage" layout good layers=base.tar names=good:1
	ok hull load -i good
	echo '{"schemaVersion":2}' >"$HULL_ROOT/planted"
	before=$(cd "$HULL_ROOT" && find . -not -name 'hull.db*' | sort)
	for spoil in both both-case index-both media-type manifest-name config-name layer-name; do
		rm -rf bad
		"$HELPERS/mkimage" layout bad layers=base.tar names=bad:1 spoil=$spoil
		expect 1 hull load -i bad
		one_line .
	done
	rm -rf bad
	for f in 'sha256:../../../planted' 'sha256:..' 'md5:../../planted' '../../planted'; do
		cp -r good bad
		python3 - "$f" <<-'PY'
			import json, sys
			with open("bad/index.json") as f:
			    index = json.load(f)
			index["manifests"][0]["digest"] = sys.argv[1]
			with open("bad/index.json", "w") as f:
			    json.dump(index, f)
		PY
		expect 1 hull load -i bad
		one_line 'only "sha256:" and 64'
		rm -rf bad
	done
	is "$(cd "$HULL_ROOT" && find . -not -name 'hull.db*' | sort)" "$before"
}

@test "CVE-2019-18466, CVE-2019-10152: links are exported as links" {
	local runroot=$HULL_RUNROOT root=$HULL_ROOT
	export HULL_ROOT=$FILE_ROOT
	hull run --name links --network none -v "$T/host:/host" tiny sh -c \
		"ln -s $T/host/file /abs; ln -s ../../../../../..$T/host/file /up; ln -s $T/host /dir; ln -s /proc/1/root /proc-root"
	hull export -o out.tar links
	hull rm links
	ok tar -tvf out.tar
	has "$output" "abs -> $T/host/file\$"
	has "$output" "dir -> $T/host\$"
	has "$output" 'proc-root -> /proc/1/root$'
	lacks "$output" ' host/file$|dir/file|^-.* (abs|up)$'
	lacks "$(tar -xOf out.tar 2>/dev/null | strings -n 8 | head -n 200000)" '^precious$'
	export HULL_ROOT=$root HULL_RUNROOT=$runroot
}
