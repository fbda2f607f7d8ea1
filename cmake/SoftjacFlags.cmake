# Flags every target of the project is built with: an interface target, linked privately.
add_library(softjac_flags INTERFACE)
target_compile_options(softjac_flags INTERFACE
  -Wall -Wextra -Wconversion -Wshadow
  -ffp-contract=off) # every intended FMA is written in the source
# In standard C, GCC evaluates float in double there, and rounds twice.
if(CMAKE_C_COMPILER_ID STREQUAL "GNU" AND CMAKE_SYSTEM_PROCESSOR STREQUAL "s390x")
  target_compile_options(softjac_flags INTERFACE -fexcess-precision=fast)
endif()
if(SOFTJAC_SANITIZE)
  target_compile_options(softjac_flags INTERFACE
    -fsanitize=${SOFTJAC_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g1)
  target_link_options(softjac_flags INTERFACE -fsanitize=${SOFTJAC_SANITIZE})
endif()
