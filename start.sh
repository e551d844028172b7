#!/bin/sh
# Run by npm start. start.mjs prepares everything and ends; this shell starts Perch, and restarts it on request. It takes 0.2 MB
# while Perch runs, where a second Node would take 45.
root=$(cd "$(dirname "$0")" && pwd) || exit 1
node=$(node "$root/start.mjs" --prepare) || exit
# Paths on the command line are relative to the user's folder.
cd "${INIT_CWD:-.}" || exit 1

# As in packaging/linux/run. Twelve threads: a disk that hangs blocks every thread that waits for it.
flags='--disable-warning=ExperimentalWarning --optimize-for-size --min-semi-space-size=1 --bytecode-old-age=2 --flush-baseline-code'
# shellcheck disable=SC2086
"$node" $flags -v > /dev/null 2>&1 || flags=--disable-warning=ExperimentalWarning
bundle="$root/node_modules/.cache/agent/current"
export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX-1}" MALLOC_TRIM_THRESHOLD_="${MALLOC_TRIM_THRESHOLD_-131072}"
export UV_THREADPOOL_SIZE="${UV_THREADPOOL_SIZE:-12}" NODE_COMPILE_CACHE="$bundle/compiled"
export PATH="${node%/*}:$PATH" PERCH_RESTART_CODE=85 PERCH_COMMAND='npm run perch --'

# Perch runs in the background, so that the shell passes on a signal at once. The input is that of the shell.
# A failing exec would end the shell.
{ true 3<&0; } 2> /dev/null || exec < /dev/null
exec 3<&0
is_to_end=no
child=''
pass_on() {
	is_signaled=yes
	kill -s "$1" "$child" 2> /dev/null
}
trap 'is_to_end=yes; pass_on INT' INT
trap 'is_to_end=yes; pass_on TERM' TERM
trap 'pass_on HUP' HUP

# Ends with a signal, too: then waits again. 127: the shell has seen the end before.
wait_for_child() {
	code=''
	while :; do
		is_signaled=no
		wait "$child"
		result=$?
		[ "$result" = 127 ] && [ -n "$code" ] && return
		code=$result
		# bash's wait also ends by a signal whose trap has run before it.
		[ "$is_signaled" = yes ] || kill -0 "$child" 2> /dev/null || return
	done
}

while :; do
	# shellcheck disable=SC2086
	"$node" $flags "$bundle/agent/perch.cjs" "$@" <&3 3<&- &
	child=$!
	# A signal may have come before there was a process to pass it on to.
	[ "$is_to_end" = no ] || kill -s TERM "$child" 2> /dev/null
	wait_for_child
	# 85: POST /v3/restart. 70: an uncaught exception; Perch makes the pauses itself. 137: SIGKILL, of its watchdog or for lack of memory.
	# Not for a command such as npm run perch -- reindex.
	[ "$code" != 137 ] || [ "${npm_lifecycle_event-}" != perch ] || exit "$code"
	case "$is_to_end$code" in
	no85 | no70) ;;
	no137)
		echo 'Perch was killed: from outside, because memory ran out, or because its main thread did not answer for 30 seconds. It starts again.' >&2
		sleep 1
		[ "$is_to_end" = no ] || exit "$code"
		;;
	*) exit "$code" ;;
	esac
done
