#include "lathe/ml/core/archive.h"

#include <algorithm>
#include <functional>
#include <istream>
#include <sstream>
#include <streambuf>

#include <cereal/archives/portable_binary.hpp>

#include "lathe/ml/core/error.h"

namespace lathe {
namespace {

constexpr int max_model_depth = 64;     // of models within models
constexpr char little_endian_mark = 1;  // cereal's, the first byte
// Of a matrix without columns, or columns of one without rows: no bytes stand for them.
constexpr std::uint64_t most_empty_rows = 1 << 20;

bool strictly_ascending(const auto& items) {
  return std::adjacent_find(items.begin(), items.end(), std::greater_equal<>()) == items.end();
}

// The bytes given, read in place; knows how many are left.
class MemoryBuffer : public std::streambuf {
 public:
  explicit MemoryBuffer(std::span<const char> bytes) {
    char* start = const_cast<char*>(bytes.data());  // a streambuf only wants it so; never written
    setg(start, start, start + bytes.size());
  }
  std::size_t left() const { return static_cast<std::size_t>(egptr() - gptr()); }
};

}  // namespace

struct OutputArchive::Stream {
  std::ostringstream out;
  cereal::PortableBinaryOutputArchive archive{
      out, cereal::PortableBinaryOutputArchive::Options::LittleEndian()};

  template <class T>
  void write(const T* data, std::size_t n) {
    archive.template saveBinary<sizeof(T)>(data, static_cast<std::streamsize>(n * sizeof(T)));
  }
};

OutputArchive::OutputArchive() : stream_(std::make_unique<Stream>()) {}
OutputArchive::~OutputArchive() = default;

std::string OutputArchive::bytes() const { return stream_->out.str(); }

int OutputArchive::version(int current) {
  put(static_cast<std::int32_t>(current));
  return current;
}

void OutputArchive::put(bool v) { put(static_cast<std::int32_t>(v)); }
void OutputArchive::put(std::int32_t v) { stream_->write(&v, 1); }
void OutputArchive::put(std::int64_t v) { stream_->write(&v, 1); }
void OutputArchive::put(std::uint64_t v) { stream_->write(&v, 1); }
void OutputArchive::put(double v) { stream_->write(&v, 1); }
void OutputArchive::put_array(const double* data, std::size_t n) { stream_->write(data, n); }
void OutputArchive::put_array(const std::int64_t* data, std::size_t n) { stream_->write(data, n); }
void OutputArchive::put_array(const std::int32_t* data, std::size_t n) { stream_->write(data, n); }

void OutputArchive::put(const std::string& v) {
  put(static_cast<std::uint64_t>(v.size()));
  stream_->write(v.data(), v.size());
}

void OutputArchive::put(const Vector& v) {
  put(static_cast<std::uint64_t>(v.size()));
  stream_->write(v.data(), static_cast<std::size_t>(v.size()));
}

void OutputArchive::put(const Matrix& v) {
  put(static_cast<std::uint64_t>(v.rows()));
  put(static_cast<std::uint64_t>(v.cols()));
  stream_->write(v.data(), static_cast<std::size_t>(v.size()));
}

void OutputArchive::put(const Classes& v) {
  put(v.is_text());
  if (v.is_text())
    put(std::vector<std::string>(v.texts().begin(), v.texts().end()));
  else
    put(std::vector<std::int64_t>(v.integers().begin(), v.integers().end()));
}

void OutputArchive::put(const Column& v) {
  put(v.name);
  put(v.kind == ColumnKind::categorical);
  put(v.vocabulary);
}

void OutputArchive::put(const Schema& v) { put(v.columns); }

void OutputArchive::put(const ModelPtr& v) {
  put(std::string(v->name()));
  v->save(*this);
}

struct InputArchive::Stream {
  Stream(std::span<const char> bytes, Loader model_loader)
      : buffer(bytes), in(&buffer), archive(in), loader(model_loader) {}

  template <class T>
  void read(T* data, std::size_t n) {
    if (n > buffer.left() / sizeof(T)) corrupt("it ends too early");
    archive.template loadBinary<sizeof(T)>(data, static_cast<std::streamsize>(n * sizeof(T)));
  }

