# The layers, left to right. A folder's sources are globbed: adding a file needs no edit here.
function(sp_layer name)
  cmake_parse_arguments(ARG "" "" "FOLDERS;LINKS" ${ARGN})
  set(sources)
  foreach(folder ${ARG_FOLDERS})
    file(GLOB_RECURSE found CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.cc)
    list(APPEND sources ${found})
  endforeach()
  list(FILTER sources EXCLUDE REGEX "_(test|drill|main)\\.cc$|/testdata/|/workers/")
  if(NOT sources)
    return()
  endif()
  add_library(sp_${name} STATIC ${sources})
  target_link_libraries(sp_${name} PUBLIC sp_options ${ARG_LINKS})
  sp_precompiled(sp_${name} sp_core)
endfunction()

sp_layer(core FOLDERS core
  LINKS nlohmann_json::nlohmann_json OpenSSL::Crypto Threads::Threads PkgConfig::YAMLCPP)

# The catalogue's table is generated, so that the YAML file stays the only source.
add_executable(catalog_gen tools/catalog_gen.cc)
target_link_libraries(catalog_gen PRIVATE sp_options PkgConfig::YAMLCPP)
set(threats_inc ${CMAKE_BINARY_DIR}/generated/catalog/threats.inc)
add_custom_command(OUTPUT ${threats_inc}
  COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/generated/catalog
  COMMAND catalog_gen ${CMAKE_SOURCE_DIR}/catalog/threats.yaml ${threats_inc}
  DEPENDS catalog_gen ${CMAKE_SOURCE_DIR}/catalog/threats.yaml VERBATIM)

# Interface stand-ins let a layer be linked before it has its first file.
macro(sp_layer_or_empty name)
  sp_layer(${name} ${ARGN})
  if(NOT TARGET sp_${name})
    cmake_parse_arguments(EMPTY "" "" "FOLDERS;LINKS" ${ARGN})
    add_library(sp_${name} INTERFACE)
    target_link_libraries(sp_${name} INTERFACE ${EMPTY_LINKS})
  endif()
endmacro()

