#!/usr/bin/env bats
# Where systemd rules: root's unit, and an ordinary user's in a real login. For tests/vm/run --systemd,
# or another machine of that kind that may be spoiled: a user is made, units are stopped.

load ../helpers/common

UNIT=hull-containers.service
LIMITS=(--memory 64m --pids-limit 50 --cpus 0.5)
SHOW='cd /sys/fs/cgroup && cat memory.max pids.max cpu.max'
SHOWN=$'67108864\n50\n50000 100000'

setup_more() {
	local home
	getent passwd ann >/dev/null || useradd -m -s /bin/bash ann
	home=$(getent passwd ann | cut -d: -f6)
	mkdir -p "$home/bin"
	cp -L "$HULL_BUILD"/hull "$HULL_BUILD"/hull-* "$HULL_BUILD/seccomp.json" "$home/bin/"
	cp "$HULL_SUITE/tiny.tar" "$home/"
	chmod -R go+rX "$home/bin" "$home/tiny.tar"
	loginctl disable-linger ann
	login hull import tiny.tar tiny
}

teardown_more() {
	loginctl disable-linger ann
	loginctl terminate-user ann 2>/dev/null
	systemctl stop $UNIT 2>/dev/null
	return 0
}

setup_one() { [ -d /run/systemd/system ] || missing "systemd does not run here"; }

# login COMMAND...: as ann, in a session of logind's, as after ssh
login() { timeout 180 su -l ann -c "PATH=\$HOME/bin:\$PATH; $(printf '%q ' "$@")" </dev/null; }
# elsewhere COMMAND...: as ann, from a service of the machine's, as cron does it
elsewhere() {
	systemd-run --quiet --pipe --wait --uid=ann --working-directory=/ \
		env "HOME=$(getent passwd ann | cut -d: -f6)" "PATH=$(getent passwd ann | cut -d: -f6)/bin:$PATH" "$@"
}
anns() { echo "/user.slice/user-$(id -u ann).slice/user@$(id -u ann).service"; }
cgroup_of() { cut -d: -f3 "/proc/$1/cgroup"; }
anns_systemd_is_gone() { [ ! -d "/sys/fs/cgroup$(anns)" ]; }
# in_unit CGROUP: what lies beneath it, without the sleeper's
in_unit() { find "/sys/fs/cgroup$1/$UNIT" -mindepth 1 -type d -printf '%f\n' | sort; }

@test "root: systemd is asked for a unit, in which are containers and monitors with their limits" {
	ok hull run --rm "${LIMITS[@]}" tiny sh -c "$SHOW"
	is "$output" "$SHOWN"
	is "$(systemctl is-active $UNIT)" active
	is "$(systemctl show -P Delegate $UNIT)" yes
	ok hull run -d --name web "${LIMITS[@]}" tiny sleep 1000
	local pid id=$output
	pid=$(container_pid web)
	is "$(cgroup_of "$pid")" "/system.slice/$UNIT/$id"
	is "$(cgroup_of "$(ps -o ppid= -p "$pid" | tr -d ' ')")" "/system.slice/$UNIT/monitors"
	# systemd's own work does not touch what is ours.
	systemctl daemon-reload
	is "$(cat "/sys/fs/cgroup/system.slice/$UNIT/$id/memory.max")" 67108864
	ok hull rm -f web
	is "$(in_unit /system.slice)" monitors
}

@test "root: stopping the unit ends the containers; the next run starts it again" {
	ok hull run -d --name web tiny sleep 1000
	systemctl stop $UNIT
	is "$(state web State.Status)" exited
	is "$(state web State.ExitCode)" 137
	[ ! -d "/sys/fs/cgroup/system.slice/$UNIT" ]
	ok hull run --rm --memory 64m tiny cat /sys/fs/cgroup/memory.max
	is "$output" 67108864
	is "$(systemctl is-active $UNIT)" active
	ok hull rm web
}

@test "a user after a login: limits hold, though the session's scope is not the user's" {
	has "$(login cat /proc/self/cgroup)" '/session-.*\.scope$'
	ok login hull run --rm "${LIMITS[@]}" tiny sh -c "$SHOW"
	is "$output" "$SHOWN"
	is "$stderr" ""
	expect 137 login hull run --rm --memory 16m tiny tail /dev/zero
	expect 3 login hull run --rm tiny sh -c 'exit 3'
}

@test "a user in their own systemd's part" {
	ok login systemd-run --user --scope --quiet hull run --rm "${LIMITS[@]}" tiny sh -c "$SHOW"
	is "$output" "$SHOWN"
	is "$stderr" ""
}

@test "a user who lingers: a container stays after the log-out, cron's commands are limited too" {
	loginctl enable-linger ann
	ok login hull run -d --name stays --memory 64m tiny sleep 1000
	is "$stderr" ""
	local id=$output pid
	pid=$(login hull inspect --format '{{.State.Pid}}' stays || login hull inspect stays |
		python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["State"]["Pid"])')
	is "$(cgroup_of "$pid")" "$(anns)/app.slice/$UNIT/$id"
	is "$(cgroup_of "$(ps -o ppid= -p "$pid" | tr -d ' ')")" "$(anns)/app.slice/$UNIT/monitors"
	wait_for sh -c '! loginctl list-sessions --no-legend | grep -q ann'
	kill -0 "$pid"
	ok elsewhere hull run --rm "${LIMITS[@]}" tiny sh -c "$SHOW"
	is "$output" "$SHOWN"
	ok login hull rm -f stays
	is "$(in_unit "$(anns)/app.slice")" monitors
	login systemctl --user stop $UNIT
	[ ! -d "/sys/fs/cgroup$(anns)/app.slice/$UNIT" ]
	loginctl disable-linger ann
}

@test "a user who does not linger: a line says that the container ends with the log-out, and it does" {
	ok login hull run -d --name ends tiny sleep 1000
	has "$stderr" 'logged out.*loginctl enable-linger ann'
	lacks "$(login hull run -d --name ends2 tiny sleep 1000 2>&1)" linger
	for _ in $(seq 60); do anns_systemd_is_gone && break || sleep 1; done
	anns_systemd_is_gone
	is "$(pgrep -u ann -a)" ""
	has "$(login hull ps -a)" 'Exited.* ends$'
	login hull rm ends ends2
}

@test "a user without a systemd of their own: no limits, and a line says so" {
	for _ in $(seq 60); do anns_systemd_is_gone && break || sleep 1; done
	ok elsewhere hull run --rm --memory 64m tiny echo ran
	is "$output" ran
	has "$stderr" 'limits of memory.* are discarded'
}
