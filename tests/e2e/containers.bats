#!/usr/bin/env bats
# What a run without --rm leaves: hull ps, inspect, rm.

load ../helpers/common

setup_one() { ok hull ps -aq; is "$output" ""; }
teardown_one() { hull ps -aq | while read -r id; do hull rm -f "$id" >/dev/null; done; }

@test "a container stays until rm, with name, status and exit status" {
	expect 3 hull run --name one --network none tiny sh -c 'exit 3'
	ok hull ps -a
	has "${lines[0]}" '^CONTAINER ID +IMAGE +COMMAND +CREATED +STATUS +PORTS +NAMES$'
	has "${lines[1]}" '^[0-9a-f]{12} +tiny +"sh -c .exit 3." +.* ago +Exited \(3\) .* ago +one$'
	ok hull ps
	is "${#lines[@]}" 1
	ok hull rm one
	is "$output" one
	ok hull ps -aq
	is "$output" ""
}

@test "without --name it gets one" {
	hull run --network none tiny true
	ok hull ps -a --format '{{.Names}}'
	has "$output" '^[a-z]+_[a-z]+$'
}

@test "--rm leaves no row, no folder" {
	ok hull run --rm --network none tiny true
	ok hull ps -aq
	is "$output" ""
	is "$(ls "$HULL_ROOT/containers")" ""
}

@test "labels: of the image, of a file, of the line; the later wins" {
	hull import -c 'LABEL a=image b=image c=image' "$HULL_SUITE/tiny.tar" labelled >/dev/null
	printf '%s\n' '# none' b=file c=file d=file bare >labels
	hull run --name marked --network none --label-file labels -l c=line -l e labelled true
	ok hull inspect -f '{{json .Config.Labels}}' marked
	is "$(python3 -c 'import json,sys; print(sorted(json.load(sys.stdin).items()))' <<<"$output")" \
		"[('a', 'image'), ('b', 'file'), ('bare', ''), ('c', 'line'), ('d', 'file'), ('e', '')]"
	hull rm marked
	hull rmi labelled >/dev/null
}

@test "ps shows a running one" {
	hull run --name up --network none -v "$T:/t" tiny \
		sh -c 'touch /t/up; while [ ! -e /t/end ]; do sleep 0.05; done' &
	wait_for test -e up
	ok hull ps
	has "$output" 'Up .* up$'
	expect 1 hull rm up
	one_line 'cannot remove container' 'up' 'running'
	touch end
	wait "$!"
	ok hull rm up
}

@test "rm -f kills a running one" {
	hull run --name up --network none -v "$T:/t" tiny sh -c 'touch /t/up; sleep 1000' &
	local back=$!
	wait_for test -e up
	ok hull rm -f up
	is "$output" up
	ends "$back" 137
	ok hull ps -aq
	is "$output" ""
}

@test "inspect is Docker's JSON" {
	only "root|user" "one id: there is only root"
	expect 4 hull run --name box --hostname h --network none -e A=b -w /etc -u 1234 -m 64m -l k=v \
		-v "$T:/t:ro" tiny sh -c 'exit 4'
	is "$(state box Name)" /box
	has "$(state box Id)" '^[0-9a-f]{64}$'
	is "$(state box State.Status)" exited
	is "$(state box State.ExitCode)" 4
	is "$(state box State.Running)" false
	is "$(state box State.Pid)" 0
	has "$(state box State.StartedAt)" '^20.*Z$'
	has "$(state box State.FinishedAt)" '^20.*Z$'
	is "$(state box Path)" sh
	is "$(state box Args)" '["-c", "exit 4"]'
	is "$(state box Config.Hostname)" h
	is "$(state box Config.User)" 1234
	is "$(state box Config.WorkingDir)" /etc
	is "$(state box Config.Image)" tiny
	is "$(state box Config.Labels.k)" v
	is "$(state box HostConfig.Memory)" 67108864
	is "$(state box HostConfig.NetworkMode)" none
	is "$(state box Mounts.0.Source)" "$T"
	is "$(state box Mounts.0.RW)" false
	has "$(state box Config.Env)" '"A=b"'
	has "$(state box Image)" '^sha256:'
}

@test "inspect by name, id and the beginning of the id; several at once" {
	hull run --name box --network none tiny true
	local id
	id=$(state box Id)
	is "$(state "$id" Name)" /box
	is "$(state "${id:0:6}" Name)" /box
	ok hull inspect box box
	is "$(python3 -c 'import json,sys; print(len(json.load(sys.stdin)))' <<<"$output")" 2
}

@test "inspect and rm of what is not there" {
	expect 1 hull inspect nowhere
	has "$stderr" 'No such (object|container): nowhere'
	expect 1 hull rm nowhere
	one_line 'No such container: nowhere'
}

@test "ps -q, --no-trunc, -n, -l, filters" {
	hull run --name aa --network none -l x=1 tiny true
	hull run --name bb --network none tiny false || true
	ok hull ps -aq
	is "${#lines[@]}" 2
	ok hull ps -aq --no-trunc
	has "$output" '^[0-9a-f]{64}$'
	ok hull ps -l -q
	is "${#lines[@]}" 1
	ok hull ps -a --format '{{.Names}}'
	is "$output" $'bb\naa'
	ok hull ps -a -f name=aa --format '{{.Names}}'
	is "$output" aa
	ok hull ps -a -f exited=1 --format '{{.Names}} {{.Image}} {{.Status}}'
	has "$output" '^bb tiny Exited \(1\)'
	is "${#lines[@]}" 1
	ok hull ps -a -f label=x=1 --format '{{.Names}}'
	is "$output" aa
}

@test "--cidfile" {
	ok hull run --cidfile cid --name box --network none tiny true
	is "$(cat cid)" "$(state box Id)"
	expect 125 hull run --cidfile cid --network none tiny true
	one_line cid
}

@test "a container that could not start stays as Created, with its error" {
	expect 127 hull run --name dud --network none tiny nosuchprogram
	ok hull ps -a
	has "$output" '(Created|Exited \(127\)).*dud'
	is "$(state dud State.ExitCode)" 127
	ok hull rm dud
}

@test "SIGKILL of everything, then rm: nothing is left" {
	hull run --name box --network none tiny sh -c 'sleep 1000' 3>&- &
	local back=$!
	wait_for bash -c '"$HULL_BUILD/hull" inspect box | grep -q "\"Running\": *true"'
	local pid
	pid=$(state box State.Pid)
	kill -KILL "$back" "$(ps -o ppid= -p "$pid" | tr -d ' ')" "$pid"
	wait "$back" || true
	ok hull rm -f box
}
