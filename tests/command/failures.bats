#!/usr/bin/env bats
# failures.bats: exit codes, messages, hostile files, full disks, signals: what is there stays as it was.

bats_require_minimum_version 1.5.0
load common

@test "wrong use is exit code 2, with what was meant" {
    fails 2 sofmax "did you mean 'softmax'" -- "$SOFTJAC" sofmax first.csv
    fails 2 log_softmax "did you mean 'log-softmax'" -- "$SOFTJAC" log_softmax first.csv
    fails 2 grad "did you mean 'gradient'" -- "$SOFTJAC" grad first.csv
    fails 2 qwertyuiop "softjac --help" -- "$SOFTJAC" qwertyuiop
    fails 2 --axs "did you mean '--axis'" -- "$SOFTJAC" softmax --axs 0 first.csv
    fails 2 --axs "did you mean '--axis'" -- "$SOFTJAC" softmax --axs=0 first.csv
    fails 2 "takes no --class;" -- "$SOFTJAC" softmax --class=1 first.csv
    fails 2 --layuot "did you mean '--layout'" -- "$SOFTJAC" jacobian --layuot dense first.csv
    fails 2 "takes no --class" -- "$SOFTJAC" softmax --class 1 first.csv
    fails 2 "no command" -- "$SOFTJAC"
    fails 2 "found option '--json'" -- "$SOFTJAC" --json
    fails 2 jacobain "did you mean 'jacobian'" -- "$SOFTJAC" help jacobain
}

@test "values of options are checked" {
    fails 2 --dtype "found 'f8'" "f32|f64|f16" -- "$SOFTJAC" softmax --dtype f8 first.csv
    fails 2 --axis "found '1.5'" -- "$SOFTJAC" softmax --axis 1.5 first.csv
    fails 2 --axis "found '99999999999999999999'" -- "$SOFTJAC" softmax --axis 99999999999999999999 first.csv
    fails 2 --threads "found 'many'" -- "$SOFTJAC" softmax --threads many first.csv
    fails 2 --layout "found 'sample:'" -- "$SOFTJAC" jacobian --layout sample: first.csv
    fails 2 --layout "found 'sample:-1'" -- "$SOFTJAC" jacobian --layout sample:-1 first.csv
    fails 2 --nonfinite "found 'maybe'" "ieee|limit|zero" -- "$SOFTJAC" softmax --nonfinite=maybe first.csv
    fails 2 "--json takes no value" -- "$SOFTJAC" softmax --json=yes first.csv
    fails 2 "--output needs a value" -- "$SOFTJAC" softmax first.csv -o
    fails 2 "takes LOGITS" "0 inputs" -- "$SOFTJAC" softmax
    fails 2 "takes LOGITS COTANGENT" "1 input:" -- "$SOFTJAC" vjp first.csv
    fails 2 "read once" -- "$SOFTJAC" vjp - -
    fails 2 out.txt ".npy, .npz, .csv or .tsv" -- "$SOFTJAC" softmax first.csv -o out.txt
    fails 2 out.npz: member -- "$SOFTJAC" softmax first.csv -o out.npz:
}

@test "an unknown kernel set is wrong use and names the sets there are" {
    SOFTJAC_ISA=sse9 fails 2 SOFTJAC_ISA "'sse9'" scalar -- "$SOFTJAC" softmax first.csv
    SOFTJAC_ISA='' run "$SOFTJAC" softmax first.csv
    [ "$status" -eq 0 ]
    SOFTJAC_ISA=scalar run "$SOFTJAC" info
    [[ $output == *"kernel set in use"*scalar* && $output == *SOFTJAC_ISA* ]]
}

@test "an input that is not there is exit code 66" {
    fails 66 absent.npy "No such file" -- "$SOFTJAC" softmax absent.npy
    fails 66 absent.npy -- "$SOFTJAC" mape first.csv absent.npy
}

@test "bad data is exit code 65, with the place" {
    printf '1,2\n3,x\n' > word.csv
    printf '1,2\n3\n' > ragged.csv
    fails 65 word.csv 2 x -- "$SOFTJAC" softmax word.csv
    fails 65 ragged.csv 2 -- "$SOFTJAC" softmax ragged.csv
    printf '1;2\n' > semicolons.csv
    printf '1\t2\n' > tabs.csv
    fails 65 semicolons.csv "separated by commas" -- "$SOFTJAC" softmax semicolons.csv
    fails 65 tabs.csv "separated by commas" -- "$SOFTJAC" softmax tabs.csv
    printf '5\n' > one.csv
    need_numpy
    judge <<< "np.save('scalar.npy', np.float64(1))"
    fails 65 scalar.npy "single number" -- "$SOFTJAC" softmax scalar.npy
}

