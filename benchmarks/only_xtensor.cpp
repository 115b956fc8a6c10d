// What any program on xtensor pays before its first line: the rival of the compile times in main.cpp,
// compiled there alone.
#if __has_include(<xtensor/containers/xarray.hpp>)
#include <xtensor/containers/xarray.hpp>
#else
#include <xtensor/xarray.hpp>
#endif

int main() {}
