# openvino::runtime, for sallyport-openvino alone. The wheel's own OpenVINOConfig.cmake insists on every front
# end it shipped with; `./dev setup` leaves most of them out, because a parser that is not installed cannot be
# attacked.
sp_locked(pypi openvino version)
set(root ${CMAKE_SOURCE_DIR}/.deps/openvino-${version})
file(GLOB library ${root}/libs/libopenvino.so.*)
sp_require(${root}/include/openvino/openvino.hpp ${library})

add_library(openvino::runtime SHARED IMPORTED)
cmake_path(GET library FILENAME soname)
set_target_properties(openvino::runtime PROPERTIES IMPORTED_LOCATION ${library} IMPORTED_SONAME ${soname})
target_include_directories(openvino::runtime INTERFACE ${root}/include)
