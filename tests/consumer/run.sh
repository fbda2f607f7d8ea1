#!/usr/bin/env bash
# run.sh: one check of the installed library per call, as a user would build against it. Called by CTest, which passes
# BUILD, SOURCE, CMAKE, CC, VERSION, TOOL and OPENMP. Exit code 77: cannot run here, the last line says why.
set -euo pipefail
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
home=$BUILD/tests/consumer
prefix=$home/prefix
check=$1
shift
work=$home/work-$check-$(printf '%s-' "$@" | tr -c 'A-Za-z0-9+\n' '-')
rm -rf "$work"
mkdir -p "$work"

fail() { echo "$*" >&2; exit 1; }
skip() { echo "skipped: $*"; exit 77; }
has() { command -v "$1" >/dev/null; }
# The directory of the library differs between systems: lib, lib64, lib/<triplet>.
library() { find "$prefix" -name "$1" | head -n 1; }
pc() { PKG_CONFIG_PATH=$(dirname "$(library softjac.pc)") pkg-config "$@" softjac; }

# The program must be linked the way that was asked for, run, and print the version.
try() { # program, static|shared
    local kind=static
    if readelf -d "$1" | grep -q 'NEEDED.*libsoftjac'; then kind=shared; fi
    [ "$kind" = "$2" ] || fail "linked $kind, expected $2"
    [ "$("$1")" = "$VERSION" ] || fail "the program did not print $VERSION"
}

build_project() { # cmake arguments; Debug because it is the wiring that is tested, and the kernels compile quickly
    "$CMAKE" -S "$here/project" -B "$work" -DCMAKE_C_COMPILER="$CC" -DCMAKE_BUILD_TYPE=Debug "$@" >"$work/log" 2>&1 &&
        "$CMAKE" --build "$work" --target consumer >>"$work/log" 2>&1
}

install_() {
    rm -rf "$prefix"
    "$CMAKE" --install "$BUILD" --prefix "$prefix"
    # Nothing of the build may have leaked into the files that describe the installation.
    ! grep -rlF -e "$BUILD" -e "$SOURCE" -e softjac_flags -e softjac_objects "$(dirname "$(library softjac.pc)")" \
        "$(dirname "$(library softjacConfig.cmake)")" || fail "names the build tree or an internal target"
}

package() { # static|shared, cmake arguments
    local kind=$1
    shift
    build_project -DCMAKE_PREFIX_PATH="$prefix" -DSOFTJAC_VERSION="$VERSION" "$@" || { cat "$work/log"; fail "no build"; }
    grep -q "softjac_DIR:PATH=$prefix" "$work/CMakeCache.txt" || fail "another softjac was found"
    try "$work/consumer" "$kind"
}

refuses() {
    ! build_project -DCMAKE_PREFIX_PATH="$prefix" -DSOFTJAC_COMPONENTS=nonesuch || fail "an unknown component was accepted"
    rm -rf "${work:?}"/*
    ! build_project -DCMAKE_PREFIX_PATH="$prefix" -DSOFTJAC_VERSION=99.0 || fail "another version was accepted"
}

pkgconfig() { # static|shared
    local flags
    has pkg-config || skip "pkg-config is not installed"
    [ "$(pc --modversion)" = "$VERSION" ] || fail "pkg-config says $(pc --modversion)"
    if [ "$1" = static ]; then
        flags="-static $(pc --static --cflags --libs)"
    else
        flags=$(pc --cflags --libs)
        LD_LIBRARY_PATH=$(dirname "$(library libsoftjac.so)")
        export LD_LIBRARY_PATH
    fi
    # shellcheck disable=SC2086 # flags are words
    "$CC" -std=c11 -o "$work/consumer" "$here/main.c" $flags
    try "$work/consumer" "$1"
}

subdirectory() {
    build_project -DSOFTJAC_SOURCE="$SOURCE" || { cat "$work/log"; fail "no build"; }
    try "$work/consumer" static
    build_project -DSOFTJAC_SOURCE="$SOURCE" -DBUILD_SHARED_LIBS=ON || { cat "$work/log"; fail "no build"; }
    try "$work/consumer" shared
}

header() { # compiler
    local compiler=$1 standards='c11 c17' language=c
    has "$compiler" || skip "$compiler is not installed"
    case $compiler in *++) standards='c++17' language=c++ ;; esac
    printf '%s\n' '#include <softjac.h>' 'static const sj_options defaults = SJ_OPTIONS_INIT;' \
        'int main(void) { return sj_strerror(SJ_OK) == NULL || defaults.size == 0; }' >"$work/use.$language"
    for standard in $standards; do
        "$compiler" -x "$language" -std="$standard" -Wall -Wextra -pedantic -Werror -I "$prefix/include" \
            -c "$work/use.$language" -o "$work/use.o"
    done
}

exports() {
    has nm || skip "nm is not installed"
    nm -D --defined-only "$(library libsoftjac.so)" | awk '{ print $3 }' | sort >"$work/exported"
    sed -n 's/^SJ_API .*\(sj_[a-z0-9_]*\)(.*/\1/p' "$prefix/include/softjac.h" | sort >"$work/declared"
    [ -s "$work/declared" ] || fail "no function found in the header"
    diff -u --label "declared in the header" --label "exported by the library" "$work/declared" "$work/exported"
}

needs() {
    has readelf || skip "readelf is not installed"
    readelf -d "$(library libsoftjac.so)" >"$work/dynamic"
    grep -q 'SONAME.*\[libsoftjac\.so\.[0-9]*\]' "$work/dynamic" || fail "no soname"
    local libraries='libc|libm|ld-linux[a-z0-9-]*'
    [ "$OPENMP" = OFF ] || libraries+='|libgomp|libomp'
    ! grep NEEDED "$work/dynamic" | grep -vE "\[($libraries)\.so\.[0-9]+\]" || fail "needs more than libc, libm and OpenMP"
}

command_() {
    [ "$TOOL" = ON ] || skip "the command is not part of this build"
    local page
    "$prefix/bin/softjac" info | grep -qF "$VERSION" || fail "softjac info does not print $VERSION"
    for page in man/man1/softjac.1 bash-completion/completions/softjac zsh/site-functions/_softjac \
        fish/vendor_completions.d/softjac.fish; do
        [ -s "$prefix/share/$page" ] || fail "share/$page is not installed"
    done
}

case $check in
install) install_ ;;
command) command_ ;;
package | refuses | pkgconfig | subdirectory | header | exports | needs) "$check" "$@" ;;
*) fail "unknown check $check" ;;
esac
