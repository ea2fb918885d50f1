#!/usr/bin/env bats
# Who decides on published ports: the host's own firewall, as plain nft, ufw and firewalld write theirs.

# Addresses are words.
# shellcheck disable=SC2086

load ../helpers/common
load ../helpers/network

# One server for the file's tests; each has ports of its own kind in front of it.
serve_here() { serve web --network bridge "$@"; }

teardown_one() {
	local f
	for f in inet:fw inet:firewalld ip:filter ip6:filter; do
		nft delete table "${f%:*}" "${f#*:}" 2>/dev/null || true
	done
	echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter
	echo 0 >/proc/sys/net/ipv4/conf/all/route_localnet
	hull rm -f web >/dev/null 2>&1 || true
}

firewall() { nft -f - <<<"$1"; }

# asked WANT4 WANT6 PORT [-u]: what outside gets, both families
asked() {
	get_outside "${@:4}" $HOST4 "$3" >"$T/4" 3>&- &
	get_outside "${@:4}" $HOST6 "$3" >"$T/6" 3>&-
	wait $!
	is "$(cat "$T/4") $(cat "$T/6")" "$1 $2"
}

# The host, and a container, still get through.
asked_from_here() {
	has "$(get 127.0.0.1 "$1")" '^10\.'
	is "$(get $HOST4 "$1")" $HOST4
	is "$(get $HOST6 "$1")" $HOST6
}

@test "a plain nft input chain: what it drops, rejects or lets in, by tcp and udp" {
	serve_here -p 8080:80 -p 8080:80/udp -p 9000-9009:80-89 -p 80-81:80-81 -p $HOST4:8090:80 -p "[$HOST6]:8090:80/tcp"
	asked $OUT4 $OUT6 8080
	asked $OUT4 $OUT6 8080 -u
	asked $OUT4 $OUT6 80
	asked $OUT4 $OUT6 8090
	firewall 'table inet fw { chain in { type filter hook input priority 0; policy accept;
		tcp dport { 8080, 9000, 80, 8090 } drop
		udp dport 8080 drop
	}
	}'
	asked timeout timeout 8080
	asked timeout timeout 8080 -u
	asked timeout timeout 9000
	asked timeout timeout 80
	asked timeout timeout 8090
	asked_from_here 8080
	firewall 'flush table inet fw
		table inet fw { chain in {
		tcp dport { 8080, 9000, 80 } reject with tcp reset
		tcp dport 8090 reject
		udp dport 8080 reject
	}
	}'
	asked refused refused 8080
	asked refused refused 8080 -u
	asked refused refused 80
	asked refused refused 9000
	asked_from_here 8080
	# A policy of drop, and one client let in: its address is judged, and its port is the host's.
	firewall "flush table inet fw
		table inet fw { chain in { type filter hook input priority 0; policy drop;
		ct state established,related accept
		meta l4proto ipv6-icmp accept
		ip saddr $OUT4 tcp dport 8080 accept
		ip6 saddr $OUT6 udp dport 8080 accept
	}
	}"
	asked $OUT4 timeout 8080
	asked timeout $OUT6 8080 -u
	asked timeout timeout 80
}

@test "what the firewall closes later is closed for new connections at once" {
	serve_here -p 8080:80
	asked $OUT4 $OUT6 8080
	firewall 'table inet fw { chain in { type filter hook input priority 0; tcp dport 8080 drop;
	}
	}'
	asked timeout timeout 8080
	firewall 'delete table inet fw'
	asked $OUT4 $OUT6 8080
}

# iptables-nft, with ufw's shape: chains in tables filter of ip and ip6, strict rp_filter.
ufw_like() {
	local t
	echo 1 >/proc/sys/net/ipv4/conf/all/rp_filter
	for t in iptables ip6tables; do
		$t -P INPUT DROP
		$t -N ufw-before-input
		$t -N ufw-user-input
		$t -A INPUT -j ufw-before-input
		$t -A INPUT -j ufw-user-input
		$t -A ufw-before-input -i lo -j ACCEPT
		$t -A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		$t -A ufw-before-input -m conntrack --ctstate INVALID -j DROP
	done
	ip6tables -A ufw-before-input -p ipv6-icmp -j ACCEPT
}

