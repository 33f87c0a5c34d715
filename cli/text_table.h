// Columns of text lined up for people.
#pragma once

#include <string>
#include <vector>

namespace lathe {

class TextTable {
 public:
  explicit TextTable(std::vector<std::string> header) : rows_{std::move(header)} {}
  void add(std::vector<std::string> row);  // control characters become blanks
  // Cells that look like numbers stand to the right.
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// Six digits for people; JSON and CSV have them all.
std::string short_number(double value);

}  // namespace lathe
