#include "lathe/ml/core/schema.h"

#include <string>
#include <unordered_set>

namespace lathe {

Schema numeric_schema(Index n_columns) {
  Schema schema;
  schema.columns.reserve(static_cast<std::size_t>(n_columns));
  for (Index i = 0; i < n_columns; ++i) schema.columns.push_back({"x" + std::to_string(i), {}, {}});
  return schema;
}

void make_names_unique(Schema& schema) {
  std::unordered_set<std::string> names;
  for (const Column& column : schema.columns) names.insert(column.name);
  if (names.size() == schema.columns.size()) return;
  std::unordered_set<std::string> seen;
  for (Column& column : schema.columns) {
    if (seen.insert(column.name).second) continue;
    std::string name;
    for (int number = 2; name.empty() || !names.insert(name).second; ++number) {
      name = column.name + "#" + std::to_string(number);
    }
    seen.insert(name);
    column.name = std::move(name);
  }
}

}  // namespace lathe
