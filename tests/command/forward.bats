#!/usr/bin/env bats
# forward.bats: softmax, log-softmax, logsumexp; values, shapes, dtypes, how results print.

bats_require_minimum_version 1.5.0
load common

@test "the article's first row prints the article's digits" {
    run "$SOFTJAC" softmax first.csv
    [ "$status" -eq 0 ]
    [[ $output == *"1.84840853e-08 1.64251625e-01 9.96236462e-02 7.36124711e-01 8.39176173e-13"* ]]
}

@test "the second published run prints its digits" {
    run "$SOFTJAC" softmax second.csv
    [[ $output == *"2.51068914e-08 4.13942660e-08 4.59848757e-10 9.99876538e-01 1.23394568e-04"* ]]
}

@test "the overflow section: first row times 100, exact zeros and tiny numbers" {
    printf -- '-1750,-150,-200,0,-2750\n' > hot.csv
    run "$SOFTJAC" softmax hot.csv
    [[ $output == *" 0 7.17509597e-66 1.38389653e-87 "*" 0]]"* ]]
    printf -- '-450,-650,-700,0\n' > tails.csv
    run "$SOFTJAC" softmax tails.csv
    [[ $output == *"3.69388307e-196 5.11195195e-283 9.85967654e-305"* ]]
}

# Twelve digits of each number: the last of those a result has may depend on the way to it.
twelve_digits() { tr ',' '\n' | xargs printf '%.12g\n'; }

@test "a temperature divides the logits, and derivatives" {
    printf '1,3,-2\n' > z.csv
    printf '2,6,-4\n' > doubled.csv
    printf -- '-1,-3,2\n' > negated.csv
    for command in softmax log-softmax logsumexp; do
        for case in '0.5 doubled.csv' '-1 negated.csv'; do
            want=$("$SOFTJAC" $command "${case#* }" -o - | twelve_digits)
            [ "$("$SOFTJAC" $command --temperature "${case% *}" z.csv -o - | twelve_digits)" = "$want" ]
        done
    done
    want=$("$SOFTJAC" gradient --class 0 negated.csv -o - | twelve_digits | sed 's/^-/+/; t; s/^/-/' | tr -d '+')
    [ "$("$SOFTJAC" gradient --class 0 --temperature=-1 z.csv -o - | twelve_digits)" = "$want" ]
}

@test "temperature 0 is the argmax with --nonfinite limit, else an error" {
    printf '1,7,7\n' > z.csv
    run -2 --separate-stderr "$SOFTJAC" softmax --temperature 0 z.csv
    [[ $stderr == *"options.scale"* ]]
    run "$SOFTJAC" softmax --temperature 0 --nonfinite limit z.csv -o -
    [ "$output" = "0,0.5,0.5" ]
    run -2 --separate-stderr "$SOFTJAC" softmax --temperature warm z.csv
    [[ $stderr == *"--temperature: found 'warm', expected a finite number"* ]]
}

@test "log-softmax and logsumexp keep the tail of [40, 0]" {
    printf '40,0\n' > z.csv
    printf '0,-40\n' > shifted.csv
    run "$SOFTJAC" log-softmax z.csv -o -
    tails "$output"
    [[ $output == -4.*e-18,-40* ]]
    run "$SOFTJAC" logsumexp shifted.csv -o -
    tails "$output"
}

@test "every axis of arrays of 1 to 5 dimensions" {
    need_numpy
    for shape in 7 4,3 2,3,4 2,3,2,4 2,1,3,2,2; do
        judge <<< "np.save('z.npy', logits($shape))"
        dimensions=$(tr -cd , <<< "$shape" | wc -c)
        for ((axis = -dimensions - 1; axis <= dimensions; axis++)); do
            "$SOFTJAC" softmax z.npy --axis $axis -o s.npy
            "$SOFTJAC" log-softmax z.npy --axis=$axis -o l.npy
            "$SOFTJAC" logsumexp z.npy --axis $axis -o lse.npy
            judge << PYTHON
z = np.load('z.npy'); s = softmax(z, $axis)
close(np.load('s.npy'), s)
close(np.load('l.npy'), np.log(s))
# logsumexp near 0 is ill-conditioned: its bound is absolute, 2 u max(|max|, log1p(T)), both below 5 here
lse = np.log(np.exp(z.astype(np.longdouble)).sum(axis=$axis))
got = np.load('lse.npy')
assert got.shape == lse.shape and (np.abs(got - lse) <= 5 * EPS).all()
PYTHON
        done
    done
}

@test "32 dimensions, the most there are" {
    need_numpy
    judge <<< "z = logits(3, 2, 4)
header = repr({'descr': '<f8', 'fortran_order': False, 'shape': (3, 2, 4) + (1,) * 29}).encode()
header += b' ' * (-(len(header) + 11) % 64) + b'\n'
open('z.npy', 'wb').write(b'\x93NUMPY\x01\x00' + len(header).to_bytes(2, 'little') + header + z.tobytes())
np.save('flat.npy', z)"
    "$SOFTJAC" softmax z.npy --axis 1 -o s.npy
    judge <<< "close(np.load('s.npy').reshape(3, 2, 4), softmax(np.load('flat.npy'), 1))"
}

