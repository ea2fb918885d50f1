#!/usr/bin/env bats
# Networks of ordinary users: the way out, published ports, what is killed. The machine is a network
# namespace of the test's own; "outside" is another, connected by up0, and where the default route
# leads. The test is root, each hull (u) an ordinary user's with a store of its own.

load ../helpers/common

# shellcheck disable=SC2034
ONLY_ROOT='the test makes the machine; hull is a user here all the same'

HOST4=192.0.2.1 OUT4=192.0.2.2 HOST6=2001:db8::1 OUT6=2001:db8::2

# The same as in network.bats, and a node that users may open.
setup_more() {
	[ -n "${HULL_TESTS_ALONE:-}" ] || return 0
	[ "${HULL_TEST_AS:-root}" = root ] && command -v pasta >/dev/null || return 0
	unshare --net sleep 1000 3>&- >/dev/null 2>&1 &
	echo $! >"$FILE_DIR/outside.pid"
	until [ "$(readlink "/proc/$!/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
	ip link add up0 type veth peer name eth0 netns $!
	ip addr add $HOST4/24 dev up0
	ip addr add $HOST6/64 dev up0 nodad
	ip link set up0 up
	outside ip link set lo up
	outside ip addr add $OUT4/24 dev eth0
	outside ip addr add $OUT6/64 dev eth0 nodad
	outside ip link set eth0 up
	ip route add default via $OUT4
	ip route add default via $OUT6
	echo '0 2147483647' >/proc/sys/net/ipv4/ping_group_range # pasta's pings are the user's
	mkdir "$FILE_DIR/dev"
	mount -t tmpfs none "$FILE_DIR/dev"
	mknod -m 666 "$FILE_DIR/dev/tun" c 10 200
	mount --bind "$FILE_DIR/dev/tun" /dev/net/tun
	mkdir -m 755 "$FILE_DIR/user"
	chmod 711 "$HULL_SUITE" "$FILE_DIR"
	(cd "$TOP" && HULL_SUITE=$FILE_DIR/user HULL_TEST_AS=user tests/helpers/suite programs)
	mkdir "$FILE_DIR/user/ns"
	chown 59999:59999 "$FILE_DIR/user"/{root,run,ns}
	u import - tiny <"$FILE_DIR/user/tiny.tar" 3>&-
}

teardown_more() {
	[ ! -f "$FILE_DIR/outside.pid" ] || kill -KILL "$(cat "$FILE_DIR/outside.pid")"
	umount /dev/net/tun "$FILE_DIR/dev" 2>/dev/null || true
}

setup_one() {
	[ -n "${HULL_TESTS_ALONE:-}" ] || skip "wants a network namespace of its own"
	need nft
	need ip
	need pasta
}

teardown_one() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || u ps -aq | while read -r id; do u rm -f "$id"; done
}

outside() { nsenter --net="/proc/$(cat "$FILE_DIR/outside.pid")/ns/net" "$@"; }

# A command as the user, or as root of the user's `unshare -r`; each in a mount namespace of its own.
as() { # user|userns COMMAND...
	local kind=$1
	shift
	HULL_TESTS_ALONE='' "$HELPERS/become" "$kind" "$FILE_DIR/user" \
		env HULL_ROOT="$FILE_DIR/user/root" HULL_RUNROOT="$FILE_DIR/user/run" \
		HULL_BUILD="$FILE_DIR/user/programs" PATH="$FILE_DIR/user/programs:$PATH" "$@"
}
u() { as user hull "$@"; }

get() { python3 "$HELPERS/ask" "$@"; }

# The process that the container's only program is.
first() { # NAME
	u inspect --format '{{.State.Pid}}' "$1"
}

serve() { # NAME FLAGS...: a server on port 80 that answers with the address it sees
	local name=$1
	shift
	ok u run -d --name "$name" --network bridge "$@" tiny probe serve 80
	until grep -q ':0050 ' "/proc/$(first "$name")/net/tcp6"; do sleep 0.02; done
}

