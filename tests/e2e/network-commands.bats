#!/usr/bin/env bats
# hull network ..., hull port ...: what they print and refuse, and what they change in containers that
# run.

load ../helpers/common

# shellcheck disable=SC2034
ONLY_ROOT='networks are of root'

setup_one() {
	[ -n "${HULL_TESTS_ALONE:-}" ] || skip "wants a network namespace of its own"
	need nft
	need ip
}

teardown_one() {
	hull network prune -f >/dev/null
	ip link del parent0 2>/dev/null || true
}

get() { python3 "$HELPERS/ask" "$@"; }

serve() { # NAME FLAGS...: a server on port 80 that answers with the address it sees
	local name=$1
	shift
	ok hull run -d --name "$name" "$@" tiny probe serve 80
	until grep -q ':0050 ' "/proc/$(container_pid "$name")/net/tcp6"; do sleep 0.02; done
}

# inside NAME COMMAND...: with the machine's programs, in the container's network
inside() {
	local pid
	pid=$(container_pid "$1")
	shift
	nsenter -t "$pid" -n "$@"
}

addr() { # CONTAINER NETWORK [FIELD]
	hull inspect -f "{{(index .NetworkSettings.Networks \"$2\").${3:-IPAddress}}}" "$1"
}

no_cable() { ! ip -br link | grep -q '^hv'; }

@test "nothing said is the default network" {
	ok hull run --rm tiny sh -c 'cat /etc/hosts; hostname'
	has "$output" "^10\.[0-9.]+[[:space:]]${lines[-1]}\$"
	ok hull run -d --name cc tiny sleep 60
	is "$(hull inspect -f '{{.HostConfig.NetworkMode}}' cc)" bridge
	ok hull rm -f cc
}

@test "network ls: those that are there from the start, and one's own" {
	ok hull network ls --format '{{.Name}} {{.Driver}} {{.Scope}}'
	is "$output" $'bridge bridge local\nhost host local\nnone null local'
	ok hull network create --label tier=web --label x web1
	is "${#output}" 64
	local id=$output
	ok hull network ls
	has "${lines[0]}" '^NETWORK ID +NAME +DRIVER +SCOPE$'
	has "$output" "^${id:0:12} +web1 +bridge +local\$"
	is "$(hull network ls -q --no-trunc -f name=web1)" "$id"
	is "$(hull network ls -q -f id="${id:0:8}")" "${id:0:12}"
	is "$(hull network ls -f label=tier=web --format '{{.Name}}')" web1
	is "$(hull network ls -f label=tier=db --format '{{.Name}}')" ""
	is "$(hull network ls -f type=custom --format '{{.Name}}')" web1
	is "$(hull network ls -f driver=host --format '{{.Name}}')" host
	is "$(hull network ls -f dangling=true --format '{{.Name}}')" web1
	is "$(hull network ls -f name=web1 --format '{{.IPv4}} {{.IPv6}} {{.Internal}} {{.Label "tier"}}')" "true false false web"
	is "$(hull network ls -f name=web1 --format json | python3 -c 'import json,sys; print(json.load(sys.stdin)["ID"])')" "${id:0:12}"
	expect 1 hull network ls -f nosuch=1
	one_line "invalid filter 'nosuch'"
	ok hull network rm web1
	is "$output" web1
}

@test "network create and inspect: subnets, gateways, ranges, options, both families" {
	ok hull network create --subnet 10.201.0.0/24 --gateway 10.201.0.254 --ip-range 10.201.0.64/26 \
		--subnet fd01:2::/64 --gateway fd01:2::ff --internal -o com.docker.network.driver.mtu=1400 two
	is "$(hull network inspect -f '{{range .IPAM.Config}}{{.Subnet}} {{.Gateway}} {{.IPRange}};{{end}}' two)" \
		"10.201.0.0/24 10.201.0.254 10.201.0.64/26;fd01:2::/64 fd01:2::ff ;"
	is "$(hull network inspect -f '{{.Internal}} {{.EnableIPv4}} {{.EnableIPv6}} {{index .Options "com.docker.network.driver.mtu"}}' two)" \
		"true true true 1400"
	ok hull run -d --name cc --network two tiny sleep 60
	is "$(addr cc two) $(addr cc two GlobalIPv6Address)" "10.201.0.64 fd01:2::1"
	is "$(inside cc ip -o link show eth0 | grep -o 'mtu [0-9]*')" "mtu 1400"
	is "$(inside cc ip route show default)" ""
	is "$(hull network inspect -f '{{range .Containers}}{{.Name}} {{.IPv4Address}} {{.IPv6Address}}{{end}}' two)" \
		"cc 10.201.0.64/24 fd01:2::1/64"
	ok hull rm -f cc
	is "$(hull network inspect -f '{{len .Containers}}' two)" 0
	ok hull network create --ipv4=false --ipv6 six
	is "$(hull network inspect -f '{{.EnableIPv4}} {{.EnableIPv6}} {{len .IPAM.Config}}' six)" "false true 1"
	ok hull run --rm --network six tiny cat /etc/hosts
	has "$output" '^fd[0-9a-f:]+[[:space:]]'
	lacks "$output" '^10\.'
	# inspect finds networks as well; missing ones are told as Docker tells them
	is "$(hull inspect --type network -f '{{.Name}}' six)" six
	expect 1 hull network inspect nosuch
	is "$output" '[]'
	has "$stderr" 'network nosuch not found'
}

