#!/usr/bin/env bats
# derivatives.bats: gradient, jacobian, vjp, jvp and their log forms, and mape.

bats_require_minimum_version 1.5.0
load common

@test "gradient --class 3 prints the article's digits for both published runs" {
    run "$SOFTJAC" gradient --class 3 first.csv
    [[ $output == *"-1.36065919e-08 -1.20909680e-01 -7.33354278e-02  1.94245121e-01 -6.17738318e-13"* ]]
    run "$SOFTJAC" gradient --class 3 second.csv
    [[ $output == *"-2.51037917e-08 -4.13891554e-08 -4.59791984e-10  1.23446286e-04 -1.23379333e-04"* ]]
}

@test "[40, 0]: the Jacobian and the VJP keep the tail where s rounds to 1" {
    printf '40,0\n' > z.csv
    printf '1,0\n' > e0.csv
    run "$SOFTJAC" jacobian --layout sample:0 z.csv -o -
    tails "$output"
    [[ ${lines[0]} == 4.*,-4.* && ${lines[1]} == -4.*,4.* ]]
    run "$SOFTJAC" vjp z.csv e0.csv -o -
    tails "$output"
    [[ $output == 4.*,-4.* ]]
}

@test "every form on every axis of 1 to 4 dimensions, plain and log" {
    need_numpy
    for shape in 5 3,4 2,4,3 2,2,3,2; do
        judge <<< "np.save('z.npy', logits($shape)); np.save('g.npy', logits($shape, seed=2))"
        dimensions=$(tr -cd , <<< "$shape" | wc -c)
        for ((axis = 0; axis <= dimensions; axis++)); do
            for log in "" --log; do
                "$SOFTJAC" gradient z.npy --class 1 $log --axis $axis -o gradient.npy
                "$SOFTJAC" jacobian z.npy $log --axis $axis -o blocks.npy
                "$SOFTJAC" jacobian z.npy $log --axis $axis --layout dense -o dense.npy
                "$SOFTJAC" vjp z.npy g.npy $log --axis $axis -o vjp.npy
                "$SOFTJAC" jvp z.npy g.npy $log --axis $axis -o jvp.npy
                judge << PYTHON
z = np.load('z.npy'); g = np.load('g.npy'); axis, log = $axis, bool('$log')
close(np.load('gradient.npy'), np.moveaxis(blocks(z, axis, log)[..., 1, :], -1, axis))
close(np.load('blocks.npy'), blocks(z, axis, log))
close(np.load('dense.npy'), dense(z, axis, log))
product_close(np.load('vjp.npy'), z, g, axis, log, transposed=True)
product_close(np.load('jvp.npy'), z, g, axis, log)
PYTHON
            done
        done
    done
}

@test "--layout sample:I counts the rows of the flattened batch" {
    need_numpy
    judge <<< "np.save('z.npy', logits(2, 4, 3))"
    for row in 0 4 5; do
        "$SOFTJAC" jacobian z.npy --axis 1 --layout sample:$row -o sample.npy
        judge <<< "close(np.load('sample.npy'), blocks(np.load('z.npy'), 1).reshape(6, 4, 4)[$row])"
    done
    fails 2 sample:6 "below 6" z.npy -- "$SOFTJAC" jacobian z.npy --axis 1 --layout sample:6
}

@test "--given softmax differentiates from the result of the forward pass" {
    need_numpy
    judge <<< "np.save('z.npy', logits(6, 4)); np.save('g.npy', logits(6, 4, seed=2))"
    "$SOFTJAC" softmax z.npy -o s.npy
    "$SOFTJAC" jacobian z.npy -o a.npy
    "$SOFTJAC" jacobian --given softmax s.npy -o b.npy
    "$SOFTJAC" vjp --given softmax s.npy g.npy -o v.npy
    # s carries 2 ulp of the forward pass, and an entry is a product of two of its numbers
    judge <<< "a, b = np.load('a.npy'), np.load('b.npy')
assert (np.abs(a - b) <= 8 * EPS * np.abs(a)).all()
z, g = np.load('z.npy'), np.load('g.npy')
product_close(np.load('v.npy'), z, g, transposed=True, eps=3 * EPS)"
}

