#include "lathe/ml/core/schema.h"

namespace lathe {

Schema numeric_schema(Index n_columns) {
  Schema schema;
  schema.columns.reserve(static_cast<std::size_t>(n_columns));
  for (Index i = 0; i < n_columns; ++i) schema.columns.push_back({"x" + std::to_string(i), {}, {}});
  return schema;
}

}  // namespace lathe
