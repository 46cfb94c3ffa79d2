#!/usr/bin/env bash
# A search as a Ray job on two nodes of this machine: stopped, submitted again, compared.
# Ends only what it started itself. Needs `ray[default]`, for the jobs.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." >/dev/null

folder=$(mktemp -d /tmp/jobs-XXXX) # short: Ray makes sockets in it
nodes=()
clean_up() {
    local node
    for node in ${nodes[@]+"${nodes[@]}"}; do kill "$node" 2>/dev/null || true; done
    for node in ${nodes[@]+"${nodes[@]}"}; do wait "$node" 2>/dev/null || true; done
    rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

export RAY_AUTH_MODE=token RAY_USAGE_STATS_ENABLED=0 OMP_NUM_THREADS=1
RAY_AUTH_TOKEN=$(python -c 'import secrets; print(secrets.token_hex(32))')
read -r gcs dashboard client agent other_agent < <(python - <<'PYTHON'
import socket
sockets = [socket.create_server(("", 0)) for _ in range(5)]
print(*(each.getsockname()[1] for each in sockets))
PYTHON
)
export RAY_AUTH_TOKEN RAY_API_SERVER_ADDRESS=http://127.0.0.1:$dashboard
unset RAY_ADDRESS PYTHONPATH # the job's code comes with the job

say() { printf '\n## %s\n' "$*"; }

start_node() { # name, first of the hundred ports of its workers, options of `ray start`
    local name=$1 first=$2
    shift 2
    # A folder each: from a common one, two nodes of one machine delete each other's
    # copies of the job's working directory.
    ray start --block "$@" --disable-usage-stats --temp-dir="$folder/$name" \
        --min-worker-port="$first" --max-worker-port=$((first + 99)) \
        >"$folder/$name.log" 2>&1 &
    nodes+=($!)
}

until_it_works() {
    local second
    for second in $(seq 60); do
        "$@" >"$folder/answer" 2>&1 && return
        sleep 1
    done
    echo "$* failed for $second s:" && cat "$folder/answer" "$folder"/*.log
    exit 1
}

search=(experiment=smoke searcher=uniform proposals=2000 report=none)
recorded() {
    python - "$folder/run/archive.sqlite" <<'PYTHON'
import pathlib, sys
from neuralopt.archive import Archive, ArchiveError
try:
    with Archive.open(pathlib.Path(sys.argv[1])) as archive:
        counts = archive.counts()
        print(sum(counts.values()) - counts["pending"])
except ArchiveError:
    print(0)
PYTHON
}

say "A head without cores and a node with two, both behind a token"
start_node head 20100 --head --num-cpus=0 --port="$gcs" \
    --dashboard-port="$dashboard" --ray-client-server-port="$client" \
    --dashboard-agent-listen-port="$agent"
until_it_works ray job list
start_node node 20300 --address="127.0.0.1:$gcs" --num-cpus=2 \
    --dashboard-agent-listen-port="$other_agent"
has_cores() { ray status --address="127.0.0.1:$gcs" | grep -F '/2.0 CPU'; }
until_it_works has_cores
cat "$folder/answer"
echo "with another token:"
(RAY_AUTH_TOKEN=$(printf %064d 0) ray job list 2>&1 || true) | grep -F '.AuthenticationError'
for name in gcs dashboard client; do
    echo "$name listens on $(ss -ltnH "sport = :${!name}" | awk '{ print $4 }' |
        sed 's/:[0-9]*$//' | paste -sd' ')"
done

say "Submitted"
JOB_OPTIONS="--no-wait --submission-id first" \
    scripts/cluster/job run_dir="$folder/run" "${search[@]}" 2>&1 | grep -oE "Job '.*' submitted"
until [ "$(recorded)" -ge 500 ]; do sleep 0.5; done

say "Stopped after $(recorded) proposals: ray job stop"
ray job stop first 2>&1 | grep -oE "Job '.*' was stopped"
ray job logs first 2>&1 | grep -E 'Writing to|Stopped' | sed "s|$folder|FOLDER|g"
echo "decided in the archive: $(recorded)"

say "Submitted again, to its end"
JOB_OPTIONS="--submission-id second" \
    scripts/cluster/job run_dir="$folder/run" "${search[@]}" 2>&1 |
    grep -oE "Continuing.*|Writing.*|.*proposals: .*|Job '.*' (succeeded|failed)" |
    awk '!seen[$0]++' | sed "s|$folder|FOLDER|g"

say "The same search in one process"
python -m neuralopt search run_dir="$folder/undisturbed" "${search[@]}" 2>&1 |
    grep -E 'proposals:'

say "Compared"
python - "$folder" <<'PYTHON'
import collections, pathlib, sys
from neuralopt.archive import Archive, difference

folder = pathlib.Path(sys.argv[1])
with (
    Archive.open(folder / "run" / "archive.sqlite") as ours,
    Archive.open(folder / "undisturbed" / "archive.sqlite") as theirs,
):
    found = difference(ours, theirs)
    print(f"{len(ours)} and {len(theirs)} proposals, difference: {found}")
    workers = collections.Counter(each.worker for each in ours.executions())
    print("trained by:", dict(workers))
sys.exit(found is not None)
PYTHON
