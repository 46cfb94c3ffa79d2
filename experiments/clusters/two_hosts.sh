#!/usr/bin/env bash
# A search on two hosts by `ray symmetric-run`, as scripts/cluster/slurm.sbatch does it.
# The hosts are namespaces of this machine, with networks, processes, names and /tmp/ray
# of their own, and a disk that they share. Needs Linux, root and iproute2; everything is
# gone at the end.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." >/dev/null

folder=$(mktemp -d /tmp/hosts-XXXX)
hosts=("${folder##*/}-a" "${folder##*/}-b")
addresses=(198.18.7.1 198.18.7.2) # set aside for tests of networks, RFC 2544
running=()
clean_up() {
    local host process
    # The first process of a namespace takes all others of it along.
    for process in ${running[@]+"${running[@]}"}; do kill -KILL "$process" 2>/dev/null || true; done
    for process in ${running[@]+"${running[@]}"}; do wait "$process" 2>/dev/null || true; done
    for host in "${hosts[@]}"; do ip netns del "$host" 2>/dev/null || true; done
    rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

export RAY_AUTH_MODE=token RAY_USAGE_STATS_ENABLED=0 OMP_NUM_THREADS=1
RAY_AUTH_TOKEN=$(python -c 'import secrets; print(secrets.token_hex(32))')
export RAY_AUTH_TOKEN PYTHONPATH=$PWD
unset RAY_ADDRESS

say() { printf '\n## %s\n' "$*"; }

for host in "${hosts[@]}"; do ip netns add "$host"; done
ip link add eth0 netns "${hosts[0]}" type veth peer name eth0 netns "${hosts[1]}"
for n in 0 1; do
    ip -n "${hosts[n]}" address add "${addresses[n]}/24" dev eth0
    ip -n "${hosts[n]}" link set lo up
    ip -n "${hosts[n]}" link set eth0 up
    # Leads nowhere; Ray takes the address that such a route would use for this host's.
    ip -n "${hosts[n]}" route add default dev eth0
done

# bash stays as the first process of the host: one that buries the dead, or `ray stop`
# would wait for them.
on_host() { # number, command
    local n=$1
    shift
    mkdir -p "$folder/ray-$n" /tmp/ray
    exec ip netns exec "${hosts[n]}" \
        unshare --mount --uts --ipc --pid --fork --kill-child --mount-proc \
        bash -c 'hostname "$1" && mount --bind "$2" /tmp/ray && shift 2; "$@"; exit' \
        on_host "host-${hosts[n]##*-}" "$folder/ray-$n" "$@"
}

search=(python -m neuralopt search evaluator=ray evaluator.address=auto
    experiment=smoke searcher=uniform proposals=2000 report=none
    run_dir="$folder/run" resume=auto)

say "The same command on two hosts"
for n in 1 0; do
    on_host "$n" ray symmetric-run --address "${addresses[0]}:6379" --min-nodes 2 \
        --num-cpus=1 -- sh -c '"$@"; echo $? >"$0"' "$folder/exit-code" \
        "${search[@]}" >"$folder/$n.log" 2>&1 &
    running+=($!)
done
first=${running[1]} code=0
wait "$first" || code=$?
# Without Ray's own log lines, progress, the table of rules and hints.
noise='INFO|WARN|^\S*\(raylet\)|^Terminated|^  (File|  )|^Running command|^$'
noise+='|^told |^=+$|^rank |^ +[0-9]|^[A-Z][a-z ]+:  '
grep -vE "$noise" "$folder/0.log" | sed "s|$folder|FOLDER|g"
echo "exit code of symmetric-run: $code, of the search: $(cat "$folder/exit-code")"

say "The other host, once the head is gone"
for second in $(seq 90); do
    kill -0 "${running[0]}" 2>/dev/null || break
    sleep 1
done
if kill -0 "${running[0]}" 2>/dev/null; then
    echo "still there after $second s; ended by this script"
else
    wait "${running[0]}" && echo "ended by itself within $second s, exit code $?"
fi

say "Who trained"
python - "$folder/run/archive.sqlite" <<'PYTHON'
import collections, pathlib, sys
from neuralopt.archive import Archive

with Archive.open(pathlib.Path(sys.argv[1])) as archive:
    print(len(archive), "proposals;", "trained by:", end=" ")
    print(dict(collections.Counter(each.worker for each in archive.executions())))
PYTHON

exit "$(cat "$folder/exit-code")"
