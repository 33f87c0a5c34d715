// From checked CSV text to a table. Not installed.
#pragma once

#include <string>
#include <string_view>

#include "lathe/datasets/csv.h"

namespace lathe {

// `text` is UTF-8 without NUL and without a byte order mark.
Table read_table(std::string_view text, const std::string& name, char delimiter,
                 const CsvOptions& options);

}  // namespace lathe
