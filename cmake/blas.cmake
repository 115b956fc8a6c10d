# Finds BLAS (target BLAS::BLAS), says which one it is, and refuses a slow one: with only the reference library
# installed, find_package(BLAS) takes that without a word, and a matrix product takes 17 to 30 times as long (512 x 512
# floats, one core, AVX2 to AVX-512). A fast one is recognised by a function that only it has.

option(XGRAD_ALLOW_SLOW_BLAS "Accept a BLAS that is not known to be fast" OFF)

find_package(BLAS)
if(NOT BLAS_FOUND)
  message(FATAL_ERROR "xgrad: no BLAS found. Expected is OpenBLAS, MKL or BLIS; on Debian\n"
    "    apt install libopenblas-dev\n")
endif()

# Nothing is cached here, so that installing another BLAS and configuring again is enough.
set(xgrad_blas)
foreach(candidate OpenBLAS=openblas_get_config MKL=mkl_get_version_string BLIS=bli_info_get_version_str)
  string(REGEX MATCH "^(.*)=(.*)$" _ ${candidate})
  set(name ${CMAKE_MATCH_1})
  set(function ${CMAKE_MATCH_2})
  try_compile(xgrad_blas_links
    SOURCE_FROM_CONTENT ${function}.cpp "extern \"C\" void ${function}();\nint main() { ${function}(); }\n"
    LINK_LIBRARIES BLAS::BLAS NO_CACHE)
  if(xgrad_blas_links)
    set(xgrad_blas ${name})
    break()
  endif()
endforeach()

# The file behind the links, as "libblas.so" alone may be any of them.
set(xgrad_blas_files)
foreach(file IN LISTS BLAS_LIBRARIES)
  file(REAL_PATH "${file}" real)
  if(IS_ABSOLUTE "${file}" AND NOT real STREQUAL file)
    string(APPEND file " (${real})")
  endif()
  list(APPEND xgrad_blas_files "${file}")
endforeach()
list(JOIN xgrad_blas_files ", " xgrad_blas_files)

if(xgrad_blas STREQUAL OpenBLAS AND NOT CMAKE_CROSSCOMPILING)
  # Its own words: version, threads, and the processor it takes this one for.
  try_run(xgrad_blas_status xgrad_blas_links
    SOURCE_FROM_CONTENT config.cpp
      "#include <cstdio>\nextern \"C\" char* openblas_get_config();\nint main() { std::puts(openblas_get_config()); }\n"
    LINK_LIBRARIES BLAS::BLAS NO_CACHE RUN_OUTPUT_VARIABLE xgrad_blas_config)
  if(xgrad_blas_status EQUAL 0)
    string(STRIP "${xgrad_blas_config}" xgrad_blas)
  endif()
endif()

if(xgrad_blas)
  message(STATUS "BLAS: ${xgrad_blas}, ${xgrad_blas_files}")
elseif(XGRAD_ALLOW_SLOW_BLAS)
  message(WARNING "xgrad: going on with a BLAS that is not known to be fast: ${xgrad_blas_files}")
else()
  message(FATAL_ERROR "xgrad: the BLAS found is not known to be fast:\n"
    "    ${xgrad_blas_files}\n"
    "Expected is OpenBLAS, MKL or BLIS; the reference library is 17 to 30 times slower. On Debian:\n"
    "    apt install libopenblas-dev\n"
    "then configure again, with BLA_VENDOR and BLAS_LIBRARIES unset (a plain libblas.so is whatever the system picks "
    "when the program starts). To go on all the same, configure with\n"
    "    -DXGRAD_ALLOW_SLOW_BLAS=ON\n")
endif()
