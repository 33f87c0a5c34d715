// Whether text is UTF-8, and fit to be shown.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lathe {

// Where the first byte stands that is not part of well-formed UTF-8 (RFC 3629: no overlong forms,
// no surrogates, nothing above U+10FFFF); text.size() if there is none.
std::size_t find_invalid_utf8(std::string_view text);

// Bytes of the control character that text, which is not empty, begins with; 0 where it begins with
// none. Those of U+0080 to U+009F are some.
std::size_t control_length(std::string_view text);

// A blank for each control character: they could drive a terminal, or break a line.
std::string without_controls(std::string_view text);

}  // namespace lathe
