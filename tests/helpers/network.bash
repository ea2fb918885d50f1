# For the files of networks: "outside", a neighbour of the machine, which is a network namespace of the
# file's own. Loaded after common.
# shellcheck shell=bash disable=SC2034,SC2154

ONLY_ROOT='networks are of root'

HOST4=192.0.2.1 OUT4=192.0.2.2 HOST6=2001:db8::1 OUT6=2001:db8::2

# Once for the file: bats runs each test in a process of its own, but in this namespace.
setup_more() {
	[ -n "${HULL_TESTS_ALONE:-}" ] || return 0
	[ "$AS" = root ] && command -v nft >/dev/null || return 0
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
}

# bats waits for whatever it started.
teardown_more() {
	[ ! -f "$FILE_DIR/outside.pid" ] || kill -KILL "$(cat "$FILE_DIR/outside.pid")"
}

setup_one() {
	[ -n "${HULL_TESTS_ALONE:-}" ] || skip "wants a network namespace of its own"
	need nft ip
}

outside() { nsenter --net="/proc/$(cat "$FILE_DIR/outside.pid")/ns/net" "$@"; }

# within NAME COMMAND...: the host's programs in a container's network
within() {
	local pid
	pid=$(container_pid "$1")
	shift
	nsenter -t "$pid" -n "$@"
}

# What connecting to host and port gives, from here; `outside ask ...` is no function's business.
get() { "$HELPERS/ask" "$@"; }
get_outside() { outside "$HELPERS/ask" "$@"; }
get_within() { within "$1" "$HELPERS/ask" "${@:2}"; }

# serve NAME FLAGS...: a server on port 80, tcp and udp, that answers with the address it sees
serve() {
	local name=$1
	shift
	[[ " $*" == *" --network"* ]] || set -- --network bridge "$@"
	ok hull run -d --name "$name" "$@" tiny probe serve 80
	until grep -q ':0050 ' "/proc/$(container_pid "$name")/net/udp6"; do sleep 0.02; done
}

# address NAME [4|6]: the container's own
address() {
	hull inspect -f "{{range .NetworkSettings.Networks}}{{.$([ "${2:-4}" = 4 ] && echo IPAddress || echo GlobalIPv6Address)}}{{end}}" "$1"
}

# The kernel takes a dead network namespace apart by and by.
no_cable() { ! ip -br link | grep -q '^hv'; }

elements() { nft list ruleset | grep -c "$1" || true; }
