#!/usr/bin/env bats
# hull import URL: a fetcher, which has the network, and an unpacker, which has the folder.

load ../helpers/common

# In the network that hull() has, and as a job of one process.
here() {
	if [ -n "${HULL_TESTS_NET:-}" ]; then set -- nsenter --net="$HULL_TESTS_NET" "$@"; fi
	exec "$@"
}

serve() { # PORTFILE [CERTIFICATE KEY]
	here "$HELPERS/webserver" . "$@" 3>&- 4>&- &
	servers+=($!)
	wait_for test -s "$1"
}

setup_one() {
	servers=()
	unset http_proxy https_proxy HTTPS_PROXY all_proxy ALL_PROXY no_proxy NO_PROXY SSL_CERT_FILE CURL_CA_BUNDLE
	mkdir -p tree/bin
	cp "$HULL_SUITE/bin/busybox" tree/bin/sh
	echo fetched >tree/file
	tar -C tree -cf t.tar .
	serve port
	url=http://127.0.0.1:$(cat port)
}

teardown_one() {
	hull rmi -f t:latest t:file t:url t:gz >/dev/null 2>&1
	kill "${servers[@]}" 2>/dev/null
	wait "${servers[@]}" 2>/dev/null || true
}

fetched() { is "$(hull run --rm --network none "$1" sh -c 'cat /file')" fetched; }

# refused URL PATTERN: one line that says why, and nothing is left
refused() {
	expect 1 hull import "$1" t
	one_line "$2"
	is "$(hull images -q t)" ""
	is "$(find "$HULL_ROOT/layers" -maxdepth 1 -name ".tmp*")" ""
}

@test "the image is the same as from the file; plain and compressed" {
	gzip -k t.tar
	ok hull import t.tar t:file
	ok hull import "$url/t.tar" t:url
	has "$output" '^sha256:[0-9a-f]{64}$'
	is "$stderr" ""
	ok hull import "$url/t.tar.gz" t:gz
	fetched t:url
	fetched t:gz
	local l='{{json .RootFS.Layers}}'
	is "$(hull image inspect --format "$l" t:url)" "$(hull image inspect --format "$l" t:file)"
	is "$(hull image inspect --format "$l" t:gz)" "$(hull image inspect --format "$l" t:file)"
}

@test "a name is looked up" {
	ok hull import "http://localhost:$(cat port)/t.tar" t
	fetched t
	hull rmi t >/dev/null
	refused http://no-such-host.invalid/t.tar 'resolve.*no-such-host.invalid'
}

@test "redirects are followed, ten at most, and only to servers" {
	ok hull import "$url/to/301/$url/t.tar" t
	fetched t
	hull rmi t >/dev/null
	refused "$url/loop" 'redirects'
	refused "$url/to/file:///etc/passwd" 'not fetched from'
}

@test "user and password are sent, and seen nowhere" {
	refused "$url/private/t.tar" '401: it wants a user'
	ok hull import "http://ann:sesame@127.0.0.1:$(cat port)/private/t.tar" t
	fetched t
	lacks "$(hull history --no-trunc t) $(hull image inspect t)" 'sesame|ann:'
	has "$(hull history --no-trunc t)" "Imported from $url/private/t.tar"
	expect 1 hull import "http://ann:sesame@127.0.0.1:$(cat port)/nothing" u
	lacks "$stderr" sesame
	lacks "$(as_hull grep -rl sesame "$HULL_ROOT" "$HULL_RUNROOT")" .
}

@test "while it is fetched, the password is in no process's arguments or environment, hull's own arguments apart" {
	hull import "http://ann:sesame@127.0.0.1:$(cat port)/slow/5000/t.tar" t >/dev/null 2>&1 &
	local importer=$! p seen=
	wait_for fetcher_of
	for p in $(pgrep -P "$(hull_of)"); do
		seen+=" $(tr '\0' ' ' <"/proc/$p/cmdline" | cut -d ' ' -f 1)"
		lacks "$(cat "/proc/$p/cmdline" "/proc/$p/environ" 2>/dev/null | tr '\0' ' ')" sesame
	done
	has "$seen" hull-fetch
	has "$seen" hull-transfer
	kill "$(hull_of)"
	wait $importer || true
}

