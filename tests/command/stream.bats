#!/usr/bin/env bats
# stream.bats: files that pass through less memory than they need: the same bytes where whole rows are held, the
# accuracy of the contract where rows come in pieces, memory as the kernel counts it, and nothing left by what fails.

bats_require_minimum_version 1.5.0
load common

# Logits, a cotangent and what stands beside them, for shape $1, class axis $2 and dtype $3; order $4. Each as .npy, which
# streams, and as .npz, which is held in memory.
make_inputs() {
    judge << PYTHON
shape, axis, dtype, order = $1, $2, "$3", "${4:-C}"
rng = np.random.default_rng(len(shape) + axis)
axis %= len(shape)
rows = shape[:axis] + shape[axis + 1:]
def save(name, a):
    np.save(name + ".npy", a)
    np.savez(name + ".npz", a)
def numbers():
    a = rng.uniform(-30, 30, shape)
    return np.asarray((np.rint(a) if np.dtype(dtype).kind in "iu" else a).astype(dtype), order=order)
save("z", numbers())
save("g", numbers())
save("mask", rng.random(shape) > 0.3)
save("bias", rng.uniform(-3, 3, shape).astype("f4"))
save("lengths", rng.integers(0, shape[axis] + 1, rows))
save("sink", rng.uniform(-3, 3, rows))
save("line", rng.random(shape[-1:]) > 0.3)
save("labels", rng.integers(0, shape[axis], rows))
save("weights", rng.random(shape[axis]))
PYTHON
}

# The command line with its inputs and its output in memory, and again from file to file through 1 MiB. What the two gave
# is in out/N.npz and out/N.npy.
twice() {
    mkdir -p out
    : $((pairs = ${pairs:-0} + 1))
    "$SOFTJAC" "${@//.npy/.npz}" -o "out/$pairs.npz"
    "$SOFTJAC" "$@" --memory 1M -o "out/$pairs.npy" || { echo "failed: $*"; return 1; }
}

every_pair_is_the_same() {
    judge << 'PYTHON'
import glob
names = glob.glob("out/*.npz")
assert names
for name in names:
    whole, streamed = np.load(name)["arr_0"], np.load(name[:-1] + "y")
    assert whole.dtype == streamed.dtype and whole.shape == streamed.shape, name
    assert whole.tobytes() == streamed.tobytes(), name
PYTHON
    rm -r out
}

all_forms() {
    twice softmax z.npy "$@"
    twice log-softmax z.npy "$@"
    twice logsumexp z.npy "$@"
    twice gradient --class 3 z.npy "$@"
    twice vjp z.npy g.npy "$@"
    twice jvp z.npy g.npy "$@" --log
}

all_options() {
    twice softmax z.npy "$@" --dtype f16
    twice log-softmax z.npy "$@" --exact --dtype f64
    twice logsumexp z.npy "$@" --temperature 2 --sink sink.npy
    twice vjp z.npy g.npy "$@" --mask mask.npy --lengths lengths.npy
    twice softmax z.npy "$@" --bias bias.npy --mask line.npy
    twice gradient --class 1 z.npy "$@" --given softmax --log
}

@test "slices of whole rows give the bytes of the run in memory: every command, dtype, byte order" {
    need_numpy
    for dtype in '<f4' '>f8' '<f2' '<i2' '|b1'; do
        make_inputs '(9000, 60)' -1 "$dtype"
        all_forms
        [[ $dtype != '<f4' ]] || all_options
        every_pair_is_the_same
    done
}

@test "so do slices along the first axis and one in the middle" {
    need_numpy
    make_inputs '(20, 30000)' 0 '<f4'
    all_forms --axis 0
    all_options --axis 0
    every_pair_is_the_same
    make_inputs '(40, 20, 500)' 1 '<f8'
    all_forms --axis 1
    all_options --axis 1
    every_pair_is_the_same
}

@test "and arrays in Fortran order, turned in memory or on the disk" {
    need_numpy
    for shape in '(9000, 40)' '(40, 9000)' '(3, 200, 500)'; do
        make_inputs "$shape" -1 '>f4' F
        all_forms
        twice softmax z.npy --mask mask.npy --axis 0
        every_pair_is_the_same
    done
}

