#!/usr/bin/env bats
# files.bats: .npy, .npz, CSV, TSV and pipes in and out, exchanged with NumPy both ways.

bats_require_minimum_version 1.5.0
load common

@test ".npz members by name, and the only member without one" {
    need_numpy
    judge <<< "z = logits(2, 5, 3)
np.savez('two.npz', labels=np.arange(3), logits=z); np.savez('one.npz', z)"
    "$SOFTJAC" softmax two.npz:logits --axis 1 -o a.npy
    "$SOFTJAC" softmax one.npz --axis 1 -o b.npz
    judge <<< "a = np.load('a.npy'); close(a, softmax(np.load('one.npz')['arr_0'], 1))
archive = np.load('b.npz'); assert np.array_equal(archive[archive.files[0]], a)"
    fails 65 two.npz logits -- "$SOFTJAC" softmax two.npz
    fails 65 two.npz absent -- "$SOFTJAC" softmax two.npz:absent
}

@test "compressed .npz, where the build has zlib" {
    need_numpy
    judge <<< "np.savez_compressed('z.npz', logits(50, 4)); np.save('z.npy', logits(50, 4))"
    run "$SOFTJAC" softmax z.npz -o a.npy
    [[ $status == 0 ]] || { [[ $output == *zlib* ]] && skip "built without zlib"; false; }
    "$SOFTJAC" softmax z.npy -o b.npy
    cmp a.npy b.npy
}

@test "CSV and TSV keep every digit" {
    need_numpy
    judge <<< "np.save('z.npy', logits(20, 3))"
    "$SOFTJAC" softmax z.npy -o s.npy
    "$SOFTJAC" softmax z.npy -o s.csv
    "$SOFTJAC" softmax z.npy -o s.tsv
    judge <<< "s = np.load('s.npy')
assert np.array_equal(np.loadtxt('s.csv', delimiter=','), s) and np.array_equal(np.loadtxt('s.tsv'), s)"
    "$SOFTJAC" log-softmax s.csv -o a.npy
    "$SOFTJAC" log-softmax s.npy -o b.npy
    cmp a.npy b.npy
}

@test "CSV text flows through a pipe of commands" {
    printf '1,2,3\n4,5,7\n' > z.csv
    "$SOFTJAC" log-softmax - < z.csv | "$SOFTJAC" softmax - > piped.csv
    "$SOFTJAC" softmax z.csv -o direct.csv
    # softmax is unchanged by the shift; each pass adds its own 2 ulp, logs below 4 add 4 eps to the exponent
    "$SOFTJAC" mape piped.csv direct.csv --json > out.json
    "$SOFTJAC_PYTHON" -c '
import json
assert json.load(open("out.json"))["sections"][0]["rows"][0]["max_relative_error"] < 8 * 2**-52'
}

@test ".npy flows through standard input as well" {
    need_numpy
    judge <<< "np.save('z.npy', logits(4, 3))"
    "$SOFTJAC" softmax - -o a.npy < z.npy
    "$SOFTJAC" softmax z.npy -o b.npy
    cmp a.npy b.npy
}

@test "-o replaces a file whole and leaves nothing beside it" {
    mkdir out
    echo old > out/s.csv
    "$SOFTJAC" softmax first.csv -o out/s.csv
    [ "$(ls -A out)" = s.csv ]
    [[ $(cat out/s.csv) == 1.84840852710350*e-08,0.164* ]]
}

@test "the format of -o is read as that of an input: in any case, and a file behind /dev/stdout is a stream" {
    "$SOFTJAC" softmax first.csv -o s.npy
    "$SOFTJAC" softmax first.csv -o S.NPY
    cmp s.npy S.NPY
    "$SOFTJAC" softmax first.csv -o s.csv
    [ -e /dev/stdout ] || skip "no /dev/stdout"
    "$SOFTJAC" softmax first.csv -o /dev/stdout > stdout.txt
    cmp s.csv stdout.txt
}

@test "float16 is the float32 result rounded once, in .npy, .npz and text" {
    need_numpy
    judge <<< "np.save('z.npy', logits(7, 300).astype(np.float32))"
    "$SOFTJAC" softmax z.npy -o single.npy
    "$SOFTJAC" softmax z.npy --dtype f16 -o half.npy
    "$SOFTJAC" softmax z.npy --dtype f16 -o half.npz
    "$SOFTJAC" softmax z.npy --dtype f16 -o half.csv
    "$SOFTJAC" log-softmax half.npy -o of_half.npy
    judge <<< "single, half = np.load('single.npy'), np.load('half.npy')
assert half.dtype == np.float16 and (half == single.astype(np.float16)).all() and half.min() < 6e-5
(packed,) = np.load('half.npz').values()
assert packed.dtype == np.float16 and (packed == half).all()
assert (np.loadtxt('half.csv', delimiter=',').astype(np.float16) == half).all()
assert np.load('of_half.npy').dtype == np.float32"
    fails 2 --dtype f16 "f32 or f64" -- "$SOFTJAC" verify --dtype f16
}

@test "input and output may be the same file" {
    cp first.csv z.csv
    "$SOFTJAC" softmax first.csv -o want.csv
    "$SOFTJAC" softmax z.csv -o z.csv
    cmp z.csv want.csv
}

@test "an array of three dimensions is refused as text, with the way out" {
    fails 2 "standard output" "3 dimensions" "-o OUT.npy" -- "$SOFTJAC" jacobian - < first.csv
    fails 2 out.csv "3 dimensions" -- "$SOFTJAC" jacobian first.csv -o out.csv
    [ ! -e out.csv ]
    fails 2 "--json" "-o -" -- "$SOFTJAC" softmax first.csv --json -o -
}

@test "names with spaces, quotes and a leading dash" {
    cp first.csv "a 'b' \"c\".csv"
    cp first.csv ./-dash.csv
    "$SOFTJAC" softmax "a 'b' \"c\".csv" -o "out put.csv"
    "$SOFTJAC" softmax -o d.csv -- -dash.csv
    cmp "out put.csv" d.csv
}
