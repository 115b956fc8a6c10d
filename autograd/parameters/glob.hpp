// Patterns of paths, by which parameters are chosen.
#pragma once

#include <string_view>

namespace xgrad {

/// Whether a pattern stands for the whole of `path`. In it `*` stands for any characters but '/', and `**`
/// for any characters, '/' too; a `**/` at the beginning or behind a '/' also stands for nothing, so that
/// `**/W` is every W. All other characters stand for themselves.
bool matches(std::string_view pattern, std::string_view path);

}  // namespace xgrad
