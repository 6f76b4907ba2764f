#!/bin/sh
# Ends a run. Standard input closes when the run does, also when it crashed or was killed; then every process that
# carries the run's mark in its environment is ended by its pid, and the run's directory is removed.
run=$1
cat >/dev/null
marked() { grep -lszxF "CUSTODIAN_TEST_RUN=$run" /proc/[0-9]*/environ | cut -d/ -f3; }
while pids=$(marked) && [ -n "$pids" ]; do
	# shellcheck disable=SC2086 # one argument per pid
	kill -KILL $pids 2>/dev/null
	sleep 0.05
done
rm -rf -- "$run"
