#!/usr/bin/env bats
# Networks: interfaces, the way out, published ports, the host's firewall. The machine is a network
# namespace of the test's own; "outside" is another, connected by up0.

# Addresses are words.
# shellcheck disable=SC2086

load ../helpers/common
load ../helpers/network

teardown_one() {
	nft list table inet fw >/dev/null 2>&1 && nft delete table inet fw
	return 0
}

@test "a container has an interface with an address of its own, and its name in hosts" {
	ok hull run --rm --network bridge --hostname inside tiny sh -c 'cat /proc/net/dev /etc/hosts'
	has "$output" 'eth0:'
	has "$output" '^10\.[0-9.]+[[:space:]]inside'
	has "$output" '^fd[0-9a-f:]+[[:space:]]inside'
	# Nothing of it is left, the bridge stays.
	wait_for no_cable
	has "$(ip -br link)" '^hull0'
}

@test "the way out: the host, and the world in the host's name, both families" {
	ok hull run --rm --network bridge tiny ping -c1 -W2 $HOST4
	ok hull run --rm --network bridge tiny ping -c1 -W2 $OUT4
	ok hull run --rm --network bridge tiny ping6 -c1 -W3 $HOST6
	ok hull run --rm --network bridge tiny ping6 -c1 -W3 $OUT6
}

@test "a published port is reached from outside and from here; the server sees the client" {
	serve web -p 8080:80
	is "$(get_outside $HOST4 8080)" $OUT4
	is "$(get_outside $HOST6 8080)" $OUT6
	is "$(get $HOST4 8080)" $HOST4
	has "$(get 127.0.0.1 8080)" '^10\.'
	ok hull rm -f web
	is "$(get_outside $HOST4 8080)" refused
}

# What ::1 answers, tcp and udp; and whether a server of the host's own on ::1 still answers a client whose own
# port has a published number.
@test "::1 reaches published ports, and only them" {
	serve web -p 8080:80 -p '[::1]:8081:80' -p 7000-7009:80-89 -p 80-81:80-81
	has "$(get ::1 8080)" '^fd'
	has "$(get ::1 8081)" '^fd'
	has "$(get ::1 7000)" '^fd'
	has "$(get ::1 80)" '^fd'
	is "$(get ::1 8082)" refused
	is "$(python3 "$HELPERS/ask" --from 8080 ::1 9000 --serve)" ::1
	is "$(python3 "$HELPERS/ask" --from 81 ::1 9001 --serve)" ::1
	nft flush set ip6 hull answers
	has "$(get ::1 8080)" '^fd'
	ok hull rm -f web
	is "$(get ::1 8080)" refused
}

@test "::1 reaches published udp ports" {
	local server
	ok hull run -d --name echo --network bridge -p 8080:80/udp tiny sleep 60
	nsenter -t "$(container_pid echo)" -n python3 "$HELPERS/ask" --udp-echo :: 80 &
	server=$!
	until grep -q ':0050 ' "/proc/$(container_pid echo)/net/udp6"; do sleep 0.02; done
	has "$(get --udp ::1 8080)" '^fd'
	has "$(get --udp 127.0.0.1 8080)" '^10\.'
	kill $server
	ok hull rm -f echo
}

@test "a published port is reached by other containers and by itself" {
	local pid
	serve web -p 8080:80
	pid=$(container_pid web)
	has "$(nsenter -t "$pid" -n "$HELPERS/ask" $HOST4 8080)" '^10\.'
	ok hull run -d --name other --network bridge tiny sleep 60
	pid=$(container_pid other)
	has "$(nsenter -t "$pid" -n "$HELPERS/ask" $HOST4 8080)" '^10\.'
	has "$(nsenter -t "$pid" -n "$HELPERS/ask" $HOST6 8080)" '^fd'
	ok hull rm -f web
	ok hull rm -f other
}

@test "udp is published as udp, and a range as a range" {
	ok hull run -d --name echo --network bridge -p 9000-9009:9000-9009/udp -p 7000-7002:80-82 tiny sleep 60
	is "$(nft list map ip hull any_range | grep -c 'udp . 9000-9009')" 1
	is "$(nft list map ip hull any | grep -o 'tcp . 700[0-2] : [0-9.]* . 8[0-2]' | wc -l)" 3
	ok hull rm -f echo
	is "$(elements 'udp . 9000')" 0
}

@test "-p 127.0.0.1:... is for this host alone" {
	serve web -p 127.0.0.1:8080:80
	has "$(get 127.0.0.1 8080)" '^10\.'
	is "$(get_outside $HOST4 8080)" refused
	# not even for who routes the loopback network to us (CVE-2020-8558)
	outside ip route add 127.0.0.0/8 via $HOST4 2>/dev/null || true
	lacks "$(get_outside 127.0.0.1 8080)" '^10\.'
	ok hull rm -f web
}

