# Checks that the benchmark program measures each workload, and writes JSON with the names that readers of it rely
# on. One round each: whether the times are right is not for a test to say.
# Usage: cmake -DPROGRAM=... -DJSON=<file to write> -P benchmarks.cmake

cmake_minimum_required(VERSION 3.25)

file(REMOVE ${JSON})
execute_process(COMMAND ${PROGRAM} --rounds=1 --seconds=0 --benchmark_out=${JSON} OUTPUT_VARIABLE table
  COMMAND_ERROR_IS_FATAL ANY)
file(READ ${JSON} json)
string(REGEX REPLACE " +" " " table "${table}")

foreach(key blas blas_threads xgrad_build_type xgrad_kernels libtorch processor ceilings)
  string(JSON ${key} GET "${json}" context ${key})
endforeach()
set(title "BLAS: ${blas}; its threads: ${blas_threads}; build type: ${xgrad_build_type}; kernels: ${xgrad_kernels}; libtorch: ${libtorch}; processor: ${processor}\n${ceilings}\n")
string(FIND "${table}" "${title}" found)
if(NOT found EQUAL 0)
  message(SEND_ERROR "the table does not begin with what the JSON says, '${title}':\n${table}")
endif()

set(W1 "N=10 T=5 V=418 D=100 H=100")
set(W2 "N=20 T=35 V=10000 D=200 H=200")
set(W3 "N=20 T=35 V=10000 D=650 H=650 x2")
set(models "Elman/W1 ${W1}" "Elman in double/W1 ${W1}" "Elman/W2 ${W2}" "LSTM/W2 ${W2}" "LSTM/W3 ${W3}" "User MGU/W2 ${W2}"
  "User layer-norm GRU/W2 ${W2}")
set(workloads ${models} "User LSTM/W2 ${W2}" "Loss by rows/W2 ${W2}"
  "Finite check/W1 ${W1}" "Finite check/W2 ${W2}" "Rounding/W1 ${W1}"
  "Hessian/W1 ${W1}" "Hessian in double/W1 ${W1}" "Hessian, LSTM/W2 ${W2}" "Hessian in double, LSTM/W2 ${W2}"
  "Token, Elman/W2 N=1 T=1 V=10000 D=200 H=200" "Token, LSTM/W2 N=1 T=1 V=10000 D=200 H=200" "Tiny ops/4x4 999 ops on 4x4"
  "Slices/100 N=4 T=100 D=32" "Slices/1000 N=4 T=1000 D=32" "Slices/10000 N=4 T=10000 D=32"
  "Within memory/20 N=4 T=10000 H=256, a 20th of the bytes" "Within memory/100 N=4 T=10000 H=256, a 100th of the bytes"
  "Within memory/1000 N=4 T=10000 H=256, a 1000th of the bytes"
  "Output layer, adaptive/10000 adaptive of 10000 beside full of 10000"
  "Output layer, adaptive/200000 adaptive of 200000 beside adaptive of 10000"
  "Output layer, sampled/10000 sampled of 10000 beside full of 10000"
  "Output layer, sampled/200000 sampled of 200000 beside sampled of 10000"
  "Threads/W1 ${W1}" "Threads/W2 ${W2}" "Threads/W3 ${W3}" "Threads/BLAS 2048 x 2048 floats")
foreach(model "W1 ${W1}" "W2 LSTM ${W2}" "W3 ${W3}")
  string(REGEX MATCH "N=.*" dimensions "${model}")
  string(REGEX REPLACE " N=.*" "" model "${model}")
  foreach(path fused_loss recycled_storage hoisted_products deferred_weights fused_affine own_products any)
    list(APPEND workloads "Technique/${model} without ${path} ${dimensions}")
  endforeach()
endforeach()
list(APPEND workloads "Technique/One sequence, LSTM without hoisted_products N=1 T=100 V=418 D=256 H=256"
  "Technique/W2 LSTM on two threads without hoisted_products ${W2}")