@test "float32 stays float32, --dtype chooses the result's dtype, f2 and integers are promoted" {
    need_numpy
    judge <<< "z = np.arange(12).reshape(3, 4) / 4
np.save('d.npy', z); np.save('f.npy', z.astype('f4')); np.save('h.npy', z.astype('f2'))
np.save('i.npy', np.arange(12).reshape(3, 4)); np.save('big.npy', z.astype('>f8'))
np.save('fortran.npy', np.asfortranarray(z))"
    for name in d f h i big fortran; do "$SOFTJAC" softmax $name.npy -o s-$name.npy; done
    "$SOFTJAC" softmax d.npy --dtype f32 -o narrow.npy
    "$SOFTJAC" softmax f.npy --dtype f64 -o wide.npy
    judge <<< "want = softmax(np.load('d.npy')); load = np.load
assert load('s-d.npy').dtype == 'f8' and load('s-f.npy').dtype == 'f4' and load('s-h.npy').dtype == 'f4'
assert load('s-i.npy').dtype == 'f8' and load('narrow.npy').dtype == 'f4' and load('wide.npy').dtype == 'f8'
close(load('s-i.npy'), softmax(np.arange(12.).reshape(3, 4)))
for name in ('s-d', 's-big', 's-fortran', 'wide'): close(load(name + '.npy'), want)
for name in ('s-f', 's-h', 'narrow'): close(load(name + '.npy'), want, EPS32)"
}

@test "a large result prints its corners and says how to save it" {
    need_numpy
    judge <<< "np.save('z.npy', logits(400, 10)); np.save('deep.npy', logits(*[2] * 14))"
    run --separate-stderr "$SOFTJAC" softmax z.npy
    [ "${lines[0]}" = "float64 (400, 10)" ]
    [ "${#lines[@]}" -eq 8 ]
    [[ $output == *...* && $stderr == *"-o OUT.npy"* ]]
    run --separate-stderr "$SOFTJAC" softmax --quiet z.npy
    [ -z "$stderr" ]
    run --separate-stderr "$SOFTJAC" softmax --quiet deep.npy
    [ "$status" -eq 0 ]
    [ "$(wc -w <<< "$output")" -lt 2500 ]
}

@test "exactly 1000 elements print whole" {
    need_numpy
    judge <<< "np.save('z.npy', logits(100, 10))"
    run --separate-stderr "$SOFTJAC" softmax z.npy
    [ "${#lines[@]}" -eq 101 ]
    [ -z "$stderr" ]
    [[ $output != *...* ]]
}

@test "empty arrays succeed" {
    need_numpy
    judge <<< "np.save('a.npy', np.zeros((0, 5))); np.save('b.npy', np.zeros((3, 0)))"
    for file in a b; do
        "$SOFTJAC" softmax $file.npy -o s-$file.npy
        "$SOFTJAC" logsumexp $file.npy -o l-$file.npy
        run "$SOFTJAC" jacobian $file.npy
        [ "$status" -eq 0 ]
    done
    judge <<< "assert np.load('s-a.npy').shape == (0, 5) and np.load('s-b.npy').shape == (3, 0)
assert np.load('l-a.npy').shape == (0,) and (np.load('l-b.npy') == -np.inf).all() and np.load('l-b.npy').shape == (3,)"
}

@test "--nonfinite: ieee, limit, zero" {
    printf 'inf,0,inf\n-inf,-inf,-inf\n0,-inf,0\n' > z.csv
    run "$SOFTJAC" softmax z.csv
    [ "${lines[1]}" = "[[nan nan nan]" ]
    [ "${lines[2]}" = " [nan nan nan]" ]
    [ "${lines[3]}" = " [0.5   0 0.5]]" ]
    run "$SOFTJAC" softmax z.csv --nonfinite limit
    [ "${lines[1]}" = "[[0.5   0 0.5]" ]
    [ "${lines[2]}" = " [nan nan nan]" ]
    run "$SOFTJAC" softmax z.csv --nonfinite zero
    [ "${lines[1]}" = "[[nan nan nan]" ]
    [ "${lines[2]}" = " [  0   0   0]" ]
}

@test "--json is JSON, with nan and inf as strings" {
    printf 'nan,0\n-inf,0\n' > z.csv
    "$SOFTJAC" log-softmax z.csv --json > out.json
    "$SOFTJAC_PYTHON" -m json.tool out.json > /dev/null
    "$SOFTJAC_PYTHON" -c '
import json
d = json.load(open("out.json"))
assert d == {"command": "log-softmax", "dtype": "float64", "shape": [2, 2],
             "data": [["nan", "nan"], ["-inf", 0.0]]}, d'
}

@test "--json beside -o describes what was saved" {
    "$SOFTJAC" softmax first.csv --json -o 'a"b.npy' > out.json
    "$SOFTJAC_PYTHON" -c '
import json
assert json.load(open("out.json")) == {"command": "softmax", "dtype": "float64", "shape": [1, 5], "output": "a\"b.npy"}'
}

@test "every kernel set of this build that this CPU runs gives the article's digits" {
    sets=$("$SOFTJAC" info | sed -n 's/^kernel sets built *//p' | tr -d ,)
    [ -n "$sets" ]
    for set in $sets; do
        SOFTJAC_ISA=$set run "$SOFTJAC" softmax first.csv
        [[ $status == 0 || $output == *"does not run"* ]]
        [[ $status != 0 || $output == *"1.84840853e-08 1.64251625e-01 9.96236462e-02 7.36124711e-01"* ]]
    done
}
