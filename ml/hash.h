// XXH3 (Y. Collet, xxHash): checksums and fingerprints. Not cryptographic.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace lathe {

class Hash {
 public:
  Hash();
  ~Hash();
  Hash(const Hash&) = delete;
  Hash& operator=(const Hash&) = delete;

  void add(std::string_view bytes);
  void add_text(std::string_view text);  // its length too, so that "ab", "c" differs from "a", "bc"
  void add_number(std::uint64_t number);
  void add_numbers(std::span<const double> numbers);  // every NaN alike

  std::uint64_t sum64() const;
  std::string hex128() const;  // 32 digits

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lathe
