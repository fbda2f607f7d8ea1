# softjac_kernel_set(NAME FLAGS): compiles src/kernel/table.c once per dtype, and once for exact mode, with the set's
# flags. Collects the objects in softjac_kernel_objects and -DSJ_HAVE_NAME in softjac_set_definitions, for dispatch.c.
function(softjac_kernel_table target flags)
  add_library(${target} OBJECT kernel/table.c)
  target_compile_definitions(${target} PRIVATE ${ARGN})
  # -O3: GCC 12 vectorises the portable vocabulary's loops and unrolls them only there.
  target_compile_options(${target} PRIVATE ${flags} $<$<NOT:$<CONFIG:Debug>>:-O3>)
  target_include_directories(${target} PRIVATE . ${PROJECT_SOURCE_DIR}/include)
  target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:softjac_flags>)
  set(softjac_kernel_objects ${softjac_kernel_objects} $<TARGET_OBJECTS:${target}> PARENT_SCOPE)
endfunction()

function(softjac_kernel_set name flags)
  foreach(real f32 f64)
    softjac_kernel_table(softjac_kernels_${name}_${real} "${flags}" SJ_SET=${name} SJ_REAL_${real})
  endforeach()
  softjac_kernel_table(softjac_kernels_${name}_exact "${flags}" SJ_SET=${name} SJ_REAL_f64 SJ_EXACT_TABLE)
  # Clang computes both sides of a branch, and the side not taken may raise INVALID. Elsewhere than on x86 it warns.
  if(CMAKE_C_COMPILER_ID MATCHES "Clang" AND CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64)$")
    target_compile_options(softjac_kernels_${name}_exact PRIVATE -ffp-exception-behavior=maytrap)
  endif()
  string(TOUPPER ${name} upper)
  list(APPEND softjac_set_definitions SJ_HAVE_${upper})
  set(softjac_kernel_objects ${softjac_kernel_objects} PARENT_SCOPE)
  set(softjac_set_definitions ${softjac_set_definitions} PARENT_SCOPE)
endfunction()
