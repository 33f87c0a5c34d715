// Messages that clients compress. gRPC would unpack them to any size, a thousand times that of what
// came, before anyone could look at it, and beyond its memory quota.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace lathe::server {

class HeldMemory;

// Whether bytes begin as gzip's or zlib's do: gRPC's `gzip` and `deflate`. No request of ours does:
// to protobuf the first is no field, and the second a number in field 15, which none has.
bool is_compressed(std::string_view bytes);

// What the parts of one message are, unpacked; nothing if that is more than `most` bytes. `held`
// has what it takes. Throws InvalidArgument (R019) for data that are damaged or end too early, and
// Overloaded as HeldMemory.
std::optional<std::string> unpack(std::span<const std::string_view> parts, std::size_t most,
                                  HeldMemory& held);

}  // namespace lathe::server