@test "ufw: a port is open when ufw allows it, also with its strict rp_filter" {
	need iptables-nft ip6tables-nft
	iptables() { iptables-nft "$@"; }
	ip6tables() { ip6tables-nft "$@"; }
	serve_here -p 8080:80 -p 8080:80/udp
	ufw_like
	asked timeout timeout 8080
	asked timeout timeout 8080 -u
	asked_from_here 8080
	iptables -A ufw-user-input -p tcp --dport 8080 -j ACCEPT
	ip6tables -A ufw-user-input -p tcp --dport 8080 -j ACCEPT
	asked $OUT4 $OUT6 8080
	asked timeout timeout 8080 -u
	iptables -A ufw-user-input -p udp --dport 8080 -j ACCEPT
	ip6tables -A ufw-user-input -p udp --dport 8080 -j ACCEPT
	asked $OUT4 $OUT6 8080 -u
	iptables -A ufw-user-input -p udp --dport 8080 -j ACCEPT
	iptables -D ufw-user-input -p tcp --dport 8080 -j ACCEPT
	asked timeout $OUT6 8080
}

# firewalld's shape: its rp filter for IPv6, zones, reject at the end; priorities of its own (+10).
firewalld_like() {
	firewall 'table inet firewalld {
		chain filter_PREROUTING { type filter hook prerouting priority filter + 10; policy accept;
			icmpv6 type { nd-router-advert, nd-neighbor-solicit } accept
			meta nfproto ipv6 fib saddr . mark . iif oif missing drop
		}
		chain filter_IN_public_allow { }
		chain filter_INPUT { type filter hook input priority filter + 10; policy accept;
			ct state { established, related } accept
			ct status dnat accept
			iifname "lo" accept
			meta l4proto ipv6-icmp accept
			ct state invalid drop
			jump filter_IN_public_allow
			reject with icmpx admin-prohibited
		}
		chain filter_FORWARD { type filter hook forward priority filter + 10; policy accept;
			ct state { established, related } accept
			ct status dnat accept
			iifname "lo" accept
			ct state invalid drop
			reject with icmpx admin-prohibited
		}
	}'
}

@test "firewalld: a port is open when its zone allows it, also with its IPv6_rpfilter" {
	serve_here -p 8080:80 -p 8080:80/udp
	firewalld_like
	lacks "$(get_outside $HOST4 8080)" $OUT4
	lacks "$(get_outside $HOST6 8080)" $OUT6
	asked_from_here 8080
	nft add rule inet firewalld filter_IN_public_allow tcp dport 8080 ct state new accept
	asked $OUT4 $OUT6 8080
	lacks "$(get_outside -u $HOST4 8080)" $OUT4
	nft add rule inet firewalld filter_IN_public_allow udp dport 8080 ct state new accept
	asked $OUT4 $OUT6 8080 -u
}

@test "--publish-policy=direct: open whatever the firewall says; both kinds side by side" {
	serve_here --publish-policy=direct -p 8080:80 -p 8080:80/udp -p $HOST4:8090:80 -p "[$HOST6]:8090:80/tcp" -p 80-81:80-81
	serve judged --network bridge -p 8081:80
	firewall 'table inet fw { chain in { type filter hook input priority 0; policy drop;
		ct state established,related accept
		meta l4proto ipv6-icmp accept;
	}
	}'
	asked $OUT4 $OUT6 8080
	asked $OUT4 $OUT6 8080 -u
	asked $OUT4 $OUT6 8090
	asked $OUT4 $OUT6 80
	asked timeout timeout 8081
	ok hull rm -f judged
	ok hull rm -f web
	is "$(elements '8080\|8090\|80-81')" 0
	expect 125 hull run --rm --network bridge --publish-policy=open -p 8080:80 tiny true
	one_line 'open.*firewall.*direct'
}

@test "no rule for a port: as many with a thousand as with one" {
	local one
	serve_here -p 8080:80
	one=$(nft -a list ruleset | grep -c '# handle')
	hull rm -f web >/dev/null
	serve_here -p 20000-20999:20000-20999 -p 21000-21099:80-179
	is "$(nft -a list ruleset | grep -c '# handle')" "$one"
}

