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

@test "a call that fails once does not make a machine that cannot show layers" {
	only root "others have no id maps"
	! older 5.19 || skip "no id-mapped layers here"
	need strace
	local call
	for call in mount_setattr fsconfig; do
		expect 125 strace -f -qq -o log -e inject=$call:error=EIO "$HULL_BUILD/hull" run --rm --network none tiny true
		one_line 'Input/output error'
		has "$(grep INJECTED log)" "$call" # also "<... CALL resumed>"
		is "$(hull ps -aq; find "$HULL_RUNROOT" -maxdepth 1 -name '*copy*')" ''
	done
	ok hull run --rm --network none tiny echo whole
	is "$output$stderr" whole
}
