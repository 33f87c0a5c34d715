// The body of POST .../predict: rows as objects keyed by column name, as people have them.
//
//   {"rows": [{"island": "Dream", "mass": 4100, "length": null}]}      or the list alone
//   {"model_name": "penguins", "model_version": "1",
//    "rows": [{"species": "Adelie"}], "predict_proba": [{"Adelie": 0.9, "Gentoo": 0.1}],
//    "ignored_columns": ["id"]}
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "lathe/proto/inference.pb.h"
#include "lathe/server/served_model.h"

namespace lathe::server {

// Fills the request, with one raw tensor per column of the model, and returns the names of columns
// that are not the model's, which are ignored. null is a missing cell. Throws InvalidArgument: R040
// and R041 as parse_json, R042 for what is no list of objects, R010 for a number that a double
// cannot hold, R011 naming the row and the columns that are missing, R012 for a cell that is no
// number where the column is numeric, or no text where it is categorical.
std::set<std::string> read_rows(std::string_view body, const ServedModel& served,
                                inference::ModelInferRequest& request);

// The reply in JSON; its contents must be raw. Rows are keyed by the contract's outputs: names of
// the targets or of the transformed columns, `cluster` or `outlier`.
std::string write_rows(const inference::ModelInferResponse& response, const ServedModel& served,
                       const std::set<std::string>& ignored);

}  // namespace lathe::server