@test "Jacobians stream as slices, and dense ones leave the zeros unwritten" {
    need_numpy
    make_inputs '(3000, 20)' -1 '<f4'
    twice jacobian z.npy
    twice jacobian z.npy --log --layout sample:7
    every_pair_is_the_same
    make_inputs '(30, 11, 10)' 1 '<f8'
    twice jacobian z.npy --axis 1
    twice jacobian z.npy --axis 1 --layout dense
    every_pair_is_the_same
    judge <<< "np.save('z.npy', logits(4000, 10, dtype='f4'))"
    "$SOFTJAC" jacobian z.npy --layout dense -o d.npy
    [ "$(stat -c %s d.npy)" -eq 6400000128 ]
    [ "$(stat -c %b d.npy)" -lt 800000 ]
}

@test "causal masks and broadcast ones are those of the whole array, wherever a slice begins" {
    need_numpy
    make_inputs '(50, 90, 90)' -1 '<f4'
    twice softmax z.npy --causal
    twice softmax z.npy --causal --lengths lengths.npy --bias bias.npy
    every_pair_is_the_same
}

@test "cross-entropy and mape of files larger than memory are to the bit what they are in it" {
    need_numpy
    make_inputs '(20000, 30)' -1 '<f4'
    for options in "--reduction mean" "--reduction sum --weights weights.npy" "--reduction none --z-loss 0.1" "--exact"; do
        # shellcheck disable=SC2086 # several words
        twice cross-entropy z.npy labels.npy $options
        # shellcheck disable=SC2086
        "$SOFTJAC" cross-entropy z.npz labels.npz $options --grad out/g.npz > /dev/null
        # shellcheck disable=SC2086
        "$SOFTJAC" cross-entropy z.npy labels.npy $options --grad out/g.npy --memory 1M > /dev/null
        every_pair_is_the_same
    done
    [ "$("$SOFTJAC" mape z.npy g.npy --memory 1M)" = "$("$SOFTJAC" mape z.npz g.npz)" ]
}

@test "rows longer than the memory that need all of a row at once are mapped: the same bytes" {
    need_numpy
    for dtype in '<f4' '>f8' '<i4'; do
        make_inputs '(2, 200000)' -1 "$dtype"
        twice gradient --class 3 z.npy
        twice vjp z.npy g.npy --log
        all_options
        every_pair_is_the_same
    done
    make_inputs '(100000, 5)' 0 '<f8'
    twice gradient --class 3 z.npy --axis 0
    all_options --axis 0
    every_pair_is_the_same
    make_inputs '(2, 600)' -1 '<f8'
    twice jacobian z.npy
    every_pair_is_the_same
}

@test "rows longer than the memory pass in pieces, within 2 ulp of the truth and within the contract of products" {
    need_numpy
    while read -r shape axis dtype; do
        make_inputs "$shape" "$axis" "$dtype"
        for command in softmax log-softmax logsumexp; do
            "$SOFTJAC" $command z.npy --axis "$axis" --memory 1M -o $command.npy
        done
        "$SOFTJAC" softmax z.npy --axis "$axis" --memory 1M --dtype f64 -o wide.npy
        "$SOFTJAC" vjp z.npy g.npy --axis "$axis" --memory 1M -o vjp.npy
        judge << PYTHON
z, g, axis = np.load("z.npy").astype("f8"), np.load("g.npy").astype("f8"), $axis
eps = EPS if np.load("softmax.npy").dtype == np.float64 else EPS32
x = z.astype(np.longdouble)
top = x.max(axis=axis, keepdims=True)
total = np.exp(x - top).sum(axis=axis, keepdims=True)
s, log = np.exp(x - top) / total, x - top - np.log(total)
close(np.load("softmax.npy"), s, eps)
close(np.load("wide.npy"), s)
close(np.load("log-softmax.npy"), log, eps)
close(np.load("logsumexp.npy"), (top + np.log(total)).squeeze(axis), eps)
d = g - np.take_along_axis(g, np.expand_dims(x.argmax(axis=axis), axis), axis)
mean = (s * d).sum(axis=axis, keepdims=True)
spread = (s * np.abs(d)).sum(axis=axis, keepdims=True)
bound = 2 * eps * s * ((1 - 2 * s) * np.abs(d) + spread)
assert (np.abs(np.load("vjp.npy") - s * (d - mean)) <= bound).all()
PYTHON
    done << 'CASES'
(3,300000) -1 <f4
(2,150000) -1 >f8
(120000,7) 0 <f4
(2,60000,9) 1 <f2
(400,1500) 0 <i2
CASES
}

