// Texts and codes of the categorical columns that encoder and imputer cases are about.
#pragma once

#include <string>
#include <vector>

#include "lathe/datasets/table.h"

#include "tests/golden/case.h"

namespace lathe::golden {

// What an encoder learns from: rows of the data set, or those written in the case.
struct CategoricalData {
  Schema schema;
  Matrix X;  // codes, NaN = missing
};
CategoricalData training_categories(const Case& given);

// Rows of texts (null = missing) as codes of the schema's vocabularies.
Matrix encode_rows(const Json& rows, const Schema& schema);

// Back: a text, or null where a cell is missing or unknown.
Json decode_rows(const Matrix& codes, const Schema& schema);

}  // namespace lathe::golden
