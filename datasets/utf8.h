// Whether text is UTF-8.
#pragma once

#include <cstddef>
#include <string_view>

namespace lathe {

// Where the first byte stands that is not part of well-formed UTF-8 (RFC 3629: no overlong forms,
// no surrogates, nothing above U+10FFFF); text.size() if there is none.
std::size_t find_invalid_utf8(std::string_view text);

}  // namespace lathe
