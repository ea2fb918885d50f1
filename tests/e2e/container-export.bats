#!/usr/bin/env bats
# hull export: the tar is what the container sees, and import takes it back.

load ../helpers/common
# shellcheck disable=SC2034
ONLY_ROOT='devices and capabilities in a tree'

# A container with all kinds of files, made by the image and by itself.
setup_one() {
	mkdir -p tree/bin tree/etc/old tree/opt/keep
	cp "$HULL_SUITE/bin/busybox" tree/bin/busybox
	for a in sh cat ln rm mkdir mkfifo chmod chown touch dd find stat ls sleep echo; do ln -s busybox tree/bin/$a; done
	echo one >tree/etc/one
	echo two >tree/etc/two
	echo x >tree/etc/old/x
	echo k >tree/opt/keep/k
	if [ "$AS" = root ]; then setcap cap_net_raw+ep tree/bin/busybox; fi
	tar -C tree --xattrs --xattrs-include='*' --numeric-owner --owner=0 --group=0 -cf tree.tar .
	hull import tree.tar t >/dev/null
}
teardown_one() {
	hull ps -aq | while read -r id; do hull rm -f "$id"; done >/dev/null
	hull rmi -f t back >/dev/null 2>&1
	return 0
}
names() { tar -tf "$1" | sort; }
LONG=$(printf 'n%.0s' $(seq 180))

@test "deleted, replaced, opaque, changed: as the container sees it, without marks" {
	ok hull run --name ctr --network none t sh -c 'rm /etc/two; rm -r /etc/old; mkdir /etc/old; echo y >/etc/old/y; echo more >>/etc/one; rm -r /opt/keep; echo f >/opt/keep'
	ok hull export -o out.tar ctr
	is "$output" ""
	has "$(names out.tar)" '^\.dockerenv$'
	has "$(names out.tar)" '^etc/old/y$'
	lacks "$(names out.tar)" '^etc/two$|^etc/old/x$|^opt/keep/|\.wh\.|^\./|^/'
	is "$(tar -xOf out.tar etc/one)" $'one\nmore'
	is "$(tar -xOf out.tar opt/keep)" f
	lacks "$(tar --xattrs --xattrs-include='*' -tvvf out.tar)" 'overlay'
	ok hull import out.tar back
	ok hull run --rm --network none back sh -c 'cat /etc/one /etc/old/y /opt/keep'
	is "$output" $'one\nmore\ny\nf'
}