  MemoryBuffer buffer;
  std::istream in;
  cereal::PortableBinaryInputArchive archive;
  Loader loader;
  int depth = 0;
};

InputArchive::InputArchive(std::span<const char> bytes, Loader loader) {
  if (bytes.empty()) corrupt("it is empty");
  if (bytes[0] != little_endian_mark) corrupt("it does not start as one");
  stream_ = std::make_unique<Stream>(bytes, loader);
}

InputArchive::~InputArchive() = default;

std::size_t InputArchive::bytes_left() const { return stream_->buffer.left(); }

void InputArchive::corrupt(const std::string& why) {
  throw CorruptData("M010", "the model's state is damaged: " + why);
}

int InputArchive::version(int newest) {
  std::int32_t found = 0;
  get(found);
  if (found < 1 || found > newest) {
    corrupt("a part has version " + std::to_string(found) + ", and this build reads 1 to " +
            std::to_string(newest));
  }
  return found;
}

void InputArchive::get(bool& v) {
  std::int32_t number = 0;
  get(number);
  if (number != 0 && number != 1) corrupt("a truth value of " + std::to_string(number));
  v = number == 1;
}
void InputArchive::get(std::int32_t& v) { stream_->read(&v, 1); }
void InputArchive::get(std::int64_t& v) { stream_->read(&v, 1); }
void InputArchive::get(std::uint64_t& v) { stream_->read(&v, 1); }
void InputArchive::get(double& v) { stream_->read(&v, 1); }
void InputArchive::get_array(double* data, std::size_t n) { stream_->read(data, n); }
void InputArchive::get_array(std::int64_t* data, std::size_t n) { stream_->read(data, n); }
void InputArchive::get_array(std::int32_t* data, std::size_t n) { stream_->read(data, n); }

std::size_t InputArchive::get_count(std::size_t item_bytes) {
  std::uint64_t count = 0;
  get(count);
  if (count > bytes_left() / item_bytes) {
    corrupt("it speaks of " + std::to_string(count) + " items where " +
            std::to_string(bytes_left()) + " bytes are left");
  }
  return count;
}

void InputArchive::get(std::string& v) {
  v.resize(get_count(1));
  stream_->read(v.data(), v.size());
}

void InputArchive::get(Vector& v) {
  v.resize(static_cast<Index>(get_count(sizeof(double))));
  stream_->read(v.data(), static_cast<std::size_t>(v.size()));
}

void InputArchive::get(Matrix& v) {
  std::uint64_t rows = 0;
  std::uint64_t cols = 0;
  get(rows);
  get(cols);
  const std::uint64_t most = bytes_left() / sizeof(double);
  const bool fits = rows == 0 || cols == 0 ? std::max(rows, cols) <= most_empty_rows
                                           : rows <= most && cols <= most / rows;
  if (!fits) {
    corrupt("a matrix of " + std::to_string(rows) + " x " + std::to_string(cols) + " where " +
            std::to_string(bytes_left()) + " bytes are left");
  }
  v.resize(static_cast<Index>(rows), static_cast<Index>(cols));
  stream_->read(v.data(), static_cast<std::size_t>(v.size()));
}

void InputArchive::get(Classes& v) {
  const auto load = [&]<class T>(std::vector<T> values) {
    get(values);
    if (!strictly_ascending(values)) corrupt("its classes are not in order");
    v = Classes(std::move(values));
  };
  bool is_text = false;
  get(is_text);
  if (is_text)
    load(std::vector<std::string>());
  else
    load(std::vector<std::int64_t>());
}

void InputArchive::get(Column& v) {
  get(v.name);
  bool categorical = false;
  get(categorical);
  v.kind = categorical ? ColumnKind::categorical : ColumnKind::numeric;
  get(v.vocabulary);
  if (!strictly_ascending(v.vocabulary) || !(categorical || v.vocabulary.empty())) {
    corrupt("the vocabulary of \"" + v.name + "\" is not in order");
  }
}

void InputArchive::get(Schema& v) { get(v.columns); }

void InputArchive::get(ModelPtr& v) {
  struct Level {
    int& depth;
    ~Level() { --depth; }
  };
  const Level level{++stream_->depth};
  if (level.depth > max_model_depth) corrupt("models are nested too deep");
  std::string name;
  get(name);
  v = stream_->loader(name, *this);
  if (v == nullptr) corrupt("there is no estimator '" + name + "' in this build");
}

void check_state(std::string_view name, bool good) {
  if (!good) {
    throw CorruptData("M011", "the state of " + std::string(name) + " is not consistent");
  }
}

}  // namespace lathe