# hull() may be a shell and an nsenter that became hull: by its name
hull_of() { pgrep -f "hull import .*127.0.0.1:$(cat port)/slow/" | head -n 1; }
fetcher_of() { pgrep -P "$(hull_of)" -f hull-fetch && pgrep -P "$(hull_of)" -f hull-transfer; }

@test "the fetcher has the network and nothing else" {
	no_sanitizer
	hull import "$url/slow/5000/t.tar" t >/dev/null 2>&1 &
	local importer=$! p field
	wait_for fetcher_of
	p=$(pgrep -P "$(hull_of)" -f hull-fetch)
	wait_for grep -q '^Seccomp:	2' "/proc/$p/status"
	for field in CapInh CapPrm CapEff CapBnd CapAmb; do
		has "$(grep "^$field" "/proc/$p/status")" '0000000000000000$'
	done
	has "$(grep ^NoNewPrivs "/proc/$p/status")" '1$'
	for field in user mnt pid ipc uts; do
		isnt "$(readlink "/proc/$p/ns/$field")" "$(readlink "/proc/self/ns/$field")"
	done
	is "$(ls -A "/proc/$p/root/" | tr '\n' ' ')" "certificates.pem etc " ||
		is "$(ls -A "/proc/$p/root/")" etc
	has "$(cut -d ' ' -f 6 "/proc/$p/mountinfo")" '^ro,nosuid,nodev,noexec'
	lacks "$(readlink "/proc/$p/fd/"*)" "$T|/home|/dev/pts"
	kill "$(hull_of)"
	wait $importer || true
}

@test "the answer is no file" {
	refused "$url/nothing" '404'
	refused "$url/teapot/t.tar" '418'
	refused "$url/headers" 'headers'
	refused "$url/port" 'archive|tar' # is there, but is none
	refused "http://127.0.0.1:1/t.tar" '127.0.0.1.*connect'
}

@test "a connection that breaks is said to, wherever in the archive it was" {
	local size n
	size=$(stat -c %s t.tar)
	for n in 0 1 512 5000 $((size - 10240)) $((size - 512)) $((size - 1)); do
		refused "$url/cut/$n/t.tar" 'transfer closed|bytes remaining'
	done
}

@test "a bad archive is refused at once, although the server never ends" {
	head -c 4000000 /dev/urandom >noise
	run --separate-stderr here timeout 20 "$HULL_BUILD/hull" import "$url/slow/3900000/noise" t
	is "$status" 1
	one_line 'archive|tar'
}

@test "the fetcher is killed: an error, nothing left; hull is killed: the fetcher goes, too" {
	hull import "$url/slow/5000/t.tar" t >out 2>&1 &
	local importer=$! p
	wait_for fetcher_of
	kill -KILL "$(pgrep -P "$(hull_of)" -f hull-fetch)"
	fails $importer
	has "$(cat out)" 'the fetcher died by signal 9'
	is "$(find "$HULL_ROOT/layers" -maxdepth 1 -name ".tmp*")" ""
	hull import "$url/slow/5000/t.tar" t >out 2>&1 &
	importer=$!
	wait_for fetcher_of
	p=$(pgrep -P "$(hull_of)" -f hull-fetch)
	kill -KILL "$(hull_of)"
	wait $importer || true
	wait_for sh -c "! kill -0 $p"
	ok hull system check --repair
}

@test "https: a certificate that is known, one that is not; never on to http" {
	need openssl
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out cert.pem \
		-days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 2>/dev/null
	serve tls cert.pem key.pem
	local s
	s=https://localhost:$(cat tls)
	refused "$s/t.tar" 'certificate'
	export SSL_CERT_FILE=$PWD/cert.pem
	ok hull import "$s/t.tar" t
	fetched t
	hull rmi t >/dev/null
	refused "$s/to/$url/t.tar" 'not fetched from'
	SSL_CERT_FILE=$PWD/none refused "$s/t.tar" "cannot read the certificates in .*/none"
	refused "https://127.0.0.1:$(cat port)/t.tar" 'SSL'
}

@test "through a proxy, which sees the whole URL" {
	export http_proxy=$url
	refused "http://elsewhere.invalid/t.tar" '404'
	export no_proxy=127.0.0.1
	ok hull import "$url/t.tar" t
	fetched t
}
