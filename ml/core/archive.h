// The learned state of models as bytes: cereal's portable binary (little-endian), with sizes
// checked against the bytes that are left before anything is allocated. A model says once what it
// holds:
//
//   void RidgeModel::state(auto& self, auto& archive) {
//     archive.version(1);
//     archive(self.coef_, self.intercept_);
//   }
//
// Fields may be bool, int32, int64, uint64, double, string, enums, Classes, Schema, Vector, Matrix,
// vector, optional and pair of these, and ModelPtr.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "lathe/ml/core/labels.h"
#include "lathe/ml/core/model.h"
#include "lathe/ml/core/schema.h"
#include "lathe/ml/core/types.h"

namespace lathe {

class OutputArchive {
 public:
  OutputArchive();
  ~OutputArchive();
  OutputArchive(const OutputArchive&) = delete;
  OutputArchive& operator=(const OutputArchive&) = delete;

  int version(int current);  // of the type that is being written; returns it
  template <class... T>
  void operator()(const T&... fields) {
    (put(fields), ...);
  }
  std::string bytes() const;  // all that was written

 private:
  void put(bool v);
  void put(std::int32_t v);
  void put(std::int64_t v);
  void put(std::uint64_t v);
  void put(double v);
  void put(const std::string& v);
  void put(const Vector& v);
  void put(const Matrix& v);
  void put(const Classes& v);
  void put(const Column& v);
  void put(const Schema& v);
  void put(const ModelPtr& v);  // the estimator's name, then its state
  void put_array(const double* data, std::size_t n);
  void put_array(const std::int64_t* data, std::size_t n);
  void put_array(const std::int32_t* data, std::size_t n);
  template <class E>
  requires std::is_enum_v<E>
  void put(E v) { put(static_cast<std::int32_t>(v)); }
  template <class T>
  void put(const std::optional<T>& v) {
    put(v.has_value());
    if (v) put(*v);
  }
  template <class A, class B>
  void put(const std::pair<A, B>& v) {
    put(v.first);
    put(v.second);
  }
  template <class T>
  void put(const std::vector<T>& v) {
    put(static_cast<std::uint64_t>(v.size()));
    if constexpr (requires { put_array(v.data(), v.size()); }) {
      put_array(v.data(), v.size());
    } else {
      for (const T& item : v) put(item);
    }
  }

  struct Stream;
  std::unique_ptr<Stream> stream_;
};

class InputArchive {
 public:
  // Reads models by their estimator's name; null where there is none of that name.
  using Loader = ModelPtr (*)(std::string_view name, InputArchive& archive);

  // The bytes must outlive the archive.
  InputArchive(std::span<const char> bytes, Loader loader);
  InputArchive(std::string&& bytes, Loader loader) = delete;
  ~InputArchive();
  InputArchive(const InputArchive&) = delete;
  InputArchive& operator=(const InputArchive&) = delete;

  int version(int newest);  // the version in the file; CorruptData unless in [1, newest]
  template <class... T>
  void operator()(T&... fields) {
    (get(fields), ...);
  }
  std::size_t bytes_left() const;

 private:
  void get(bool& v);
  void get(std::int32_t& v);
  void get(std::int64_t& v);
  void get(std::uint64_t& v);
  void get(double& v);
  void get(std::string& v);
  void get(Vector& v);
  void get(Matrix& v);
  void get(Classes& v);
  void get(Column& v);
  void get(Schema& v);
  void get(ModelPtr& v);
  void get_array(double* data, std::size_t n);
  void get_array(std::int64_t* data, std::size_t n);
  void get_array(std::int32_t* data, std::size_t n);
  // A count of things of at least `item_bytes` each, which must still fit into what is left.
  std::size_t get_count(std::size_t item_bytes);
  [[noreturn]] static void corrupt(const std::string& why);

  // `names(E{})`, where there is one, bounds the values of an enum.
  template <class E>
  requires std::is_enum_v<E>
  void get(E& v) {
    std::int32_t number = 0;
    get(number);
    if constexpr (requires { names(v).size(); }) {
      if (number < 0 || static_cast<std::size_t>(number) >= names(v).size()) {
        corrupt("a choice of " + std::to_string(number) + " that does not exist");
      }
    }
    v = static_cast<E>(number);
  }
  template <class T>
  void get(std::optional<T>& v) {
    bool has = false;
    get(has);
    v.reset();
    if (has) {
      v.emplace();
      get(*v);
    }
  }
  template <class A, class B>
  void get(std::pair<A, B>& v) {
    get(v.first);
    get(v.second);
  }
  template <class T>
  void get(std::vector<T>& v) {
    if constexpr (requires { get_array(v.data(), v.size()); }) {
      v.resize(get_count(sizeof(T)));
      get_array(v.data(), v.size());
    } else {
      // Grown as it is read: a lying count of large items must not allocate ahead of its bytes.
      const std::size_t n = get_count(1);
      v.clear();
      for (std::size_t i = 0; i < n; ++i) {
        T item{};
        get(item);
        v.push_back(std::move(item));
      }
    }
  }

  struct Stream;
  std::unique_ptr<Stream> stream_;
};

// CorruptData "<name>: its state is not consistent" unless `good`: for loading constructors.
void check_state(std::string_view name, bool good);

}  // namespace lathe
