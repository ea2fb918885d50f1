#!/usr/bin/env bats
# Memory, processes, processor time: set, seen inside, felt, and gone afterwards.

load ../helpers/common
# shellcheck disable=SC2034
ONLY_ROOT='no control group is delegated to the user'

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

# is_v2 CONTROLLER: this host has it in the unified hierarchy, if at all
is_v2() { [ ! -d "/sys/fs/cgroup/$1" ]; }
root_has() { [ -e "/sys/fs/cgroup/$1" ]; }

# has_controller V1 V2: skip without
has_controller() {
	[ -d "/sys/fs/cgroup/$1" ] || grep -qw "$2" /sys/fs/cgroup/cgroup.controllers 2>/dev/null ||
		skip "this kernel has no controller $1"
}

@test "--memory-swap: unset is twice the memory, equal is no swap, -1 is no limit" {
	has_controller memory memory
	if is_v2 memory; then
		[ -e /proc/swaps ] || skip "this kernel does not account swap"
		local file=/sys/fs/cgroup/memory.swap.max twice=67108864 equal=0 more=33554432 none=max
	else
		root_has memory/memory.memsw.limit_in_bytes || skip "this kernel does not account swap"
		local file=/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes
		local twice=134217728 equal=67108864 more=100663296 none=9223372036854771712
	fi
	ok run_tiny -m 64m tiny cat "$file"
	is "$output" $twice
	ok run_tiny -m 64m --memory-swap 64m tiny cat "$file"
	is "$output" $equal
	ok run_tiny -m 64m --memory-swap 96m tiny cat "$file"
	is "$output" $more
	ok run_tiny -m 64m --memory-swap -1 tiny cat "$file"
	is "$output" $none
	is "$stderr" ""
}

@test "--memory-reservation; inspect tells it" {
	has_controller memory memory
	ok hull run --name soft --network none -m 64m --memory-reservation 32m tiny \
		cat "$(limit_file memory memory.soft_limit_in_bytes memory.low)"
	is "$output" 33554432
	is "$(state soft HostConfig.MemoryReservation)" 33554432
	is "$(state soft HostConfig.Memory) $(state soft HostConfig.MemorySwap)" "67108864 134217728"
	ok hull rm soft
}

@test "--memory-swappiness, --oom-kill-disable: v1 does, v2 warns and goes on" {
	has_controller memory memory
	if is_v2 memory; then
		ok run_tiny --memory-swappiness 30 --oom-kill-disable -m 64m tiny true
		has "$stderr" 'does not support memory swappiness.*discarded'
		has "$stderr" 'does not support OomKillDisable.*discarded'
		is "$(wc -l <<<"$stderr")" 2
	else
		ok run_tiny --memory-swappiness 30 --oom-kill-disable -m 64m tiny \
			cat /sys/fs/cgroup/memory/memory.swappiness /sys/fs/cgroup/memory/memory.oom_control
		is "${lines[0]} ${lines[1]}" "30 oom_kill_disable 1"
		is "$stderr" ""
		ok run_tiny --oom-kill-disable tiny true
		has "$stderr" 'no memory limit is set'
	fi
}

@test "--kernel-memory is taken, and said to do nothing" {
	ok run_tiny --kernel-memory 50m tiny echo ran
	is "$output" ran
	has "$stderr" 'kernel-memory is deprecated.*discarded'
}

@test "a limit that this host cannot do is a warning, and inspect does not show it" {
	if is_v2 memory; then
		ok hull run --name odd --network none --memory-swappiness 30 tiny true
		is "$(state odd HostConfig.MemorySwappiness)" null
	elif ! root_has memory/memory.memsw.limit_in_bytes; then
		ok hull run --name odd --network none -m 64m tiny true
		has "$stderr" 'Memory limited without swap'
		is "$(state odd HostConfig.MemorySwap)" -1
	else
		skip "this host can do everything"
	fi
	ok hull rm odd
}

@test "--cpu-period, --cpu-quota, --cpu-shares" {
	has_controller cpu cpu
	if is_v2 cpu; then
		ok run_tiny --cpu-period 50000 --cpu-quota 20000 -c 512 tiny \
			cat /sys/fs/cgroup/cpu.max /sys/fs/cgroup/cpu.weight
		is "${lines[*]}" "20000 50000 59"
		ok run_tiny --cpu-shares 262144 tiny cat /sys/fs/cgroup/cpu.weight
		is "$output" 10000
	else
		ok run_tiny --cpu-period 50000 --cpu-quota 20000 -c 512 tiny sh -c \
			'cd /sys/fs/cgroup/cpu; cat cpu.cfs_quota_us cpu.cfs_period_us cpu.shares'
		is "${lines[*]}" "20000 50000 512"
	fi
	ok hull run --name half --network none --cpu-period 50000 --cpu-quota 20000 -c 512 tiny true
	is "$(state half HostConfig.CpuPeriod) $(state half HostConfig.CpuQuota)" "50000 20000"
	is "$(state half HostConfig.CpuShares)" 512
	ok hull rm half
}

