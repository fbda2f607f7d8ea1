# not-run.awk: lists the tests that did not run and the reason each printed. Called by scripts/test with what cmake
# printed, which tells the libraries that were not found, what ctest printed, which alone tells a skipped test from a
# passed one, and CTest's log, which holds the tests' own output.
# A whole test is skipped by exit code 77; a case inside a test by cmocka's SKIPPED, TAP's "# skip", or pytest's SKIPPED.

FNR == 1                    { file++ }
file == 1                   { if (sub(/ not found: /, ": ")) { sub(/^-- /, ""); lines[++count] = "  without " $0 } next }
file == 2 {
    if (/\*\*\*Skipped/) { sub(/^.*Test +#[0-9]+: /, ""); skipped[$1] = 1 }
    if (/\*\*\*Not Run/) { sub(/^.*Test +#[0-9]+: /, ""); report($1, "CTest could not start it") }
    next
}
/^[0-9]+\/[0-9]+ Testing: / { name = $3; reason = "no reason printed"; inside = 0; next }
/^Output:$/                 { getline; inside = 1; next }
/^<end of output>$/         { inside = 0; if (name in skipped) report(name, reason); next }
!inside || /^[[:space:]]*$/ { next }
/^\[  SKIPPED \] [^ ]+$/    { report(name ": " $4, reason); next }
/^ok .*# skip/              { split($0, part, / # skip */); sub(/^ok [0-9]+ /, "", part[1]); report(name ": " part[1], part[2]); next }
/^SKIPPED \[[0-9]+\] /      { split($0, part, /: /); sub(/^.*\//, "", part[1]); report(name ": " part[1], part[2]); next }
/^\[ +[A-Z]+ +\] /          { reason = "no reason printed"; next }
                            { reason = $0; sub(/^[Ss]kip(ped|ping)?: */, "", reason) }

function report(what, why) {
    if (what in reported) return
    reported[what] = 1
    lines[++count] = "  " what ": " why
}

END {
    if (!count) { print "Nothing was skipped."; exit }
    print "Not run on this machine:"
    for (i = 1; i <= count; i++) print lines[i]
}