@test "network create: what cannot be, one line each, nothing made" {
	ok hull network create --subnet 10.201.0.0/24 there
	ok hull run --rm --network there tiny true
	while read -r want flags; do
		# shellcheck disable=SC2086
		expect 1 hull network create $flags
		one_line "${want//_/ }"
	done <<-'END'
		already_exists there
		predefined_bridge bridge
		predefined_none none
		invalid_network_name -- -x
		invalid_network_name a/b
		only_one_instance -d host x
		only_one_instance -d none x
		overlay.*bridge_and_macvlan -d overlay x
		did_you_mean_macvlan -d macvlam x
		10.201.0.0/16_overlaps_with_10.201.0.0/24,_network_there --subnet 10.201.0.0/16 x
		overlaps_with_10.77.0.0/16 --subnet 10.77.9.0/24 x
		behind_its_prefix --subnet 10.202.0.1/16 x
		invalid_subnet --subnet 10.202.0.0/31 x
		invalid_subnet --subnet 10.202.0.0 x
		invalid_subnet --subnet fd01::/127 x
		one_of_each_family --subnet 10.202.0.0/16 --subnet 10.203.0.0/16 x
		no_matching_subnet --gateway 10.202.0.1 x
		no_matching_subnet --subnet 10.202.0.0/16 --gateway 10.203.0.1 x
		no_matching_subnet --subnet 10.202.0.0/16 --ip-range 10.203.0.0/24 x
		no_matching_subnet --subnet fd01::/64 --gateway fd02::1 x
		contradict --ipv4=false --subnet 10.202.0.0/16 x
		without_IPv4_and_IPv6 --ipv4=false x
		unknown_option -o frob=1 x
		unknown_option -o parent=lo x
		invalid_MTU -o mtu=7 x
		interface_lo_on_this_host -o com.docker.network.bridge.name=lo x
		no_name_for_an_interface -o name=a/b x
		parent= -d macvlan x
		no_interface_nosuch0 -d macvlan -o parent=nosuch0 --subnet 10.202.0.0/16 x
		--subnet_and_--gateway -d macvlan -o parent=lo x
	END
	expect 1 hull network create
	has "$stderr" 'at least 1|requires'
	is "$(hull network ls -f type=custom --format '{{.Name}}')" there
}

@test "network rm: not the predefined, not one in use; the bridge goes with it" {
	ok hull network create -o com.docker.network.bridge.name=mine0 one
	ok hull run -d --name cc --network one tiny sleep 60
	has "$(ip -br link)" '^mine0'
	expect 1 hull network rm one
	one_line 'network one has active endpoints' 'name:"cc"'
	expect 1 hull network rm bridge
	one_line 'bridge is a pre-defined network and cannot be removed'
	expect 1 hull network rm nosuch
	one_line 'network nosuch not found'
	ok hull network rm -f nosuch
	expect 1 hull network create -o com.docker.network.bridge.name=mine0 other
	one_line mine0
	ok hull network prune -f
	is "$output" ""
	ok hull rm -f cc
	ok hull network prune --filter label=none -f
	ok hull network prune -f
	is "$output" $'Deleted Networks:\none'
	lacks "$(ip -br link)" '^mine0'
	is "$(nft list set ip hull bridges | grep -c mine0)" 0
	run bash -c '"$HULL_BUILD/hull" network prune </dev/null'
	has "$output" 'WARNING! This will remove all custom networks'
}

