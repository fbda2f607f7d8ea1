#!/usr/bin/env bats
# losses.bats: cross-entropy, and the way of docs/losses.md for a loss of one's own.

bats_require_minimum_version 1.5.0
load common

@test "cross-entropy of labels keeps the tail where s rounds to 1" {
    printf '40,0\n40,0\n' > z.csv
    printf '0\n1\n' > y.csv
    run "$SOFTJAC" cross-entropy z.csv y.csv --reduction none --grad g.csv -o -
    [[ $output == 4.24835425529*e-18,40 ]]
    tails "$(head -n 1 g.csv | cut -d, -f 2)"
    [[ $(head -n 1 g.csv) == -4.24835425529*e-18,* ]]
    run "$SOFTJAC" cross-entropy z.csv y.csv --reduction none --grad g.csv -o - --exact
    [[ $output == 4.248354255291589e-18,40 ]]
    [[ $(head -n 1 g.csv) == -4.248354255291589e-18,4.248354255291589e-18 ]]
}

@test "every option agrees with its formula in NumPy, on any axis" {
    need_numpy
    judge <<< "np.save('z.npy', logits(4,3,5)); np.save('w.npy', np.arange(1., 4)); rng = np.random.RandomState(3)
np.save('y.npy', rng.randint(0, 3, (4, 5)))"
    "$SOFTJAC" cross-entropy z.npy y.npy --axis 1 --weights w.npy --label-smoothing 0.1 --ignore-index 2 \
        --z-loss 0.01 --grad g.npy -o mean.npy
    judge << 'PYTHON'
z, y, w = (np.load(name + '.npy') for name in 'zyw')
z = np.moveaxis(z, 1, -1)
top = z.max(-1, keepdims=True)
lse = (top + np.log(np.exp(z - top).sum(-1, keepdims=True)))
p = w * (0.9 * np.eye(3)[y] + 0.1 / 3)
kept = y != 2
loss = (p * (lse - z)).sum(-1) + 0.01 * lse[..., 0] ** 2
divisor = w[y][kept].sum()
grad = np.exp(z - lse) * (p.sum(-1, keepdims=True) + 0.02 * lse) - p
assert abs(np.load('mean.npy') - loss[kept].sum() / divisor) < 1e-13
assert abs(np.moveaxis(np.load('g.npy'), 1, -1) - grad * kept[..., None] / divisor).max() < 1e-13
PYTHON
}

@test "probabilities in the shape of the logits are a target" {
    printf '0,0\n' > z.csv
    printf '0.25,0.75\n' > p.csv
    run "$SOFTJAC" cross-entropy z.csv p.csv --grad g.csv -o -
    [[ $output == 0.693147180559945* ]]
    [[ $(cat g.csv) == 0.25,-0.25 ]]
}

@test "what is wrong is named" {
    printf '1,2\n3,4\n' > z.csv
    printf '0\n2\n' > high.csv
    printf '0\n0.5\n' > half.csv
    printf '1,2,3\n' > w.csv
    fails 65 high.csv "label 2" "0 to 1" -- "$SOFTJAC" cross-entropy z.csv high.csv
    fails 65 half.csv 0.5 "whole number" -- "$SOFTJAC" cross-entropy z.csv half.csv
    fails 65 w.csv "3 weights" "expected 2" -- "$SOFTJAC" cross-entropy z.csv z.csv --weights w.csv
    fails 65 w.csv "(1, 3)" -- "$SOFTJAC" cross-entropy z.csv w.csv
    fails 2 --reduction most -- "$SOFTJAC" cross-entropy z.csv z.csv --reduction most
    fails 2 --label-smoothing x -- "$SOFTJAC" cross-entropy z.csv z.csv --label-smoothing x
    fails 2 label_smoothing 2 -- "$SOFTJAC" cross-entropy z.csv z.csv --label-smoothing 2
}

@test "a loss of one's own: the sum of squares of docs/losses.md" {
    printf '1.0986122886681098,0\n' > logits.csv
    "$SOFTJAC" softmax logits.csv -o s.csv
    awk -F, '{ for (q = 1; q <= NF; q++) printf "%.17g%s", 2 * $q, q < NF ? "," : "\n" }' s.csv > dL_ds.csv
    "$SOFTJAC" vjp logits.csv dL_ds.csv -o dL_dz.csv
    awk -F, '{ exit !($1 - 0.1875 < 1e-16 && 0.1875 - $1 < 1e-16 && ($1 + $2) ^ 2 < 1e-32) }' dL_dz.csv
}