@test "--cpu-rt-runtime: what v1 can, and v2 cannot" {
	has_controller cpu cpu
	if root_has cpu/cpu.rt_runtime_us; then
		ok run_tiny --cpu-rt-period 500000 --cpu-rt-runtime 5000 tiny sh -c \
			'cd /sys/fs/cgroup/cpu; cat cpu.rt_runtime_us cpu.rt_period_us'
		is "${lines[*]}" "5000 500000"
	else
		expect 125 run_tiny --cpu-rt-runtime 5000 tiny true
		one_line 'does not support CPU real-time scheduler'
	fi
}

@test "--cpuset-cpus, --cpuset-mems are seen and felt" {
	has_controller cpuset cpuset
	local last
	last=$(($(nproc) - 1))
	ok run_tiny --cpuset-cpus $last --cpuset-mems 0 tiny sh -c \
		"cat $(limit_file cpuset cpuset.cpus cpuset.cpus) $(limit_file cpuset cpuset.mems cpuset.mems)
		grep Cpus_allowed_list /proc/self/status"
	is "${lines[0]} ${lines[1]}" "$last 0"
	has "${lines[2]}" ":.$last\$"
	ok run_tiny --cpuset-cpus "0-$last" tiny grep Cpus_allowed_list /proc/self/status
}

@test "--blkio-weight" {
	has_controller blkio io
	ok run_tiny --blkio-weight 300 tiny sh -c 'cd /sys/fs/cgroup; tail -n1 blkio/blkio.bfq.weight blkio/blkio.weight io.bfq.weight io.weight 2>/dev/null | grep -v "^==" | tr -d "[:alpha:] \n"'
	# A kernel without a scheduler of weights says so.
	if [ -n "$output" ]; then
		has "$output" '^(300|2930|3002930)$'
	else
		has "$stderr" 'Block I/O weight.*discarded'
	fi
}

# a_disk: a whole disk, DISK with MAJOR:MINOR in NUMBER: the one that $T lies on (AT is then a folder
# on it), else a loop device.
a_disk() {
	local sys
	sys=/sys/dev/block/$(stat -c '%Hd:%Ld' "$T")
	AT=
	if [ -e "$sys" ] && [ ! -e "$sys/partition" ]; then
		DISK=/dev/$(basename "$(readlink -f "$sys")")
		AT=$T
	else
		need losetup
		truncate -s 8M disk.img
		DISK=$(losetup --find --show disk.img 2>/dev/null) || skip "no disk and no loop device here"
		echo "$DISK" >"$T.disk"
	fi
	NUMBER=$(stat -c '%Hr:%Lr' "$DISK")
}

teardown_one() {
	[ ! -e "$T.disk" ] || losetup -d "$(cat "$T.disk")"
	rm -f "$T.disk"
}

@test "--device-read-bps and its three sisters are seen" {
	has_controller blkio io
	a_disk
	local flags="--device-read-bps $DISK:10mb --device-write-bps $DISK:1m --device-read-iops $DISK:1000 --device-write-iops $DISK:100"
	if is_v2 blkio; then
		# shellcheck disable=SC2086
		ok run_tiny $flags tiny cat /sys/fs/cgroup/io.max
		is "$output" "$NUMBER rbps=10485760 wbps=1048576 riops=1000 wiops=100"
	else
		# shellcheck disable=SC2086
		ok run_tiny $flags tiny sh -c 'cd /sys/fs/cgroup/blkio; cat blkio.throttle.read_bps_device \
			blkio.throttle.write_bps_device blkio.throttle.read_iops_device blkio.throttle.write_iops_device'
		is "${lines[*]}" "$NUMBER 10485760 $NUMBER 1048576 $NUMBER 1000 $NUMBER 100"
	fi
}

@test "--device-write-bps is felt" {
	has_controller blkio io
	a_disk
	local where
	if [ -n "$AT" ]; then where="-v $AT:/v"; else where="--device $DISK:/v/file"; fi
	# shellcheck disable=SC2086
	ok hull run --name slow --network none $where --device-write-bps "$DISK:1mb" tiny \
		sh -c 'cut -d" " -f1 /proc/uptime; dd if=/dev/zero of=/v/file bs=256k count=6 oflag=direct 2>/dev/null; cut -d" " -f1 /proc/uptime'
	is "$(awk -v a="${lines[0]}" -v b="${lines[1]}" 'BEGIN { print (b - a > 0.8) }')" 1
	has "$(state slow HostConfig.BlkioDeviceWriteBps)" "\"Path\": \"$DISK\""
	has "$(state slow HostConfig.BlkioDeviceWriteBps)" '"Rate": 1048576'
	ok hull rm slow
}