inside() { # NAME COMMAND...: with the machine's programs
	local pid
	pid=$(first "$1")
	shift
	nsenter -t "$pid" -n "$@"
}

# In the background: the process itself is $!.
outside_bg() { exec nsenter --net="/proc/$(cat "$FILE_DIR/outside.pid")/ns/net" "$@" 3>&-; }
inside_bg() {
	local pid
	pid=$(first "$1")
	shift
	exec nsenter -t "$pid" -n "$@" 3>&-
}
gone() {
	kill "$@"
	wait "$@" 2>/dev/null || true
}

routers() { pgrep -x hull-router | sort -n; }
pastas() { pgrep '^pas(ta|st)'; }

@test "the way out, both families: the server sees the host; nothing is left" {
	local servers
	outside_bg python3 "$HELPERS/ask" --udp-echo :: 7000 &
	servers=$!
	outside_bg "$PROBE" serve 7001 &
	servers+=" $!"
	until outside ss -lnt | grep -q :7001; do sleep 0.02; done
	ok u run -d --name out --network bridge tiny sleep 60
	is "$(inside out python3 "$HELPERS/ask" $OUT4 7001)" $HOST4
	is "$(inside out python3 "$HELPERS/ask" $OUT6 7001)" $HOST6
	is "$(inside out python3 "$HELPERS/ask" --udp $OUT4 7000)" $HOST4
	is "$(inside out python3 "$HELPERS/ask" --udp $OUT6 7000)" $HOST6
	# The host itself, by its own address, but not by its loopback.
	"$PROBE" serve 7002 3>&- &
	servers+=" $!"
	until ss -lnt | grep -q :7002; do sleep 0.02; done
	is "$(inside out python3 "$HELPERS/ask" $HOST4 7002)" $HOST4
	isnt "$(inside out python3 "$HELPERS/ask" 169.254.78.1 7002)" 127.0.0.1
	# shellcheck disable=SC2086
	gone $servers
	ok u rm -f out
	ok u run --rm --network bridge tiny ping -c1 -W2 $OUT4
}

@test "a published port: the server sees the client, tcp and udp, from outside and from here" {
	local server
	serve web -p 8080:80 -p 127.0.0.1:8081:80 -p 9000-9001:90-91/udp
	is "$(outside python3 "$HELPERS/ask" $HOST4 8080)" $OUT4
	is "$(outside python3 "$HELPERS/ask" $HOST6 8080)" $OUT6
	is "$(get $HOST4 8080)" $HOST4
	is "$(get $HOST6 8080)" $HOST6
	has "$(get 127.0.0.1 8080)" '^10\.'
	has "$(get ::1 8080)" '^fd'
	has "$(get 127.0.0.1 8081)" '^10\.'
	is "$(outside python3 "$HELPERS/ask" $HOST4 8081)" refused
	inside_bg web python3 "$HELPERS/ask" --udp-echo :: 91 &
	server=$!
	until grep -q ':005B ' "/proc/$(first web)/net/udp6"; do sleep 0.02; done
	is "$(outside python3 "$HELPERS/ask" --udp $HOST4 9001)" $OUT4
	is "$(outside python3 "$HELPERS/ask" --udp $HOST6 9001)" $OUT6
	is "$(get --udp $HOST4 9001)" $HOST4
	has "$(get --udp 127.0.0.1 9001)" '^10\.'
	has "$(get --udp ::1 9001)" '^fd'
	# A container asks for what is published, itself included.
	is "$(inside web python3 "$HELPERS/ask" $HOST4 8080)" $HOST4
	is "$(inside web python3 "$HELPERS/ask" $HOST6 8080)" $HOST6
	gone $server
	# No process for each port, or container: the router's two, and pasta.
	is "$(routers | wc -l)" 2
	ok u rm -f web
	is "$(outside python3 "$HELPERS/ask" $HOST4 8080)" refused
}