foreach(n 128 1024)
  foreach(op expm1 log log1p sin cos erf square sqrt rsqrt abs tanh sigmoid softplus log_sigmoid relu gelu leaky_relu elu clip
      "pow of a number" pow add multiply divide maximum minimum where)
    list(APPEND workloads "Elementwise/${op}/${n} ${n} x ${n} beside exp")
  endforeach()
  list(APPEND workloads "Where/functions/${n} ${n} x ${n} beside functions")
  foreach(op sum mean prod variance max min norm logsumexp softmax log_softmax)
    list(APPEND workloads "Axis 0/${op}/${n} ${n} x ${n} beside axis 1")
  endforeach()
  list(APPEND workloads "Logsumexp/axis 0/${n} ${n} x ${n} beside softmax" "Logsumexp/axis 1/${n} ${n} x ${n} beside softmax")
  foreach(axis 0 1)
    list(APPEND workloads "Cumsum/axis ${axis}/${n} ${n} x ${n} beside a loop along rows"
      "Gather/axis ${axis}/${n} ${n} x ${n} beside a loop")
  endforeach()
  list(APPEND workloads "Elementwise/transpose/${n} ${n} x ${n} beside exp")
endforeach()
foreach(kind "A B" "A B^T" "A^T B" "A B, kept" "A B^T, kept")
  list(APPEND workloads "Products in float/${kind} SHAPES" "Products in double/${kind} SHAPES")
endforeach()
list(APPEND workloads "GEMM/float 256 x 256" "GEMM/double 256 x 256" "GEMM/complex double 256 x 256")
list(APPEND workloads "Compiling/01_gradient example, -O2" "Compiling/02_custom_cell example, -O2")
foreach(header autograd/tape autograd/ops autograd/gradcheck layers/unroll)
  list(APPEND workloads "Compiling/${header} header alone, -O2")
endforeach()
list(LENGTH workloads count)
string(JSON length LENGTH "${json}" benchmarks)
if(NOT length EQUAL count)
  message(FATAL_ERROR "the JSON has ${length} benchmarks, expected ${count}: ${workloads}")
endif()
set(number "[0-9.e+]+")
set(i 0)
foreach(workload IN LISTS workloads)
  string(REGEX REPLACE " (N=|999 ops|[0-9]+ x|example|header|adaptive of|sampled of|SHAPES).*" "/iterations:1/manual_time" name "${workload}")
  string(JSON found GET "${json}" benchmarks ${i} name)
  if(NOT found STREQUAL name)
    message(SEND_ERROR "benchmark ${i} in the JSON is '${found}', expected '${name}'")
  endif()
  # Those of libtorch, which may be missing, have a place in the line.
  set(counters step_ms bare_ms ratio tokens_per_second)
  set(plain "-")
  set(of_ceiling "-")
  set(peak "-")
  set(shares "-")
  if(workload IN_LIST models OR workload MATCHES "^Token")
    list(APPEND counters ceiling_percent bare_ceiling_percent)
    set(of_ceiling "[0-9]+ [0-9]+")
  endif()
  if(workload IN_LIST models)
    list(APPEND counters plain_ms peak_mib products_percent loss_percent elementwise_percent update_percent rest_percent)
    set(plain "${number}")
    set(peak "${number}")
    set(shares "${number} ${number} ${number} ${number} ${number}")
  elseif(workload MATCHES "^Products")
    list(APPEND counters rounds)
  elseif(workload MATCHES "by rows")
    list(APPEND counters peak_mib)
    set(peak "${number}")
  endif()
  foreach(counter IN LISTS counters)
    string(JSON value GET "${json}" benchmarks ${i} ${counter})
    if(NOT value GREATER 0)
      message(SEND_ERROR "${counter} of ${name} is ${value}, expected a positive number")
    endif()
  endforeach()
  string(REGEX REPLACE "([+^])" "\\\\\\1" pattern "${workload}")
  string(REPLACE SHAPES "[0-9]+ shapes: [0-9]+ % fast, [0-9]+ % slow, [0-9.]+ at [0-9x]+" pattern "${pattern}")
  set(pattern "\n${pattern} 1 ${number} ${number} ${number} ${plain} (${number}|-) (${number}|-) ${number} ${of_ceiling} ${peak} ${shares}\n")
  if(NOT table MATCHES "${pattern}")
    message(SEND_ERROR "the table has no line for one round of ${workload}:\n${table}")
  endif()
  math(EXPR i "${i} + 1")
endforeach()
