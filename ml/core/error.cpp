#include "lathe/ml/core/error.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace lathe {

Error::Error(std::string_view code, const std::string& message, std::string_view help)
    : std::runtime_error(message), code_(code), help_(help) {}

Error::~Error() = default;
InvalidArgument::~InvalidArgument() = default;
NotFound::~NotFound() = default;
CorruptData::~CorruptData() = default;
IoError::~IoError() = default;
NotSupported::~NotSupported() = default;
Overloaded::~Overloaded() = default;

int edit_distance(std::string_view a, std::string_view b) {
  std::vector<int> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    int diagonal = row[0];
    row[0] = static_cast<int>(i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const int substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({substituted, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace lathe
