// The library's version, for the preprocessor: `#if XGRAD_VERSION_MINOR >= 2`. CMakeLists.txt reads it here,
// so this is its only place. Until 1.0, a new minor version may break code that uses the last one.
#pragma once

/// @{ The version is major.minor.patch.
#define XGRAD_VERSION_MAJOR 0
#define XGRAD_VERSION_MINOR 1
#define XGRAD_VERSION_PATCH 0
/// @}