@test "owners, modes, times, links, fifos, holes, long names, capabilities: there and back" {
	only root "who looks from outside sees the ids of the host"
	ok hull run --name ctr --network none t sh -c "
		mkdir -p /d/$LONG/$LONG; echo deep >/d/$LONG/$LONG/$LONG
		echo s >/d/set; chown 12:34 /d/set; chmod 6711 /d/set
		chown 65535:65535 /d/$LONG; mkdir /d/sticky; chmod 1777 /d/sticky
		ln /d/set /d/hard; ln -s $LONG/$LONG/$LONG /d/soft; mkfifo -m 600 /d/fifo
		dd if=/dev/zero of=/d/holes bs=1 count=3 seek=50000000 2>/dev/null; echo begin | dd of=/d/holes conv=notrunc 2>/dev/null
		touch -d '1960-01-02 03:04:05' /d/old"
	# Touched from outside, where a second has parts.
	local upper
	upper=$(echo "$HULL_ROOT"/containers/*/upper)
	touch -h -d '2001-02-03 04:05:06.123456789 UTC' "$upper/d/set" "$upper/d/soft" "$upper/d/sticky"
	touch -d '1960-01-02 03:04:05.25 UTC' "$upper/d/old"
	setfattr -n user.test -v "a b" "$upper/d/set"
	ok hull export -o out.tar ctr
	[ "$(stat -c %s out.tar)" -lt 20000000 ]
	ok hull import out.tar back
	local layer
	layer=$(hull image inspect back --format '{{index .RootFS.Layers 0}}')
	look() { (cd "$1" && find d -printf '%p %y %#m %U:%G %n %l %s %T@\n' | sed 's/^\(.* d [^ ]* [^ ]*\) .* \([^ ]*\)$/\1 \2/' | sort); }
	is "$(look "$HULL_ROOT/layers/${layer#sha256:}")" "$(look "$upper")"
	has "$(look "$upper")" '^d/set f 06711 12:34 2 .* 981173106.1234567890$'
	has "$(getcap "$HULL_ROOT/layers/${layer#sha256:}/bin/busybox")" cap_net_raw
	is "$(getfattr --only-values -n user.test "$HULL_ROOT/layers/${layer#sha256:}/d/hard")" "a b"
	[ "$(stat -c %b "$HULL_ROOT/layers/${layer#sha256:}/d/holes")" -lt 1000 ]
	# Another reader sees the same.
	mkdir x
	tar -C x --xattrs --xattrs-include='*' -xpf out.tar
	is "$(look x)" "$(look "$upper")"
}

@test "a running container, a second time, and one of --rm" {
	"$HULL_BUILD/hull" run --rm --name ctr --network none -v "$T/tree:/vol" --tmpfs /tmp t sh -c 'echo mine >/mine; echo up; sleep 60' >out &
	local pid=$!
	wait_for grep -q up out
	ok hull export -o one.tar ctr
	is "$(tar -xOf one.tar mine)" mine
	lacks "$(names one.tar)" '^vol/.|^tmp/.|^proc/.|^sys/.|^dev/.'
	has "$(names one.tar)" '^vol/$'
	hull export ctr >two.tar
	cmp one.tar two.tar
	ok hull rm -f ctr
	wait $pid || true
}

@test "container export is the same; --rootfs with and without an overlay" {
	ok hull run --name ctr --network none --rootfs "$T/tree:O" sh -c 'echo mine >/mine; rm /etc/two'
	ok hull container export --output=out.tar ctr
	is "$(tar -xOf out.tar mine)" mine
	lacks "$(names out.tar)" '^etc/two$'
	ok hull rm ctr
	ok hull run --name ctr --network none --rootfs "$T/tree" sh -c 'rm /etc/two'
	ok hull export -o out.tar ctr
	has "$(names out.tar)" '^etc/one$'
	lacks "$(names out.tar)" '^etc/two$'
}

@test "bad names, no terminal, a full disk, a reader that goes away" {
	echo old >out.tar
	expect 1 hull export -o out.tar missing
	one_line "No such container: missing"
	is "$(cat out.tar)" old
	ok hull run --name ctr --network none t sh -c 'dd if=/dev/zero of=/big bs=1M count=3 2>/dev/null'
	run "$HELPERS/pty" -- "$HULL_BUILD/hull" export ctr
	has "$output" "cowardly refusing"
	expect 1 hull export -o /dev/full ctr
	one_line "write the archive: No space left"
	run -1 --separate-stderr bash -c '"$HULL_BUILD/hull" export ctr | head -c 1 >/dev/null; exit "${PIPESTATUS[0]}"'
	has "$stderr" "Broken pipe"
	is "$(find . -maxdepth 1 -name '*hull-*')" ""
}

@test "a container that swaps folders for links meanwhile leads nowhere" {
	"$HULL_BUILD/hull" run --rm --name ctr --network none t sh -c '
		mkdir -p /a/etc /b; echo inside >/a/etc/hostname; ln -s /etc /b/etc; echo up
		while :; do mv /a/etc /a/x; ln -s /etc /a/etc; rm /a/etc; mv /a/x /a/etc; done' >out 2>/dev/null &
	local pid=$!
	wait_for grep -q up out
	for _ in $(seq 10); do
		ok hull export -o out.tar ctr
		lacks "$(tar -xOf out.tar a/etc/hostname 2>/dev/null)" "$(hostname)"
		lacks "$(names out.tar)" '^a/etc/(passwd|shadow)$|^b/etc/'
	done
	ok hull rm -f ctr
	wait $pid || true
}

@test "a folder with a thousand entries" {
	hull run --name many --network none t sh -c 'mkdir /many; cd /many; for i in $(seq 1000); do echo $i >file-$i; done'
	ok hull export -o out.tar many
	is "$(tar -tf out.tar | grep -c '^many/file-')" 1000
	is "$(tar -xOf out.tar many/file-777)" 777
	hull rm many
}

@test "a root file system that is a copy with other ids: exported with the container's own" {
	only root "copies with other ids are root's"
	ok "$HULL_BUILD/tests/deny" 5.10 -- "$HULL_BUILD/hull" run --userns=auto --name copy tiny \
		sh -c 'touch /a && chown 5:6 /a && stat -c %u:%g /a /home/ann'
	is "$output" $'5:6\n1234:100'
	has "$stderr" copied
	[ -d "$HULL_ROOT/containers/$(hull inspect -f '{{.Id}}' copy)/rootfs-shifted" ]
	ok bash -c '"$HULL_BUILD/hull" export copy | tar -tv --numeric-owner'
	has "$output" ' 5/6 .* a$'
	has "$output" ' 1234/100 .* home/ann/$'
	ok hull rm copy
	rm -f "$HULL_RUNROOT"/copy-*
}
