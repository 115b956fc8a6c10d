# What `cmake --install` installs: the library, the headers of its interface as <xgrad/...>, and what find_package(xgrad)
# reads. Nothing in it names a folder of this machine, so the installed tree can be moved; tests/package tries all that.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(xgrad_config ${CMAKE_INSTALL_LIBDIR}/cmake/xgrad)

install(TARGETS xgrad EXPORT xgrad ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT xgrad NAMESPACE xgrad:: DESTINATION ${xgrad_config} FILE xgradTargets.cmake)
set(without PATTERN distributed EXCLUDE)
if(TARGET xgrad_mpi)
  install(TARGETS xgrad_mpi EXPORT xgrad_mpi ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
    INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  install(EXPORT xgrad_mpi NAMESPACE xgrad:: DESTINATION ${xgrad_config} FILE xgradMpiTargets.cmake)
  set(without PATTERN exchange.hpp EXCLUDE)
endif()

# Of kernels/, numbers/ and update/, which need xsimd, and of the rooms that only the library itself looks into, no header
# belongs to the interface but these; of ops/ all but what ops are defined with.
install(DIRECTORY autograd layers models training DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/xgrad
  FILES_MATCHING PATTERN "*.hpp" PATTERN kernels EXCLUDE PATTERN numbers EXCLUDE PATTERN update EXCLUDE
  PATTERN checks EXCLUDE PATTERN inspect EXCLUDE PATTERN parameters EXCLUDE
  PATTERN define.hpp EXCLUDE PATTERN function_op.hpp EXCLUDE PATTERN identities.hpp EXCLUDE PATTERN part.hpp EXCLUDE
  PATTERN revolve.hpp EXCLUDE PATTERN row_products.hpp EXCLUDE ${without})
foreach(header kernels/storage numbers/pending_updates numbers/xtensor numbers/xtensor_io checks/direction
    checks/audit/report checks/gradcheck/op_proof checks/gradcheck/report)
  cmake_path(GET header PARENT_PATH folder)
  install(FILES autograd/${header}.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/xgrad/autograd/${folder})
endforeach()

# Before 1.0 a minor version may break its users, so find_package(xgrad 0.1) takes 0.1.x alone.
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/xgradConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
configure_package_config_file(cmake/xgradConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/xgradConfig.cmake
  INSTALL_DESTINATION ${xgrad_config} NO_SET_AND_CHECK_MACRO)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/xgradConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/xgradConfigVersion.cmake
  DESTINATION ${xgrad_config})
