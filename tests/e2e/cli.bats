#!/usr/bin/env bats
# The command line itself: help, groups of commands, global flags, flags that only have one value yet.

load ../helpers/common

@test "help: every command and group is named, each once" {
	local word
	ok hull --help
	for word in run ps rm images rmi tag import inspect history volume container image system info version; do
		is "$word $(grep -cE "^  $word " <<<"$output")" "$word 1"
	done
	ok hull help
	has "$output" '^Usage: hull'
	ok hull
	has "$output" '^Usage: hull'
}

@test "groups: alone, with --help and by help; each of their commands has a help of its own" {
	local group command
	for group in container image system volume; do
		for args in "$group" "$group --help" "$group -h" "help $group"; do
			# shellcheck disable=SC2086
			ok hull $args
			is "${lines[0]}" "Usage: hull $group COMMAND"
		done
		# shellcheck disable=SC2013
		for command in $(awk '/^  / { print $1 }' <<<"$output"); do
			ok hull "$group" "$command" --help
			has "${lines[0]}" "^Usage: hull .*$command|^Usage: hull (ps|images|rmi)"
			ok hull help "$group" "$command"
		done
	done
	expect 1 hull image frob
	one_line 'unknown command: hull image frob'
	expect 1 hull volume lss
	one_line 'did you mean hull volume ls'
}

@test "global flags of Docker's: what names another machine or daemon is refused, the rest changes nothing" {
	ok hull --config /nowhere --log-level debug -D --context default images -q
	expect 1 hull --context remote images
	one_line 'context remote'
	expect 1 hull -c remote images
	expect 1 hull -H tcp://example:2375 images
	one_line 'tcp://example:2375'
	expect 125 hull --frob images
	one_line 'unknown flag: --frob'
	ok hull -v
	has "$output" '^hull version [0-9]'
}

@test "run --restart and --log-driver: the value that is so anyway is accepted, others are not ignored" {
	ok hull run --rm --network none --restart=no --log-driver none tiny echo fine
	is "$output" fine
	expect 125 hull run --rm --network none --restart always tiny echo fine
	one_line 'restart=always'
	expect 125 hull run --rm --network none --restart on-failure:3 tiny echo fine
	expect 125 hull run --rm --network none --log-driver syslog tiny echo fine
	one_line 'log-driver=syslog'
}

@test "the score for the out-of-memory killer is 0, not what the caller has" {
	local score
	for score in 300 -300; do
		# Less than one has takes CAP_SYS_RESOURCE.
		sh -c "echo $score >/proc/self/oom_score_adj" 2>/dev/null || continue
		ok sh -c 'echo $1 >/proc/self/oom_score_adj && shift && exec "$@"' sh $score \
			"$HULL_BUILD/hull" run --rm --network none tiny cat /proc/self/oom_score_adj
		is "$score $output" "$score 0"
	done
	ok hull run --rm --network none --oom-score-adj 77 tiny cat /proc/self/oom_score_adj
	is "$output" 77
}

@test "info and version: what scripts ask for is there" {
	ok hull info -f '{{.ServerVersion}} {{.Driver}} {{.OSType}} {{.LoggingDriver}} {{json .Runtimes}} {{.DefaultRuntime}} {{.DockerRootDir}}'
	has "$output" "^[0-9.]+ overlay linux none \\{\"hull\":.*\\} hull $HULL_ROOT\$"
	ok hull info -f '{{.NCPU}} {{.MemTotal}} {{.Containers}} {{.ContainersRunning}} {{.Images}} {{.CgroupVersion}}'
	has "$output" '^[0-9]+ [0-9]+ 0 0 [0-9]+ [12]?$'
	ok hull version -f '{{.Server.Version}} {{.Client.Version}} {{.Version}}'
	has "$output" '^([0-9.]+) \1 \1$'
	expect 1 hull version -f '{{.Nope}}'
	one_line Nope
	ok hull system info
	has "$output" '^KernelVersion: '
}

@test "completion for bash: commands, flags, names" {
	local COMP_WORDS COMP_CWORD COMPREPLY
	# shellcheck disable=SC1091
	source "$TOP/data/hull.bash"
	completes() { # WORD... -> what can stand for the last
		COMP_WORDS=("$@")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		COMPREPLY=()
		_hull
		printf '%s\n' "${COMPREPLY[@]}"
	}
	is "$(completes hull rm)" $'rm\nrmi'
	is "$(completes hull vol)" volume
	is "$(completes hull volume pr)" prune
	has "$(completes hull run --mem)" '^--memory-swap$'
	is "$(completes hull volume ls --fi)" --filter
	is "$(completes hull rmi tin)" tiny:latest
	is "$(completes hull --root /x image hist)" history
	hull volume create data >/dev/null
	is "$(completes hull volume rm d)" data
	hull volume rm data >/dev/null
	hull run --name finished --network none tiny true
	is "$(completes hull rm fin)" finished
	hull rm finished >/dev/null
}
