# The heavy engines. Each is linked by one worker executable, never by the front binary:
# learn/workers/NAME/*.cc become sallyport-NAME, which holds the engine's headers and libraries and nothing of
# ours but core, formats and learn.

include(cmake/openvino.cmake)
include(cmake/duckdb.cmake)
include(cmake/torch.cmake)

# sp_worker(NAME ENGINE [HEADER]): HEADER, a heavy one, is compiled once for the whole worker.
function(sp_worker name engine)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/learn/workers/${name}/*.cc)
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  if(NOT sources)
    return()
  endif()
  add_executable(sallyport-${name} ${sources})
  target_link_libraries(sallyport-${name} PRIVATE ${engine} sp_learn sp_formats sp_core)
  if(ARGN)
    target_precompile_headers(sallyport-${name} PRIVATE ${ARGN})
    target_compile_options(sallyport-${name} PRIVATE -fpch-preprocess)
  endif()
endfunction()

sp_worker(torch torch::torch <torch/torch.h>)
sp_worker(openvino openvino::runtime <openvino/openvino.hpp>)
sp_worker(duckdb duckdb::duckdb)
