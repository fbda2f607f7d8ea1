# A Linux of another architecture by Debian's cross compiler, its programs run here by qemu's user emulation. Included by
# one file an architecture, which sets CMAKE_SYSTEM_PROCESSOR as GCC and qemu call it.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_C_COMPILER ${CMAKE_SYSTEM_PROCESSOR}-linux-gnu-gcc)
set(system /usr/${CMAKE_SYSTEM_PROCESSOR}-linux-gnu)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-${CMAKE_SYSTEM_PROCESSOR} -L ${system})

# The build machine's headers and libraries (cmocka, MPFR) are of no use there: -DCMAKE_FIND_ROOT_PATH names a folder
# that holds the other architecture's.
list(APPEND CMAKE_FIND_ROOT_PATH ${system})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
