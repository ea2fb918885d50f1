#!/usr/bin/env bats
# Names of containers in their networks, and the keeper, which heals and keeps name servers. The machine is a
# network namespace of the test's own; "outside" is another, connected by up0, with a name server for the
# world's names.

load ../helpers/common

# shellcheck disable=SC2034
ONLY_ROOT='networks are of root'

HOST4=192.0.2.1 OUT4=192.0.2.2 OTHER4=192.0.2.3

setup_more() {
	[ -n "${HULL_TESTS_ALONE:-}" ] || return 0
	[ "${HULL_TEST_AS:-root}" = root ] && command -v nft dnsmasq >/dev/null || return 0
	unshare --net sleep 1000 3>&- >/dev/null 2>&1 &
	echo $! >"$FILE_DIR/outside.pid"
	until [ "$(readlink "/proc/$!/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
	ip link add up0 type veth peer name eth0 netns $!
	ip addr add $HOST4/24 dev up0
	ip link set up0 up
	outside ip link set lo up
	outside ip addr add $OUT4/24 dev eth0
	outside ip addr add $OTHER4/24 dev eth0
	outside ip link set eth0 up
	upstream $OUT4 198.51.100.1
	upstream $OTHER4 198.51.100.2
	# The machine's resolver is the one outside; this mount namespace is the file's own.
	echo "nameserver $OUT4" >"$FILE_DIR/resolv.conf"
	mount --bind "$FILE_DIR/resolv.conf" /etc/resolv.conf
}

upstream() { # ADDRESS ANSWER: a name server outside, which knows world.example
	outside dnsmasq --keep-in-foreground --conf-file=/dev/null --no-hosts --no-resolv --bind-interfaces \
		--pid-file= --listen-address="$1" --address="/world.example/$2" --log-queries \
		--log-facility="$FILE_DIR/queries.$1" 3>&- >/dev/null 2>&1 &
	echo $! >>"$FILE_DIR/outside.pids"
}

teardown_more() {
	[ ! -f "$FILE_DIR/outside.pid" ] || cat "$FILE_DIR/outside.pid" "$FILE_DIR/outside.pids" | xargs kill -KILL
	umount /etc/resolv.conf 2>/dev/null || true
}

setup_one() {
	[ -n "${HULL_TESTS_ALONE:-}" ] || skip "wants a network namespace of its own"
	need nft ip dnsmasq python3
}

# A failed test's networks are not the next one's failure.
teardown_one() {
	echo "nameserver $OUT4" >"$FILE_DIR/resolv.conf"
	[ -n "${BATS_TEST_COMPLETED:-}" ] && return
	hull ps -aq | while read -r id; do hull rm -f "$id"; done >/dev/null 2>&1
	for n in front back deep; do hull network rm $n; done >/dev/null 2>&1
	return 0
}

outside() { nsenter --net="/proc/$(cat "$FILE_DIR/outside.pid")/ns/net" "$@"; }

queries() { grep -sc 'query\[' "$FILE_DIR/queries.$OUT4" || true; }

start() { # NAME FLAGS...
	local name=$1
	shift
	ok hull run -d --name "$name" "$@" tiny sleep 300
}

# What the container's own resolver says, by the name server in its resolv.conf.
ask() { # CONTAINER TYPE [--tcp] NAME: the answers' data, a line each; "none" or the error
	local pid
	pid=$(container_pid "$1")
	shift
	nsenter -t "$pid" -n python3 "$HELPERS/dns" "$(sed -n 's/^nameserver //p' "/proc/$pid/root/etc/resolv.conf" | head -1)" "$@"
}

addr() { # CONTAINER NETWORK 4|6
	local key=IPAddress
	[ "$3" = 4 ] || key=GlobalIPv6Address
	hull inspect -f "{{(index .NetworkSettings.Networks \"$2\").$key}}" "$1"
}

short() { hull inspect -f '{{.Id}}' "$1" | head -c 12; }

keeper() { pgrep -x hull-keeper; }
no_keeper() { ! keeper >/dev/null; }

@test "containers of one network find each other by name, alias and short id, both families and back" {
	hull network create --ipv6 front
	start web --network front:alias=www --network-alias frontend
	start db --network front
	for name in web www frontend web.front "$(short web)" WEB; do
		is "$(ask db A "$name")" "$(addr web front 4)"
		is "$(ask db AAAA "$name")" "$(addr web front 6)"
	done
	is "$(ask web A db)" "$(addr db front 4)"
	is "$(ask db PTR "$(addr web front 4)")" web.front
	is "$(ask db PTR "$(addr web front 6)")" web.front
	ok hull rm -f web
	is "$(ask db A web)" NXDOMAIN
	is "$(ask db A db)" "$(addr db front 4)"
	ok hull rm -f db
	hull network rm front
}

@test "a name resolves when the start returns, and for the container's own first call" {
	hull network create front
	ok hull run --rm --name first --network front tiny nslookup first
	has "$output" '^Name:.*first'
	for k in 1 2 3 4 5; do # not i: bats's run has it
		start "n$k" --network front
		is "$(ask "n$k" A "n$k")" "$(addr "n$k" front 4)"
		is "$(ask n1 A "n$k")" "$(addr "n$k" front 4)"
		ok hull run --rm --network front tiny nslookup "n$k"
	done
	for k in 1 2 3 4 5; do ok hull rm -f "n$k"; done
	hull network rm front
}

@test "the world's names are asked of the host's resolvers, which may change" {
	hull network create front
	start web --network front
	is "$(ask web A world.example)" 198.51.100.1
	is "$(ask web A --tcp a.world.example)" 198.51.100.1
	is "$(ask web A nobody)" NXDOMAIN # without a dot: asked of nobody else
	is "$(grep -c nobody "$FILE_DIR/queries.$OUT4")" 0
	echo "nameserver $OTHER4" >"$FILE_DIR/resolv.conf"
	sleep 1.1
	is "$(ask web A b.world.example)" 198.51.100.2
	echo "search example" >"$FILE_DIR/resolv.conf"
	sleep 1.1
	is "$(ask web A c.world.example)" REFUSED
	echo "nameserver $OUT4" >"$FILE_DIR/resolv.conf"
	ok hull rm -f web
	hull network rm front
}

@test "a resolver on the host's loopback serves containers" {
	hull network create front
	dnsmasq --keep-in-foreground --conf-file=/dev/null --no-hosts --no-resolv --bind-interfaces --pid-file= \
		--listen-address=127.0.0.53 --address=/world.example/198.51.100.53 --log-facility=/dev/null 3>&- >/dev/null 2>&1 &
	echo "nameserver 127.0.0.53" >"$FILE_DIR/resolv.conf"
	start web --network front
	is "$(ask web A world.example)" 198.51.100.53
	kill $!
	echo "nameserver $OUT4" >"$FILE_DIR/resolv.conf"
	ok hull rm -f web
	hull network rm front
}

@test "--dns is asked for that container alone; it finds the others, and they find it" {
	hull network create front
	start web --network front
	start odd --network front --dns $OTHER4
	is "$(ask web A world.example)" 198.51.100.1
	is "$(ask odd A world.example)" 198.51.100.2
	is "$(ask odd A web)" "$(addr web front 4)"
	is "$(ask web A odd)" "$(addr odd front 4)"
	ok hull rm -f web
	ok hull rm -f odd
	hull network rm front
}

@test "from an internal network nothing leaves" {
	local before
	hull network create --internal deep
	start web --network deep
	start db --network deep --dns $OUT4
	is "$(ask web A db)" "$(addr db deep 4)"
	before=$(queries)
	is "$(ask web A world.example)" REFUSED
	is "$(ask web A --tcp world.example)" REFUSED
	is "$(ask db A world.example)" REFUSED
	is "$(queries)" "$before"
	ok hull rm -f web
	ok hull rm -f db
	hull network rm deep
}

@test "who is in two networks knows both, and nobody else does" {
	hull network create front
	hull network create --internal back
	start web --network front
	start db --network back
	start both --network front --network back
	is "$(ask both A web)" "$(addr web front 4)"
	is "$(ask both A db)" "$(addr db back 4)"
	is "$(ask both A world.example)" 198.51.100.1
	is "$(ask web A db)" NXDOMAIN
	is "$(ask db A web)" NXDOMAIN
	is "$(ask web A both)" "$(addr both front 4)"
	is "$(ask db A both)" "$(addr both back 4)"
	for c in web db both; do ok hull rm -f $c; done
	hull network rm front
	hull network rm back
}

@test "the name server has no privileges and sees only its network" {
	local pid
	hull network create front
	start web --network front
	pid=$(pgrep -x dnsmasq -P "$(pgrep -P "$(keeper)")")
	is "$(awk '/^Uid/ { print ($2 > 0) }' "/proc/$pid/status")" 1
	is "$(awk '/^Cap(Eff|Prm|Inh|Amb)/ { print $2 }' "/proc/$pid/status" | sort -u)" 0000000000000000
	is "$(awk '/^NoNewPrivs/ { print $2 }' "/proc/$pid/status")" 1
	is "$(nsenter -t "$pid" -n ip -4 route show default)" ''
	is "$(nsenter -t "$pid" -m ls /run)" 0
	# the relay, in the host's network
	pid=$(pgrep -P "$(keeper)")
	is "$(awk '/^Uid/ { print ($2 > 0) }' "/proc/$pid/status")" 1
	is "$(awk '/^Cap(Eff|Prm|Inh|Amb)/ { print $2 }' "/proc/$pid/status" | sort -u)" 0000000000000000
	ok hull rm -f web
	hull network rm front
}

nothing_runs() { ! pgrep -x hull-keeper >/dev/null && ! pgrep -f '^dnsmasq.*hostsdir' >/dev/null; }

@test "the keeper and its name servers go after the last container, and so do their files" {
	hull network create front
	start web --network front
	keeper
	ok hull rm -f web
	wait_for nothing_runs
	is "$(find "$HULL_RUNROOT/keep" "$HULL_RUNROOT/names" -mindepth 1 -name '[0-9a-f]*')" ""
	hull network rm front
}

@test "a name server of a network goes with the network's last container, the keeper stays" {
	hull network create front
	start web --network front
	start other --network bridge
	ok hull rm -f web
	wait_for sh -c '! ps -e -o args | grep -q "^dnsmasq.*hostsdir"'
	keeper
	ok hull rm -f other
	wait_for no_keeper
	hull network rm front
}

@test "a killed keeper takes its name servers along; the next start brings both back, for all" {
	local pid
	hull network create front
	start web --network front
	start old --network front
	pid=$(keeper)
	kill -KILL "$pid"
	wait_for nothing_runs
	start new --network bridge
	keeper
	wait_for test "$(ask old A web)" = "$(addr web front 4)"
	is "$(ask old A web)" "$(addr web front 4)"
	for c in web old new; do ok hull rm -f $c; done
	hull network rm front
}

@test "a name server that is killed comes back" {
	hull network create front
	start web --network front
	kill -KILL "$(pgrep -f '^dnsmasq.*hostsdir')"
	answers() { [ "$(ask web A web)" = "$(addr web front 4)" ]; }
	wait_for answers
	ok hull rm -f web
	hull network rm front
}

@test "a killed monitor's names go with its container" {
	hull network create front
	start web --network front
	start db --network front
	kill -KILL "$(awk '/^PPid/ { print $2 }' "/proc/$(container_pid web)/status")"
	sleep 0.2
	ok hull rm -f web
	is "$(ask db A web)" NXDOMAIN
	ok hull rm -f db
	hull network rm front
}

@test "without dnsmasq: one line with the package, and nothing stays" {
	hull network create front
	mount --bind /dev/null "$(command -v dnsmasq)"
	expect 125 hull run --rm --network front tiny true
	umount "$(command -v dnsmasq)"
	one_line 'names in network front .*install the package dnsmasq-base'
	ok hull run --rm --network bridge tiny true
	hull network rm front
}

within_two_seconds() { # COMMAND...
	local end=$((${EPOCHREALTIME/./} + 2000000))
	until "$@"; do [ ${EPOCHREALTIME/./} -lt $end ] || return 1; done
}

@test "flush ruleset, and a table of ours that is taken: within two seconds all is as it was, foreign tables too" {
	start web --network bridge -p 8080:80
	hull run -d --name other tiny sleep 300 >/dev/null
	wait_for nft list table ip hull
	local before
	rules() { nft list table ip hull && nft list table ip6 hull && nft list table bridge hull; }
	before=$(rules | grep -v 'packets')
	has "$before" '8080'
	is_back() { [ "$(rules 2>/dev/null | grep -v packets)" = "$before" ]; }
	nft flush ruleset
	nft add table inet foreign
	nft add chain inet foreign c
	run ! is_back
	within_two_seconds is_back
	is "$(nft list tables | grep -v hull)" "table inet foreign"
	nft delete table ip hull
	within_two_seconds is_back
	nft flush table ip6 hull
	within_two_seconds is_back
	has "$(nft list ruleset)" 'table inet foreign'
	nft delete table inet foreign
	ok hull rm -f web other
	lacks "$(nft list ruleset)" 8080
}

@test "the default network has no name server: resolv.conf is the host's, or as the flags say" {
	ok hull run --rm --network bridge tiny cat /etc/resolv.conf
	is "$output" "nameserver $OUT4"
	ok hull run --rm --network bridge --dns 9.9.9.9 --dns-search corp.example --dns-option ndots:2 tiny cat /etc/resolv.conf
	is "$output" $'nameserver 9.9.9.9\nsearch corp.example\noptions ndots:2'
	hull network create front
	ok hull run --rm --network front --dns-search corp.example tiny cat /etc/resolv.conf
	has "$output" '^search corp.example$'
	has "$output" '^options ndots:0$'
	hull network rm front
}

@test "a name server needs an address: it is kept free, and in the smallest networks done without" {
	hull network create --subnet=10.55.0.0/24 front
	expect 125 hull run --rm --network front --ip 10.55.0.254 tiny true
	one_line "10.55.0.254 is the name server's of network front"
	hull network rm front
	hull network create --subnet=10.55.0.0/30 front
	ok hull run --rm --network front tiny cat /etc/resolv.conf
	has "$output" "nameserver $OUT4"
	has "$stderr" 'no address for a name server'
	hull network rm front
}
