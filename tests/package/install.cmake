# Installs the library into <folder>/first, moves that to <folder>/moved, where the other tests use it, and looks at what
# was installed: nothing may name a folder of this machine, and the headers may include xtensor and the standard library
# alone.
# Usage: cmake -DROOT=... -DBUILD=... -DCONFIG=... -DFOLDER=... -DCOMPILE=<compiler and flags> -P install.cmake

cmake_minimum_required(VERSION 3.25)

file(REMOVE_RECURSE ${FOLDER})
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --config ${CONFIG} --prefix ${FOLDER}/first
  OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
file(RENAME ${FOLDER}/first ${FOLDER}/moved)

file(GLOB_RECURSE scripts ${FOLDER}/moved/*.cmake)
foreach(script IN LISTS scripts)
  file(READ ${script} text)
  foreach(folder ${ROOT} ${BUILD} ${FOLDER})
    # The path from its root, not the end of another one: where the sources lie at /xgrad, "include/xgrad" is none of them.
    string(REGEX REPLACE "([][+.*()^$?|\\\\])" "\\\\\\1" pattern "${folder}")
    if(text MATCHES "(^|[^A-Za-z0-9_.}/-])${pattern}(/|[^A-Za-z0-9_.-]|$)")
      message(SEND_ERROR "${script} names ${folder}: it is of no use on another machine")
    endif()
  endforeach()
endforeach()

# One source that includes all headers: which files does the compiler read for it?
file(GLOB_RECURSE headers RELATIVE ${FOLDER}/moved/include ${FOLDER}/moved/include/*.hpp)
list(LENGTH headers count)
if(count LESS 30)
  message(SEND_ERROR "${count} headers were installed, expected at least 30: ${headers}")
endif()
list(TRANSFORM headers REPLACE "(.+)" "#include <\\1>\n")
list(JOIN headers "" text)
file(WRITE ${FOLDER}/headers.cpp "${text}")
execute_process(COMMAND ${COMPILE} -I${FOLDER}/moved/include -M ${FOLDER}/headers.cpp
  OUTPUT_VARIABLE files COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "[^ \n]*/(xsimd|xtensor-blas|xflens|fmt|nlohmann|xgrad/autograd/kernels|xgrad/training/update)/[^ \n]*" others "${files}")
list(FILTER others EXCLUDE REGEX "/kernels/storage[.]hpp$")
if(others)
  message(SEND_ERROR "a program that uses xgrad has to find these headers too: ${others}")
endif()
message(STATUS "${count} headers are installed")
