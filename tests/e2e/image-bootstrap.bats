#!/usr/bin/env bats
# hull image bootstrap: the only file with the machine's own network (tests/helpers/alone).

load ../helpers/common

@test "bootstrap makes a Debian image from the machine's own mirror" {
	only "root|user" "one id: there is only root"
	need mmdebstrap
	[ -z "${HULL_TEST_OFFLINE:-}" ] || skip "HULL_TEST_OFFLINE is set"
	hull rmi debian:trixie || true
	BATS_TEST_TIMEOUT=600 ok hull image bootstrap debian:trixie
	has "$output" '^sha256:[0-9a-f]{64}$'
	ok hull run --rm --network none debian:trixie sh -c 'cat /etc/os-release; uname -r'
	has "$output" '^VERSION_CODENAME=trixie$'
	is "${lines[-1]}" "$(uname -r)"
}

@test "bootstrap of what does not exist" {
	need mmdebstrap
	expect 1 hull image bootstrap debian:nosuchsuite
	has "$stderr" 'nosuchsuite'
	lacks "$(hull images)" nosuchsuite
	expect 1 hull image bootstrap plan9:latest
	one_line plan9
}
