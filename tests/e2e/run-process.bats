#!/usr/bin/env bats
# The container's process: environment, folder, user, entry point, init, limits of its own.

load ../helpers/common

run_tiny() { hull run --rm --network none "$@"; }

# configured CHANGE...: the tiny image with changes, as "conf"
configured() {
	local c changes=()
	for c in "$@"; do changes+=(-c "$c"); done
	hull import "${changes[@]}" "$HULL_SUITE/tiny.tar" conf >/dev/null
}

@test "the environment is Docker's and nothing else" {
	FOO=host BAR=host ok run_tiny --hostname box tiny probe env
	is "$(sort <<<"$output")" $'HOME=/root\nHOSTNAME=box\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
}

@test "-e: a value, the host's value, and neither" {
	FOO=host ok run_tiny -e A=1 -e FOO -e NOT_SET_ANYWHERE -e 'B=x y=z' -e EMPTY= tiny probe env
	has "$output" '^A=1$'
	has "$output" '^FOO=host$'
	has "$output" '^B=x y=z$'
	has "$output" '^EMPTY=$'
	lacks "$output" NOT_SET_ANYWHERE
}

@test "image, --env-file and -e: the later wins" {
	configured 'ENV A=image' 'ENV B=image' 'ENV C=image' 'ENV PATH=/bin:/image'
	printf '%s\n' '# comment' '' 'B=file' 'C=file' 'QUOTED="as it is"' '  LEFT=blank' 'FOO' 'NOT_SET' >vars
	FOO=host ok run_tiny --env-file vars -e C=flag conf probe env
	has "$output" '^A=image$'
	has "$output" '^B=file$'
	has "$output" '^C=flag$'
	has "$output" '^QUOTED="as it is"$'
	has "$output" '^LEFT=blank$'
	has "$output" '^FOO=host$'
	has "$output" '^PATH=/bin:/image$'
	lacks "$output" 'NOT_SET|comment'
}

@test "a bad or missing --env-file" {
	expect 125 run_tiny --env-file nowhere tiny true
	one_line nowhere '[Nn]o such file'
	echo 'with blank=x' >vars
	expect 125 run_tiny --env-file vars tiny true
	one_line 'with blank' 'whitespace'
}

@test "-w and the image's WORKDIR; a missing one is made" {
	ok run_tiny tiny probe cwd
	is "$output" /
	ok run_tiny -w /etc tiny probe cwd
	is "$output" /etc
	ok run_tiny -w /made/for/me tiny sh -c 'pwd; stat -c %u:%g /made'
	is "$output" $'/made/for/me\n0:0'
	configured 'WORKDIR /home/ann'
	ok run_tiny conf probe cwd
	is "$output" /home/ann
	ok run_tiny -w /tmp conf probe cwd
	is "$output" /tmp
}

@test "a relative -w is refused" {
	expect 125 run_tiny -w not/absolute tiny true
	one_line 'not/absolute' 'absolute'
}

@test "-u by name: uid, gid, HOME and supplementary groups from the image" {
	only "root|user" "one id: there is only root"
	ok run_tiny -u ann tiny sh -c 'id -u; id -g; id -G; echo $HOME'
	is "${lines[0]}" 1234
	is "${lines[1]}" 100
	is "$(tr ' ' '\n' <<<"${lines[2]}" | sort -n | tr '\n' ' ')" '10 63 100 '
	is "${lines[3]}" /home/ann
}

@test "-u in all its forms" {
	only "root|user" "one id: there is only root"
	local form want
	while read -r form want; do
		ok run_tiny -u "$form" tiny sh -c 'echo $(id -u):$(id -g):$(id -G | tr " " "\n" | sort -n | tr "\n" ,)'
		is "$form $output" "$form $want"
	done <<-'END'
		0 0:0:0,10,
		root 0:0:0,10,
		ann:users 1234:100:100,
		ann:0 1234:0:0,
		1234 1234:100:10,63,100,
		4321 4321:0:0,
		4321:99 4321:99:99,
		bob:audio 1235:63:63,
		1234:wheel 1234:10:10,
		:users 0:100:100,
	END
}