@test "a large datagram arrives whole, also as a first packet" {
	serve_here -p 8080:80/udp
	asked $OUT4 $OUT6 8080 -u --size 9000
	# An interface of 9000 bytes, and a path that is none: the client is told, and cuts.
	ip link set up0 mtu 9000
	outside ip link set eth0 mtu 9000
	asked $OUT4 $OUT6 8080 -u --size 8000 || true
	asked $OUT4 $OUT6 8080 -u --size 8000
	ip link set up0 mtu 1500
	outside ip link set eth0 mtu 1500
	outside ip route flush cache
	outside ip -6 route flush cache
}

get_says() { get "${@:2}" | grep -q "$1"; }
no_asking() { ! pgrep -f "$HELPERS/ask"; }

@test "-p 127.0.0.1:... stays with this host, whoever routes the loopback network to it, and reloads" {
	local port try server
	serve_here -p 127.0.0.1:8080:80 -p 127.0.0.1:8080:80/udp -p 127.0.0.1:9000-9001:80-81 -p 127.0.0.1:80-81:80-81
	ok hull run -d --name other --network bridge tiny sleep 60
	echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet
	local route='echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet; ip addr del 127.0.0.1/8 dev lo
		ip route add 127.0.0.0/8 dev eth0 via'
	outside sh -c "$route $HOST4 src $OUT4"
	within other sh -c "$route $(ip -4 -o addr show hull0 | grep -o '10\.[0-9.]*' | head -1) src $(address other)"
	# What listens on this host alone must be seen by nobody outside either.
	python3 -c 'import socket
s = socket.create_server(("127.0.0.1", 7777))
while True: s.accept()[0].send(b"10. of the host\n")' >/dev/null 2>&1 3>&- &
	server=$!
	wait_for get_says '^10\.' 127.0.0.1 7777
	for try in first 'after a reload' 'after firewalld restarted'; do
		for port in 8080 9000 80 7777; do
			get_outside 127.0.0.1 "$port" 3>&- &
			get_outside $HOST4 "$port" 3>&- &
			get_within other $HOST4 "$port" 3>&- &
			get_within other 127.0.0.1 "$port" 3>&- &
			get_outside -u 127.0.0.1 "$port" 3>&- &
		done >"$T/got"
		wait_for no_asking
		lacks "$try $(cat "$T/got")" '10\.|192|HTTP'
		lacks "$(grep -c timeout "$T/got")" '^0$'
		has "$(get 127.0.0.1 8080)" '^10\.'
		has "$(get -u 127.0.0.1 8080)" '^10\.'
		has "$(get 127.0.0.1 80)" '^10\.'
		case $try in
		first) nft delete table ip hull && nft delete table ip6 hull && ok hull run --rm --network bridge tiny true ;;
		'after a reload') firewalld_like ;;
		esac
	done
	kill "$server"
	ok hull rm -f other
	outside sh -c 'ip route del 127.0.0.0/8; ip addr add 127.0.0.1/8 dev lo'
}

@test "containers' own addresses are closed to who routes there, both families, tcp and udp" {
	local a4 a6
	serve_here -p 8080:80
	a4=$(address web 4)
	a6=$(address web 6)
	outside ip route add "$a4" via $HOST4
	outside ip -6 route add "$a6" via $HOST6
	is "$(get_outside "$a4" 80)" timeout
	is "$(get_outside "$a6" 80)" timeout
	is "$(get_outside -u "$a4" 80)" timeout
	is "$(get_outside -u "$a6" 80)" timeout
	outside ip route del "$a4"
	outside ip -6 route del "$a6"
}

@test "the address of copies is nobody's way around the firewall" {
	serve_here -p 8080:80
	firewall 'table inet fw { chain in { type filter hook input priority 0; policy drop;
		ct state established,related accept
		meta l4proto ipv6-icmp accept;
	}
	}'
	outside ip route add 169.254.77.0/30 via $HOST4
	outside ip -6 route add fd77:6875:6c6c::/64 via $HOST6
	is "$(get_outside 169.254.77.2 8080)" timeout
	is "$(get_outside fd77:6875:6c6c::2 8080)" timeout
	is "$(get_outside -u 169.254.77.2 8080)" timeout
	outside ip route del 169.254.77.0/30
	outside ip -6 route del fd77:6875:6c6c::/64
}
