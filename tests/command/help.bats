#!/usr/bin/env bats
# help.bats: --help of every command, examples first and true, the version, info.

bats_require_minimum_version 1.5.0
load common

commands() { "$SOFTJAC" --help | sed -n '/^Commands/,/^$/s/^  \([a-z-]*\) .*/\1/p'; }

@test "softjac --help lists every command" {
    run commands
    for command in softmax log-softmax logsumexp gradient jacobian vjp jvp cross-entropy verify article mape info help; do
        grep -qx -- "$command" <<< "$output"
    done
}

@test "every command's help starts with examples, fits 80 columns, and reads the same three ways" {
    for command in "" $(commands); do
        words=()
        [ -z "$command" ] || words=("$command")
        run --separate-stderr "$SOFTJAC" "${words[@]}" --help
        [ "$status" -eq 0 ]
        [ -z "$stderr" ]
        [ "${lines[1]}" = Examples ]
        [[ ${lines[2]} == *softjac* ]]
        awk 'length > 80 { print "too long: " $0; bad = 1 } END { exit bad }' <<< "$output"
        [ "$("$SOFTJAC" help "${words[@]}")" = "$output" ]
        [ "$("$SOFTJAC" "${words[@]}" -h)" = "$output" ]
    done
}

@test "--help wins over missing inputs and options" {
    run "$SOFTJAC" gradient --class 1 --help
    [ "$status" -eq 0 ]
    [[ $output == *Examples* ]]
}

@test "every example in every help runs and exits 0" {
    need_numpy
    judge <<< "z = logits(6, 5); g = logits(6, 5, seed=2)
np.save('logits.npy', z); np.savetxt('logits.csv', z, delimiter=','); np.save('z.npy', z)
np.savez('images.npz', logits=logits(2, 5, 3), labels=np.arange(2)); np.save('small.npy', z[:2])
np.save('scipy.npy', softmax(z).astype('f8')); np.save('true.npy', z); np.save('predicted.npy', z * 1.01)
np.save('labels.npy', np.arange(6) % 5); np.savetxt('z.csv', z, delimiter=','); np.savetxt('y.csv', np.arange(6) % 5)
np.save('s.npy', softmax(z).astype('f8')); np.save('dloss.npy', g); np.save('step.npy', g)
np.save('scores.npy', z); np.save('allowed.npy', z < 1); np.save('lengths.npy', np.arange(6) % 5 + 1)"
    PATH="$(dirname "$SOFTJAC"):$PATH"
    count=0
    for command in $(commands); do
        "$SOFTJAC" "$command" --help | sed -n '/^Examples/,/^$/s/^  \([^ ].*\)/\1/p' > examples
        [ -s examples ]
        while read -r line; do
            bash -o pipefail -c "$line" > out 2> err || { echo "$line"; cat err; false; }
            count=$((count + 1))
        done < examples
    done
    [ "$count" -gt 20 ]
}

@test "--version prints the version of the header" {
    run "$SOFTJAC" --version
    [ "$status" -eq 0 ]
    [[ $output =~ ^softjac\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
    [ "$("$SOFTJAC" softmax --version)" = "$output" ]
}

@test "info names the version, kernel sets, threads, and what verify can show" {
    run "$SOFTJAC" info
    [ "$status" -eq 0 ]
    for item in version "kernel sets built" "kernel set in use" "CPU features" threads "exact arithmetic" \
        "automatic differentiation"; do
        [[ $output == *"$item"* ]]
    done
    "$SOFTJAC" info --json > info.json
    "$SOFTJAC_PYTHON" -c '
import json
d = json.load(open("info.json"))
items = {row["item"]: row["value"] for row in d["sections"][0]["rows"]}
assert d["ok"] and items["kernel set in use"] in items["kernel sets built"].split(", "), items'
}
