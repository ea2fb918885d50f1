#!/usr/bin/env bats
# Memory, processes, processor time: set, seen inside, felt, and gone afterwards.

load ../helpers/common

run_tiny() { hull run --rm --network none "$@"; }

@test "-m is seen inside, read-only" {
	local file
	file=$(limit_file memory memory.limit_in_bytes memory.max)
	ok run_tiny -m 64m tiny cat "$file"
	is "$output" 67108864
	ok run_tiny -m 64m tiny sh -c "echo 1 >$file || echo refused; cat $file"
	is "$output" $'refused\n67108864'
}

@test "--memory in its units; what is below 6m is refused" {
	local file value want
	file=$(limit_file memory memory.limit_in_bytes memory.max)
	while read -r value want; do
		ok run_tiny -m "$value" tiny cat "$file"
		is "$value $output" "$value $want"
	done <<-'END'
		16777216 16777216
		16384k 16777216
		16M 16777216
		0.5g 536870912
		1GiB 1073741824
	END
	expect 125 run_tiny -m 1m tiny true
	one_line '6MB|6m|minimum'
	expect 125 run_tiny -m lots tiny true
	one_line lots
}

@test "more memory than allowed: SIGKILL, 137, and inspect says OOMKilled" {
	expect 137 hull run --name fat --network none -m 32m tiny probe alloc 300
	is "$(state fat State.OOMKilled)" true
	is "$(state fat State.ExitCode)" 137
	ok hull rm fat
}

@test "-m limits swap to the same again, --memory-swap sets it" {
	local file
	file=$(limit_file memory memory.memsw.limit_in_bytes memory.swap.max)
	[ -e "$(dirname "$file")/$(basename "$file")" ] || [ ! -d /sys/fs/cgroup/memory ] ||
		skip "this kernel does not account swap"
	ok run_tiny -m 64m tiny cat "$file"
	has "$output" '^(134217728|67108864)$'
}

@test "--pids-limit is seen inside and felt" {
	ok run_tiny --pids-limit 10 tiny sh -c "cat $(limit_file pids pids.max pids.max); probe forks 50"
	is "${lines[0]}" 10
	[ "${lines[1]}" -lt 10 ]
	ok run_tiny --pids-limit -1 tiny cat "$(limit_file pids pids.max pids.max)"
	is "$output" max
}

@test "--cpus is seen inside and felt" {
	local file
	file=$(limit_file cpu cpu.cfs_quota_us cpu.max)
	[ -e "$file" ] || [ ! -d /sys/fs/cgroup/cpu ] || skip "this kernel has no CFS bandwidth"
	ok run_tiny --cpus 0.25 tiny cat "$file"
	has "$output" '^25000'
	# 1 s of work at a quarter: the throttling is counted.
	ok run_tiny --cpus 0.1 tiny sh -c 'timeout 1 sh -c "while :; do :; done"; cat '"$(dirname "$file")"'/cpu.stat'
	has "$output" 'nr_throttled [1-9]'
	expect 125 run_tiny --cpus 0.001 tiny true
	one_line cpus
	expect 125 run_tiny --cpus 10000 tiny true
	one_line 'CPUs|cpus'
}

@test "without limits there are none" {
	ok run_tiny tiny sh -c "cat $(limit_file pids pids.max pids.max)"
	is "$output" max
}

@test "inside, the cgroup is its own root" {
	ok run_tiny tiny cat /proc/self/cgroup
	lacks "$output" '[0-9a-f]{64}|\.\.'
	has "$output" ':/$'
}

@test "the container's processes are in its cgroup, and in no other" {
	run_tiny -v "$T:/t" tiny sh -c 'touch /t/up; while [ ! -e /t/end ]; do sleep 0.05; done' &
	wait_for test -e up
	local pid
	pid=$(hull ps -q | xargs -I{} "$HULL_BUILD/hull" inspect {} | python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["State"]["Pid"])')
	run cat "/proc/$pid/cgroup"
	touch end
	wait "$!"
	# Every hierarchy that has controllers: a path with the container's id.
	is "$(grep -E ':(memory|pids|):' <<<"$output" | grep -vE '[0-9a-f]{64}')" ""
}
