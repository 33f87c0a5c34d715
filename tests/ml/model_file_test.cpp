#include "lathe/ml/model_file.h"

#include <cstring>

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "lathe/ml/core/archive.h"
#include "lathe/ml/core/error.h"
#include "lathe/ml/core/random.h"
#include "lathe/ml/hash.h"
#include "lathe/ml/registry.h"

#include "tests/ml/temporary_folder.h"

namespace lathe {
namespace {

using testing::HasSubstr;

// Where things are in a file of two sections.
constexpr std::size_t version_at = 8;
constexpr std::size_t count_at = 12;
constexpr std::size_t entries_at = 16;
constexpr std::size_t checksum_at = 80;
constexpr std::size_t sections_at = 88;

FittedPipeline example() {
  Table table;
  table.add_numeric("a", {1.0, 2.5, -3.0});
  table.add_numeric("b", {0.25, 0.5, 0.0});
  return fit(make_estimator("passthrough"), table, {});
}

template <class T>
T number_at(const std::string& bytes, std::size_t at) {
  T number;
  std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}

template <class T>
void put_at(std::string& bytes, std::size_t at, T number) {
  std::memcpy(bytes.data() + at, &number, sizeof number);
}

// With the checksum that the bytes should have.
std::string sealed(std::string bytes) {
  Hash hash;
  hash.add(std::string_view(bytes).substr(0, checksum_at));
  hash.add(std::string_view(bytes).substr(sections_at));
  put_at(bytes, checksum_at, hash.sum64());
  return bytes;
}

FittedPipeline load(const std::string& bytes) { return load_model_bytes(bytes, "m.lathe"); }

std::string refusal(const std::string& bytes) {
  try {
    load(bytes);
  } catch (const CorruptData& error) {
    return error.code() + " " + error.what();
  }
  return "loaded";
}

TEST(ModelFile, HasTheFrameThatIsDocumented) {
  const std::string bytes = model_bytes(example());
  EXPECT_EQ(bytes.substr(0, 8), "\x89LATHE\r\n");
  EXPECT_EQ(number_at<std::uint32_t>(bytes, version_at), 1U);
  EXPECT_EQ(number_at<std::uint32_t>(bytes, count_at), 2U);
  EXPECT_EQ(bytes.substr(entries_at, 16), std::string("contract\0\0\0\0\0\0\0\0", 16));
  EXPECT_EQ(number_at<std::uint64_t>(bytes, entries_at + 16), sections_at);
  const auto contract_size = number_at<std::uint64_t>(bytes, entries_at + 24);
  EXPECT_EQ(bytes.substr(sections_at, contract_size), to_json(example().contract()));
  EXPECT_EQ(bytes.substr(entries_at + 32, 16), std::string("model\0\0\0\0\0\0\0\0\0\0\0", 16));
  EXPECT_EQ(number_at<std::uint64_t>(bytes, entries_at + 48), sections_at + contract_size);
  EXPECT_EQ(number_at<std::uint64_t>(bytes, entries_at + 56),
            bytes.size() - sections_at - contract_size);
  EXPECT_EQ(sealed(bytes), bytes);
}

TEST(ModelFile, ReadsBackWhatWasWritten) {
  const TemporaryFolder folder;
  save_model(example(), folder / "m.lathe");
  const FittedPipeline read = load_model_file(folder / "m.lathe");
  EXPECT_EQ(read.contract(), example().contract());
  EXPECT_EQ(read.model()->name(), "passthrough");
  EXPECT_EQ(model_bytes(read), model_bytes(example()));
}

TEST(ModelFile, RefusesEveryTruncation) {
  const std::string bytes = model_bytes(example());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_NE(refusal(bytes.substr(0, size)), "loaded") << size;
  }
}

TEST(ModelFile, RefusesEveryChangedByte) {
  const std::string bytes = model_bytes(example());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (const int flip : {1, 0x80, 0xff}) {
      std::string changed = bytes;
      changed[i] = static_cast<char>(changed[i] ^ flip);
      EXPECT_NE(refusal(changed), "loaded") << i;
    }
  }
}

TEST(ModelFile, SaysWhatIsWrong) {
  const std::string bytes = model_bytes(example());
  EXPECT_THAT(refusal("hello"), HasSubstr("M001 m.lathe is not a Lathe model file"));
  std::string newer = bytes;
  put_at(newer, version_at, std::uint32_t{9});
  EXPECT_EQ(refusal(newer), "M002 m.lathe is format 9, this build reads 1..1; nothing was loaded");
  put_at(newer, version_at, std::uint32_t{0});
  EXPECT_THAT(refusal(newer), HasSubstr("M002 m.lathe is format 0"));
  EXPECT_THAT(refusal(bytes + "x"), HasSubstr("M003"));
}

