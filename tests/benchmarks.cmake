# Checks that the benchmark program measures each workload, and writes JSON with the names that readers of it rely
# on. One round each: whether the times are right is not for a test to say.
# Usage: cmake -DPROGRAM=... -DJSON=<file to write> -P benchmarks.cmake

cmake_minimum_required(VERSION 3.25)

file(REMOVE ${JSON})
execute_process(COMMAND ${PROGRAM} --benchmark_min_time=0 --benchmark_out=${JSON} OUTPUT_VARIABLE table
  COMMAND_ERROR_IS_FATAL ANY)
file(READ ${JSON} json)
string(REGEX REPLACE " +" " " table "${table}")

foreach(key blas blas_threads xgrad_build_type xgrad_kernels)
  string(JSON ${key} GET "${json}" context ${key})
endforeach()
set(title "BLAS: ${blas}; its threads: ${blas_threads}; build type: ${xgrad_build_type}; kernels: ${xgrad_kernels}\n")
string(FIND "${table}" "${title}" found)
if(NOT found EQUAL 0)
  message(SEND_ERROR "the table does not begin with what the JSON says, '${title}':\n${table}")
endif()

set(W1 "N=10 T=5 V=418 D=100 H=100")
set(W2 "N=20 T=35 V=10000 D=200 H=200")
set(W3 "N=20 T=35 V=10000 D=650 H=650 x2")
set(with_peak "Elman/W1 ${W1}" "Elman in double/W1 ${W1}" "Elman/W2 ${W2}" "LSTM/W2 ${W2}" "LSTM/W3 ${W3}" "User MGU/W2 ${W2}"
  "User layer-norm GRU/W2 ${W2}")
set(workloads ${with_peak} "User LSTM/W2 ${W2}" "Finite check/W1 ${W1}" "Finite check/W2 ${W2}"
  "Token, Elman/W2 N=1 T=1 V=10000 D=200 H=200" "Token, LSTM/W2 N=1 T=1 V=10000 D=200 H=200" "Tiny ops/4x4 999 ops on 4x4"
  "Slices/100 N=4 T=100 D=32" "Slices/1000 N=4 T=1000 D=32" "Slices/10000 N=4 T=10000 D=32"
  "Threads/W3 ${W3}" "Threads/BLAS 2048 x 2048 floats")
foreach(path fused_loss recycled_storage hoisted_products deferred_weights fused_affine own_products any)
  list(APPEND workloads "Technique/W1 without ${path} ${W1}" "Technique/W2 LSTM without ${path} ${W2}")
endforeach()
list(LENGTH workloads count)
string(JSON length LENGTH "${json}" benchmarks)
if(NOT length EQUAL count)
  message(FATAL_ERROR "the JSON has ${length} benchmarks, expected ${count}: ${workloads}")
endif()
set(i 0)
foreach(workload IN LISTS workloads)
  string(REGEX REPLACE " (N=|999 ops|2048 x).*" "/manual_time" name "${workload}")
  string(JSON found GET "${json}" benchmarks ${i} name)
  if(NOT found STREQUAL name)
    message(SEND_ERROR "benchmark ${i} in the JSON is '${found}', expected '${name}'")
  endif()
  set(counters step_ms bare_ms ratio tokens_per_second)
  set(peak "-")
  if(workload IN_LIST with_peak)
    list(APPEND counters peak_mib)
    set(peak "[0-9.]+")
  endif()
  foreach(counter IN LISTS counters)
    string(JSON value GET "${json}" benchmarks ${i} ${counter})
    if(NOT value GREATER 0)
      message(SEND_ERROR "${counter} of ${name} is ${value}, expected a positive number")
    endif()
  endforeach()
  if(NOT table MATCHES "\n${workload} 1( [0-9.]+)( [0-9.]+)( [0-9.]+)( [0-9.]+) ${peak}\n")
    message(SEND_ERROR "the table has no line for one round of ${workload}:\n${table}")
  endif()
  math(EXPR i "${i} + 1")
endforeach()
