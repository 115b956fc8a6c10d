# A project that takes xgrad by FetchContent: configures it, then compiles and links its one program by the commands that
# CMake wrote for that, to the library as it is built already: compiling that anew would take minutes and show nothing.
# Usage: cmake -DSOURCE=... -DFOLDER=... -DXGRAD=<the sources> -DLIBRARY=<built libxgrad.a> -DNINJA=... -DCOMPILER=...
#   -DFLAGS=... -P fetch_content.cmake

cmake_minimum_required(VERSION 3.25)

file(REMOVE_RECURSE ${FOLDER})
execute_process(COMMAND ${CMAKE_COMMAND} -G Ninja -S ${SOURCE} -B ${FOLDER} -DCMAKE_MAKE_PROGRAM=${NINJA}
  -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_CXX_FLAGS=${FLAGS} -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE=-O0
  -DFETCHCONTENT_SOURCE_DIR_XGRAD=${XGRAD} OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)

execute_process(COMMAND ${NINJA} -C ${FOLDER} -t commands my_model OUTPUT_VARIABLE commands COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "[^\n]+" commands "${commands}")
set(compile ${commands})
list(FILTER compile INCLUDE REGEX " -c [^ ]*recall[.]cpp")
list(POP_BACK commands link)
string(REGEX MATCH "[^ ]*libxgrad[.]a" archive "${link}")
if(NOT compile OR NOT archive)
  message(FATAL_ERROR "no command compiles recall.cpp, or none links libxgrad.a:\n${commands}\n${link}")
endif()
get_filename_component(archive ${archive} ABSOLUTE BASE_DIR ${FOLDER})
file(COPY_FILE ${LIBRARY} ${archive})
foreach(command IN ITEMS "${compile}" "${link}")
  execute_process(COMMAND sh -c "${command}" WORKING_DIRECTORY ${FOLDER} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
execute_process(COMMAND ${FOLDER}/my_model COMMAND_ERROR_IS_FATAL ANY)
