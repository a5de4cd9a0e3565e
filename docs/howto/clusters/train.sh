#!/bin/sh
# Train as one process of a job, and end with status 0 only if the run is finished. SIGTERM saves; the scheduler then
# starts this again. The first argument is the run's folder, which all processes share; flags follow.
workdir=$1
shift
python run.py --workdir="$workdir" "$@" &
training=$!
trap 'kill -TERM "$training"' TERM
wait "$training"
status=$?
while kill -0 "$training" 2>/dev/null; do # a signal ends the wait; training still saves
  wait "$training"
  status=$?
done
[ "$status" -eq 0 ] || exit "$status"
exec python docs/howto/clusters/finished.py "$workdir"
