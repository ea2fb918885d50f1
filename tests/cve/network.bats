#!/usr/bin/env bats
# Holes of this field that concern networks: what a container tells its neighbours and the host.

# Addresses are words.
# shellcheck disable=SC2086

load ../helpers/common
load ../helpers/network

teardown_one() { hull ps -aq | xargs -r "$HULL_BUILD/hull" rm -f >/dev/null; }

two() { # EVIL and OTHER on the default network
	ok hull run -d --name evil --network bridge tiny sleep 60
	ok hull run -d --name other --network bridge tiny sleep 60
}

# frames_of NAME ...: what a container with CAP_NET_RAW could send
frames_of() { within "$1" "$HELPERS/frames" "${@:2}"; }

gateway() { ip "-$1" -o addr show hull0 scope global | awk '{ sub("/.*", "", $4); print $4 }'; }
mac_in() { within "$1" ip -o link show eth0 | grep -o 'ether [0-9a-f:]*' | cut -d' ' -f2; }

# What eth0 of a container, or the host's bridge, would have got of an advertisement.
advertised() { "$@" ip -6 addr show && "$@" ip -6 route show; }
has_link_local() { within "$1" ip -6 -o addr show dev eth0 scope link | grep -v tentative; }

@test "CVE-2020-13401: a container's router advertisement changes nothing, on the host or elsewhere" {
	two
	wait_for has_link_local evil
	wait_for has_link_local other
	frames_of evil ra 2001:db8:bad::
	sleep 0.5
	lacks "$(advertised command)" 'bad|proto ra'
	lacks "$(advertised within other)" 'bad|proto ra'
	# The same frames work where nobody is in the way.
	outside sh -c 'echo 1 >/proc/sys/net/ipv6/conf/eth0/accept_ra'
	sed 's/eth0/up0/g' "$HELPERS/frames" >frames
	python3 -IS frames ra 2001:db8:bad::
	wait_for bash -c "nsenter --net=/proc/$(cat "$FILE_DIR/outside.pid")/ns/net ip -6 route | grep bad"
	outside ip -6 addr flush dev eth0 dynamic
}

@test "a container cannot be its network's gateway to others: ARP, neighbour discovery, --ip" {
	local gw4 gw6 mac
	two
	gw4=$(gateway 4) gw6=$(gateway 6) mac=$(ip -o link show hull0 | grep -o "ether [0-9a-f:]*" | cut -d" " -f2)
	ok within other "$HULL_SUITE/bin/busybox" ping -c1 -W2 $gw4
	ok within other "$HULL_SUITE/bin/busybox" ping -c1 -W2 $gw6
	wait_for has_link_local evil
	frames_of evil arp $gw4
	frames_of evil na $gw6
	sleep 0.3
	has "$(within other ip neigh show $gw4)" "$mac"
	has "$(within other ip neigh show $gw6)" "$mac"
	# The frames are such as others would believe: those of an address that is nobody's are.
	local evil free=${gw4%.*}.200
	evil=$(mac_in evil)
	within other "$HULL_SUITE/bin/busybox" ping -c1 -W1 $free || true
	frames_of evil arp $free
	has "$(within other ip neigh show $free)" "$evil"
	expect 125 hull run --rm --network bridge --ip $gw4 tiny true
	one_line "$gw4"
	expect 125 hull run --rm --network bridge --ip6 $gw6 tiny true
	one_line "$gw6"
}

# listen ADDRESS PORT: outside prints who sends it datagrams, for a second
listen_outside() {
	outside python3 -ISc 'import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], int(sys.argv[2])))
s.settimeout(1)
try:
    while True: print(s.recvfrom(100)[1][0], flush=True)
except TimeoutError: pass' "$@"
}

@test "what leaves has an address that belongs to whom it came from" {
	local mac listener
	two
	mac=$(ip -o link show hull0 | grep -o "ether [0-9a-f:]*" | cut -d" " -f2)
	listen_outside $OUT4 5000 >"$T/4" 3>&- &
	listener=$!
	listen_outside $OUT6 5000 >"$T/6" 3>&- &
	sleep 0.4
	# from its own address they arrive, in the host's name
	frames_of evil udp "$(address evil 4)" $OUT4 5000 $mac
	frames_of evil udp "$(address evil 6)" $OUT6 5000 $mac
	frames_of evil udp 198.51.100.7 $OUT4 5000 $mac
	frames_of evil udp 2001:db8:77::7 $OUT6 5000 $mac
	wait $listener $!
	is "$(sort -u "$T/4")" $HOST4
	is "$(sort -u "$T/6")" $HOST6
}

@test "containers of different networks do not reach each other, both families, tcp and udp" {
	local a4 a6
	ok hull network create --ipv6 one
	ok hull network create --ipv6 two
	serve web --network one
	ok hull run -d --name near --network one tiny sleep 60
	ok hull run -d --name far --network two tiny sleep 60
	a4=$(address web 4) a6=$(address web 6)
	has "$(get_within near $a4 80)" '^10\.|^172\.|^192\.168'
	has "$(get_within near $a6 80)" '^fd'
	is "$(get_within far $a4 80) $(get_within far $a6 80)" 'timeout timeout'
	is "$(get_within far --udp $a4 80) $(get_within far --udp $a6 80)" 'timeout timeout'
	ok hull rm -f web near far
	ok hull network rm one two
}

@test "CVE-2024-29018: nothing leaves an internal network, and nobody comes in, also by a route of the container's" {
	local gw listener
	ok hull network create --internal --ipv6 closed
	serve web --network closed
	listen_outside $OUT4 5001 >"$T/4" 3>&- &
	listener=$!
	sleep 0.4
	isnt "$(get_within web $OUT4 5001)" ''
	gw=$(hull network inspect -f '{{(index .IPAM.Config 0).Gateway}}' closed)
	within web ip route add default via "${gw%/*}"
	within web "$HELPERS/ask" --udp $OUT4 5001
	within web "$HELPERS/ask" --udp $OUT4 53
	wait $listener
	is "$(cat "$T/4")" ''
	outside ip route add "$(address web 4)" via $HOST4
	is "$(get_outside "$(address web 4)" 80)" timeout
	outside ip route del "$(address web 4)"
	ok hull rm -f web
	ok hull network rm closed
}
