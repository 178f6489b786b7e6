# One interface target carries the warnings and the sanitizers that every target of ours is built with.
# g++ 12 sees overlaps and overflows in plain string concatenation (its bugs 105329 and 105651), the more so
# behind precompiled headers, so those warnings are off; AddressSanitizer finds the true ones.
add_library(sp_options INTERFACE)
target_compile_options(sp_options INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Werror
  # A file that is compiled with others sees their constants too.
  $<IF:$<BOOL:$<TARGET_PROPERTY:UNITY_BUILD>>,-Wshadow=local,-Wshadow>
  -Wno-restrict -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread -fno-omit-frame-pointer)
target_include_directories(sp_options INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/generated)

# The layers also go into libsallyport.so, so they are position-independent; nothing of them is visible from
# outside unless it says so. What a program does not use stands in sections that the linker leaves out.
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
target_compile_options(sp_options INTERFACE -ffunction-sections -fdata-sections)

# Which build something is: a scan's cache belongs to one.
target_link_options(sp_options INTERFACE -Wl,--build-id=sha1)

set(SALLYPORT_SANITIZE "" CACHE STRING "comma-separated sanitizers, for example address,undefined")
if(SALLYPORT_SANITIZE)
  target_compile_options(sp_options INTERFACE -fsanitize=${SALLYPORT_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(sp_options INTERFACE -fsanitize=${SALLYPORT_SANITIZE})
endif()

# What ccache must overlook to serve a file that takes a precompiled header.
find_program(CCACHE ccache)
if(CCACHE)
  set(sloppiness pch_defines,time_macros,include_file_mtime,include_file_ctime)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=${sloppiness} ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
endif()

# Half of a cold build's time went into reading the same headers of others; they are read once for the layers
# and once for the tests. OFF shows a file that forgot an include of its own.
option(SALLYPORT_PRECOMPILED "precompile the headers of the standard library and of nlohmann-json" ON)
set(SALLYPORT_HEADERS
  <algorithm> <array> <charconv> <chrono> <cmath> <cstdint> <cstring> <filesystem> <fstream> <functional>
  <map> <memory> <mutex> <numeric> <optional> <random> <set> <span> <sstream> <string> <string_view> <thread>
  <unordered_map> <vector> <nlohmann/json.hpp>)

# Eight files are compiled as one: most of a cold build goes into making and optimising the same templates in
# file after file. Names that a file keeps to itself are therefore distinct among its neighbours. The files of
# formats/inspect each have a function `plausible` and are compiled one by one; so are commands, guards and
# drills, which are alike by design too and do not call this. OFF is for whoever edits one file again and
# again, and shows a file that forgot an include.
option(SALLYPORT_TOGETHER "compile the files of a layer, or of its tests, eight at a time" ON)
function(sp_together target)
  get_target_property(apart ${target} SOURCES)
  list(FILTER apart INCLUDE REGEX "/inspect/")
  set_source_files_properties(${apart} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${SALLYPORT_TOGETHER} UNITY_BUILD_BATCH_SIZE 8)
  if(SALLYPORT_TOGETHER)
    # A file's own types are no header's, though they are read as if they were.
    target_compile_options(${target} PRIVATE -Wno-subobject-linkage)
  endif()
endfunction()

# Of code that waits for other code, or for people, and runs once: optimising it costs a cold build minutes.
function(sp_runs_once target)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1>)
endfunction()

# The target's files take the precompiled headers of `owner`, which has them made; its own when it is `owner`.
function(sp_precompiled target owner)
  if(NOT SALLYPORT_PRECOMPILED)
    return()
  endif()
  target_compile_options(${target} PRIVATE -fpch-preprocess)
  if(target STREQUAL owner)
    target_precompile_headers(${target} PRIVATE ${SALLYPORT_HEADERS} ${ARGN})
  else()
    target_precompile_headers(${target} REUSE_FROM ${owner})
  endif()
endfunction()