# So is the table of what pickles may do, by the parser that also reads packs at run time.
add_executable(packs_gen tools/packs_gen.cc formats/pickle_pack.cc formats/pickle_table.cc)
target_link_libraries(packs_gen PRIVATE sp_core)
file(GLOB packs CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/formats/packs/*.yaml)
set(packs_inc ${CMAKE_BINARY_DIR}/generated/formats/packs.inc)
add_custom_command(OUTPUT ${packs_inc}
  COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/generated/formats
  COMMAND packs_gen ${packs_inc} ${packs}
  DEPENDS packs_gen ${packs} VERBATIM)

# And the kinds of credentials, with their patterns compiled, which takes longer than most searches.
add_executable(secrets_gen tools/secrets_gen.cc tools/secrets_compile.cc formats/secrets_database.cc)
target_link_libraries(secrets_gen PRIVATE sp_core ZLIB::ZLIB PkgConfig::HYPERSCAN)
set(secrets_inc ${CMAKE_BINARY_DIR}/generated/formats/secret_rules.inc)
set(secrets_db ${CMAKE_BINARY_DIR}/generated/formats/secret_rules.db)
add_custom_command(OUTPUT ${secrets_inc} ${secrets_db}
  COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/generated/formats
  COMMAND secrets_gen ${CMAKE_SOURCE_DIR}/formats/secret_rules.txt ${secrets_inc} ${secrets_db}
  DEPENDS secrets_gen ${CMAKE_SOURCE_DIR}/formats/secret_rules.txt VERBATIM)

sp_layer_or_empty(formats FOLDERS formats
  LINKS sp_core ZLIB::ZLIB BZip2::BZip2 LibLZMA::LibLZMA PkgConfig::ZSTD PkgConfig::LZ4 PkgConfig::HYPERSCAN)
target_sources(sp_formats PRIVATE ${packs_inc} ${secrets_inc})
set_source_files_properties(${CMAKE_SOURCE_DIR}/formats/secrets_matcher.cc PROPERTIES
  OBJECT_DEPENDS ${secrets_db} COMPILE_DEFINITIONS SALLYPORT_SECRETS_DB="${secrets_db}")
sp_layer_or_empty(trust FOLDERS trust LINKS sp_core)
target_sources(sp_trust PRIVATE $<TARGET_OBJECTS:blake3>)
sp_layer_or_empty(learn FOLDERS learn LINKS sp_formats)
sp_layer_or_empty(stages FOLDERS data_engineering experiment production LINKS sp_formats sp_trust sp_learn)

add_library(sp_catalog STATIC catalog/catalog.cc catalog/coverage.cc ${threats_inc})
target_link_libraries(sp_catalog PUBLIC sp_stages sp_core)

sp_layer_or_empty(services FOLDERS services
  LINKS sp_catalog sp_stages PkgConfig::SECCOMP SQLite::SQLite3 OpenSSL::SSL)

set_source_files_properties(${CMAKE_SOURCE_DIR}/services/tools.cc PROPERTIES
  COMPILE_DEFINITIONS SALLYPORT_ENGINES="${CMAKE_SOURCE_DIR}/.deps")

foreach(layer formats trust learn services)
  sp_together(sp_${layer})
endforeach()

# Drills live beside their guards; the runner, the forges and the victims live in drills/.
file(GLOB_RECURSE drill_sources CONFIGURE_DEPENDS
  ${CMAKE_SOURCE_DIR}/data_engineering/*_drill.cc ${CMAKE_SOURCE_DIR}/experiment/*_drill.cc
  ${CMAKE_SOURCE_DIR}/production/*_drill.cc ${CMAKE_SOURCE_DIR}/drills/*.cc)
list(FILTER drill_sources EXCLUDE REGEX "_(test|main)\\.cc$")
if(drill_sources)
  add_library(sp_drills STATIC ${drill_sources})
  target_link_libraries(sp_drills PUBLIC sp_services sp_catalog)
  sp_precompiled(sp_drills sp_core)
  sp_runs_once(sp_drills)
  # drills/data.cc takes the committed tables into the binary.
  file(GLOB drill_tables CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/data/*.csv)
  set_source_files_properties(${CMAKE_SOURCE_DIR}/drills/data.cc PROPERTIES
    OBJECT_DEPENDS "${drill_tables}" COMPILE_DEFINITIONS SALLYPORT_DATA_DIR="${CMAKE_SOURCE_DIR}/tests/data")
  # drills/honest_models.cc does the same with samples of the pickle guard.
  set(honest_dir ${CMAKE_SOURCE_DIR}/production/model_export/testdata/pickle_code_execution/clean)
  file(GLOB honest_models CONFIGURE_DEPENDS ${honest_dir}/*)
  set_source_files_properties(${CMAKE_SOURCE_DIR}/drills/honest_models.cc PROPERTIES
    OBJECT_DEPENDS "${honest_models}" COMPILE_DEFINITIONS SALLYPORT_HONEST_DIR="${honest_dir}")
else()
  add_library(sp_drills INTERFACE)
endif()

# The commands are a library, so that a test can hold their tables to the rules.
file(GLOB cli_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/cli/*.cc)
list(FILTER cli_sources EXCLUDE REGEX "(_test|_main|/main)\\.cc$")
add_library(sp_cli STATIC ${cli_sources})
target_link_libraries(sp_cli PUBLIC sp_drills sp_services sp_catalog)
sp_precompiled(sp_cli sp_core)
sp_runs_once(sp_cli)
set_source_files_properties(${CMAKE_SOURCE_DIR}/cli/pages.cc PROPERTIES
  COMPILE_DEFINITIONS SALLYPORT_VERSION="${PROJECT_VERSION}")

# A program is linked from the layers' archives and from static libraries by name, since the layers' own
# interfaces name shared ones: a dozen shared libraries cost the loader more than a small file costs us.
function(sp_static_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LAYERS;LIBRARIES" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  set(archives)
  foreach(layer ${ARG_LAYERS})
    list(APPEND archives $<TARGET_FILE:sp_${layer}>)
    add_dependencies(${name} sp_${layer})
  endforeach()
  foreach(library ${ARG_LIBRARIES})
    find_library(static_${library} lib${library}.a REQUIRED)
    list(APPEND archives ${static_${library}})
  endforeach()
  target_link_libraries(${name} PRIVATE sp_options -Wl,--start-group ${archives} -Wl,--end-group)
  if(NOT SALLYPORT_SANITIZE)
    target_link_options(${name} PRIVATE -static-libstdc++ -static-libgcc -Wl,--gc-sections)
  endif()
endfunction()

sp_static_program(sallyport
  SOURCES cli/main.cc
  LAYERS cli drills services catalog stages learn trust formats core
  LIBRARIES ${SALLYPORT_STATIC_LIBRARIES} sqlite3 seccomp ssl)
if(NOT SALLYPORT_SANITIZE)
  target_link_options(sallyport PRIVATE -Wl,-z,pack-relative-relocs)
endif()

# The scanner alone, in one file that needs nothing of the machine.
sp_static_program(sallyport-scan
  SOURCES cli/scan_main.cc cli/static/matcher.cc
  LAYERS cli services catalog stages learn trust formats core
  LIBRARIES ${SALLYPORT_STATIC_LIBRARIES})
if(NOT SALLYPORT_SANITIZE)
  # What the linker would warn of, name servers and plug-ins, stands in sections that it leaves out.
  target_link_options(sallyport-scan PRIVATE -static -s -Wl,--no-warnings)
endif()

# The scanner for loaders in any language: abi/sallyport.h is all that is visible of it.
add_library(sallyport-abi SHARED abi/sallyport.cc)
target_link_libraries(sallyport-abi PRIVATE sp_services)
set_target_properties(sallyport-abi PROPERTIES OUTPUT_NAME sallyport SOVERSION 1 VERSION ${PROJECT_VERSION}
  LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
target_link_options(sallyport-abi PRIVATE -Wl,--exclude-libs,ALL -Wl,--gc-sections)

# Blinds each guard and walls it; `./dev mutate` runs it from the root of the checkout.
add_executable(sallyport-mutate drills/mutate_main.cc)
target_link_libraries(sallyport-mutate PRIVATE sp_drills sp_catalog)

# The figures that the project promises, measured: ./dev bench.
file(GLOB bench_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/bench/*.cc)
if(bench_sources)
  # What is tried in a benchmark and in a test alike.
  add_executable(sallyport-bench ${bench_sources} ${CMAKE_SOURCE_DIR}/services/sandbox/testdata/table.cc
    ${CMAKE_SOURCE_DIR}/services/tracking/testdata/tamperings.cc)
  target_link_libraries(sallyport-bench PRIVATE sp_drills sp_services sp_differential sp_paths)
endif()
