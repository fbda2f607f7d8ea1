#!/usr/bin/env bats
# masks.bats: --mask, --lengths, --causal, --bias and --sink on every command that takes them; what they refuse.

bats_require_minimum_version 1.5.0
load common

# every_form WORD...: the forms of z.npy and g.npy on axis -1, with these options, each into a file of its name.
every_form() {
    for form in softmax log-softmax logsumexp; do "$SOFTJAC" $form z.npy "$@" -o $form.npy; done
    for log in "" --log; do
        "$SOFTJAC" gradient --class 1 $log z.npy "$@" -o gradient$log.npy
        "$SOFTJAC" jacobian $log z.npy "$@" -o jacobian$log.npy
        "$SOFTJAC" vjp $log z.npy g.npy "$@" -o vjp$log.npy
        "$SOFTJAC" jvp $log z.npy g.npy "$@" -o jvp$log.npy
    done
}

# true_forms AXIS KEEP: what every_form wrote, judged over the entries of the Python expression KEEP.
true_forms() {
    judge << PYTHON
z, g, axis = np.load('z.npy'), np.load('g.npy'), $1
keep = np.broadcast_to($2, z.shape)
assert 0 < keep.sum() < keep.size
s = softmax(z, axis, keep)
close(np.load('softmax.npy'), s)
got, kept = np.load('log-softmax.npy'), s > 0
close(got[kept], np.log(s[kept])), np.testing.assert_array_equal(got[~kept], -np.inf)
# near 0 logsumexp is ill-conditioned: its bound is absolute, 2 u max(|max|, log1p(T)), both below 5 here
got, lse = np.load('logsumexp.npy'), np.where(keep, np.exp(z.astype(np.longdouble)), 0).sum(axis)
full = lse > 0
assert (np.abs(got[full] - np.log(lse[full])) <= 5 * EPS).all() and (got[~full] == -np.inf).all()
for log in False, True:
    of = '--log.npy' if log else '.npy'
    j = blocks(z, axis, log, keep)
    close(np.load('jacobian' + of), j)
    close(np.load('gradient' + of), np.moveaxis(j[..., 1, :], -1, axis))
    product_close(np.load('vjp' + of), z, g, axis, log, transposed=True, keep=keep)
    product_close(np.load('jvp' + of), z, g, axis, log, keep=keep)
PYTHON
}

@test "--mask: every form, on any axis, of masks that broadcast; masked entries are never read" {
    need_numpy
    for case in '4,5 4,5 -1' '4,5 5, -1' '3,4,5 4,1 1' '2,3,4 3,4 0' '2,3,4 1,3,1 1'; do
        read -r shape mask axis <<< "$case"
        judge << PYTHON
rng = np.random.default_rng(5)
z, g, keep = logits($shape), logits($shape, seed=2), rng.random(($mask)) < 0.6
keep[..., 0] = ~keep[..., -1] # never all, nor none
z[~np.broadcast_to(keep, z.shape)] = np.nan
g[~np.broadcast_to(keep, z.shape)] = np.inf
np.save('z.npy', z), np.save('g.npy', g), np.save('keep.npy', keep)
PYTHON
        every_form --axis "$axis" --mask keep.npy
        judge <<< "np.save('z.npy', np.nan_to_num(np.load('z.npy')))" # 0 in the truth's place of NaN
        true_forms "$axis" "np.load('keep.npy')"
    done
}

@test "a mask may be booleans, integers, 0.0 and 1.0, a member of .npz, or text" {
    need_numpy
    judge << 'PYTHON'
z, keep = logits(3, 4), np.array([[1, 0, 1, 1], [0, 1, 0, 1], [1, 1, 1, 0]], bool)
np.save('z.npy', z), np.save('bool.npy', keep), np.save('int.npy', keep.astype('i4')), np.save('f.npy', keep.astype('f4'))
np.savez('two.npz', z=z, keep=np.asfortranarray(keep)), np.savetxt('text.csv', keep, fmt='%d', delimiter=',')
np.savez('want.npz', softmax(z, keep=keep).astype('f8'))
PYTHON
    for mask in bool.npy int.npy f.npy two.npz:keep text.csv; do
        "$SOFTJAC" softmax z.npy --mask $mask -o s.npy
        judge <<< "close(np.load('s.npy'), softmax(np.load('z.npy'), keep=np.load('bool.npy')))"
    done
    "$SOFTJAC" softmax two.npz:z --mask - -o - < text.csv > piped.csv
    "$SOFTJAC" softmax z.npy --mask bool.npy -o s.csv
    cmp piped.csv s.csv
}

