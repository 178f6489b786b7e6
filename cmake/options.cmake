# One interface target carries the warnings and the sanitizers that every target of ours is built with.
# g++ 12 reports -Wrestrict on plain string concatenation (its bug 105651), so that one warning is off.
add_library(sp_options INTERFACE)
target_compile_options(sp_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-restrict -Werror -fno-omit-frame-pointer)
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

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
endif()
