# Headers, libraries, the command and a CMake package: find_package(skep) gives skep::skep.
include(CMakePackageConfigHelpers)
get_property(installed GLOBAL PROPERTY SKEP_INSTALLED_TARGETS)
install(TARGETS ${installed} EXPORT skepTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET skep)
  install(TARGETS skep RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(DIRECTORY include/skep DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h" PATTERN "*.def")
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/skep)
install(EXPORT skepTargets NAMESPACE skep:: DESTINATION ${package})
configure_package_config_file(cmake/skepConfig.cmake.in skepConfig.cmake INSTALL_DESTINATION ${package})
write_basic_package_version_file(skepConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/skepConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/skepConfigVersion.cmake
              cmake/FindLibElf.cmake cmake/FindLibPcap.cmake DESTINATION ${package})