@test "a batch of many slices equals its parts, bit for bit" {
    need_numpy
    judge <<< "z = logits(30000, 12); np.save('z.npy', z); np.save('part.npy', z[29000:29010])
np.save('t.npy', np.ascontiguousarray(z.T)); np.save('tpart.npy', np.ascontiguousarray(z.T[:, 29000:29010]))"
    for form in "jacobian" "softmax" "gradient --class 2"; do
        read -ra words <<< "$form"
        "$SOFTJAC" "${words[@]}" z.npy -o all.npy
        "$SOFTJAC" "${words[@]}" part.npy -o part-out.npy
        judge <<< "assert np.array_equal(np.load('all.npy')[29000:29010], np.load('part-out.npy'))"
    done
    "$SOFTJAC" jacobian t.npy --axis 0 -o all.npy
    "$SOFTJAC" jacobian tpart.npy --axis 0 -o part-out.npy
    judge <<< "assert np.array_equal(np.load('all.npy')[29000:29010], np.load('part-out.npy'))"
}

@test "dense over several slices is zero between rows" {
    need_numpy
    judge <<< "np.save('z.npy', logits(300, 6))"
    "$SOFTJAC" jacobian --layout dense z.npy -o d.npy
    judge <<< "z, d = np.load('z.npy'), np.load('d.npy')
rows = np.arange(300)
close(d[rows, :, rows, :], blocks(z))
d[rows, :, rows, :] = 0
assert not d.any()"
}

@test "a result that fits neither memory nor the disk is refused before it is computed" {
    need_numpy
    judge <<< "np.save('tall.npy', np.zeros((400000, 10), 'f4')); np.save('wide.npy', np.zeros((1, 4000000), 'f4'))"
    fails 71 "needs 64000000000000 bytes" available "--layout blocks" -- "$SOFTJAC" jacobian --layout dense tall.npy
    fails 71 "needs 64000000000000 bytes" available vjp -- "$SOFTJAC" jacobian wide.npy -o out.npz
    fails 74 "needs 64000000000000 bytes" vjp -- "$SOFTJAC" jacobian wide.npy -o out.npy
    [ ! -e out.npy ]
}

@test "cotangents of another shape are refused with both shapes" {
    need_numpy
    judge <<< "np.save('z.npy', np.zeros((3, 4))); np.save('g.npy', np.zeros((4, 3)))"
    fails 65 g.npy "(4, 3)" "(3, 4)" z.npy -- "$SOFTJAC" vjp z.npy g.npy
}

@test "classes and axes outside the array are refused" {
    fails 2 "--class" "found 5" "0 to 4" first.csv -- "$SOFTJAC" gradient --class 5 first.csv
    fails 2 "--axis" "found 2" "-2 to 1" "(1, 5)" first.csv -- "$SOFTJAC" softmax --axis 2 first.csv
    fails 2 "--class" "-1" -- "$SOFTJAC" gradient --class -1 first.csv
    fails 2 "needs --class" -- "$SOFTJAC" gradient first.csv
}

@test "mape is the metric of the article, as a fraction" {
    printf '1,2,0,4\n' > true.csv
    printf '1.5,2,0.25,3\n' > pred.csv
    "$SOFTJAC" mape pred.csv true.csv --json > out.json
    # (0.5/1 + 0 + |0.25| + 1/4) / 4, and the zero predicted as 0.25
    "$SOFTJAC_PYTHON" -c '
import json
row = json.load(open("out.json"))["sections"][0]["rows"][0]
assert row == {"shape": "(1, 4)", "mape": 0.25, "max_relative_error": "inf"}, row'
    fails 65 first.csv "(1, 5)" "(1, 4)" -- "$SOFTJAC" mape first.csv true.csv
}