@test "-u of someone the image does not know" {
	expect 125 run_tiny -u nobodyhere tiny true
	one_line 'nobodyhere' 'passwd'
	expect 125 run_tiny -u ann:nogroup tiny true
	one_line 'nogroup' 'group'
}

@test "the image's USER, and -u over it" {
	only "root|user" "one id: there is only root"
	configured 'USER bob'
	ok run_tiny conf id -u
	is "$output" 1235
	ok run_tiny -u 0 conf id -u
	is "$output" 0
}

@test "--group-add" {
	only "root|user" "one id: there is only root"
	ok run_tiny --group-add audio --group-add 777 tiny id -G
	has "$(tr ' ' '\n' <<<"$output")" '^63$'
	has "$(tr ' ' '\n' <<<"$output")" '^777$'
}

@test "a user's home that is /nowhere, a user without passwd: HOME" {
	only "root|user" "one id: there is only root"
	ok run_tiny -u 4321 tiny sh -c 'echo $HOME'
	is "$output" /
	ok run_tiny -u bob tiny sh -c 'echo $HOME'
	is "$output" /nowhere
}

@test "entry point and command: image, arguments, --entrypoint" {
	configured 'ENTRYPOINT ["echo","entry"]' 'CMD ["cmd"]'
	ok run_tiny conf
	is "$output" "entry cmd"
	ok run_tiny conf mine too
	is "$output" "entry mine too"
	ok run_tiny --entrypoint echo conf
	is "$output" ""
	ok run_tiny --entrypoint echo conf mine
	is "$output" mine
	ok run_tiny --entrypoint '' conf echo plain
	is "$output" plain
}

@test "an image without command, and none given" {
	expect 125 run_tiny tiny
	one_line '[Nn]o command'
}

@test "arguments reach the program as they are" {
	ok run_tiny tiny sh -c 'for a; do echo "[$a]"; done' sh -- '' 'a b' '$X' '*' $'new\nline' --rm
	is "$output" $'[--]\n[]\n[a b]\n[$X]\n[*]\n[new\nline]\n[--rm]'
}

@test "the program is pid 1 and leads its session" {
	ok run_tiny tiny sh -c 'echo $$; awk "{ print \$5, \$6 }" /proc/1/stat'
	is "$output" $'1\n1 1'
}

@test "--init: pid 1 is ours, it reaps orphans, passes the exit status on" {
	ok run_tiny tiny probe orphan
	is "$output" zombie
	ok run_tiny --init tiny probe orphan
	is "$output" reaped
	expect 7 run_tiny --init tiny sh -c 'echo $$; exit 7'
	isnt "$output" 1
	expect 137 run_tiny --init tiny sh -c 'kill -KILL $$'
	expect 127 run_tiny --init tiny /no/such/program
}

@test "--init passes signals on" {
	"$HULL_BUILD/hull" run --rm --network none --init tiny probe signal >out &
	local pid=$!
	wait_for grep -q ready out
	kill -TERM "$pid"
	ends "$pid" 15
	has "$(cat out)" 'got 15'
}

@test "limits that nobody gave: 1024 descriptors, more if the program asks" {
	ok run_tiny tiny sh -c 'ulimit -Sn; ulimit -Hn'
	is "${lines[0]}" 1024
	[ "${lines[1]}" -gt 1024 ]
}

@test "--ulimit" {
	ok run_tiny --ulimit nofile=123:456 --ulimit core=0 --ulimit nproc=77 tiny \
		sh -c 'ulimit -Sn; ulimit -Hn; grep -E "core|processes" /proc/self/limits'
	is "${lines[0]}" 123
	is "${lines[1]}" 456
	has "${lines[2]} ${lines[3]}" 'core file size +0 +0'
	has "${lines[2]} ${lines[3]}" 'processes +77 +77'
	expect 125 run_tiny --ulimit nosuch=1 tiny true
	one_line nosuch
	expect 125 run_tiny --ulimit nofile=2:1 tiny true
	one_line 'nofile'
}

@test "--sysctl: what is the container's own" {
	ok run_tiny --sysctl kernel.shmmax=123456 --sysctl net.ipv4.ip_unprivileged_port_start=80 tiny \
		cat /proc/sys/kernel/shmmax /proc/sys/net/ipv4/ip_unprivileged_port_start
	is "$output" $'123456\n80'
	isnt "$(cat /proc/sys/kernel/shmmax)" 123456
}

