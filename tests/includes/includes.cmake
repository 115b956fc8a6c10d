# Checks that the library includes other libraries only through the files that are meant to: xtensor, whose headers moved
# in 0.26, through the two that know both layouts; xtensor-blas and xsimd, which changed too, through one each. That the
# folders of the library include each other one way only. And that layers and models are forward passes alone: no
# derivative is written there.
# Usage: cmake -DROOT=... -P includes.cmake

cmake_minimum_required(VERSION 3.25)

file(GLOB_RECURSE files RELATIVE ${ROOT} ${ROOT}/autograd/*.[ch]pp ${ROOT}/layers/*.[ch]pp ${ROOT}/models/*.[ch]pp
  ${ROOT}/training/*.[ch]pp)

function(check library allowed)
  set(found "")
  foreach(file IN LISTS files)
    file(STRINGS ${ROOT}/${file} lines REGEX "^ *# *[a-z_]+.*[<\"]${library}/")  # __has_include, too
    if(lines AND NOT file MATCHES "^(${allowed})$")
      message(SEND_ERROR "${file} includes a header of ${library}, expected only in ${allowed}:\n${lines}")
    elseif(lines)
      set(found ${file})
    endif()
  endforeach()
  if(NOT found)
    message(SEND_ERROR "no file includes ${library}: is this script still reading the sources right?")
  endif()
endfunction()

check(xtensor "autograd/numbers/xtensor(_io)?[.]hpp")
check(xtensor-blas "autograd/kernels/gemm[.]cpp")
check(xsimd "autograd/kernels/xsimd[.]hpp")

function(arrows folder allowed)
  foreach(file IN LISTS files)
    if(NOT file MATCHES "^${folder}")
      continue()
    endif()
    file(STRINGS ${ROOT}/${file} lines REGEX "^ *# *include <xgrad/")
    list(FILTER lines EXCLUDE REGEX "<xgrad/${allowed}")
    if(lines)
      message(SEND_ERROR "${file} may include only ${allowed}:\n${lines}")
    endif()
  endforeach()
endfunction()

# Within autograd/: kernels <- numbers <- tape <- ops <- parameters, inspect, checks. A header at its root belongs to the room
# that defines what it declares; those that hold a few plain lines, to all.
set(own_kernels "kernels/.*|error|fast_paths|op|scalar|shape|threads|time_step|version|config")
set(own_numbers "numbers/.*|array|random")
set(own_tape "tape/.*|gradients|tape|tape_node|variable|vjp|watcher")
set(own_ops "ops|ops/.*")
set(own_parameters "parameters/.*|parameters|safetensors")
set(own_inspect "inspect/.*|tape_dot|tape_fold|tape_stats")
set(own_checks "checks/.*|audit|derivatives|gradcheck|nonfinite|rounding")
foreach(room kernels numbers tape ops)
  list(APPEND rooms "${own_${room}}")
  list(JOIN rooms "|" below)
  arrows("autograd/(${own_${room}})[.][ch]pp" "autograd/(${below})[.]hpp")
endforeach()
arrows("autograd/(${own_parameters})[.][ch]pp" "autograd/(${own_parameters}|${below})[.]hpp")
arrows("autograd/(${own_inspect})[.][ch]pp" "autograd/(${own_inspect}|${below})[.]hpp")
arrows("autograd/(${own_checks})[.][ch]pp" "autograd/(${own_checks}|${own_parameters}|${own_inspect}|${below})[.]hpp")
foreach(file IN LISTS files)
  if(file MATCHES "^autograd/" AND
      NOT file MATCHES "^autograd/(${own_checks}|${own_parameters}|${own_inspect}|${below})[.][ch]pp$")
    message(SEND_ERROR "${file} belongs to no room of autograd/: name its room here")
  endif()
endforeach()
set(no_kernels "autograd/([^k]|k[^e])")
arrows(layers/ "(${no_kernels}|layers/)")
arrows(models/ "(${no_kernels}|layers/|models/)")
arrows(training/ "(${no_kernels}|training/)")

foreach(file IN LISTS files)
  if(file MATCHES "^(layers|models)/")
    file(STRINGS ${ROOT}/${file} lines REGEX "wrt[(]|vjp")
    if(lines)
      message(SEND_ERROR "${file} writes a derivative:\n${lines}")
    endif()
  endif()
endforeach()
