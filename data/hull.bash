# Completion of hull's commands, flags and names for bash; all of it is asked of hull itself.
# shellcheck shell=bash

# The words in the lists of a help text, or its long flags.
_hull_words() {
	hull "$@" --help 2>/dev/null | awk '/ommands:$/ || /^Groups/ { on = 1; next } /^$/ { on = 0 } on { print $1 }'
}
_hull_flags() {
	hull "$@" --help 2>/dev/null | grep -oE -- '--[a-z][a-z0-9-]*'
}
_hull_names() {
	case $1 in
	container) hull ps -a --format '{{.Names}}' ;;
	image) hull images --format '{{.Repository}}:{{.Tag}}' | grep -v '<none>' ;;
	volume) hull volume ls -q ;;
	network) hull network ls --format '{{.Name}}' ;;
	esac 2>/dev/null
}

_hull() {
	local cur=${COMP_WORDS[COMP_CWORD]} command=() i choices
	# The command: the first word that is no flag, and the second when that is a group.
	for ((i = 1; i < COMP_CWORD && ${#command[@]} < 2; i++)); do
		case ${COMP_WORDS[i]} in
		--root | --runroot) ((i++)) ;;
		-*) [ ${#command[@]} -eq 0 ] || break ;;
		*)
			command+=("${COMP_WORDS[i]}")
			case ${command[0]} in container | image | network | port | system | volume) ;; *) break ;; esac
			;;
		esac
	done
	case ${command[*]},$cur in
	,-*) choices='--root --runroot --version --help' ;;
	,*) choices=$(_hull_words) ;;
	container,* | image,* | network,* | system,* | volume,*) choices=$(_hull_words "${command[0]}") ;;
	*,-*) choices=$(_hull_flags "${command[@]}") ;;
	port,*) choices="add rm $(_hull_names container)" ;;
	port\ *,* | rm,* | export,* | container\ *,*) choices=$(_hull_names container) ;;
	run,* | rmi,* | tag,* | save,* | history,* | image\ *,*) choices=$(_hull_names image) ;;
	inspect,*) choices="$(_hull_names container) $(_hull_names image)" ;;
	volume\ *,*) choices=$(_hull_names volume) ;;
	network\ *,*) choices="$(_hull_names network) $(_hull_names container)" ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$cur")
	# Files for what takes files: import, load.
	[ ${#COMPREPLY[@]} -gt 0 ] || mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}
complete -F _hull hull