@test "with --exact a mask gives the bits of logits of -inf" {
    need_numpy
    judge << 'PYTHON'
z, keep = 9 * logits(30, 70), np.random.default_rng(3).random((30, 70)) < 0.5
np.save('z.npy', z), np.save('keep.npy', keep), np.save('low.npy', np.where(keep, z, -np.inf)), np.save('g.npy', z[::-1])
PYTHON
    for form in softmax log-softmax logsumexp "gradient --class 3" jacobian; do
        read -ra words <<< "$form"
        "$SOFTJAC" "${words[@]}" --exact z.npy --mask keep.npy -o masked.npy
        "$SOFTJAC" "${words[@]}" --exact low.npy -o low-form.npy
        cmp masked.npy low-form.npy
    done
}

@test "--lengths: the first entries of each row, on any axis, as text in a row or a column too" {
    need_numpy
    judge <<< "np.save('z.npy', logits(5, 6)), np.save('g.npy', logits(5, 6, seed=2)), np.save('n.npy', np.array([3, 6, 0, 1, 5]))"
    every_form --lengths n.npy
    true_forms -1 "np.arange(6) < np.load('n.npy')[:, None]"
    "$SOFTJAC" softmax z.npy --lengths n.npy -o want.npy
    printf '3,6,0,1,5\n' > row.csv
    tr , '\n' < row.csv > column.csv
    for file in row.csv column.csv; do
        "$SOFTJAC" softmax z.npy --lengths $file -o s.npy
        cmp s.npy want.npy
    done
    judge <<< "np.save('z.npy', logits(2, 6, 3)), np.save('g.npy', logits(2, 6, 3, seed=2)), np.save('n.npy', np.array([[2], [5]], 'u1'))"
    every_form --axis 1 --lengths n.npy
    true_forms 1 "np.arange(6)[:, None] < np.load('n.npy')[:, :, None]"
    printf '4\n' > four.csv
    "$SOFTJAC" softmax first.csv --lengths four.csv -o - > one.csv
    [[ $(cat one.csv) == *,0 ]]
}

@test "--causal: row i keeps i + 1 entries, in batches, of more rows than classes and of fewer" {
    need_numpy
    for shape in 5,5 2,7,4 2,3,3,6; do
        judge <<< "np.save('z.npy', logits($shape)), np.save('g.npy', logits($shape, seed=2))"
        every_form --causal
        true_forms -1 "np.tri(*z.shape[-2:], dtype=bool)"
    done
}

@test "--mask, --lengths and --causal together let in what all of them do" {
    need_numpy
    judge << 'PYTHON'
np.save('z.npy', logits(3, 8, 8)), np.save('g.npy', logits(3, 8, 8, seed=2)), np.save('n.npy', np.array([[8], [3], [0]]))
np.save('keep.npy', np.random.default_rng(4).random(8) < 0.7)
PYTHON
    every_form --causal --lengths n.npy --mask keep.npy
    true_forms -1 "np.tri(8, dtype=bool) & (np.arange(8) < np.load('n.npy')[:, :, None]) & np.load('keep.npy')"
}

@test "a batch of many slices keeps each row its mask, along either axis" {
    need_numpy
    judge << 'PYTHON'
z, keep, n = logits(30000, 40), np.random.default_rng(6).random((30000, 40)) < 0.5, np.arange(30000) % 41
np.savez('all.npz', z=z, keep=keep, n=n), np.savez('part.npz', z=z[28990:29010], keep=keep[28990:29010], n=n[28990:29010])
np.savez('tall.npz', z=z.T, keep=keep.T)
PYTHON
    for name in all part; do
        "$SOFTJAC" softmax $name.npz:z --mask $name.npz:keep --lengths $name.npz:n -o $name.npy
        "$SOFTJAC" softmax --exact $name.npz:z --mask $name.npz:keep -o $name-e.npy
    done
    "$SOFTJAC" softmax --exact --axis 0 tall.npz:z --mask tall.npz:keep -o tall-e.npy
    judge <<< "load = np.load
assert np.array_equal(load('all.npy')[28990:29010], load('part.npy'))
assert np.array_equal(load('all-e.npy')[28990:29010], load('part-e.npy'))
assert np.array_equal(load('tall-e.npy').T, load('all-e.npy'))"
}

