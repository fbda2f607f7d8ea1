# Install rules: header, libraries, CMake package, pkg-config file; command, man page and completions where built.
# Included last by the root CMakeLists.txt.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/softjac)

install(FILES ${PROJECT_SOURCE_DIR}/include/softjac.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
# One export set per kind, so that a system which splits them into two packages can ship either alone.
foreach(kind static shared)
  install(TARGETS softjac_${kind} EXPORT softjac_${kind}
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
    RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(EXPORT softjac_${kind} NAMESPACE softjac:: DESTINATION ${package_dir} FILE softjac-${kind}.cmake)
endforeach()

if(TARGET softjac_mpi_static)
  install(FILES ${PROJECT_SOURCE_DIR}/include/softjac_mpi.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  foreach(kind static shared)
    if(TARGET softjac_mpi_${kind})
      install(TARGETS softjac_mpi_${kind} EXPORT softjac_mpi_${kind}
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
      install(EXPORT softjac_mpi_${kind} NAMESPACE softjac:: DESTINATION ${package_dir} FILE softjac-mpi-${kind}.cmake)
    endif()
  endforeach()
endif()

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/softjacConfig.cmake.in
  ${PROJECT_BINARY_DIR}/softjacConfig.cmake INSTALL_DESTINATION ${package_dir} NO_SET_AND_CHECK_MACRO)
# Before 1.0 a minor version may change the interface.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/softjacConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/softjacConfig.cmake ${PROJECT_BINARY_DIR}/softjacConfigVersion.cmake
  DESTINATION ${package_dir})

# The paths in the .pc file are relative to the file itself: the installed tree can be moved.
set(pc_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
foreach(name INCLUDEDIR LIBDIR)
  if(IS_ABSOLUTE ${CMAKE_INSTALL_${name}})
    set(pc_${name} ${CMAKE_INSTALL_${name}})
  else()
    set(pc_${name} "\${prefix}/${CMAKE_INSTALL_${name}}")
  endif()
endforeach()
if(IS_ABSOLUTE ${pc_dir})
  set(pc_prefix ${CMAKE_INSTALL_PREFIX})
else()
  file(RELATIVE_PATH up /${pc_dir} /)
  string(REGEX REPLACE "/$" "" up "${up}")
  set(pc_prefix "\${pcfiledir}/${up}")
endif()
set(pc_openmp "")
foreach(item IN LISTS softjac_openmp_link)
  if(NOT item MATCHES "^-")
    string(PREPEND item "-l")
  endif()
  string(APPEND pc_openmp "${item} ")
endforeach()
configure_file(${PROJECT_SOURCE_DIR}/cmake/softjac.pc.in ${PROJECT_BINARY_DIR}/softjac.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/softjac.pc DESTINATION ${pc_dir})
if(TARGET softjac_mpi_static)
  set(pc_mpi "")
  foreach(item IN LISTS mpi_INCLUDES)
    string(APPEND pc_mpi " -I${item}")
  endforeach()
  list(JOIN mpi_LINK " " pc_mpi_link)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/softjac-mpi.pc.in ${PROJECT_BINARY_DIR}/softjac-mpi.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/softjac-mpi.pc DESTINATION ${pc_dir})
endif()
