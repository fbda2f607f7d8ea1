# softjac_kernel_set(NAME FLAGS [NARROWER]): compiles src/kernel/table.c once per dtype, and once for exact mode, with the
# set's flags. NARROWER takes the short rows that whole blocks leave over. Collects the objects in
# softjac_kernel_objects and the names in softjac_kernel_sets.
# softjac_define_kernel_sets(TARGET): SJ_KERNEL_SETS for sources that walk the sets: SET(NAME) of each, narrowest first.
function(softjac_kernel_table target flags)
  add_library(${target} OBJECT kernel/table.c)
  target_compile_definitions(${target} PRIVATE ${ARGN})
  # -O3: GCC 12 vectorises the portable vocabulary's loops and unrolls them only there. Its budget for inlining is of the
  # whole table: used up by one operation, it left calls in the blocks of another.
  set(optimisation ${SOFTJAC_KERNEL_OPTIMISATION})
  if(NOT optimisation)
    set(optimisation $<$<NOT:$<CONFIG:Debug>>:-O3> $<$<C_COMPILER_ID:GNU>:--param=inline-unit-growth=1000>)
  endif()
  target_compile_options(${target} PRIVATE ${flags} ${optimisation})
  target_include_directories(${target} PRIVATE . ${PROJECT_SOURCE_DIR}/include)
  target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:softjac_flags>)
  set(softjac_kernel_objects ${softjac_kernel_objects} $<TARGET_OBJECTS:${target}> PARENT_SCOPE)
endfunction()

# softjac_kernel_leftovers(NAME FLAGS DEFINITION [NARROWER]): a set that only takes such rows, 16 bytes wide by
# DEFINITION SJ_NARROW, one row at a time by SJ_ACROSS; nobody chooses it.
function(softjac_kernel_leftovers name flags definition)
  if(ARGN)
    set(narrower SJ_NARROWER=${ARGN})
  endif()
  foreach(real f32 f64)
    softjac_kernel_table(softjac_kernels_${name}_${real} "${flags}" SJ_SET=${name} SJ_REAL_${real} ${definition}
      ${narrower})
  endforeach()
  set(softjac_kernel_objects ${softjac_kernel_objects} PARENT_SCOPE)
endfunction()

function(softjac_kernel_set name flags)
  if(ARGN)
    set(narrower SJ_NARROWER=${ARGN})
  endif()
  foreach(real f32 f64)
    softjac_kernel_table(softjac_kernels_${name}_${real} "${flags}" SJ_SET=${name} SJ_REAL_${real} ${narrower})
  endforeach()
  softjac_kernel_table(softjac_kernels_${name}_exact "${flags}" SJ_SET=${name} SJ_REAL_f64 SJ_EXACT_TABLE)
  # Clang computes both sides of a branch, and the side not taken may raise INVALID. Elsewhere than on x86 it warns.
  if(CMAKE_C_COMPILER_ID MATCHES "Clang" AND CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64)$")
    target_compile_options(softjac_kernels_${name}_exact PRIVATE -ffp-exception-behavior=maytrap)
  endif()
  set(softjac_kernel_objects ${softjac_kernel_objects} PARENT_SCOPE)
  set(softjac_kernel_sets ${softjac_kernel_sets} ${name} CACHE INTERNAL "the kernel sets built, narrowest first")
endfunction()

function(softjac_define_kernel_sets target)
  list(TRANSFORM softjac_kernel_sets REPLACE "(.+)" "SET(\\1)" OUTPUT_VARIABLE sets)
  list(JOIN sets "" sets)
  target_compile_definitions(${target} PRIVATE "SJ_KERNEL_SETS=${sets}")
endfunction()
