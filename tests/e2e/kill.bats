#!/usr/bin/env bats
# SIGKILL at any instant: a small part of what `make check-kill` does.
load ../helpers/common
# shellcheck disable=SC2034
ONLY_ROOT='what is killed has a namespace of its own'

campaign() { "$TOP/tests/kill/campaign" --build "$HULL_BUILD" "$@"; }

@test "a hundred kills at random instants: nothing hangs, nothing stays, nothing is lost" {
	need nft
	ok campaign random --kills 100
	has "$output" '^100 passed, 0 failed'
}

@test "kills at the system calls of run --rm" {
	need strace nft
	ok campaign calls --scene run-rm --every 12
	has "$output" '^[0-9]+ passed, 0 failed'
}
