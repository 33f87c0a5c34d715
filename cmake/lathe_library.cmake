# lathe_library, lathe_program and lathe_install_package.
include(CMakePackageConfigHelpers)

# A header is "lathe/ml/core/types.h" in the build tree and once installed: links in the build
# folder give the source folders that name. lathe/proto is a real folder there, for generated code.
set(LATHE_INCLUDE_DIR ${PROJECT_BINARY_DIR}/include)
file(MAKE_DIRECTORY ${LATHE_INCLUDE_DIR}/lathe/proto)
foreach(folder ml preprocessing evaluation datasets server cli)
  file(CREATE_LINK ${PROJECT_SOURCE_DIR}/${folder} ${LATHE_INCLUDE_DIR}/lathe/${folder} SYMBOLIC)
endforeach()

# lathe_library(<name> SOURCES a.cpp... HEADERS a.h... [DEPENDS lathe::core...]
#               [PRIVATE_DEPENDS ...] [SERVING])
# Makes the shared library lathe::<name> and installs it with its headers, which are named relative
# to the folder. SERVING: a consumer needs gRPC; such libraries are exported apart from the others.
function(lathe_library name)
  cmake_parse_arguments(arg "SERVING" "" "SOURCES;HEADERS;DEPENDS;PRIVATE_DEPENDS" ${ARGN})
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "lathe_library(${name}): unknown arguments ${arg_UNPARSED_ARGUMENTS}")
  endif()
  set(target lathe_${name})
  file(RELATIVE_PATH folder ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
  set(headers)
  foreach(header IN LISTS arg_HEADERS)
    list(APPEND headers ${LATHE_INCLUDE_DIR}/lathe/${folder}/${header})
  endforeach()

  add_library(${target} SHARED ${arg_SOURCES})
  add_library(lathe::${name} ALIAS ${target})
  target_sources(${target} PUBLIC FILE_SET HEADERS BASE_DIRS ${LATHE_INCLUDE_DIR} FILES ${headers})
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_link_libraries(${target} PUBLIC ${arg_DEPENDS} PRIVATE ${arg_PRIVATE_DEPENDS})
  lathe_compile_options(${target})

  # A program may be built with other -m flags than the library. Without these two, the linker could
  # take the program's copy of an inline function for the library's, and change its answers.
  target_compile_options(${target} PRIVATE -fvisibility-inlines-hidden)
  target_link_options(${target} PRIVATE -Wl,-Bsymbolic)

  set_target_properties(${target} PROPERTIES
    EXPORT_NAME ${name}
    VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
    INSTALL_RPATH "$ORIGIN")
  set(export lathe)
  if(arg_SERVING)
    set(export lathe_serving)
  endif()
  set_property(GLOBAL APPEND PROPERTY LATHE_EXPORTS ${export})
  install(TARGETS ${target} EXPORT ${export} FILE_SET HEADERS)
endfunction()

# lathe_program(<name> SOURCES ... [DEPENDS ...]): an installed executable that finds our libraries
# wherever the installation is moved to.
function(lathe_program name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_DEPENDS})
  lathe_compile_options(${name})
  file(RELATIVE_PATH to_libraries ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
  set_target_properties(${name} PROPERTIES INSTALL_RPATH "$ORIGIN/${to_libraries}")
  install(TARGETS ${name})
endfunction()

# Once, after all libraries: find_package(lathe) for what was built.
function(lathe_install_package)
  set(destination ${CMAKE_INSTALL_LIBDIR}/cmake/lathe)
  get_property(exports GLOBAL PROPERTY LATHE_EXPORTS)
  list(REMOVE_DUPLICATES exports)
  foreach(export IN LISTS exports)
    install(EXPORT ${export} FILE ${export}Targets.cmake NAMESPACE lathe::
      DESTINATION ${destination})
  endforeach()
  configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/latheConfig.cmake.in
    ${PROJECT_BINARY_DIR}/latheConfig.cmake INSTALL_DESTINATION ${destination})
  write_basic_package_version_file(${PROJECT_BINARY_DIR}/latheConfigVersion.cmake
    COMPATIBILITY SameMinorVersion)
  install(FILES
    ${PROJECT_BINARY_DIR}/latheConfig.cmake
    ${PROJECT_BINARY_DIR}/latheConfigVersion.cmake
    DESTINATION ${destination})
  install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
endfunction()