@test "no more addresses: how many there were" {
	ok hull network create --subnet 10.201.0.0/30 --subnet fd01:3::/64 small
	ok hull run -d --name cc --network small tiny sleep 60
	expect 125 hull run --rm --network small tiny true
	one_line 'network small has no free address left: all of its 1 are taken'
	ok hull rm -f cc
}

@test "connect and disconnect a running container: addresses, routes, hosts, both families" {
	ok hull network create --ipv6 one
	ok hull run -d --name cc tiny sleep 60
	ok hull run -d --name other --network one tiny sleep 60
	ok hull network connect --alias web --ip6 "$(addr other one GlobalIPv6Address | sed 's/::.*/::99/')" one cc
	is "$output" ""
	is "$(addr cc one GlobalIPv6Address)" "$(addr other one GlobalIPv6Address | sed 's/::.*/::99/')"
	ok inside cc busybox ping -c1 -W2 "$(addr other one)"
	ok inside cc busybox ping -c1 -W2 "$(addr other one GlobalIPv6Address)"
	has "$(hull inspect -f '{{json .NetworkSettings.Networks.one.Aliases}}' cc)" web
	has "$(cat "$(hull inspect -f '{{.HostsPath}}' cc)")" "^$(addr cc one)[[:space:]]"
	has "$(inside cc ip route show default)" 'dev eth0'
	expect 1 hull network connect one cc
	one_line 'endpoint with name cc already exists in network one'
	# The way out moves on to the network that is left.
	ok hull network disconnect bridge cc
	has "$(inside cc ip route show default)" 'dev eth1'
	has "$(inside cc ip -6 route show default)" 'dev eth1'
	lacks "$(inside cc ip -br link)" eth0
	lacks "$(cat "$(hull inspect -f '{{.HostsPath}}' cc)")" '^10\.77\.'
	is "$(hull network inspect -f '{{len .Containers}}' bridge)" 0
	expect 1 hull network disconnect bridge cc
	one_line 'container cc is not connected to network bridge'
	ok hull network disconnect -f bridge cc
	ok hull network disconnect one cc
	is "$(inside cc ip -br link | grep -vc '^lo')" 0
	ok hull network connect bridge cc
	has "$(inside cc ip route show default)" 'dev eth0'
	ok hull rm -f cc
	ok hull rm -f other
	wait_for no_cable
}

@test "connect: what cannot be" {
	ok hull network create one
	ok hull run -d --name hosts --network host tiny sleep 60
	ok hull run -d --name none --network none tiny sleep 60
	ok hull run -d --name cc tiny sleep 60
	expect 1 hull network connect one hosts
	one_line 'sharing network namespace'
	expect 1 hull network connect one none
	one_line 'private \(none\) mode'
	expect 1 hull network connect host cc
	one_line 'host network'
	expect 1 hull network connect nosuch cc
	one_line 'network nosuch not found'
	expect 1 hull network connect one nosuch
	one_line 'No such container: nosuch'
	expect 1 hull network connect --ip 10.1.1.1 one cc
	one_line 'not of network one'
	expect 1 hull network connect --ip "$(addr cc bridge)" bridge cc
	is "$(hull inspect -f '{{len .NetworkSettings.Networks}}' cc)" 1
	is "$(inside cc ip -br link | grep -vc '^lo')" 1
	ok hull rm -f hosts
	ok hull rm -f none
	ok hull rm -f cc
}

@test "connect a container that does not run: it is written down" {
	ok hull network create one
	ok hull run --name cc tiny true
	ok hull network connect one cc
	has "$(hull inspect -f '{{json .NetworkSettings.Networks}}' cc)" '"one":'
	ok hull network disconnect one cc
	lacks "$(hull inspect -f '{{json .NetworkSettings.Networks}}' cc)" '"one":'
	ok hull network connect one cc
	ok hull network rm one # nobody runs in it
	lacks "$(hull inspect -f '{{json .NetworkSettings.Networks}}' cc)" '"one":'
	ok hull rm cc
}

@test "published ports follow the container to the network that is left" {
	ok hull network create --ipv6 one
	serve web -p 8080:80
	ok hull network connect one web
	has "$(get 127.0.0.1 8080)" '^10\.77\.'
	ok hull network disconnect bridge web
	has "$(get 127.0.0.1 8080)" '^10\.'
	has "$(get ::1 8080)" '^fd'
	has "$(nft list map ip hull any)" "tcp . 8080 : $(addr web one) . 80"
	ok hull network disconnect one web
	is "$(get 127.0.0.1 8080)" refused
	ok hull network connect bridge web
	has "$(get 127.0.0.1 8080)" '^10\.77\.'
	ok hull rm -f web
	lacks "$(nft list ruleset)" 8080
}

