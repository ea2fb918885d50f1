#!/usr/bin/env bats
# system check: what a killed monitor leaves of networks, and what nobody owns.

# shellcheck disable=SC2086
load ../helpers/common
load ../helpers/network

no_process() { [ ! -d "/proc/$1" ]; }

@test "system check: ports of a container whose monitor was killed; repair closes them, and no other" {
	local monitor
	serve web -p 8080:80 -p $HOST4:8090:80 -p 7000-7009:7000-7009/udp
	serve stays -p 8081:80 -p 9000-9009:9000-9009
	ok hull system check
	monitor=$(awk '/^PPid/ { print $2 }' "/proc/$(container_pid web)/status")
	kill -KILL "$monitor"
	wait_for no_process "$monitor"
	isnt "$(elements '8080\|8090\|7000')" 0
	run --separate-stderr hull system check
	isnt "$status" 0
	has "$output" '(80[89]0|7000)/(tcp|udp).*not run'
	ok hull system check --repair
	is "$(elements '8080\|8090\|7000')" 0
	is "$(get_outside $HOST4 8081)" $OUT4
	is "$(nft list map ip hull any_range | grep -c 9000-9009)" 1
	ok hull system check
	ok hull rm -f web stays
}

@test "system check: addresses and ports of a container that does not exist" {
	ok hull run --rm --network bridge tiny true
	python3 - "$HULL_ROOT/hull.db" <<-'PY'
		import sqlite3, sys
		db = sqlite3.connect(sys.argv[1])
		db.execute("INSERT INTO ports(container, host, proto, host_port, port, n, direct) VALUES('f00d', '', 6, 8080, 80, 1, 0)")
		db.commit()
	PY
	run --separate-stderr hull system check
	isnt "$status" 0
	has "$output" 'f00d.*does not exist'
	ok hull system check --repair
	ok hull system check
	ok hull run --rm --network bridge -p 8080:80 tiny true
}