@test "--layout sample:I takes its row of every array" {
    need_numpy
    judge << 'PYTHON'
np.save('z.npy', logits(2, 4, 3)), np.save('keep.npy', np.random.default_rng(8).random((2, 4, 3)) < 0.7)
np.save('n.npy', np.array([[4, 3, 2], [1, 4, 0]])), np.save('b.npy', logits(4, 3, seed=3)), np.save('sink.npy', logits(3, seed=4))
PYTHON
    options=(--axis 1 --mask keep.npy --lengths n.npy --bias b.npy --sink sink.npy)
    "$SOFTJAC" jacobian z.npy "${options[@]}" -o blocks.npy
    for row in 0 2 4 5; do
        "$SOFTJAC" jacobian z.npy "${options[@]}" --layout sample:$row -o sample.npy
        judge <<< "close(np.load('sample.npy'), np.load('blocks.npy').reshape(6, 4, 4)[$row])"
    done
}

@test "--bias is added to logits / T, --sink stands in the denominator alone" {
    need_numpy
    judge << 'PYTHON'
z, bias, sink = logits(2, 3, 5), logits(3, 5, seed=2), logits(3, seed=3)
bias[1, 2] = -np.inf
np.save('z.npy', z), np.save('g.npy', logits(2, 3, 5, seed=4)), np.save('b.npy', bias), np.save('sink.npy', sink.astype('f4'))
PYTHON
    "$SOFTJAC" softmax z.npy --temperature 0.5 --bias b.npy -o a.npy
    "$SOFTJAC" softmax z.npy --bias b.npy --sink sink.npy -o s.npy
    "$SOFTJAC" vjp z.npy g.npy --temperature 0.5 --bias b.npy -o v.npy
    printf '0\n' > zero.csv
    "$SOFTJAC" softmax z.npy --sink zero.csv -o one.npy
    judge << 'PYTHON'
z, g, b = (np.load(name + '.npy').astype(np.longdouble) for name in 'zgb')
close(np.load('a.npy'), softmax(2 * z + b))
def beside(x, sink): return softmax(np.concatenate([x, np.broadcast_to(sink, z.shape[:2])[..., None]], -1))[..., :-1]
close(np.load('s.npy'), beside(z + b, np.load('sink.npy')))
close(np.load('one.npy'), beside(z, 0.))
product_close(np.load('v.npy') / 2, 2 * z + b, g, transposed=True)
PYTHON
}

@test "--given softmax reads no masked entry" {
    need_numpy
    judge << 'PYTHON'
z, keep = logits(6, 4), np.array([True, False, True, True])
np.save('z.npy', z), np.save('g.npy', logits(6, 4, seed=2)), np.save('keep.npy', keep)
np.save('s.npy', np.where(keep, softmax(z, keep=keep), np.nan).astype('f8'))
PYTHON
    "$SOFTJAC" vjp --given softmax s.npy g.npy --mask keep.npy -o v.npy
    # s is the rounded truth: half an ulp more than from logits
    judge <<< "product_close(np.load('v.npy'), np.load('z.npy'), np.load('g.npy'), transposed=True, eps=2 * EPS, keep=np.load('keep.npy'))"
}

