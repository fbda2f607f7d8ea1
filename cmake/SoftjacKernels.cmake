# softjac_kernel_set(NAME FLAGS): compiles src/kernel/table.c once per dtype with the set's flags. Collects the objects
# in softjac_kernel_objects and -DSJ_HAVE_NAME in softjac_set_definitions, for dispatch.c.
function(softjac_kernel_set name flags)
  foreach(real f32 f64)
    set(target softjac_kernels_${name}_${real})
    add_library(${target} OBJECT kernel/table.c)
    target_compile_definitions(${target} PRIVATE SJ_SET=${name} SJ_REAL_${real})
    # -O3: GCC 12 vectorises the portable vocabulary's loops and unrolls them only there.
    target_compile_options(${target} PRIVATE ${flags} $<$<NOT:$<CONFIG:Debug>>:-O3>)
    target_include_directories(${target} PRIVATE . ${PROJECT_SOURCE_DIR}/include)
    target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:softjac_flags>)
    list(APPEND softjac_kernel_objects $<TARGET_OBJECTS:${target}>)
  endforeach()
  string(TOUPPER ${name} upper)
  list(APPEND softjac_set_definitions SJ_HAVE_${upper})
  set(softjac_kernel_objects ${softjac_kernel_objects} PARENT_SCOPE)
  set(softjac_set_definitions ${softjac_set_definitions} PARENT_SCOPE)
endfunction()