@test "--sysctl: what is the host's is refused" {
	local before name
	before=$(cat /proc/sys/vm/swappiness)
	for name in vm.swappiness=7 kernel.core_pattern=x kernel.hostname=x; do
		expect 125 run_tiny --sysctl "$name" tiny true
		one_line "${name%%=*}"
	done
	is "$(cat /proc/sys/vm/swappiness)" "$before"
}

@test "--oom-score-adj" {
	ok run_tiny --oom-score-adj 500 tiny cat /proc/self/oom_score_adj
	is "$output" 500
	expect 125 run_tiny --oom-score-adj 5000 tiny true
	one_line '5000' '1000'
}

@test "the umask is 022" {
	umask 077
	ok run_tiny tiny sh -c umask
	is "$output" 0022
}

@test "signals that the caller ignores or blocks are the program's again" {
	ok env --ignore-signal=INT --block-signal=USR1 "$HULL_BUILD/hull" run --rm --network none tiny \
		grep -E 'Sig(Ign|Blk)' /proc/self/status
	has "$output" 'SigBlk:[[:blank:]]0000000000000000'
	has "$output" 'SigIgn:[[:blank:]]0000000000000000'
}

@test "stdin: with -i it reaches the program, without it is empty" {
	ok bash -c 'echo from the host | "$HULL_BUILD/hull" run -i --rm --network none tiny cat'
	is "$output" "from the host"
	ok bash -c 'echo from the host | "$HULL_BUILD/hull" run --rm --network none tiny cat'
	is "$output" ""
}

@test "stdin: a lot of it, and a program that does not read" {
	head -c 5000000 /dev/urandom >noise
	ok bash -c '"$HULL_BUILD/hull" run -i --rm --network none tiny sha256sum <noise'
	is "${output%% *}" "$(sha256sum <noise | cut -d' ' -f1)"
	ok bash -c '"$HULL_BUILD/hull" run -i --rm --network none tiny true <noise'
	ok bash -c '"$HULL_BUILD/hull" run -i --rm --network none tiny sh -c "exec <&-; echo closed" <noise'
	is "$output" closed
}

@test "stdout and stderr stay apart, complete and in order" {
	ok run_tiny tiny sh -c 'echo out; echo err >&2; exec 2>&-; seq 100000 | sha256sum'
	is "${lines[0]}" out
	is "$stderr" err
	is "${lines[1]%% *}" "$(seq 100000 | sha256sum | cut -d' ' -f1)"
	hull run --rm --network none tiny seq 300000 >out
	is "$(sha256sum <out)" "$(seq 300000 | sha256sum)"
}

@test "stdin, stdout and stderr can be opened by their names in /dev, by root and by others" {
	local user
	for user in 0 1234; do
		[ "$user" = 0 ] || [ "$AS" = root ] || continue
		run --separate-stderr bash -c 'echo in | "$HULL_BUILD/hull" run -i --rm --network none -u "$1" tiny sh -c \
			"read a </dev/stdin; echo \$a >/dev/stdout; echo err >/dev/stderr" | cat' bash $user
		is "$user $status $output $stderr" "$user 0 in err"
	done
}

@test "a reader that goes away ends the writer, not the machine" {
	run bash -c '"$HULL_BUILD/hull" run --rm --network none tiny seq 1000000 | head -n 1; exit ${PIPESTATUS[0]}'
	is "$output" 1
	isnt "$status" 0
}

@test "output that comes while the program has long closed its own" {
	expect 5 run_tiny tiny probe close
	is "$output" closing
}

@test "no descriptor of ours or of the caller is open inside" {
	exec 9</etc/passwd
	ok run_tiny tiny probe fds
	exec 9<&-
	is "$(awk '{ print $1 }' <<<"$output" | sort -n | tr '\n' ' ')" '0 1 2 '
	lacks "$output" '/etc/passwd|socket|bats'
}

@test "flags that are not there yet are refused by name" {
	expect 125 run_tiny --restart always tiny true
	one_line restart
}
