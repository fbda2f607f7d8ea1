#!/usr/bin/env bash
# command.sh: softjac-mpi as a user runs it, on several numbers of ranks: its results beside those of softjac, its
# messages, what it leaves when it fails and when a rank is killed. Called by CTest, which passes COMMAND, TOOL, MPIRUN.
# usage: command.sh CHECK
set -uo pipefail
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0

fail() {
    echo "FAILED: $*"
    failures=$((failures + 1))
}
on() { "$here/launch" "$@"; } # RANKS COMMAND...
numbers() { # rows columns seed
    awk -v r="$1" -v n="$2" -v s="$3" 'BEGIN { srand(s); for (i = 0; i < r; i++) { line = ""
        for (k = 0; k < n; k++) line = line (k ? "," : "") (rand() * 20 - 10); print line } }'
}
array() { numbers "$@" | "$TOOL" log-softmax - --dtype f64 -o "$4" --quiet; } # rows columns seed FILE

# Under --exact the bytes of one process, whatever is divided among however many.
results() {
    { array 50 9 1 z.npy && array 50 9 2 g.npy && array 3 700 3 wide.npy; } || fail "no input"
    local ranks=0 shard line
    while read -r line; do
        for shard in rows classes; do
            ranks=$((ranks % 8 + 1))
            # shellcheck disable=SC2086 # words
            set -- $line
            "$TOOL" "$@" --exact --quiet -o want.npy || fail "softjac $line"
            on $ranks "$COMMAND" "$@" --exact --quiet --memory 3K --shard $shard -o got.npy || fail "$ranks ranks: $line"
            cmp want.npy got.npy || fail "$ranks ranks, $shard: $line"
        done
    done <<'LINES'
softmax z.npy
softmax wide.npy --dtype f32
log-softmax z.npy --dtype f32
logsumexp wide.npy
gradient z.npy --class 8
gradient z.npy --class 0 --log
vjp z.npy g.npy
jvp z.npy g.npy --dtype f32
LINES
    on 3 "$COMMAND" jacobian z.npy --log --quiet -o got.npy && "$TOOL" jacobian z.npy --log -o want.npy --quiet
    cmp want.npy got.npy || fail "jacobian"
    [ -z "$(ls -- *.tmp 2>/dev/null)" ] || fail "temporaries are left"
}

# Exit code, one message, by rank 0, that names the file and the place; no output, and none changed.
expect() { # code text arguments...
    local code=$1 text=$2 got
    shift 2
    echo precious >out.npy
    on 3 "$COMMAND" "$@" -o "${OUT:-out.npy}" --quiet >said 2>&1
    got=$?
    [ $got = "$code" ] || fail "$*: exit code $got; expected $code"
    grep -qF -- "$text" said || { fail "$*: no '$text'"; cat said; }
    [ "$(grep -c '^softjac-mpi' said)" = 1 ] || fail "$*: not told once"
    [ "$(cat out.npy)" = precious ] || fail "$*: the output was touched"
    [ -z "$(ls -- *.tmp 2>/dev/null)" ] || fail "$*: a temporary is left"
}

messages() {
    { array 20 5 1 z.npy && array 20 4 1 g.npy; } || fail "no input"
    head -c 300 z.npy >short.npy
    printf 'not a file of numpy' >text.npy
    { head -c 20 z.npy; printf 'X'; tail -c +22 z.npy; } >header.npy
    expect 65 'short.npy: 300 bytes; the header at byte 0 announces' softmax short.npy
    expect 65 'text.npy: byte 0:' softmax text.npy
    expect 65 'header.npy: byte 2' softmax header.npy
    expect 65 'g.npy: not the shape of z.npy' vjp z.npy g.npy
    expect 65 "z.npy: elements of kind 'f'" cross-entropy z.npy z.npy
    numbers 1 40000 1 | "$TOOL" softmax - -o long.npy --quiet
    expect 71 'bytes of one row on a rank; expected below 2^31' jacobian long.npy # 40000^2 float64
    expect 66 'none.npy: cannot open: No such file' softmax none.npy
    expect 2 'q: 5; expected below n = 5' gradient z.npy --class 5
    expect 2 "--shard: 'colums'; expected rows|classes" softmax z.npy --shard colums
    expect 2 '1 inputs; expected 2' vjp z.npy
    expect 2 'expected divided rows' jacobian z.npy --shard classes
    OUT=none/out.npy expect 73 'none/out.npy: cannot create: No such file' softmax z.npy
    on 2 "$COMMAND" --help >said || fail "--help"
    sed -n 3p said | grep -q 'mpirun -n 4 softjac-mpi softmax' || fail "help does not open with examples"
    [ "$(grep -c usage: said)" = 1 ] || fail "help is not told once"
}

# One of the ranks, the first or another, is killed in the middle of a job that would take minutes.
killed() {
    local victim code
    array 4000 5 1 z.npy || fail "no input"
    # shellcheck disable=SC2016 # for the shells of the ranks
    printf '#!/bin/sh\necho $$ >"pid.${OMPI_COMM_WORLD_RANK:-$PMI_RANK}"\nexec "$@"\n' >rank
    chmod +x rank
    for victim in 0 2; do
        rm -f pid.*
        echo precious >out.npy
        on 3 ./rank "$COMMAND" softmax z.npy -o out.npy --quiet --memory 1 >said 2>&1 &
        for _ in $(seq 300); do
            [ -s pid.$victim ] && ls -- *.tmp >/dev/null 2>&1 && break
            sleep 0.1
        done
        sleep 0.3
        kill -9 "$(cat pid.$victim)" || fail "rank $victim was not running"
        wait $!
        code=$?
        [ $code != 0 ] || fail "the job succeeded without rank $victim"
        [ "$(cat out.npy)" = precious ] || fail "the output was touched"
        for _ in $(seq 50); do ls -- *.tmp >/dev/null 2>&1 || break; sleep 0.1; done
        [ -z "$(ls -- *.tmp 2>/dev/null)" ] || fail "rank $victim killed: a temporary is left"
        grep -qiE 'signal 9|KILLED BY SIGNAL: 9|exit(ed)? (code|on signal)[ :]+9' said || { fail "no cause"; cat said; }
        # Its own word is lost where the launcher listens no longer.
        grep 'softjac-mpi: stopped before the end; no output was written' said || true
    done
}

case $1 in
results | messages | killed) "$1" ;;
*) fail "unknown check $1" ;;
esac
[ $failures = 0 ]
