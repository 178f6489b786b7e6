# The heavy engines. Each is linked by one worker executable, never by the front binary:
# learn/workers/NAME/*.cc become sallyport-NAME, which holds the engine's headers and libraries and nothing of
# ours but core, formats and learn.

# sp_locked(KIND NAME VARIABLE): the version that deps.lock names.
function(sp_locked kind name variable)
  file(STRINGS ${CMAKE_SOURCE_DIR}/deps.lock line REGEX "^${kind} +${name} ")
  string(REGEX REPLACE "^[^ ]+ +[^ ]+ +([^ ]+) .*" "\\1" version "${line}")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/deps.lock)
  set(${variable} ${version} PARENT_SCOPE)
endfunction()

function(sp_require)
  foreach(file ${ARGN})
    if(NOT EXISTS ${file})
      message(FATAL_ERROR "${file} is missing: run ./dev setup")
    endif()
  endforeach()
endfunction()

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
