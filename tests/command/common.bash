# common.bash: what every .bats file of the command loads: a folder of its own, and NumPy as the judge.
# SOFTJAC, SOFTJAC_PYTHON and SOFTJAC_BUILD come from CTest.

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    printf -- '-17.5,-1.5,-2,0,-27.5\n' > first.csv
    printf -- '-17.5,-17,-21.5,0,-9\n' > second.csv
}

need_numpy() {
    "$SOFTJAC_PYTHON" -c 'import numpy' 2> /dev/null || skip "$SOFTJAC_PYTHON has no NumPy"
}

# Runs Python from standard input, with NumPy as np and the truth of truth.py.
judge() {
    PYTHONPATH="$BATS_TEST_DIRNAME" PYTHONDONTWRITEBYTECODE=1 "$SOFTJAC_PYTHON" -c \
        'import sys, numpy as np; from truth import *; exec(sys.stdin.read())'
}

# fails CODE WORD... -- COMMAND...: the exit code, and every word in the message on standard error; nothing on stdout.
# shellcheck disable=SC2154 # `run` sets status, output and stderr
fails() {
    local code=$1 words=()
    shift
    while [[ $1 != -- ]]; do
        words+=("$1")
        shift
    done
    shift
    run --separate-stderr "$@"
    [[ $status == "$code" ]] || { echo "exit code $status, expected $code: $stderr"; return 1; }
    [[ -z $output ]] || { echo "on standard output: $output"; return 1; }
    local word
    for word in "${words[@]}"; do
        [[ $stderr == *"$word"* ]] || { echo "no '$word' in: $stderr"; return 1; }
    done
}

# tails CSV: every entry is e^-40 (its softmax, log or Jacobian entry is the same double), up to sign, or -40: within the
# 2 ulp of the accuracy contract.
tails() {
    "$SOFTJAC_PYTHON" - "$1" << 'PYTHON'
import sys
for text in sys.argv[1].replace("\n", ",").split(","):
    size, tail = abs(float(text)), 4.248354255291589e-18
    assert size == 40 or abs(size - tail) <= 2 * 7.703719777548943e-34, text
PYTHON
}