@test "--device-cgroup-rule opens what a node that was made inside stands for" {
	# The kernel's log: Docker gives it to nobody, and every machine has it (reading it takes a
	# capability).
	ok run_tiny --userns=host --cap-add SYSLOG tiny sh -c 'mknod /node c 1 11; probe open /node r'
	is "$output" EPERM
	ok run_tiny --userns=host --cap-add SYSLOG --device-cgroup-rule 'c 1:11 rwm' tiny \
		sh -c 'mknod /node c 1 11; probe open /node rw'
	is "$output" ok
	ok run_tiny --userns=host --cap-add SYSLOG --device-cgroup-rule 'c 1:11 r' tiny \
		sh -c 'mknod /node c 1 11; probe open /node r; probe open /node w'
	is "${lines[0]}" ok
	is "${lines[1]}" EPERM
	ok run_tiny --userns=host --cap-add SYSLOG --device-cgroup-rule 'a *:* rwm' tiny \
		sh -c 'mknod /node c 1 11; probe open /node rw'
	is "$output" ok
	# Not the whole world, as a v1 kernel reads a rule for both kinds.
	ok run_tiny --userns=host --cap-add SYSLOG --device-cgroup-rule 'a 1:3 r' tiny \
		sh -c 'mknod /node c 1 11; probe open /node r; echo x >/dev/null && echo still'
	is "${lines[0]}" EPERM
	is "${lines[1]}" still
}

@test "--cgroup-parent" {
	ok run_tiny --cgroup-parent /hull-test-parent/deep --cgroupns=host tiny cat /proc/self/cgroup
	local where=$output
	find /sys/fs/cgroup -depth -type d -path '*/hull-test-parent*' -exec rmdir {} +
	has "$where" ':.*/hull-test-parent/deep/[0-9a-f]{64}$'
	expect 125 run_tiny --cgroup-parent some.slice tiny true
	one_line slice
}

@test "--cgroupns=host: the host's path is seen, and limits are where it says" {
	ok run_tiny --cgroupns=host --pids-limit 77 tiny sh -c '
		path=$(grep -E "^([0-9]+:pids|0:):" /proc/self/cgroup | head -n1 | cut -d: -f3); echo $path
		cat /sys/fs/cgroup/pids/pids.max 2>/dev/null || cat /sys/fs/cgroup$path/pids.max'
	has "${lines[0]}" '[0-9a-f]{64}$'
	is "${lines[1]}" 77
	ok run_tiny --cgroupns=private tiny cat /proc/self/cgroup
	lacks "$output" '[0-9a-f]{64}'
	expect 125 run_tiny --cgroupns=mine tiny true
	one_line cgroupns
}

@test "values that cannot be: one line, 125, before anything is made" {
	a_disk
	local flags words
	while IFS='|' read -r flags words; do
		# shellcheck disable=SC2086
		expect 125 run_tiny $flags tiny true
		one_line "$words"
		is "$(find "$HULL_ROOT/containers" "$HULL_RUNROOT/containers" -mindepth 1 2>/dev/null)" ""
	done <<-END
		-m 5m|Minimum memory limit
		-m lots|lots
		-m -5|-5
		--memory-swap 64m|always set the Memory limit
		-m 64m --memory-swap 32m|Minimum memoryswap limit
		-m 64m --memory-swap x|memory-swap
		--memory-reservation 1m|Minimum memory reservation
		-m 32m --memory-reservation 64m|can not be less than memory reservation
		--memory-swappiness 101|0-100
		--kernel-memory 1m|Minimum kernel memory
		--cpus 1000|only $(nproc) CPUs
		--cpus half|half
		--cpus 0.5 --cpu-quota 2000|Conflicting options
		--cpus 0.5 --cpu-period 2000|Conflicting options
		--cpu-period 999|cfs period
		--cpu-quota 10|cfs quota
		--cpu-shares 1|minimum allowed cpu-shares is 2
		--cpu-shares 262145|maximum allowed cpu-shares
		--cpuset-cpus 8000|not available
		--cpuset-cpus 0-|0-
		--cpuset-cpus 1-0|1-0
		--cpuset-mems 900|not available
		--pids-limit many|many
		--blkio-weight 9|from 10 to 1000
		--blkio-weight-device $DISK|bad format
		--blkio-weight-device sda:10|bad format for device path
		--blkio-weight-device $DISK:1001|invalid weight
		--device-read-bps /dev/nowhere:1mb|/dev/nowhere
		--device-read-bps /dev/null:1mb|not a block device
		--device-write-bps $DISK:-1|positive integer
		--device-write-iops $DISK:1mb|positive integer
		--device-cgroup-rule c|invalid device cgroup format
		--device-cgroup-rule x|invalid device cgroup format
	END
	expect 125 run_tiny --device-cgroup-rule 'c 1:3 x' tiny true
	one_line 'invalid device cgroup format'
	expect 125 run_tiny --device-cgroup-rule 'c 99999999999:3 r' tiny true
	one_line 'invalid device cgroup format'
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
