# Checks that an object file defines no weak symbol but those of functions over the batches of one instruction set. Names
# with constraints, as clang 18 writes them, are more than nm can demangle.
# Usage: cmake -DNM=<nm> -DOBJECT=<file> -P symbols.cmake

cmake_minimum_required(VERSION 3.25)

execute_process(COMMAND ${NM} -C --defined-only ${OBJECT} OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
if(NOT symbols MATCHES " [TtDR] xgrad::kernels::")
  message(FATAL_ERROR "${OBJECT} defines no kernel:\n${symbols}")
endif()
string(REPLACE ";" "," symbols "${symbols}")
string(REPLACE "\n" ";" symbols "${symbols}")
foreach(symbol IN LISTS symbols)
  if(symbol MATCHES " [wWvVu] " AND NOT symbol MATCHES "xsimd::(avx|fma|sse)|5xsimd5batchI.*(avx|fma)")
    message(SEND_ERROR "${OBJECT} defines ${symbol}")
  endif()
endforeach()
