# Checks that the benchmark program measures each workload, and writes JSON with the names that readers of it rely
# on. One round each: whether the times are right is not for a test to say.
# Usage: cmake -DPROGRAM=... -DJSON=<file to write> -P benchmarks.cmake

cmake_minimum_required(VERSION 3.25)

file(REMOVE ${JSON})
execute_process(COMMAND ${PROGRAM} --benchmark_min_time=0 --benchmark_out=${JSON} OUTPUT_VARIABLE table
  COMMAND_ERROR_IS_FATAL ANY)
file(READ ${JSON} json)
string(REGEX REPLACE " +" " " table "${table}")

foreach(key blas blas_threads xgrad_build_type)
  string(JSON ${key} GET "${json}" context ${key})
endforeach()
set(title "BLAS: ${blas}; its threads: ${blas_threads}; build type: ${xgrad_build_type}\n")
string(FIND "${table}" "${title}" found)
if(NOT found EQUAL 0)
  message(SEND_ERROR "the table does not begin with what the JSON says, '${title}':\n${table}")
endif()

set(workloads "Elman/W1 N=10 T=5 V=418 D=100 H=100" "Elman/W2 N=20 T=35 V=10000 D=200 H=200"
  "Elman/W3 N=20 T=35 V=10000 D=650 H=650" "Finite check/W1 N=10 T=5 V=418 D=100 H=100"
  "Finite check/W2 N=20 T=35 V=10000 D=200 H=200" "Slices/100 N=4 T=100 D=32" "Slices/1000 N=4 T=1000 D=32"
  "Slices/10000 N=4 T=10000 D=32")
list(LENGTH workloads count)
string(JSON length LENGTH "${json}" benchmarks)
if(NOT length EQUAL count)
  message(FATAL_ERROR "the JSON has ${length} benchmarks, expected ${count}: ${workloads}")
endif()
set(i 0)
foreach(workload IN LISTS workloads)
  string(REGEX REPLACE " N=.*" "/manual_time" name "${workload}")
  string(JSON found GET "${json}" benchmarks ${i} name)
  if(NOT found STREQUAL name)
    message(SEND_ERROR "benchmark ${i} in the JSON is '${found}', expected '${name}'")
  endif()
  foreach(counter step_ms bare_ms ratio tokens_per_second)
    string(JSON value GET "${json}" benchmarks ${i} ${counter})
    if(NOT value GREATER 0)
      message(SEND_ERROR "${counter} of ${name} is ${value}, expected a positive number")
    endif()
  endforeach()
  if(NOT table MATCHES "\n${workload} 1( [0-9.]+)( [0-9.]+)( [0-9.]+)( [0-9.]+)\n")
    message(SEND_ERROR "the table has no line for one round of ${workload}:\n${table}")
  endif()
  math(EXPR i "${i} + 1")
endforeach()
