# Warnings for our own code: xgrad_warnings(target...). A function, not an interface target: a static library that is
# installed would have to export such a target, and our warnings are nobody else's business.

option(XGRAD_WERROR "Treat warnings as errors" OFF)

function(xgrad_warnings)
  foreach(target IN LISTS ARGN)
    # Clang counts sign conversions as part of -Wconversion, GCC does not: both shall judge alike.
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
      $<$<BOOL:${XGRAD_WERROR}>:-Werror>)
  endforeach()
endfunction()
