// Whole files, and gzip. Not installed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lathe {

// "-" is standard input. Throws IoError (D001), naming `name` and the system's reason.
std::string read_file(const std::string& path, const std::string& name);

bool is_gzip(std::string_view bytes);

// All members (RFC 1952), checksums verified. Throws CorruptData (D002) on damage or a cut, and
// InvalidArgument (D003) when the result would be larger than `limit`.
std::string gunzip(std::string_view bytes, const std::string& name, std::uint64_t limit);

}  // namespace lathe
