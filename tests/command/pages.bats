#!/usr/bin/env bats
# pages.bats: the man page and the completions that the build made from the table of options.

bats_require_minimum_version 1.5.0
load common

commands() { "$SOFTJAC" --help | sed -n '/^Commands/,/^$/s/^  \([a-z-]*\) .*/\1/p'; }

@test "mandoc finds nothing to say about the man page" {
    command -v mandoc > /dev/null || skip "mandoc is not installed"
    run mandoc -T lint "$SOFTJAC_BUILD/softjac.1"
    echo "$output"
    [ "$status" -eq 0 ]
    [ -z "$output" ]
}

@test "the man page names every command and every option" {
    command -v mandoc > /dev/null || skip "mandoc is not installed"
    mandoc -T ascii "$SOFTJAC_BUILD/softjac.1" | sed 's/.\x08//g' > page
    for command in $(commands); do
        grep -q "^ *$command" page
        for option in $("$SOFTJAC" "$command" --help | grep -o '^  \(-., \)\?--[a-z]*' | grep -o -- '--[a-z]*'); do
            grep -q -- "$option" page
        done
    done
    grep -q "SOFTJAC_ISA" page
    grep -q "printf '0.5,0.5.n40,0.n' | softjac softmax -" page
}

@test "bash accepts its completions, and they complete" {
    bash -n "$SOFTJAC_BUILD/completions/softjac.bash"
    # shellcheck source=/dev/null
    source "$SOFTJAC_BUILD/completions/softjac.bash"
    complete_words() {
        COMP_WORDS=("$@")
        COMP_CWORD=$(($# - 1))
        COMPREPLY=()
        _softjac || true
    }
    complete_words softjac ""
    for command in $(commands); do [[ " ${COMPREPLY[*]} " == *" $command "* ]]; done
    complete_words softjac jac
    [ "${COMPREPLY[*]}" = jacobian ]
    complete_words softjac jacobian --layout d
    [ "${COMPREPLY[*]}" = dense ]
    complete_words softjac jacobian --layout = de
    [ "${COMPREPLY[*]}" = dense ]
    complete_words softjac jacobian --layout =
    [ "${COMPREPLY[*]}" = "blocks dense sample:" ]
    complete_words softjac softmax -o fir
    [ "${COMPREPLY[*]}" = first.csv ]
    complete_words softjac gradient --cl
    [ "${COMPREPLY[*]}" = --class ]
    complete_words softjac softmax --cl
    [ "${#COMPREPLY[@]}" -eq 0 ]
    complete_words softjac softmax fir
    [ "${COMPREPLY[*]}" = first.csv ]
    complete_words softjac help lo
    [ "${COMPREPLY[*]}" = "log-softmax logsumexp" ]
}

@test "zsh accepts its completions" {
    command -v zsh > /dev/null || skip "zsh is not installed"
    zsh -n "$SOFTJAC_BUILD/completions/_softjac"
    for command in $(commands); do grep -q "^ *$command)" "$SOFTJAC_BUILD/completions/_softjac"; done
}

@test "fish accepts its completions, and they complete" {
    command -v fish > /dev/null || skip "fish is not installed"
    fish -n "$SOFTJAC_BUILD/completions/softjac.fish"
    export HOME=$BATS_TEST_TMPDIR
    complete_line() { fish --no-config -c "source '$SOFTJAC_BUILD/completions/softjac.fish'; complete -C '$1'" | cut -f1; }
    [[ $(complete_line 'softjac jac') == jacobian ]]
    [[ $(complete_line 'softjac jacobian --layout d') == dense ]]
    [[ $(complete_line 'softjac gradient --cl') == --class ]]
    [[ -z $(complete_line 'softjac softmax --cl') ]]
}
