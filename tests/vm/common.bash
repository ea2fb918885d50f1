# Shared by the scripts of this folder: where things are kept, the machine's mirror.
# shellcheck shell=bash
# Read by those who include it.
# shellcheck disable=SC2034
cache=${HULL_VM_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/hull-vm}

say() { echo "check-vm: $*" >&2; }

die() {
	say "$*"
	exit 1
}

# One at a time makes what is made once; whoever comes second waits.
lock() { # NAME
	mkdir -p "$cache"
	exec 9>"$cache/$1.lock"
	flock 9
}

# The machine's own archive of Debian, out of apt's sources, both formats; another suite is there too.
mirror() {
	local uri
	uri=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
		sed -nE 's/^deb +(\[[^]]*\] +)?([^ ]+).*/\2/p; s/^URIs: *//p' | tr ' ' '\n' |
		grep -E '://.*/debian/?$' | head -n 1)
	echo "${HULL_TEST_MIRROR:-${uri:-https://deb.debian.org/debian}}"
}