@test "a connection carries much, both ways at once, and is half-closed where it is" {
	head -c 20000000 /dev/urandom >data
	ok u run -d --name cat --network bridge -p 8080:80 tiny sleep 60
	inside_bg cat python3 - <<-'END' &
		import socket
		s = socket.create_server(("", 80))
		c, _ = s.accept()
		while True:
		    d = c.recv(65536)
		    if not d: break
		    c.sendall(d)
		c.sendall(b"end")
		c.close()
	END
	until grep -q ':0050 ' "/proc/$(first cat)/net/tcp"; do sleep 0.02; done
	outside python3 - >back <<-END
		import socket, sys, threading
		s = socket.create_connection(("$HOST4", 8080))
		def send():
		    s.sendall(open("data", "rb").read())
		    s.shutdown(socket.SHUT_WR)
		threading.Thread(target=send).start()
		while True:
		    d = s.recv(65536)
		    if not d: break
		    sys.stdout.buffer.write(d)
	END
	printf end >>data
	cmp data back
	# Nobody listens any more: refused, as it would be without us.
	has "$(outside python3 "$HELPERS/ask" $HOST4 8080)" 'reset|refused'
	ok u rm -f cat
}

@test "two containers reach each other by address; two that start at once have one router" {
	local a b
	u run -d --name one --network bridge tiny probe serve 80 >/dev/null 3>&- &
	a=$!
	u run -d --name two --network bridge tiny probe serve 80 >/dev/null 3>&- &
	b=$!
	ends $a 0
	ends $b 0
	is "$(routers | wc -l)" 2
	is "$(pastas | wc -l)" 1
	local addr
	addr=$(u inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' two)
	until grep -q ':0050 ' "/proc/$(first two)/net/tcp6"; do sleep 0.02; done
	is "$(inside one python3 "$HELPERS/ask" "$addr" 80)" \
		"$(u inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' one)"
	# root has networks of its own, and these are not seen
	lacks "$(ip -br link)" hull
	ok u rm -f one
	ok u rm -f two
}

@test "a killed pasta comes back; a killed forwarder loses no port; a killed router heals at the next start" {
	local old server
	serve web -p 8080:80
	outside_bg "$PROBE" serve 7001 &
	server=$!
	until outside ss -lnt | grep -q :7001; do sleep 0.02; done
	old=$(pastas)
	kill -KILL "$old"
	way_out() { [ "$(inside web python3 "$HELPERS/ask" "$OUT4" 7001)" = "$HOST4" ]; }
	wait_for way_out
	isnt "$(pastas)" "$old"
	kill -KILL "$(routers | tail -n 1)"
	is "$(outside python3 "$HELPERS/ask" $HOST4 8080)" $OUT4
	kill -KILL "$(routers | head -n 1)"
	alone() { [ -z "$(routers)$(pastas)" ]; }
	wait_for alone
	is "$(outside python3 "$HELPERS/ask" $HOST4 8080)" refused
	ok u run --rm --network bridge tiny true
	is "$(outside python3 "$HELPERS/ask" $HOST4 8080)" $OUT4
	wait_for way_out
	gone $server
	ok u rm -f web
}

@test "the monitor's death closes the ports" {
	local monitor
	serve web -p 8080:80
	monitor=$(awk '/^PPid/ { print $2 }' "/proc/$(first web)/status")
	kill -KILL "$monitor"
	closed() { [ "$(outside python3 "$HELPERS/ask" $HOST4 8080)" = refused ]; }
	wait_for closed
	ok u rm -f web
}

@test "ports that cannot be had: one line says why, nothing is left" {
	local server
	"$PROBE" serve 8080 3>&- &
	server=$!
	until ss -lnt | grep -q :8080; do sleep 0.02; done
	expect 125 u run --rm --network bridge -p 8080:80 tiny true
	one_line 'port 8080/tcp'
	gone $server
	expect 125 u run --rm --network bridge -p 88:80 tiny true
	one_line 'port 88/tcp' ip_unprivileged_port_start
	expect 125 u run --rm --network bridge -p 192.0.2.77:8080:80 tiny true
	one_line 'port 8080/tcp' "none of this host's"
	expect 125 u run --rm --network bridge -p 8080:80/sctp tiny true
	one_line 'port 8080/sctp' 'tcp and udp'
	serve web -p 8080:80
	expect 125 u run --rm --network bridge -p 8080:80 tiny true
	one_line 'port 8080/tcp' 'already allocated'
	ok u rm -f web
}

@test "without pasta, or without /dev/net/tun: one line says what to do" {
	chmod 711 "$T"
	mkdir bin
	for program in nft newuidmap newgidmap; do ln -s "$(command -v $program)" bin/; done
	expect 125 as user env PATH="$T/bin" "$FILE_DIR/user/programs/hull" run --rm --network bridge tiny true
	one_line passt --network=none
	ok as user env PATH="$T/bin" "$FILE_DIR/user/programs/hull" run --rm --network none tiny true
	chmod 600 "$FILE_DIR/dev/tun"
	expect 125 u run --rm --network bridge tiny true
	one_line /dev/net/tun 'ermission denied'
	chmod 666 "$FILE_DIR/dev/tun"
	ok u run --rm --network bridge tiny true
}

@test "a machine without any network: containers run, and have one when it comes" {
	ip link set up0 down
	serve web -p 8080:80
	has "$(get 127.0.0.1 8080)" '^10\.'
	is "$(pastas)" ''
	ip link set up0 up
	ip route add default via $OUT4
	ip addr add $HOST6/64 dev up0 nodad 2>/dev/null || true
	ip route add default via $OUT6 2>/dev/null || true
	local server
	outside_bg "$PROBE" serve 7001 &
	server=$!
	until outside ss -lnt | grep -q :7001; do sleep 0.02; done
	way_out() { [ "$(inside web python3 "$HELPERS/ask" "$OUT4" 7001)" = "$HOST4" ]; }
	wait_for way_out
	gone $server
	ok u rm -f web
}

@test "a resolver on the host's loopback answers containers" {
	local server
	echo 'nameserver 127.0.0.1' >resolv.conf
	mount --bind resolv.conf /etc/resolv.conf
	python3 "$HELPERS/ask" --udp-echo 127.0.0.1 53 3>&- &
	server=$!
	until ss -lnu | grep -q :53; do sleep 0.02; done
	ok u run -d --name asks --network bridge tiny sleep 60
	has "$(cat "/proc/$(first asks)/root/etc/resolv.conf")" '^nameserver 169\.254\.78\.1$'
	is "$(inside asks python3 "$HELPERS/ask" --udp 169.254.78.1 53)" 127.0.0.1
	gone $server
	umount /etc/resolv.conf
	ok u rm -f asks
}

@test "root of unshare -r: the same; of unshare -rn: its own namespace, without pasta" {
	ok as userns sh -c 'export HULL_ROOT=$0/root3 HULL_RUNROOT=$0/run3
		hull import - tiny <"$1" >/dev/null && hull run --rm --network bridge -p 8080:80 tiny ping -c1 -W2 "$2"' \
		"$FILE_DIR/user/ns" "$FILE_DIR/user/tiny.tar" $OUT4
	none() { [ -z "$(routers)" ]; }
	wait_for none
	ok as userns unshare -rn sh -c 'export HULL_ROOT=$0/root2 HULL_RUNROOT=$0/run2
		hull import - tiny <"$1" >/dev/null && hull run --rm --network bridge tiny ip -4 addr show eth0
		ip -br link; pgrep -x hull-router >/dev/null && echo router; true' "$FILE_DIR/user/ns" "$FILE_DIR/user/tiny.tar"
	has "$output" 'inet 10\.77'
	has "$output" '^hull0'
	lacks "$output" router
}
