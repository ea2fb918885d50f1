#!/usr/bin/env bats
# How a run ends: exit status, signals, and what a SIGKILL of hull or of the monitor leaves.

load ../helpers/common

run_tiny() { hull run --rm --network none "$@"; }
is_running() { [ "$(state "$1" State.Running 2>/dev/null)" = true ]; }
is_exited() { [ "$(state "$1" State.Status 2>/dev/null)" = exited ]; }
gone() { ! kill -0 "$1" 2>/dev/null; }
# background NAME FLAGS...: a container in the background that says "up"; $! is hull
background() {
	local name=$1
	shift
	"$HULL_BUILD/hull" run --name "$name" --network none -v "$T:/t" "$@" tiny \
		sh -c 'touch /t/up; while [ ! -e /t/end ]; do sleep 0.05; done; exit 42' >out 2>err 3>&- &
	BACK=$!
	wait_for test -e up
	wait_for is_running "$name"
}
monitor_of() { ps -o ppid= -p "$(state "$1" State.Pid)" | tr -d ' '; }

@test "the exit status is the program's" {
	local n
	for n in 0 1 3 42 126 127 255; do expect $n run_tiny tiny sh -c "exit $n"; done
}

@test "killed by a signal: 128 and its number; SIGSEGV is 139" {
	local signal want
	while read -r signal want; do
		# pid 1 is immune to its own signals, its child is not.
		expect "$want" run_tiny tiny sh -c "sh -c 'kill -$signal \$\$'; exit \$?"
	done <<-'END'
		HUP 129
		KILL 137
		SEGV 139
		TERM 143
	END
	expect 139 run_tiny --init tiny sh -c 'kill -SEGV $$'
	expect 137 run_tiny --init tiny sh -c 'kill -KILL $$'
}

@test "a fault of pid 1 itself is 139" {
	need gcc
	echo 'int main(void) { *(volatile int *)0 = 1; return 0; }' >segv.c
	gcc -static -O0 -o segv segv.c
	expect 139 run_tiny -v "$T/segv:/segv:ro" tiny /segv
}

@test "refused: 125; not executable: 126; not found: 127" {
	expect 125 run_tiny --nosuch tiny true
	expect 126 run_tiny tiny /etc/passwd
	one_line /etc/passwd 'permission denied'
	expect 126 run_tiny tiny /etc
	one_line '/etc'
	expect 127 run_tiny tiny nosuchprogram
	one_line nosuchprogram 'not found' 'PATH'
	expect 127 run_tiny tiny /no/such/program
	one_line /no/such/program 'no such file'
}

@test "a script whose interpreter is missing: its name is said" {
	mkdir d
	printf '#!/usr/bin/nosuchperl -w\n' >d/script
	chmod +x d/script
	expect 127 run_tiny -v "$T/d:/d" tiny /d/script
	one_line /d/script nosuchperl
}

@test "a program whose loader is missing: its name is said" {
	expect 127 run_tiny -v /bin/cat:/mycat:ro tiny /mycat
	one_line mycat 'ld-linux'
}

@test "a file that is no program" {
	echo 'no program' >text
	chmod +x text
	expect 126 run_tiny -v "$T/text:/text:ro" tiny /text
	one_line '/text' '[Ee]xec format'
}

@test "SIGTERM to hull reaches the container, which ends with 143" {
	local back
	"$HULL_BUILD/hull" run --rm --network none --init -v "$T:/t" tiny sh -c 'touch /t/up; sleep 100' &
	back=$!
	wait_for test -e up
	kill -TERM "$back"
	ends "$back" 143
}

@test "signals are forwarded as they are" {
	local signal number back
	while read -r signal number; do
		# A background job of a script ignores INT and QUIT; hull would honour that.
		env --default-signal "$HULL_BUILD/hull" run --rm --network none tiny probe signal >"out.$signal" &
		back=$!
		wait_for grep -q ready "out.$signal"
		kill "-$signal" "$back"
		ends "$back" "$number"
		has "$(cat "out.$signal")" "got $number"
	done <<-'END'
		HUP 1
		INT 2
		QUIT 3
		USR1 10
		USR2 12
		TERM 15
	END
	# Real-time ones, which the probe does not know.
	env --default-signal "$HULL_BUILD/hull" run --rm --network none tiny sh -c \
		'trap "exit 21" 40; echo ready; while :; do sleep 0.05; done' >out.rt 3>&- &
	back=$!
	wait_for grep -q ready out.rt
	kill -40 "$back"
	ends "$back" 21
}

@test "SIGKILL of hull: the container runs on, and its end is recorded" {
	background survivor
	local pid
	pid=$(state survivor State.Pid)
	kill -KILL "$BACK"
	wait "$BACK" || true
	sleep 0.2
	is_running survivor
	kill -0 "$pid"
	touch end
	wait_for is_exited survivor
	is "$(state survivor State.ExitCode)" 42
	has "$(hull ps -a)" 'Exited \(42\).*survivor'
	ok hull rm survivor
}