@test "hostile .npy files are refused quickly and make no output" {
    need_numpy
    judge << 'PYTHON'
def write(name, descr="'<f8'", shape='(2, 2)', body=b'\0' * 32, length=None, version=b'\x01\x00'):
    header = ("{'descr': %s, 'fortran_order': False, 'shape': %s}\n" % (descr, shape)).encode()
    size = (len(header) if length is None else length).to_bytes(2 if version[0] == 1 else 4, 'little')
    open(name, 'wb').write(b'\x93NUMPY' + version + size + header + body)
write('h01.npy', shape='(4294967296, 4294967296)')
write('h02.npy', shape='(4194305, 4194305, 211106198978564)')
write('h03.npy', shape='(-1, 2)')
write('h04.npy', shape='(True, 2)')
write('h05.npy', descr="''")
write('h06.npy', descr="'|O'")
write('h07.npy', descr="'<c16'")
write('h08.npy', length=60000)
write('h09.npy', length=0xffffff00, version=b'\x02\x00')
write('h10.npy', body=b'')
write('h11.npy', shape='(9223372036854775807,)')
write('h12.npy', shape='(1,) * 40')
write('h13.npy', shape='(' + '1, ' * 33 + ')')
open('h14.npy', 'wb').write(b'\x93NUMPY')
open('h15.npy', 'wb').write(b'')
open('h16.npy', 'wb').write(bytes(range(256)) * 20)
PYTHON
    for file in h*.npy; do
        fails 65 "$file" -- timeout 10 "$SOFTJAC" softmax "$file" -o out.npy
        [ ! -e out.npy ]
    done
}

@test "an empty array that claims a huge extent ends at once" {
    need_numpy
    judge <<< "header = b\"{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904, 0)}\n\"
open('z.npy', 'wb').write(b'\x93NUMPY\x01\x00' + len(header).to_bytes(2, 'little') + header)"
    run timeout 10 "$SOFTJAC" softmax z.npy -o s.npy
    [[ $status == 0 || $status == 65 ]]
    fails 65 z.npy -- timeout 10 "$SOFTJAC" logsumexp z.npy -o s.csv
}

@test "an array without elements: few rows of no class are -inf, a million and one are refused, mape names the file" {
    need_numpy
    judge <<< "np.save('few.npy', np.zeros((3, 0))); np.save('most.npy', np.zeros((2**20, 0)))
np.save('many.npy', np.zeros((2**20 + 1, 0)))"
    "$SOFTJAC" logsumexp few.npy -o few.csv
    [ "$(tr '\n' , < few.csv | grep -o -- -inf | wc -l)" -eq 3 ]
    "$SOFTJAC" logsumexp most.npy -o s.npy
    fails 65 many.npy "(1048577, 0)" 1048576 -- "$SOFTJAC" logsumexp many.npy -o s.npy
    fails 65 few.npy "(3, 0)" -- "$SOFTJAC" mape few.npy few.npy
}

@test "under a limit of address space the message counts what is already taken" {
    [ -e /proc/self/statm ] || skip "only Linux tells how much is taken"
    need_numpy
    judge <<< "np.save('z.npy', np.zeros((1000, 160)))" # blocks of 204800000 bytes
    run bash -c "ulimit -v 200500; exec '$SOFTJAC' jacobian z.npy --threads 1 -o j.npz"
    [[ $output != *Sanitizer* ]] || skip "a sanitizer needs more address space"
    [ "$status" -eq 71 ]
    [[ $output =~ needs\ ([0-9]+)\ bytes,\ and\ ([0-9]+)\ are ]]
    ((BASH_REMATCH[2] < BASH_REMATCH[1]))
}

@test "verify fails, in JSON too, when no row can be judged" {
    printf 'nan,1\n' > nan.csv
    run --separate-stderr "$SOFTJAC" verify nan.csv --json
    [ "$status" -eq 1 ]
    # shellcheck disable=SC2154 # `run` sets stderr
    [[ $stderr == *"no row could be judged"* ]]
    [[ $output == *'"ok": false'* ]]
}

