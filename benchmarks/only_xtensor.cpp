// What any program on xtensor pays before its first line: the rival of the compile time in main.cpp, compiled there alone.
#include <xtensor/xarray.hpp>

int main() { return xt::xarray<float>().size() == 1 ? 0 : 1; }
