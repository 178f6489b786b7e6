# duckdb::duckdb, for sallyport-duckdb alone: the C interface, whose header is of the library's own release.
sp_locked(npm duckdb version)
set(root ${CMAKE_SOURCE_DIR}/.deps/duckdb-${version})
sp_require(${root}/include/duckdb.h ${root}/libs/libduckdb.so)

add_library(duckdb::duckdb SHARED IMPORTED)
set_target_properties(duckdb::duckdb PROPERTIES
  IMPORTED_LOCATION ${root}/libs/libduckdb.so IMPORTED_SONAME libduckdb.so)
target_include_directories(duckdb::duckdb INTERFACE ${root}/include)