TEST(ModelFile, RefusesAFrameThatDoesNotAddUp) {
  const std::string bytes = model_bytes(example());
  const auto contract_size = number_at<std::uint64_t>(bytes, entries_at + 24);
  const auto model_size = number_at<std::uint64_t>(bytes, entries_at + 56);
  const auto with = [&](std::size_t at, auto number) {
    std::string changed = bytes;
    put_at(changed, at, number);
    return refusal(sealed(changed));
  };
  for (const std::uint32_t count : {0U, 1U, 3U, 0xffffffffU}) {
    EXPECT_THAT(with(count_at, count), HasSubstr("M004")) << count;
  }
  EXPECT_THAT(with(entries_at, 'C'), HasSubstr("M004"));
  EXPECT_THAT(with(entries_at + 12, 'x'), HasSubstr("M004"));
  for (const std::uint64_t offset :
       {std::uint64_t{0}, std::uint64_t{sections_at + 1}, ~std::uint64_t{0}}) {
    EXPECT_THAT(with(entries_at + 16, offset), HasSubstr("M004")) << offset;
    EXPECT_THAT(with(entries_at + 48, offset), HasSubstr("M004")) << offset;
  }
  for (const std::uint64_t length : {contract_size - 1, contract_size + 1, ~std::uint64_t{0}}) {
    EXPECT_THAT(with(entries_at + 24, length), HasSubstr("M004")) << length;
  }
  for (const std::uint64_t length : {model_size - 1, model_size + 1, ~std::uint64_t{7}}) {
    EXPECT_THAT(with(entries_at + 56, length), HasSubstr("M004")) << length;
  }
  EXPECT_THAT(refusal(sealed(bytes + "x")), HasSubstr("M004"));
}

TEST(ModelFile, RefusesBytesAfterTheState) {
  std::string bytes = model_bytes(example()) + "x";
  put_at(bytes, entries_at + 56, number_at<std::uint64_t>(bytes, entries_at + 56) + 1);
  EXPECT_THAT(refusal(sealed(bytes)), HasSubstr("M013 m.lathe: 1 bytes after the state"));
}

// A pipeline of one step that is a pipeline of one step that ...
class Nest final : public Transformer {
 public:
  explicit Nest(ModelPtr inner) : inner_(std::move(inner)) {}
  std::string_view name() const override { return "pipeline"; }
  Index n_features_in() const override { return inner_->n_features_in(); }
  Index n_outputs() const override { return inner_->n_outputs(); }
  Schema columns_out(const Schema& in) const override { return in; }
  void transform_into(const MatrixView& X, MatrixRef out) const override { out = X; }
  void save(OutputArchive& archive) const override {
    archive.version(1);
    archive(std::vector<ModelPtr>{inner_});
  }

 private:
  ModelPtr inner_;
};

TEST(ModelFile, BoundsNesting) {
  const FittedPipeline flat = example();
  const auto nested = [&](int depth) {
    ModelPtr model = flat.model();
    for (int i = 0; i < depth; ++i) model = std::make_shared<Nest>(model);
    return refusal(model_bytes({flat.contract(), model}));
  };
  EXPECT_EQ(nested(60), "loaded");
  EXPECT_THAT(nested(65), HasSubstr("nested too deep"));
  EXPECT_THAT(nested(3000), HasSubstr("nested too deep"));
}

TEST(ModelFile, WithARightChecksumStillTrustsNothing) {
  const std::string bytes = model_bytes(example());
  int loaded = 0;
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    Random random(seed, "mutation");
    std::string changed = bytes;
    for (std::uint64_t n = 1 + random.below(3); n > 0; --n) {
      const std::size_t at = count_at + random.below(bytes.size() - count_at);
      changed[at] = static_cast<char>(random.below(2) == 0 ? random.below(256)
                                                           : changed[at] ^ (1 << random.below(8)));
    }
    if (refusal(sealed(changed)) == "loaded") ++loaded;
  }
  EXPECT_GT(loaded, 0);  // a letter of a name, a digit of the seed
}

TEST(LoadModelFile, SaysWhyItCannotRead) {
  const TemporaryFolder folder;
  EXPECT_THROW(load_model_file(folder / "none.lathe"), NotFound);
  EXPECT_THROW(load_model_file(folder / "."), IoError);
  const std::string pipe = folder / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THROW(load_model_file(pipe), IoError);
  EXPECT_THROW(load_model_file(folder / "pipe/below"), IoError);
}

TEST(LoadModelFile, NamesTheFile) {
  const TemporaryFolder folder;
  const std::string path = folder / "m.lathe";
  save_model(example(), path);
  std::filesystem::resize_file(path, 100);
  try {
    load_model_file(path);
    FAIL();
  } catch (const CorruptData& error) {
    EXPECT_THAT(error.what(), HasSubstr(path));
  }
}

}  // namespace
}  // namespace lathe