@test "SIGKILL of hull with --rm: the container runs on, and goes away by itself" {
	background volatile --rm
	kill -KILL "$BACK"
	wait "$BACK" || true
	is_running volatile
	touch end
	wait_for bash -c '[ -z "$("$HULL_BUILD/hull" ps -aq)" ]'
}

@test "SIGKILL of hull: output that nobody reads does not hold the container up" {
	"$HULL_BUILD/hull" run --name chatty --network none -v "$T:/t" tiny \
		sh -c 'touch /t/up; while [ ! -e /t/end ]; do sleep 0.05; done; seq 200000; seq 200000 >&2; exit 6' >out 3>&- &
	local back=$!
	wait_for test -e up
	kill -KILL "$back"
	wait "$back" || true
	touch end
	wait_for is_exited chatty
	is "$(state chatty State.ExitCode)" 6
	ok hull rm chatty
}

@test "SIGTERM of the monitor: the program gets it, is killed if it stays, and the end is recorded" {
	ok hull run -d --name polite tiny sh -c 'trap "exit 7" TERM; while :; do sleep 0.1; done'
	ok hull run -d --name deaf tiny sleep 1000
	sleep 0.3
	kill -TERM "$(monitor_of polite)" "$(monitor_of deaf)"
	wait_for is_exited polite
	is "$(state polite State.ExitCode)" 7
	is "$(state deaf State.Status)" running
	sleep 9
	wait_for is_exited deaf
	is "$(state deaf State.ExitCode)" 137
	ok hull rm polite deaf
}

@test "SIGKILL of the monitor: the container ends, no process, mount or cgroup stays" {
	background orphan
	local monitor pid
	pid=$(state orphan State.Pid)
	monitor=$(monitor_of orphan)
	has "$(cat "/proc/$monitor/comm")" hull-monitor
	kill -KILL "$monitor"
	wait_for gone "$pid"
	fails "$BACK"
	# It is no longer running; its status is not known.
	run hull ps -a
	lacks "$output" 'Up .*orphan'
	ok hull rm -f orphan
}

@test "SIGKILL of the monitor with --rm: nothing is left but what the next command removes" {
	background orphan --rm
	local pid
	pid=$(state orphan State.Pid)
	kill -KILL "$(monitor_of orphan)"
	wait_for gone "$pid"
	fails "$BACK"
	hull rm -f orphan 2>/dev/null || true
}

@test "SIGKILL of both at once" {
	background both
	local pid monitor
	pid=$(state both State.Pid)
	monitor=$(monitor_of both)
	kill -KILL "$BACK" "$monitor"
	wait "$BACK" || true
	wait_for gone "$pid"
	run hull ps -a
	lacks "$output" 'Up .*both'
	ok hull rm -f both
}

@test "SIGKILL of both at once: the program of an ordinary user dies, too" {
	only root "ids of other users"
	chmod 777 "$T"
	background both -u 1234
	local pid monitor
	pid=$(state both State.Pid)
	monitor=$(monitor_of both)
	kill -KILL "$BACK" "$monitor"
	wait "$BACK" || true
	wait_for gone "$pid"
	ok hull rm -f both
}

@test "SIGKILL of hull at any moment of the start leaves nothing that stays" {
	local i back
	for i in $(seq 40); do
		"$HULL_BUILD/hull" run --rm --network none tiny true >/dev/null 2>&1 3>&- &
		back=$!
		sleep "0.00$((i % 10))$((i / 10))"
		kill -KILL "$back" 2>/dev/null || true
		wait "$back" 2>/dev/null || true
	done
	wait_for bash -c '[ -z "$("$HULL_BUILD/hull" ps -q)" ]'
	# Rows of those that never started may be listed until removed.
	hull ps -aq | while read -r id; do hull rm -f "$id" || true; done
}

@test "processes that the program leaves behind end with it" {
	ok run_tiny tiny sh -c 'for i in 1 2 3; do sleep 1000 & done; setsid sleep 1000 & sleep 0.1; echo bye'
	is "$output" bye
	lacks "$(ps -e -o args=)" '^sleep 1000'
}

@test "hull does not wait for a grandchild that holds the output open" {
	local start=$SECONDS
	ok timeout 20 "$HULL_BUILD/hull" run --rm --network none tiny sh -c '(sleep 15; echo late) & echo now'
	is "$output" now
	[ $((SECONDS - start)) -lt 10 ]
}

@test "many one after the other: nothing adds up" {
	local i
	for i in $(seq 50); do run_tiny tiny true; done
}

@test "many at the same time" {
	local i pids=()
	for i in $(seq 20); do
		run_tiny tiny sh -c "echo $i; exit $i" >"out.$i" &
		pids+=($!)
	done
	for i in $(seq 20); do
		ends "${pids[i - 1]}" "$i"
		is "$(cat "out.$i")" "$i"
	done
}
