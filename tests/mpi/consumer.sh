#!/usr/bin/env bash
# consumer.sh: softjac::mpi as installed: by CMake, by pkg-config, its symbols. Called by CTest, which passes BUILD,
# CMAKE, CC, VERSION, MPIRUN.
# usage: consumer.sh package static|shared | pkgconfig | exports | absent
set -euo pipefail
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
prefix=$BUILD/tests/consumer/prefix
work=$BUILD/tests/mpi/consumer-$(printf '%s-' "$@")
rm -rf "$work"
mkdir -p "$work"

fail() { echo "$*" >&2; exit 1; }
library() { find "$prefix" -name "$1" | head -n 1; }
runs() {
    LD_LIBRARY_PATH=$(dirname "$(library libsoftjac_mpi.so)") "$here/launch" 2 "$work/consumer" >"$work/said"
    [ "$(cat "$work/said")" = "2 ranks, $VERSION" ] || fail "it said: $(cat "$work/said")"
}
linked() { readelf -d "$work/consumer" | grep -q 'NEEDED.*libsoftjac_mpi' && echo shared || echo static; }
configure() { # source, cmake arguments
    "$CMAKE" -S "$1" -B "$work" -DCMAKE_C_COMPILER="$CC" -DCMAKE_PREFIX_PATH="$prefix" "${@:2}" >"$work/log" 2>&1
}

package() {
    configure "$here/consumer" -DKIND="$1" || fail "$(cat "$work/log")"
    "$CMAKE" --build "$work" >>"$work/log" 2>&1 || fail "$(cat "$work/log")"
    [ "$(linked)" = "$1" ] || fail "linked $(linked)"
    runs
}

pkgconfig() {
    local flags
    flags=$(PKG_CONFIG_PATH=$(dirname "$(library softjac-mpi.pc)") pkg-config --cflags --libs softjac-mpi)
    # shellcheck disable=SC2086 # flags are words
    "$CC" -std=c11 -o "$work/consumer" "$here/consumer/main.c" $flags -lm
    runs
}

exports() {
    nm -D --defined-only "$(library libsoftjac_mpi.so)" | awk '{ print $3 }' | sort >"$work/exported"
    tr '\n' ' ' <"$prefix/include/softjac_mpi.h" | grep -oE 'SJ_API [^;]*;' | grep -oE 'sj_mpi_[a-z_]+\(' | tr -d '(' |
        sort >"$work/declared"
    [ -s "$work/declared" ] || fail "no function found in the header"
    diff -u "$work/declared" "$work/exported"
    readelf -d "$(library libsoftjac_mpi.so)" | grep -q 'SONAME.*\[libsoftjac_mpi\.so\.[0-9]*\]' || fail "no soname"
    ! nm -D "$(library libsoftjac.so)" | grep -i mpi || fail "the core knows of MPI"
}

# Without MPI the package is found, and its component mpi is not.
absent() {
    # shellcheck disable=SC2016 # CMake's, not the shell's
    sed 's/COMPONENTS mpi ${KIND}/COMPONENTS ${KIND}/; s/softjac::mpi/softjac::softjac/' "$here/consumer/CMakeLists.txt" \
        >"$work/CMakeLists.txt"
    printf '#include <softjac.h>\nint main(void) { return !sj_version(); }\n' >"$work/main.c"
    configure "$work" -DKIND=static -DCMAKE_DISABLE_FIND_PACKAGE_MPI=ON || fail "$(cat "$work/log")"
    rm -rf "$work/CMakeFiles" "$work/CMakeCache.txt"
    ! configure "$here/consumer" -DKIND=static -DCMAKE_DISABLE_FIND_PACKAGE_MPI=ON || fail "mpi was found without MPI"
    grep -q 'mpi' "$work/log" || fail "no word of what is missing"
}

case $1 in
package | pkgconfig | exports | absent) "$@" ;;
*) fail "unknown check $1" ;;
esac
