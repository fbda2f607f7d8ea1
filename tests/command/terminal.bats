#!/usr/bin/env bats
# terminal.bats: what changes on a terminal: colours, rows that wrap. `script` plays the terminal.
# The progress bar has its own test, progress.c.

bats_require_minimum_version 1.5.0
load common

need_terminal() {
    command -v script > /dev/null || skip "script (bsdutils) is not installed"
    script -qec true /dev/null < /dev/null > /dev/null 2>&1 || skip "this system gives no pseudo-terminal"
}

# The command line on a terminal of 60 columns; what the terminal received is in the file `screen`.
on_terminal() { script -qefc "stty cols 60; $1" /dev/null < /dev/null > screen; }

@test "colours on a terminal, none with NO_COLOR, none in a pipe" {
    need_terminal
    on_terminal "'$SOFTJAC' info"
    grep -q $'\033\\[' screen
    NO_COLOR=1 on_terminal "'$SOFTJAC' info"
    run ! grep -q $'\033\\[' screen
    NO_COLOR='' on_terminal "'$SOFTJAC' info"
    grep -q $'\033\\[' screen
    "$SOFTJAC" info > plain
    run ! grep -q $'\033\\[' plain
}

@test "rows wrap at the width of the terminal and nowhere else" {
    need_terminal
    on_terminal "'$SOFTJAC' softmax first.csv"
    awk '{ sub(/\r$/, "") } length > 60 { bad = 1 } END { exit bad || NR < 3 }' screen
    [ "$("$SOFTJAC" softmax first.csv | wc -l)" -eq 2 ]
}

@test "standard input as input still prints for a person when the result goes to a terminal" {
    need_terminal
    on_terminal "'$SOFTJAC' softmax - < first.csv"
    grep -q '1.84840853e-08' screen
}
