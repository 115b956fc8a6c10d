# Checks that docs/language_model.svg is what Graphviz draws of the tape of example 05: the same texts on nodes and arrows, and
# the same arrows; where they lie, each version of Graphviz decides anew. Without Graphviz it says so, and ctest skips it.
# Usage: cmake -DROOT=... -DEXAMPLE=<the built 05_tape> -DFOLDER=<to write to> -P picture.cmake

cmake_minimum_required(VERSION 3.25)

# The texts of an SVG file and the names of its nodes and arrows, sorted.
function(texts_of file result)
  file(READ ${file} svg)
  string(REPLACE "&#45;" "-" svg "${svg}")
  string(REPLACE ";" "<semicolon>" svg "${svg}")
  string(REGEX MATCHALL ">[^<>\n]+</(title|text)>" texts "${svg}")
  list(SORT texts)
  set(${result} "${texts}" PARENT_SCOPE)
endfunction()

set(drawn ${FOLDER}/language_model)
file(REMOVE ${drawn}.dot ${drawn}.svg)
execute_process(COMMAND ${EXAMPLE} ${drawn}.dot OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
if(NOT EXISTS ${drawn}.dot)
  message(FATAL_ERROR "05_tape did not write ${drawn}.dot")
endif()

find_program(DOT dot)
if(NOT DOT)
  message(STATUS "Graphviz is not installed: the picture is not compared")
  return()
endif()
execute_process(COMMAND ${DOT} -Tsvg ${drawn}.dot -o ${drawn}.svg COMMAND_ERROR_IS_FATAL ANY)
texts_of(${drawn}.svg fresh)
texts_of(${ROOT}/docs/language_model.svg kept)
list(LENGTH kept count)
if(count LESS 100)
  message(FATAL_ERROR "docs/language_model.svg has ${count} texts, expected at least 100: is this script reading it right?")
endif()
if(NOT fresh STREQUAL kept)
  message(FATAL_ERROR "docs/language_model.svg is not what 05_tape draws now; README.md says how to make it anew")
endif()
message(STATUS "${count} texts of the picture are the same")
