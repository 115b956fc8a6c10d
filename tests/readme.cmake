# Checks README.md against the sources: every C++ and CMake block must stand, line by line up to indentation, in a file that
# the tests compile and run, and every other block that shows an example's output must be what the example prints.
# Usage: cmake -DROOT=... -DEXAMPLES=<folder of the built examples> -P readme.cmake

cmake_minimum_required(VERSION 3.25)

# Text without indentation, trailing blanks and carriage returns. Semicolons and brackets are replaced because CMake's lists
# give them a meaning.
function(normalize text result)
  string(REPLACE "\r" "" text "${text}")
  string(REPLACE ";" "<semicolon>" text "${text}")
  string(REPLACE "[" "<open>" text "${text}")
  string(REPLACE "]" "<close>" text "${text}")
  string(REGEX REPLACE "\n +" "\n" text "\n${text}\n")
  string(REGEX REPLACE " +\n" "\n" text "${text}")
  set(${result} "${text}" PARENT_SCOPE)
endfunction()

file(READ ${ROOT}/README.md readme)
normalize("${readme}" readme)

set(sources "")
foreach(file examples/01_gradient.cpp examples/02_custom_cell.cpp examples/03_custom_op.cpp
    examples/05_tape.cpp examples/06_nonfinite.cpp examples/07_audit.cpp examples/ugrnn.hpp tests/test_readme.cpp
    tests/package/find_package/CMakeLists.txt tests/package/fetch_content/CMakeLists.txt)
  file(READ ${ROOT}/${file} text)
  normalize("${text}" text)
  string(APPEND sources "${text}")
endforeach()
foreach(example 01_gradient 02_custom_cell 03_custom_op 04_gradcheck 05_tape 06_nonfinite 07_audit)
  execute_process(COMMAND ${EXAMPLES}/${example} OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
  string(STRIP "${text}" text)
  normalize("${text}" text)
  string(FIND "${readme}" "\n```${text}```" found)
  if(found EQUAL -1)
    message(SEND_ERROR "README.md does not show what ${example} prints:${text}")
  endif()
endforeach()

set(blocks 0)
while(TRUE)
  string(REGEX MATCH "\n```(cpp|cmake)\n" opening "${readme}")
  if(NOT opening)
    break()
  endif()
  string(FIND "${readme}" "${opening}" start)
  string(LENGTH "${opening}" length)
  math(EXPR start "${start} + ${length} - 1")
  string(SUBSTRING "${readme}" ${start} -1 readme)
  string(FIND "${readme}" "\n```" length)
  string(SUBSTRING "${readme}" 0 ${length} block)
  string(SUBSTRING "${readme}" ${length} -1 readme)
  string(FIND "${sources}" "${block}\n" found)
  if(found EQUAL -1)
    message(SEND_ERROR "this block of README.md is in no tested file:${block}")
  endif()
  math(EXPR blocks "${blocks} + 1")
endwhile()
if(blocks LESS 8)
  message(SEND_ERROR "README.md has ${blocks} such blocks, expected at least 8: is this script still reading it right?")
endif()
message(STATUS "${blocks} blocks of README.md are tested")