@test "ports of a container in an internal network first lead to the other one" {
	ok hull network create --internal in
	serve web --network in --network bridge -p 8080:80
	has "$(nft list map ip hull any)" "8080 : $(addr web bridge) . 80"
	ok hull network reload
	has "$(nft list map ip hull any)" "8080 : $(addr web bridge) . 80"
	ok hull rm -f web
}

@test "network reload brings everything back" {
	serve web -p 8080:80
	nft flush ruleset
	is "$(get "$(ip -4 -o addr show hull0 | grep -o '10\.[0-9.]*' | head -1)" 8080)" refused
	ok hull network reload
	is "$output" ""
	has "$(get 127.0.0.1 8080)" '^10\.'
	has "$(get ::1 8080)" '^fd'
	ok hull rm -f web
}

@test "port: what is published, as Docker prints it" {
	serve web -p 8080:80 -p 127.0.0.1:9000-9001:90-91/udp -p '[::1]:7000:70'
	ok hull port web
	is "$output" $'70/tcp -> [::1]:7000\n80/tcp -> 0.0.0.0:8080\n80/tcp -> [::]:8080\n90/udp -> 127.0.0.1:9000\n91/udp -> 127.0.0.1:9001'
	is "$(hull port web 80)" $'0.0.0.0:8080\n[::]:8080'
	is "$(hull port web 90/udp)" 127.0.0.1:9000
	is "$(hull container port web 70/tcp)" '[::1]:7000'
	expect 1 hull port web 90
	one_line "No public port '90/tcp' published for web"
	expect 1 hull port nosuch
	one_line 'No such container: nosuch'
	ok hull rm -f web
}

@test "port add and rm while the container runs; the end closes all of them" {
	serve web -p 8080:80
	ok hull port add web 8081:80
	is "$output" $'80/tcp -> 0.0.0.0:8081\n80/tcp -> [::]:8081'
	has "$(get 127.0.0.1 8081)" '^10\.'
	has "$(get ::1 8081)" '^fd'
	has "$(get 127.0.0.1 8080)" '^10\.'
	ok hull port add web 7000-7009:7000-7009/udp 127.0.0.1::80
	has "$(hull ps --format '{{.Ports}}')" '0.0.0.0:8081->80/tcp'
	ok hull port rm web 8080:80
	is "$(get 127.0.0.1 8080)" refused
	is "$(get ::1 8080)" refused
	has "$(get 127.0.0.1 8081)" '^10\.'
	# the freed one is for others at once
	serve other -p 8080:80
	has "$(get 127.0.0.1 8080)" '^10\.'
	expect 1 hull port add web 8080:80
	one_line "port 8080/tcp.*already allocated.*$(hull inspect -f '{{.Id}}' other | head -c 12)"
	expect 1 hull port rm web 8080:80
	one_line 'publishes no port "8080:80"' 'hull port web'
	expect 1 hull port rm web 7001:7001/udp
	one_line 'a range goes as a whole'
	expect 1 hull port add web nonsense
	one_line 'invalid port specification'
	ok hull rm -f web
	lacks "$(nft list ruleset)" '8081|7000-7009'
	has "$(get 127.0.0.1 8080)" '^10\.'
	ok hull rm -f other
}

@test "the end of the program closes added ports, by the monitor alone" {
	ok hull run -d --name once -p 8080:80 -v "$T:/t" tiny sh -c 'while [ ! -e /t/end ]; do sleep 0.05; done'
	ok hull port add once 8081:81
	ok hull port rm once 8080:80
	has "$(nft list ruleset)" 8081
	# A port of another's that has an old number: its end must not be once's
	ok hull run -d --name other -p 8080:80 tiny sleep 60
	touch "$T/end"
	wait_for bash -c '! nft list ruleset | grep -q 8081'
	has "$(nft list ruleset)" 8080
	ok hull rm -f once
	ok hull rm -f other
}

@test "port add to a container that does not run, and to one without networks" {
	ok hull run --name cc tiny true
	ok hull port add cc 8080:80
	is "$output" $'80/tcp -> 0.0.0.0:8080\n80/tcp -> [::]:8080'
	is "$(hull port cc)" ""
	expect 1 hull port add cc 8080:81
	one_line 'already allocated'
	ok hull port rm cc 80
	ok hull rm cc
	ok hull run -d --name nn --network none tiny sleep 60
	expect 1 hull port add nn 8080:80
	one_line 'no network whose ports can be published'
	ok hull rm -f nn
}

