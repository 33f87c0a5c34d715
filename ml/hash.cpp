#include "lathe/ml/hash.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

// The whole of it compiled in here: nothing to link, and no symbols that another copy could
// replace.
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace lathe {

static_assert(std::endian::native == std::endian::little,
              "numbers are hashed as they lie in memory");

struct Hash::State {
  XXH3_state_t xxh;
};

Hash::Hash() : state_(std::make_unique<State>()) { XXH3_128bits_reset(&state_->xxh); }
Hash::~Hash() = default;

void Hash::add(std::string_view bytes) {
  XXH3_128bits_update(&state_->xxh, bytes.data(), bytes.size());
}

void Hash::add_text(std::string_view text) {
  add_number(text.size());
  add(text);
}

void Hash::add_number(std::uint64_t number) {
  XXH3_128bits_update(&state_->xxh, &number, sizeof number);
}

void Hash::add_numbers(std::span<const double> numbers) {
  std::array<double, 512> block;
  while (!numbers.empty()) {
    const std::span<const double> part = numbers.first(std::min(numbers.size(), block.size()));
    for (std::size_t i = 0; i < part.size(); ++i) {
      block[i] = std::isnan(part[i]) ? std::numeric_limits<double>::quiet_NaN() : part[i];
    }
    XXH3_128bits_update(&state_->xxh, block.data(), part.size() * sizeof(double));
    numbers = numbers.subspan(part.size());
  }
}

// The streams of both widths differ only in how they end.
std::uint64_t Hash::sum64() const { return XXH3_64bits_digest(&state_->xxh); }

std::string Hash::hex128() const {
  const XXH128_hash_t hash = XXH3_128bits_digest(&state_->xxh);
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const std::uint64_t half : {hash.high64, hash.low64}) {
    for (int shift = 60; shift >= 0; shift -= 4) text += digits[(half >> shift) & 15U];
  }
  return text;
}

}  // namespace lathe