@test "a file that does not fit is bad data, with both shapes or the place" {
    need_numpy
    judge << 'PYTHON'
np.save('z.npy', logits(3, 4)), np.save('turned.npy', np.ones((4, 3), bool)), np.save('deep.npy', np.ones((2, 3, 4), bool))
np.save('added.npy', np.array([[0, 0, 0, -np.inf]])), np.save('two.npy', np.full((3, 4), 2)), np.save('c.npy', np.ones(4, 'c16'))
np.save('long.npy', np.array([4, 5, 1])), np.save('below.npy', np.array([4, -1, 1])), np.save('half.npy', np.array([4, 1, 1.5]))
np.save('four.npy', np.array([1, 2, 3, 4]))
PYTHON
    for option in mask bias; do
        fails 65 turned.npy "(4, 3)" "broadcasts to (3, 4)" z.npy -- "$SOFTJAC" softmax z.npy --$option turned.npy
        fails 65 deep.npy "(2, 3, 4)" "broadcasts to (3, 4)" -- "$SOFTJAC" softmax z.npy --$option deep.npy
    done
    for option in lengths sink; do
        fails 65 four.npy "(4,)" "broadcasts to (3,)" "each row of z.npy" -- "$SOFTJAC" softmax z.npy --$option four.npy
    done
    fails 65 added.npy "-inf at (0, 3)" "0 to 1" --bias -- "$SOFTJAC" softmax z.npy --mask added.npy
    fails 65 two.npy "2 at (0, 0)" "0 to 1" -- "$SOFTJAC" softmax z.npy --mask two.npy
    fails 65 c.npy c16 -- "$SOFTJAC" softmax z.npy --mask c.npy
    fails 65 long.npy "5 at (1,)" "0 to 4" -- "$SOFTJAC" softmax z.npy --lengths long.npy
    fails 65 below.npy "-1 at (1,)" "0 to 4" -- "$SOFTJAC" softmax z.npy --lengths below.npy
    fails 65 half.npy "1.5 at (2,)" "whole number" -- "$SOFTJAC" softmax z.npy --lengths half.npy
    fails 66 absent.npy -- "$SOFTJAC" softmax z.npy --mask absent.npy
}

@test "what cannot be together is wrong use" {
    need_numpy
    printf '4\n' > four.csv
    judge <<< "np.save('flat.npy', logits(4)), np.save('z.npy', logits(3, 4)), np.save('keep.npy', np.ones(4, bool))"
    fails 2 --causal "1 dimension" flat.npy -- "$SOFTJAC" softmax flat.npy --causal
    fails 2 --causal "class axis 0 of 2" "the last" -- "$SOFTJAC" softmax z.npy --axis 0 --causal
    fails 2 "--causal takes no value" -- "$SOFTJAC" softmax z.npy --causal=yes
    fails 2 options.bias exact -- "$SOFTJAC" softmax z.npy --exact --bias z.npy
    fails 2 options.sink exact -- "$SOFTJAC" softmax z.npy --exact --sink four.csv
    fails 2 "read once" -- "$SOFTJAC" softmax - --mask -
    fails 2 "read once" -- "$SOFTJAC" softmax z.npy --mask - --lengths -
    fails 2 "takes no --mask" -- "$SOFTJAC" cross-entropy z.npy z.npy --mask keep.npy
    fails 2 "takes no --causal" -- "$SOFTJAC" verify z.npy --causal
}

@test "arrays without elements take masks" {
    need_numpy
    judge << 'PYTHON'
np.save('none.npy', np.zeros((3, 0))), np.save('keep.npy', np.ones((3, 0), bool)), np.save('n.npy', np.zeros(3))
np.save('sink.npy', np.array([1., 2, 3])), np.save('no-rows.npy', np.zeros((0, 5)))
header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904, 0)}\n"
open('huge.npy', 'wb').write(b'\x93NUMPY\x01\x00' + len(header).to_bytes(2, 'little') + header)
PYTHON
    "$SOFTJAC" softmax none.npy --mask keep.npy --lengths n.npy --causal -o s.npy
    "$SOFTJAC" logsumexp none.npy --sink sink.npy -o l.npy
    "$SOFTJAC" softmax no-rows.npy --causal -o r.npy
    judge <<< "assert np.load('s.npy').shape == (3, 0) and np.load('r.npy').shape == (0, 5)
assert np.array_equal(np.load('l.npy'), [1, 2, 3])"
    run timeout 10 "$SOFTJAC" softmax huge.npy --causal -o s.npy
    [[ $status == 0 || $status == 65 ]]
}
