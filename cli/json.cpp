#include "lathe/cli/json.h"

#include <iostream>

namespace lathe {

Json to_json(const Value& value) {
  return std::visit(
      []<class T>(const T& v) -> Json {
        if constexpr (std::is_same_v<T, None>) {
          return nullptr;
        } else if constexpr (std::is_same_v<T, Word>) {
          return v.text;
        } else if constexpr (std::is_same_v<T, Pipe>) {
          return to_text(v);
        } else if constexpr (std::is_same_v<T, std::vector<Value>>) {
          Json list = Json::array();
          for (const Value& item : v) list.push_back(to_json(item));
          return list;
        } else {
          return v;
        }
      },
      value.data);
}

Json to_json(const Matrix& matrix) {
  Json rows = Json::array();
  for (Index i = 0; i < matrix.rows(); ++i) {
    const double* row = matrix.data() + i * matrix.cols();
    rows.push_back(std::vector<double>(row, row + matrix.cols()));
  }
  return rows;
}

Json to_json(const Attribute& attribute) {
  return std::visit(
      []<class T>(const T& v) -> Json {
        if constexpr (std::is_same_v<T, Matrix>)
          return to_json(v);
        else
          return v;
      },
      attribute.value);
}

void print(const Json& object) {
  std::cout << object.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
}

}  // namespace lathe
