# Fuzz targets: fuzz/fuzz_NAME.cc defines LLVMFuzzerTestOneInput and becomes build/fuzz/fuzz_NAME.
#
# clang++ brings libFuzzer, which is guided by coverage; g++ does not, and then fuzz/driver.cc mutates the
# samples blindly. The targets and the flags that `./dev fuzz` passes are the same, so a machine without clang
# still fuzzes.
if(SALLYPORT_FUZZ)
  file(GLOB fuzz_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/fuzz/fuzz_*.cc)
  if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    target_compile_options(sp_options INTERFACE -fsanitize=fuzzer-no-link)
  endif()
  foreach(source ${fuzz_sources})
    cmake_path(GET source STEM name)
    add_executable(${name} ${source})
    target_link_libraries(${name} PRIVATE sp_stages sp_formats sp_trust sp_learn sp_core)
    if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
      target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    else()
      target_sources(${name} PRIVATE ${CMAKE_SOURCE_DIR}/fuzz/driver.cc)
    endif()
  endforeach()
endif()
