// One golden case: what is asked, on which data, and what a task makes of it.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lathe/datasets/table.h"
#include "lathe/ml/core/error.h"

#include "tests/golden/compare.h"
#include "tests/golden/json.h"

namespace lathe::golden {

// The format's word for an input that must be refused.
inline constexpr const char* refusal = "error: ValueError";

// Thrown by a task: a setting of the case that Lathe does not offer, by name.
struct NotBuilt {
  std::string what;
};
// Thrown where the data of a case are not there.
struct NotRun {
  std::string why;
};

// The settings of a case. Each must be read or noted, so that one which nobody knows is seen.
class Settings {
 public:
  explicit Settings(const Json& params) : params_(params.is_null() ? Json::object() : params) {}

  // Null where it is absent or null.
  const Json& get(const std::string& key);
  bool has(const std::string& key) { return !get(key).is_null(); }
  double number(const std::string& key, double otherwise);
  std::int64_t integer(const std::string& key, std::int64_t otherwise);
  bool flag(const std::string& key, bool otherwise);
  std::string text(const std::string& key, const std::string& otherwise);

  // An option with names(); throws NotBuilt for a name that it does not have.
  template <class E>
  E choice(const std::string& key, E otherwise) {
    const std::string wanted = text(key, std::string(names(otherwise)[place(otherwise)]));
    for (std::size_t i = 0; i < names(otherwise).size(); ++i) {
      if (names(otherwise)[i] == wanted) return static_cast<E>(i);
    }
    throw NotBuilt{key + "=" + wanted};
  }

  // Throws NotBuilt unless the setting is absent, null or one of these.
  void only(const std::string& key, const std::vector<Json>& values);
  // Words about a convention: an answer by another one fails in what it computes.
  void note(const std::string& key) { get(key); }
  // Throws NotBuilt for the first setting that was neither read nor noted.
  void finish() const;

 private:
  template <class E>
  static std::size_t place(E e) {
    return static_cast<std::size_t>(e);
  }

  Json params_;
  std::set<std::string> known_;
};

class Results {
 public:
  void give(const std::string& key, Json value) { values_[key] = std::move(value); }
  // The same where the comparison is up to a sign, a renaming or a spread: `compared` is the value
  // with that settled.
  void give(const std::string& key, Json value, Json compared) {
    values_[key] = std::move(value);
    compared_[key] = std::move(compared);
  }
  // What `value` returns, or a refusal if it throws a lathe::Error.
  template <class F>
  void attempt(const std::string& key, F value) {
    try {
      give(key, value());
    } catch (const Error&) {
      give(key, refusal);
    }
  }
  // What the line of the case should say besides its verdict.
  void remark(const std::string& text) { remark_ += (remark_.empty() ? "" : "; ") + text; }
  const std::string& remark() const { return remark_; }
  const Json& values() const { return values_; }
  const Json& compared(const std::string& key) const;

 private:
  Json values_ = Json::object();
  Json compared_ = Json::object();
  std::string remark_;
};

// The rows of a data set that a case is about.
struct Data {
  Table table;                        // features, then targets
  std::vector<std::string> features;  // names
  Schema schema;                      // of X
  Matrix X;                           // preprocessed; codes of categories

  Matrix numbers(const std::vector<std::string>& columns) const;
  Labels labels(const std::string& column) const;
};

class Case {
 public:
  Case(std::filesystem::path file, Json json) : file_(std::move(file)), json_(std::move(json)) {}

  std::string name() const { return text("name", file_.stem().string()); }
  std::string task() const { return text("task", ""); }
  const std::filesystem::path& file() const { return file_; }
  const Json& json() const { return json_; }
  // Null where there is none.
  const Json& at(const std::string& key) const;
  const Json& input(const std::string& key) const;
  const Json& expected(const std::string& key) const;
  Settings settings() const { return Settings(at("params")); }
  std::vector<std::string> targets() const;
  Tolerance tolerance() const;

  // Throws NotRun where the file is not there, NotBuilt for a row selection or preprocessing that
  // is not known. Columns in `categorical` are read as texts.
  Data data(const std::vector<std::string>& categorical = {}) const;
  // Weights as a list or as the words "1 + (row index mod 3)"; empty without.
  std::vector<double> weights(const Json& described, Index rows) const;

 private:
  std::string text(const std::string& key, const std::string& otherwise) const;

  std::filesystem::path file_;
  Json json_;
};

}  // namespace lathe::golden