@test "macvlan: an interface in the parent's network" {
	ip link add parent0 type veth peer name far0
	ip link set parent0 up
	ip link set far0 up
	ip addr add 192.0.2.1/24 dev far0
	ip addr add 2001:db8::1/64 dev far0 nodad
	ok hull network create -d macvlan -o parent=parent0 --subnet 192.0.2.0/24 --gateway 192.0.2.1 \
		--ip-range 192.0.2.128/25 --subnet 2001:db8::/64 --gateway 2001:db8::1 mac
	ok hull run --rm --network mac tiny sh -c 'ping -c1 -W2 192.0.2.1 && ping6 -c1 -W3 2001:db8::1 && cat /etc/hosts'
	has "$output" '^192\.0\.2\.128[[:space:]]'
	ok hull run -d --name cc tiny sleep 60
	ok hull network connect mac cc
	ok inside cc busybox ping -c1 -W2 192.0.2.1
	ok hull network disconnect mac cc
	lacks "$(inside cc ip -br link)" eth1
	ok hull rm -f cc
	ok hull network rm mac
	has "$(ip -br link)" '^parent0'
}

@test "without nft on the machine: the line names the package" {
	ok mkdir bin
	for p in ip cat; do ln -s "$(command -v $p)" bin/; done
	nft delete table ip hull 2>/dev/null || true
	expect 125 env PATH="$T/bin" "$HULL_BUILD/hull" run --rm tiny true
	one_line 'package nftables' '--network=none'
}

@test "--network container: another's network, names and name servers" {
	serve web --hostname front -p 8080:80
	ok hull run --rm --network container:web tiny sh -c 'hostname; cat /etc/hosts; cat /proc/net/dev; wget -q -O - http://127.0.0.1:80/ || true'
	has "$output" '^front$'
	has "$output" "^$(addr web bridge)[[:space:]]front"
	has "$output" 'eth0:'
	# The same namespace, by name or id, for one that joined as well; what it serves is published
	ok hull run -d --name side --network "container:$(hull inspect -f '{{.Id}}' web | head -c 12)" tiny sleep 60
	is "$(readlink "/proc/$(container_pid side)/ns/net")" "$(readlink "/proc/$(container_pid web)/ns/net")"
	is "$(hull inspect -f '{{.HostConfig.NetworkMode}}' side)" "container:$(hull inspect -f '{{.Id}}' web)"
	is "$(hull inspect -f '{{len .NetworkSettings.Networks}}' side)" 0
	ok hull run --rm --network container:side tiny cat /etc/hosts
	has "$output" "^$(addr web bridge)[[:space:]]front"
	isnt "$(readlink "/proc/$(container_pid side)/ns/user")" "$(readlink "/proc/$(container_pid web)/ns/user")"
	# Ping takes no capability; who has the host's ids may change things
	ok hull run --rm --network container:web --userns=host tiny ping -c1 -W2 "$(addr web bridge)"
	expect 1 hull network connect bridge side
	one_line 'sharing network namespace'
	ok hull rm -f web
	has "$(inside side ip -br link)" lo # as long as somebody is in it
	ok hull rm -f side
}

@test "--network container: what cannot be" {
	ok hull run --name gone tiny true
	ok hull run -d --name web tiny sleep 60
	while read -r want flags; do
		# shellcheck disable=SC2086
		expect 125 hull run --rm --network container:web $flags tiny true
		one_line "${want//_/ }"
	done <<-'END'
		conflicting_options:_port_publishing -p 80:80
		conflicting_options:_port_publishing -P
		conflicting_options:_port_exposing --expose 80
		conflicting_options:_hostname --hostname x
		conflicting_options:_dns --dns 192.0.2.1
		conflicting_options:_custom_host --add-host a:192.0.2.1
		conflicting_options:_mac-address --mac-address 02:00:00:00:00:01
		conflicting_options --network bridge
		the_other_container.s --sysctl net.ipv4.ip_forward=1
	END
	expect 125 hull run --rm --network container:gone tiny true
	one_line 'cannot join network of a non running container: gone'
	expect 125 hull run --rm --network container:nosuch tiny true
	one_line 'No such container: nosuch'
	ok hull rm gone
	ok hull rm -f web
}
