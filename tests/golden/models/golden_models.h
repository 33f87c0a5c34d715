// The golden models: what they are made of, and how their rows and answers are written down.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lathe/datasets/table.h"
#include "lathe/ml/core/types.h"

#include "tests/conformance/cases.h"

namespace lathe::golden {

struct GoldenModel {
  std::string_view file;  // without extension
  conformance::Case made_of;
};

// Those of today's format; files of earlier formats stay as they are.
const std::vector<GoldenModel>& golden_models();

// {"columns": [{"name": "a", "cells": [1.5, null]}, ...], "answers": [["0x1.8p+1"], ...]}: one list
// of answers per row, predicted values (codes of classes and clusters) and then probabilities, as
// hexadecimal floating-point text, which is exact.
struct GoldenCase {
  Table rows;
  std::vector<std::vector<std::string>> answers;
};
std::string to_json(const GoldenCase& golden);
GoldenCase golden_case_from_json(const std::string& text);
std::vector<std::vector<std::string>> hexadecimal(const Matrix& answers);

}  // namespace lathe::golden