@test "a report shows the NaN of an invalid operation, which has a sign on x86, as nan" {
    run "$SOFTJAC" article
    [ "$status" -eq 0 ]
    [[ $output == *" nan "* && $output != *-nan* ]]
}

@test "every prefix of a .npy file is refused, and the output there was stays" {
    need_numpy
    judge <<< "np.save('z.npy', logits(2, 2))"
    echo old > out.csv
    for ((length = 0; length < $(wc -c < z.npy); length += 7)); do
        head -c $length z.npy > prefix.npy
        run "$SOFTJAC" softmax prefix.npy -o out.csv
        [ "$status" -eq 65 ]
        [ "$(cat out.csv)" = old ]
    done
}

@test "a failure leaves the existing output unchanged" {
    printf '1,x\n' > bad.csv
    echo old > out.csv
    fails 65 -- "$SOFTJAC" softmax bad.csv -o out.csv
    fails 2 -- "$SOFTJAC" softmax first.csv --axis 7 -o out.csv
    fails 2 -- "$SOFTJAC" jacobian first.csv -o out.csv
    [ "$(cat out.csv)" = old ]
}

@test "an output that cannot be created is exit code 73" {
    fails 73 no/such/folder/out.npy -- "$SOFTJAC" softmax first.csv -o no/such/folder/out.npy
    fails 73 first.csv/out.npy -- "$SOFTJAC" softmax first.csv -o first.csv/out.npy
    mkdir folder.npy
    fails 73 folder.npy -- "$SOFTJAC" softmax first.csv -o folder.npy
}

@test "a file size limit stops the write: exit code 74, the old file whole, no temporary" {
    need_numpy
    judge <<< "np.save('z.npy', logits(20000, 4))"
    mkdir out
    echo old > out/s.npy
    # one thread: LLVM's OpenMP begins with a file of its own, which the limit stops too
    run bash -c "trap '' XFSZ; ulimit -f 64; exec '$SOFTJAC' softmax --threads 1 z.npy -o out/s.npy"
    [ "$status" -eq 74 ]
    [[ $output == *s.npy* ]]
    [ "$(cat out/s.npy)" = old ]
    [ "$(ls -A out)" = s.npy ]
}

@test "a full device behind standard output is exit code 74, whatever prints" {
    for command in "softmax first.csv" "softmax first.csv --json" "softmax first.csv -o -" "mape first.csv first.csv" \
        info "--help" "softmax --help" "--version"; do
        run bash -c "'$SOFTJAC' $command > /dev/full"
        [ "$status" -eq 74 ] || { echo "$command: $status"; false; }
        [[ $output == *"No space left"* ]]
    done
}

@test "a full device as the output file is exit code 74" {
    fails 74 /dev/full -- "$SOFTJAC" softmax first.csv -o /dev/full
}

@test "a reader that has gone is exit code 74 with a message, not a silent end" {
    need_numpy
    judge <<< "np.save('z.npy', logits(50000, 8))"
    run bash -c "'$SOFTJAC' softmax z.npy -o - 2> message | head -n 1 > /dev/null; echo \${PIPESTATUS[0]}"
    [ "$output" = 74 ]
    [[ $(cat message) == *"standard output"*"Broken pipe"* ]]
}

@test "closed standard streams do not let messages into files" {
    run bash -c "'$SOFTJAC' softmax first.csv >&-"
    [ "$status" -eq 74 ]
    run bash -c "'$SOFTJAC' softmax first.csv -o out.csv >&- 2>&-"
    [ "$(wc -l < out.csv)" -eq 1 ]
}

@test "an interrupt leaves the old file or the new one, and no temporary" {
    need_numpy
    judge <<< "np.save('z.npy', logits(4000, 40))"
    "$SOFTJAC" jacobian z.npy -o whole.npy
    echo old > old
    mkdir out
    for delay in 0.02 0.05 0.1 0.2; do
        cp old out/j.npy
        run timeout -s INT $delay "$SOFTJAC" jacobian z.npy -o out/j.npy
        [ "$(ls -A out)" = j.npy ]
        cmp -s out/j.npy old || cmp out/j.npy whole.npy
    done
}
