# OpenMP, with which the library divides a call among threads; without it every call uses one. Sets SOFTJAC_HAVE_OPENMP,
# softjac_openmp_compile (flags of what contains a parallel region) and softjac_openmp_link (what links it).
option(SOFTJAC_OPENMP "let large calls use several threads, where OpenMP is found" ON)
set(SOFTJAC_HAVE_OPENMP OFF)
if(NOT SOFTJAC_OPENMP)
  return()
endif()
# The sanitizer takes the synchronisation it cannot see inside GNU's runtime for races; LLVM's reports its own to it.
if(SOFTJAC_SANITIZE MATCHES "thread" AND NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
  message(STATUS "OpenMP not used: ThreadSanitizer understands it only where Clang compiles")
  return()
endif()
find_package(OpenMP QUIET COMPONENTS C)
if(NOT OpenMP_C_FOUND)
  message(STATUS "OpenMP not found: every call uses one thread")
  return()
endif()
set(SOFTJAC_HAVE_OPENMP ON)
set(softjac_openmp_compile ${OpenMP_C_FLAGS})
# Names, not paths: they go into the installed package too, and a static program needs the static runtime. Clang knows
# the directory of its runtime only by the flag.
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  set(softjac_openmp_link ${OpenMP_C_LIB_NAMES})
else()
  set(softjac_openmp_link ${OpenMP_C_FLAGS})
endif()