@test "in pieces too, the number of threads does not show in the result, and bad rows stay alone" {
    need_numpy
    judge <<< "z = logits(4, 300000, dtype='f4'); z[1, 7] = np.nan; z[2, 9] = np.inf; z[3] = -np.inf; np.save('z.npy', z)"
    "$SOFTJAC" softmax z.npy --memory 1M --threads 1 -o one.npy
    "$SOFTJAC" softmax z.npy --memory 1M --threads 3 -o three.npy
    cmp one.npy three.npy
    "$SOFTJAC" softmax z.npy -o whole.npy
    "$SOFTJAC" softmax z.npy --memory 1M --nonfinite zero -o zero.npy
    judge << 'PYTHON'
pieces, whole, zero = np.load("one.npy"), np.load("whole.npy"), np.load("zero.npy")
assert (np.isnan(pieces) == np.isnan(whole)).all() and np.isnan(pieces[1:]).all() and np.isfinite(pieces[0]).all()
assert (zero[3] == 0).all()
PYTHON
}

# A file of zeros that takes no room on the disk: sparse NAME DTYPE SHAPE.
sparse() {
    judge << PYTHON
header = "{'descr': '$2', 'fortran_order': False, 'shape': $3, }"
header += " " * (-(len(header) + 11) % 64) + "\n"
with open("$1", "wb") as file:
    file.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode())
    file.truncate(10 + len(header) + int(np.prod($3, dtype=np.int64)) * np.dtype("$2").itemsize)
PYTHON
}

# Runs the rest and requires the largest resident set that the kernel saw to be under $1 MiB.
under() {
    local most=$1
    shift
    "$SOFTJAC_BUILD/tests/command/softjac_peak" peak "$@" > /dev/null
    [ "$(cat peak)" -lt $((most * 1024)) ] || { echo "$(cat peak) KiB: $*"; return 1; }
}

@test "the memory of gigabytes of input is some MiB, as the kernel counts it" {
    need_numpy
    sparse z.npy '<f4' '(1000000, 1000)'
    sparse labels.npy '<i8' '(1000000,)'
    sparse long.npy '<f4' '(1, 1000000000)'
    under 100 "$SOFTJAC" logsumexp z.npy -o l.npy
    under 100 "$SOFTJAC" logsumexp z.npy --axis 0 --memory 16M -o l.npy
    under 100 "$SOFTJAC" logsumexp long.npy --memory 16M -o l.npy
    # What is mapped is given back every few milliseconds.
    under 400 "$SOFTJAC" cross-entropy z.npy labels.npy --memory 16M
    sparse z.npy '<f4' '(250000, 1000)'
    under 100 "$SOFTJAC" softmax z.npy -o s.npy
}

# Starts the command in the background and waits for its temporary in out/, which has an old result already.
begin_long_job() {
    sparse z.npy '<f4' '(2000000, 1000)'
    mkdir out
    echo old > out/l.npy
    "$SOFTJAC" "$@" z.npy -o out/l.npy 2> message 3>&- &
    job=$!
    for ((i = 0; i < 500; i++)); do
        [ "$(find out -name '.softjac-*' | wc -l)" -eq 0 ] || return 0
        sleep 0.01
    done
    return 1
}

old_result_alone() {
    [ "$(ls -A out)" = l.npy ]
    [ "$(cat out/l.npy)" = old ]
}

