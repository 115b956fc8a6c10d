# Checks that the object file that makes products calls BLAS, in all three scalars: xtensor-blas falls back to a plain loop
# without a word where it is not told that CBLAS is there.
# Usage: cmake -DNM=<nm> -DOBJECT=<file> -P gemm_symbols.cmake

cmake_minimum_required(VERSION 3.25)

execute_process(COMMAND ${NM} --undefined-only ${OBJECT} OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
foreach(function cblas_sgemm cblas_dgemm cblas_zgemm)
  if(NOT symbols MATCHES " ${function}\n")
    message(SEND_ERROR "${OBJECT} does not call ${function}, which leaves a plain loop:\n${symbols}")
  endif()
endforeach()
