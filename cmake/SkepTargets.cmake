# skep_library(NAME SOURCES... DEPENDS...): the library skep_NAME of one folder.
# skep_executable(NAME SOURCES... DEPENDS...): an executable.
# skep_test(NAME SOURCES... DEPENDS... [LABELS...] [ARGS...]): a GoogleTest executable, one ctest test. Labels:
#   arm64     also runs under qemu-user (preset arm64-qemu)
#   threads   also runs under ThreadSanitizer
#   fuzz      feeds random or hostile bytes; also runs under ASan and UBSan
#   sanitize  also runs under ASan and UBSan
#   long      takes more than a minute; CI runs it last

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

function(skep_compile_options target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ON)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wswitch-enum -Werror
    # GCC 12 sees overlap in every `"text" + std::string` at -O3 (GCC bug 105651).
    $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
  if(SKEP_SANITIZE)
    target_compile_options(${target} PUBLIC -fsanitize=${SKEP_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=${SKEP_SANITIZE})
  endif()
  if(SKEP_FUZZ)
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
  if(SKEP_COVERAGE)
    target_compile_options(${target} PUBLIC --coverage)
    target_link_options(${target} PUBLIC --coverage)
  endif()
endfunction()

function(skep_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;PRIVATE_DEPENDS" ${ARGN})
  add_library(skep_${name} STATIC ${ARG_SOURCES})
  add_library(skep::${name} ALIAS skep_${name})
  set_target_properties(skep_${name} PROPERTIES EXPORT_NAME ${name})
  target_include_directories(skep_${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>)
  target_link_libraries(skep_${name} PUBLIC ${ARG_DEPENDS} PRIVATE ${ARG_PRIVATE_DEPENDS})
  skep_compile_options(skep_${name})
  set_property(GLOBAL APPEND PROPERTY SKEP_INSTALLED_TARGETS skep_${name})
endfunction()

function(skep_executable name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS})
  skep_compile_options(${name})
endfunction()

# Labels the test NAME, which may also be the name of its executable: tests_LABEL builds what ctest -L LABEL runs, and no more.
function(skep_labels name)
  set_tests_properties(${name} PROPERTIES TIMEOUT 900 LABELS "${ARGN}")
  foreach(label IN LISTS ARGN)
    if(NOT TARGET tests_${label})
      add_custom_target(tests_${label})
    endif()
    if(TARGET ${name})
      add_dependencies(tests_${label} ${name})
    endif()
  endforeach()
endfunction()

function(skep_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LABELS;ARGS" ${ARGN})
  skep_executable(${name} SOURCES ${ARG_SOURCES} DEPENDS ${ARG_DEPENDS} GTest::gmock_main)
  target_compile_definitions(${name} PRIVATE SKEP_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  add_test(NAME ${name} COMMAND ${name} ${ARG_ARGS})
  skep_labels(${name} ${ARG_LABELS})
endfunction()