@test "a signal half-way ends it at once and leaves the old result alone" {
    need_numpy
    for number in 15 1; do
        rm -rf out
        begin_long_job logsumexp
        kill -$number $job
        wait $job || status=$?
        [ "$status" -eq $((128 + number)) ]
        old_result_alone
    done
    # A shell starts its background jobs deaf to SIGINT.
    rm -rf out
    mkdir out
    echo old > out/l.npy
    run timeout -s INT 0.3 "$SOFTJAC" logsumexp z.npy -o out/l.npy
    [ "$status" -eq 124 ]
    old_result_alone
}

@test "an input that is cut short half-way is bad data, read or mapped, and leaves the old result alone" {
    need_numpy
    for options in "logsumexp" "logsumexp --axis 0 --temperature 2 --memory 1M"; do
        rm -rf out
        # shellcheck disable=SC2086 # several words
        begin_long_job $options
        truncate -s 1M z.npy
        status=0
        wait $job || status=$?
        [ "$status" -eq 65 ] || { echo "$options: $status: $(cat message)"; return 1; }
        [ -s message ]
        old_result_alone
    done
}

@test "a full disk is exit code 74, before anything is computed or half-way" {
    need_numpy
    command -v unshare > /dev/null || skip "unshare is not installed"
    unshare -rm true 2> /dev/null || skip "this system gives no namespace of its own"
    judge <<< "np.save('z.npy', logits(500000, 10, dtype='f4'))"
    cat > small.sh << 'SCRIPT'
mount -t tmpfs -o size=8m none "$1" || exit 99
cd "$1" && echo old > s.npy
"$2" softmax ../z.npy -o s.npy
echo "early $? $(ls -A)"
"$2" jacobian ../z.npy --layout dense -o s.npy
echo "late $? $(ls -A) $(cat s.npy)"
SCRIPT
    mkdir small
    run unshare -rm bash small.sh small "$SOFTJAC"
    [ "$status" -ne 99 ] || skip "this system mounts no file system for a user"
    [[ $output == *"s.npy: cannot be written: No space left"*"early 74 s.npy"* ]]
    [[ $output == *"No space left"*"late 74 s.npy old"* ]]
}

# verify $@ in parts finds what it finds of the whole, but how long it takes, and the dense Jacobians that it leaves out.
same_errors() {
    "$SOFTJAC" verify "$@" --json > whole.json || return 1
    "$SOFTJAC" verify "$@" --memory 1M --json > parts.json || return 1
    judge << 'PYTHON'
import json
def rows(name):
    found = [row for section in json.load(open(name))["sections"] for row in section.get("rows", [])]
    return [row for row in found if not row["form"].endswith("dense")]
whole, parts = rows("whole.json"), rows("parts.json")
assert len(whole) == len(parts) == 22
for a, b in zip(whole, parts):
    if a["mape_to_ad"] is not None:
        # a mean of means: the terms are added in another order, 4000 roundings at most
        np.testing.assert_allclose(b.pop("mape_to_ad"), a.pop("mape_to_ad"), rtol=4000 * EPS)
    a.pop("ms"), b.pop("ms")
    assert a == b, (a, b)
PYTHON
}

@test "verify takes rows in parts and finds the same errors, along any axis" {
    need_numpy
    judge <<< "z = logits(700, 7, dtype='f4'); z[5, 3] = np.nan; np.save('z.npy', z); np.save('a.npy', z.T.copy())"
    same_errors z.npy
    same_errors a.npy --axis 0 --exact
    judge <<< "z = np.full((700, 7), np.nan); z[650, 2:] = -3; z[650, :2] = [0, 1]; np.save('late.npy', z)"
    same_errors late.npy
}

@test "--memory takes bytes, K, M and G, from 1M on" {
    for size in 1M 1024K 1048576 2G; do "$SOFTJAC" softmax first.csv --memory $size > /dev/null; done
    for size in 0 1 1023K 1048575 -1 1.5G 4T M 1MB 99999999999999999999G 9999999999G; do
        fails 2 --memory "found '$size'" -- "$SOFTJAC" softmax first.csv --memory=$size
    done
    fails 2 "takes no --memory" -- "$SOFTJAC" info --memory 1M
}
