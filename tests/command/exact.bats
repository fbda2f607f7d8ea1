#!/usr/bin/env bats
# exact.bats: --exact on the commands that compute and on verify: float32 correctly rounded, the same bits from every
# kernel set of this CPU, bounds of its own.

bats_require_minimum_version 1.5.0
load common

# same_bits WORD...: the command with --exact writes the same file with every kernel set.
same_bits() {
    SOFTJAC_ISA=scalar "$SOFTJAC" "$@" --exact -o scalar.npy
    for set in avx2 avx512; do
        SOFTJAC_ISA=$set "$SOFTJAC" "$@" --exact -o other.npy 2> refusal ||
            { grep -q SOFTJAC_ISA refusal && continue; }
        cmp scalar.npy other.npy || { echo "$set: $*"; return 1; }
    done
}

@test "--exact rounds float32 results correctly" {
    need_numpy
    judge <<< "np.save('z.npy', logits(400, 17, dtype='f4')); np.save('wide.npy', (9 * logits(400, 17)).astype('f4'))"
    for input in z wide; do
        "$SOFTJAC" softmax --exact $input.npy -o $input-s.npy
        "$SOFTJAC" log-softmax --exact $input.npy -o $input-log.npy
    done
    "$SOFTJAC" jacobian --exact z.npy -o z-j.npy
    # The long double truth is right to 2^-60 of an entry (1 - s > 0.05 in z: its Jacobian to 2^-58). What lies within
    # 2^-55 of a tie may round either way: one entry in 2^29.
    judge << 'PYTHON'
def check(name, want):
    got, slack = np.load(name), np.longdouble(2) ** -55
    low, high = (want * (1 - slack)).astype('f4'), (want * (1 + slack)).astype('f4')
    assert got.dtype == np.float32 and ((got == low) | (got == high)).all(), name
    assert (low == high).mean() > 0.999, name
def log_softmax(z):
    d = np.sort(z - z.max(axis=-1, keepdims=True), axis=-1)
    return z - z.max(axis=-1, keepdims=True) - np.log1p(np.exp(d[..., :-1]).sum(axis=-1, keepdims=True))
for name in 'z', 'wide':
    z = np.load(name + '.npy').astype(np.longdouble)
    check(name + '-s.npy', softmax(z))
    check(name + '-log.npy', log_softmax(z))
z = np.load('z.npy').astype(np.longdouble)
assert softmax(z).max() < 0.95
check('z-j.npy', blocks(z))
PYTHON
}

@test "--exact gives the same bits with every kernel set" {
    need_numpy
    judge <<< "np.save('z.npy', 3 * logits(40, 67)); np.save('g.npy', logits(40, 67, seed=2))"
    for dtype in f32 f64; do
        for form in softmax log-softmax logsumexp "gradient --class 2" jacobian "jacobian --log"; do
            read -ra words <<< "$form"
            same_bits "${words[@]}" --dtype $dtype z.npy
        done
        for form in vjp jvp "vjp --log" "jvp --log"; do
            read -ra words <<< "$form"
            same_bits "${words[@]}" --dtype $dtype z.npy g.npy
        done
    done
}

@test "verify judges each mode against its own bounds, and says which" {
    need_numpy
    judge <<< "np.save('z.npy', logits(40, 6))"
    run "$SOFTJAC" verify z.npy
    [ "$status" -eq 0 ]
    [[ $output == *"default mode"* && $output == *" 2 ulp "* && $output == *" 4u cond. "* && $output != *"0.5 ulp"* ]]
    run "$SOFTJAC" verify --exact z.npy
    [ "$status" -eq 0 ]
    [[ $output == *"exact mode"* && $output == *" 0.5 ulp "* && $output == *" 0.51 ulp "* ]]
    [[ $output == *" 1u cond. "* && $output != *" 2 ulp "* ]]
}

@test "commands that compute nothing take no --exact" {
    fails 2 "takes no --exact" -- "$SOFTJAC" mape --exact first.csv first.csv
    fails 2 "takes no --exact" -- "$SOFTJAC" info --exact
    fails 2 "--exact takes no value" -- "$SOFTJAC" softmax --exact=yes first.csv
    for command in softmax log-softmax logsumexp gradient jacobian vjp jvp verify; do
        "$SOFTJAC" $command --help | grep -q '^  --exact$'
    done
}