@test "the host's firewall decides on published ports, and may tell clients apart" {
	serve web -p 8080:80
	nft add table inet fw
	nft add chain inet fw in '{ type filter hook input priority 0; policy drop; }'
	nft add rule inet fw in ct state established,related accept
	nft add rule inet fw in iifname lo accept
	nft add rule inet fw in meta l4proto ipv6-icmp accept
	is "$(get_outside $HOST4 8080)" timeout
	is "$(get_outside $HOST6 8080)" timeout
	nft add rule inet fw in ip saddr $OUT4 tcp dport 8080 accept
	is "$(get_outside $HOST4 8080)" $OUT4
	is "$(get_outside $HOST6 8080)" timeout
	nft add rule inet fw in ip6 saddr $OUT6 tcp dport 8080 accept
	is "$(get_outside $HOST6 8080)" $OUT6
	ok hull rm -f web
}

@test "unpublished ports are closed from outside, whoever routes there" {
	local addr
	serve web
	addr=$(hull inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' web)
	is "$(get "$addr" 80)" "$(ip -4 -o addr show hull0 | grep -o '10\.[0-9.]*' | head -1)"
	outside ip route add "$addr/32" via $HOST4
	is "$(get_outside "$addr" 80)" timeout
	outside ip route del "$addr/32"
	ok hull rm -f web
}

@test "a port that is taken: by whom; free again when its container has ended" {
	serve web -p 8080:80
	expect 125 hull run --rm --network bridge -p 127.0.0.1:8080:80 tiny true
	one_line "port 8080/tcp.*already allocated.*$(hull inspect -f '{{.Id}}' web | head -c 12)"
	ok hull rm -f web
	ok hull run --name once --network bridge -p 8080:80 tiny true
	ok hull run --rm --network bridge -p 8080:80 tiny true # once has ended, but is there
	ok hull rm once
}

@test "bad ports, addresses and networks: one line, nothing left" {
	while read -r flags; do
		# shellcheck disable=SC2086
		expect 125 hull run --rm --network $flags tiny true
		one_line .
	done <<-'END'
		nosuch
		bridge --ip 10.0.0.1
		bridge --ip nonsense
		bridge --mac-address 01:00:00:00:00:00
		bridge:frob=1
		bridge:interface=a/b
		bridge -p 0:80
		bridge -p 70000:80
		bridge -p 80:80/icmp
		bridge -p 1.2.3:80:80
		bridge -p 80:80 -p 80:81
		none --network bridge
	END
}

@test "an address and a MAC of one's choice" {
	ok hull run --rm --network bridge:interface=net0,mac=02:00:00:00:00:09 tiny sh -c 'cat /sys/class/net/net0/address'
	is "$output" 02:00:00:00:00:09
	ok hull run --rm --network bridge --ip 10.77.7.7 tiny cat /etc/hosts
	has "$output" '^10\.77\.7\.7'
}

@test "the monitor's death closes the ports" {
	local monitor
	serve web -p 8080:80
	monitor=$(awk '/^PPid/ { print $2 }' "/proc/$(container_pid web)/status")
	kill -KILL "$monitor"
	sleep 0.2
	ok hull rm -f web
	is "$(elements 8080)" 0
	wait_for no_cable
}

# listen_on ADDRESS PORT [udp]: a process of the host's
listen_on() {
	python3 -ISc 'import socket, sys, time
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET,
                  socket.SOCK_DGRAM if "udp" in sys.argv else socket.SOCK_STREAM)
s.bind((sys.argv[1], int(sys.argv[2])))
if "udp" not in sys.argv: s.listen()
print("listens", flush=True)
time.sleep(60)' "$@" >listens 3>&- &
	wait_for grep listens listens
}

@test "a port that a process of the host has: refused, by whose name; -P and ranges take another" {
	local pid
	while read -r listen flags; do
		# shellcheck disable=SC2086
		listen_on ${listen//,/ }
		pid=$!
		# shellcheck disable=SC2086
		expect 125 hull run --rm --network bridge $flags tiny true
		one_line 'address already in use.*python3 \(process '$pid'\)'
		kill $pid
		wait $pid 2>/dev/null || true
	done <<-'END'
		0.0.0.0,8080 -p 8080:80
		127.0.0.1,8080 -p 8080:80
		::,8080 -p 8080:80
		::,8080 -p 127.0.0.1:8080:80
		::1,8080 -p [::]:8080:80
		192.0.2.1,8085 -p 8080-8089:80-89
		0.0.0.0,8080,udp -p 8080:80/udp
	END
	listen_on 127.0.0.1 8080
	pid=$!
	ok hull run --rm --network bridge -p 192.0.2.1:8080:80 -p 8080:80/udp tiny true
	ok hull run -d --name web --network bridge -p 8080-8082:81 tiny sleep 60
	has "$(hull port web)" ':8081$'
	expect 1 hull port add web 8080:82
	one_line 'already in use.*python3'
	ok hull rm -f web
	kill $pid
	wait $pid || true
}

@test "as with Docker: everybody may ping, and bind ports below 1024" {
	ok hull run --rm --network bridge tiny cat /proc/sys/net/ipv4/ping_group_range /proc/sys/net/ipv4/ip_unprivileged_port_start
	is "$(tr -s '\t\n' '  ' <<<"$output")" '0 65535 0 '
	serve web -p 8080:80 --cap-drop ALL -u 1234
	is "$(get_outside $HOST4 8080)" $OUT4
	ok hull rm -f web
}
