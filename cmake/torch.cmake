# torch::torch, for sallyport-torch alone. Debian's TorchConfig.cmake asks for the development files of
# everything that LibTorch was built from, so the three libraries that a program links are named here instead.
#
# Debian's LibTorch needs whatever libblas.so.3 the machine offers, which may be the reference BLAS: 16 times
# slower on one thread. OpenBLAS carries the same soname, and the loader takes the first library of a name
# that a program brings, so OpenBLAS stands first and is found by its own path.
set(multiarch /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE})
find_path(TORCH_INCLUDE torch/csrc/api/include/torch/torch.h REQUIRED)
find_library(TORCH_LIBRARY torch REQUIRED)
find_library(TORCH_CPU_LIBRARY torch_cpu REQUIRED)
find_library(C10_LIBRARY c10 REQUIRED)
find_file(OPENBLAS_LIBRARY libblas.so.3 PATHS ${multiarch}/openblas-pthread NO_DEFAULT_PATH REQUIRED)

add_library(torch::torch INTERFACE IMPORTED)
target_include_directories(torch::torch INTERFACE ${TORCH_INCLUDE} ${TORCH_INCLUDE}/torch/csrc/api/include)
cmake_path(GET OPENBLAS_LIBRARY PARENT_PATH openblas_folder)
target_link_libraries(torch::torch INTERFACE
  -Wl,--push-state,--no-as-needed ${OPENBLAS_LIBRARY} -Wl,--pop-state
  ${TORCH_LIBRARY} ${TORCH_CPU_LIBRARY} ${C10_LIBRARY})
target_link_options(torch::torch INTERFACE -Wl,-rpath,${openblas_folder})
