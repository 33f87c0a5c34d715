# Language level, linker, compiler cache, sanitizers and output folders of everything we build.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_VERIFY_INTERFACE_HEADER_SETS ON)  # target all_verify_interface_header_sets
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
set(CMAKE_BUILD_RPATH_USE_ORIGIN ON)
set_property(GLOBAL PROPERTY USE_FOLDERS ON)

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

include(CheckLinkerFlag)
foreach(linker mold lld)
  check_linker_flag(CXX -fuse-ld=${linker} LATHE_HAS_${linker})
  if(LATHE_HAS_${linker})
    add_link_options(-fuse-ld=${linker})
    break()
  endif()
endforeach()

# gRPC names some 60 libraries; only those that are used should be loaded.
add_link_options(-Wl,--as-needed)

if(LATHE_SANITIZE)
  add_compile_options(
    -fsanitize=${LATHE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${LATHE_SANITIZE})
endif()

# Flags of every target of ours. Contraction is off because a fused multiply-add rounds differently,
# and where the compiler finds one depends on the instruction level; the same bits are promised on
# all of them.
function(lathe_compile_options target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wconversion -Wshadow -ffp-contract=off)
  if(LATHE_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(LATHE_SANITIZE)
    # GCC 12 takes parts of std::regex and std::function for uninitialised once they are instrumented.
    target_compile_options(${target} PRIVATE -Wno-maybe-uninitialized)
  endif()
  if(LATHE_SANITIZE MATCHES "thread")
    # GCC's libgomp is not instrumented: std::jthread stands in for OpenMP (ml/core/parallel.cpp).
    target_compile_definitions(${target} PRIVATE LATHE_TSAN)
  endif()
endfunction()
