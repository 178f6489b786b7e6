# One interface target carries the warnings and the sanitizers that every target of ours is built with.
# g++ 12 reports -Wrestrict on plain string concatenation (its bug 105651), so that one warning is off.
add_library(sp_options INTERFACE)
target_compile_options(sp_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-restrict -Werror -fno-omit-frame-pointer)
target_include_directories(sp_options INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/generated)

set(SALLYPORT_SANITIZE "" CACHE STRING "comma-separated sanitizers, for example address,undefined")
if(SALLYPORT_SANITIZE)
  target_compile_options(sp_options INTERFACE -fsanitize=${SALLYPORT_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(sp_options INTERFACE -fsanitize=${SALLYPORT_SANITIZE})
endif()

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
endif()
