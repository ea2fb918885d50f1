#!/usr/bin/env bats
# -t and -i: the container's own terminal, its size, what happens to ours.

load ../helpers/common

setup_one() { need python3; }
# term [STEP...] -- FLAGS IMAGE COMMAND...: hull run on a terminal
term() {
	local steps=()
	while [ "$1" != -- ]; do
		steps+=("$1")
		shift
	done
	shift
	ok "$HELPERS/pty" "${steps[@]}" -- "$HULL_BUILD/hull" run --rm --network none "$@"
}

@test "-it: a terminal inside, of the size outside; the status comes through; ours is as before" {
	term -r 33 -c 99 -- -it tiny sh -c 'tty; probe winsize; exit 3'
	is "${lines[0]}" /dev/pts/0
	is "${lines[1]}" '33 99'
	has "$output" '^status 3$'
	has "$output" '^terminal same$'
}

@test "-t: the terminal belongs to the user and the group tty, and nobody else reads it" {
	only root "ids of other users"
	term -- -it -u 1234:100 tiny sh -c 'stat -c "%u %g %a" /dev/pts/0; id -u; : >/dev/tty && echo mine'
	is "${lines[0]}" '1234 5 620'
	is "${lines[2]}" mine
}

@test "-it: what is typed arrives once, with the container's own echo" {
	term 'expect:ready\r\n' 'send:some words\n' -- -it tiny sh -c 'echo ready; read a; echo "[$a]"'
	has "$output" '^\[some words\]'
	is "$(grep -c '^some words' <<<"$output")" 1
}

@test "-it: our terminal is raw meanwhile: ^C is the container's" {
	term expect:ready 'send:\x03' expect:caught -- -it tiny sh -c 'trap "echo caught; exit 9" INT; echo ready; while :; do sleep 0.1; done'
	has "$output" '^status 9$'
	has "$output" '^terminal same$'
}

@test "-it: ^D ends what is read" {
	term expect:ready 'send:\x04' -- -it tiny sh -c 'echo ready; cat; echo end'
	has "$output" '^end'
}

@test "-it: the window's size follows" {
	term expect:ready size:50x132 -- -it tiny probe resize
	has "$output" '^50 132'
}

@test "-it: job control works, /dev/tty and /dev/console are the terminal" {
	term -- -it tiny sh -c 'echo to-tty >/dev/tty; echo to-console >/dev/console; ls -l /proc/self/fd/0 /dev/console; set -m; sleep 0 & wait; echo jobs'
	has "$output" '^to-tty'
	has "$output" '^to-console'
	has "$output" '^jobs'
	lacks "$output" "can't access tty"
}

@test "-t sets TERM and joins both streams; -i alone has no terminal" {
	term -- -t tiny sh -c 'echo $TERM; echo err >&2; test -t 1 && echo is-tty'
	has "$output" '^xterm'
	has "$output" '^err'
	has "$output" '^is-tty'
	term -- -i tiny sh -c 'test -t 0 && test -t 1 || echo none'
	has "$output" '^none'
}

@test "-t without -i: standard input is not the container's" {
	term send:'typed\n' -- -t tiny sh -c 'sleep 0.2; echo end'
	has "$output" '^end'
}

@test "-it in a pipe is refused, as by Docker" {
	expect 1 bash -c '"$HULL_BUILD/hull" run -it --rm --network none tiny true </dev/null'
	one_line 'the input device is not a TTY'
}

@test "-t alone works without a terminal of ours" {
	ok bash -c '"$HULL_BUILD/hull" run -t --rm --network none tiny tty </dev/null'
	is "$(tr -d '\r' <<<"$output")" /dev/pts/0
}

@test "-it: a signal to hull ends hull and restores our terminal; the container goes on, as with Docker" {
	local signal number
	while read -r signal number; do
		term expect:ready "kill:$signal" -- -it --name goes-on tiny sh -c 'echo ready; while :; do sleep 0.1; done'
		has "$output" "^status $((128 + number))$"
		has "$output" '^terminal same$'
		is "$(state goes-on State.Running)" true
		ok hull rm -f goes-on
	done <<-'END'
		TERM 15
		HUP 1
		INT 2
	END
}

@test "our terminal is restored when the container cannot start" {
	term -- -it tiny /no/such/program
	has "$output" '^status 127$'
	has "$output" '^terminal same$'
}

@test "-it: a lot of output arrives whole" {
	term -- -it tiny sh -c 'stty -onlcr; seq 20000 | tail -c 20000; echo; echo end'
	has "$output" '^20000'
	has "$output" '^end'
}

@test "the terminal belongs to the container's user, its /dev/pts is its own" {
	only "root|user" "one id: there is only root"
	term -- -it -u 1234:100 tiny sh -c 'stat -c "%u %a" $(tty); ls /dev/pts | tr "\n" " "'
	has "${lines[0]}" '^1234 6[02]0'
	has "${lines[1]}" '^0 ptmx'
}

@test "TIOCSTI and escape sequences reach only the container's own terminal" {
	term -- -it tiny sh -c 'probe tiocsti; exit 0'
	has "$output" '^status 0$'
	lacks "$(sed -n '/^terminal same/,$p' <<<"$output")" X
}
