#include "lathe/ml/model_file.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lathe/ml/core/archive.h"
#include "lathe/ml/core/error.h"
#include "lathe/ml/file_write.h"
#include "lathe/ml/hash.h"
#include "lathe/ml/registry.h"

namespace lathe {
namespace {

constexpr std::string_view magic = "\x89LATHE\r\n";
constexpr std::size_t name_size = 16;
constexpr std::size_t section_entry_size = name_size + 8 + 8;
constexpr std::array<std::string_view, 2> section_names = {"contract", "model"};
constexpr std::size_t table_offset = magic.size() + 4 + 4;
constexpr std::size_t checksum_offset = table_offset + section_names.size() * section_entry_size;
constexpr std::size_t header_size = checksum_offset + 8;

template <class T>
void put(std::string& out, T number) {
  for (std::size_t i = 0; i < sizeof(T); ++i) out += static_cast<char>(number >> (8 * i) & 0xFF);
}

template <class T>
T get(std::string_view bytes, std::size_t offset) {
  T number = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    number |= static_cast<T>(static_cast<unsigned char>(bytes[offset + i])) << (8 * i);
  }
  return number;
}

std::uint64_t checksum(std::string_view file) {
  Hash hash;
  hash.add(file.substr(0, checksum_offset));
  hash.add(file.substr(header_size));
  return hash.sum64();
}

// Everything in the frame has one right value but the lengths, and they must add up.
class Frame {
 public:
  Frame(std::string_view file, const std::string& name) {
    if (file.size() < table_offset || !file.starts_with(magic)) {
      throw CorruptData("M001", name + " is not a Lathe model file");
    }
    const auto version = get<std::uint32_t>(file, magic.size());
    if (version < 1 || version > model_format_version) {
      throw CorruptData("M002",
                        name + " is format " + std::to_string(version) + ", this build reads 1.." +
                            std::to_string(model_format_version) + "; nothing was loaded",
                        "update Lathe, or save the model again with this version");
    }
    if (file.size() < header_size || get<std::uint64_t>(file, checksum_offset) != checksum(file)) {
      throw CorruptData("M003", name + " is damaged or incomplete: its checksum is wrong",
                        "copy or save it again");
    }
    const auto need = [&](bool good, const char* why) {
      if (!good) throw CorruptData("M004", name + ": its sections are not consistent: " + why);
    };
    need(get<std::uint32_t>(file, magic.size() + 4) == section_names.size(), "their number");
    std::uint64_t end = header_size;
    for (std::size_t i = 0; i < section_names.size(); ++i) {
      const std::size_t entry = table_offset + i * section_entry_size;
      std::string padded(section_names[i]);
      padded.resize(name_size);
      need(file.substr(entry, name_size) == padded, "their names");
      need(get<std::uint64_t>(file, entry + name_size) == end, "an offset");
      const auto length = get<std::uint64_t>(file, entry + name_size + 8);
      need(length <= file.size() - end, "a length");
      sections_[i] = file.substr(end, length);
      end += length;
    }
    need(end == file.size(), "bytes after the last one");
  }

  std::string_view contract() const { return sections_[0]; }
  std::string_view model() const { return sections_[1]; }

 private:
  std::array<std::string_view, section_names.size()> sections_;
};

ModelPtr read_state(std::string_view bytes) {
  InputArchive archive(bytes, load_model);
  ModelPtr model;
  archive(model);
  if (archive.bytes_left() != 0) {
    throw CorruptData("M013", std::to_string(archive.bytes_left()) + " bytes after the state");
  }
  return model;
}

// An open file's number, closed at the end.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { ::close(number_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

[[noreturn]] void refuse_read(const std::string& name, const std::string& why) {
  throw IoError("M006", "cannot read " + name + ": " + why);
}

// Of the first bytes of a file: the magic, and then where the header says that the file ends.
bool may_be_model(std::string_view bytes, std::uint64_t file_size) {
  if (!bytes.starts_with(magic.substr(0, bytes.size()))) return false;
  if (bytes.size() < header_size) return true;
  const std::size_t last = checksum_offset - 16;  // offset and length of the last section
  return get<std::uint64_t>(bytes, last) + get<std::uint64_t>(bytes, last + 8) == file_size;
}

std::string read_file(const std::string& path, const std::string& name) {
  // Not blocking: a named pipe must not hang us before it is refused.
  const int number = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (number < 0 && errno == ENOENT) throw NotFound("M007", "there is no file " + name);
  if (number < 0) refuse_read(name, std::strerror(errno));
  const Descriptor file(number);
  struct stat status {};
  if (::fstat(number, &status) != 0) refuse_read(name, std::strerror(errno));
  if (!S_ISREG(status.st_mode)) refuse_read(name, "it is not a regular file");

  std::string bytes;
  std::array<char, 65536> block;
  while (true) {
    const ssize_t n = ::read(number, block.data(), block.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) refuse_read(name, std::strerror(errno));
    if (n == 0) return bytes;
    bytes.append(block.data(), static_cast<std::size_t>(n));
    // Before the rest of something large that is no model is read.
    if (!may_be_model(bytes, static_cast<std::uint64_t>(status.st_size))) return bytes;
  }
}

}  // namespace

std::string model_bytes(const FittedPipeline& fitted) {
  OutputArchive archive;
  archive(fitted.model());
  const std::array<std::string, section_names.size()> sections = {to_json(fitted.contract()),
                                                                  archive.bytes()};
  std::string file(magic);
  put(file, std::uint32_t{model_format_version});
  put(file, static_cast<std::uint32_t>(sections.size()));
  std::uint64_t offset = header_size;
  for (std::size_t i = 0; i < sections.size(); ++i) {
    std::string name(section_names[i]);
    name.resize(name_size);
    file += name;
    put(file, offset);
    put(file, static_cast<std::uint64_t>(sections[i].size()));
    offset += sections[i].size();
  }
  put(file, std::uint64_t{0});  // where the checksum goes
  for (const std::string& section : sections) file += section;
  std::string sum;
  put(sum, checksum(file));
  return file.replace(checksum_offset, sum.size(), sum);
}

FittedPipeline load_model_bytes(std::span<const char> bytes, const std::string& name) {
  const Frame frame({bytes.data(), bytes.size()}, name);
  try {
    return {contract_from_json(frame.contract()), read_state(frame.model())};
  } catch (const Error& error) {
    throw CorruptData(error.code(), name + ": " + error.what(), error.help());
  }
}

FittedPipeline load_model_file(const std::string& path) { return load_model_file(path, path); }

FittedPipeline load_model_file(const std::string& path, const std::string& name) {
  const std::string bytes = read_file(path, name);
  return load_model_bytes(bytes, name);
}

void save_model(const FittedPipeline& fitted, const std::string& path, bool overwrite) {
  write_file_atomically(path, model_bytes(fitted), overwrite);
}

}  // namespace lathe
