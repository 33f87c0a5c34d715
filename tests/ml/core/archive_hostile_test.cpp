// Bytes that nobody wrote in good faith: refused, and never with a large allocation.
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/ml/core/allocations.h"
#include "tests/ml/core/archives.h"

namespace lathe {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using toys::Mood;

TEST(Archive, RefusesBytesThatAreNoArchive) {
  EXPECT_THAT(read_refusal<bool>(""), StartsWith("M010 the model's state is damaged: it is empty"));
  for (const char first : {'\0', '\2', '\3', 'M'}) {
    EXPECT_THAT(read_refusal<bool>(std::string(1, first) + std::string("\1\0\0\0", 4)),
                HasSubstr("does not start as one"));
  }
}

TEST(Archive, RefusesValuesThatCannotBe) {
  EXPECT_THAT(read_refusal<bool>(Bytes().i32(2)), HasSubstr("a truth value of 2"));
  EXPECT_THAT(read_refusal<Mood>(Bytes().i32(2)), HasSubstr("a choice of 2 that does not exist"));
  EXPECT_THAT(read_refusal<Mood>(Bytes().i32(-1)), HasSubstr("a choice of -1"));
  EXPECT_THAT(read_refusal<std::optional<double>>(Bytes().i32(7)), HasSubstr("a truth value of 7"));
}

TEST(Archive, RefusesClassesThatAreNotAscending) {
  const std::string twice = Bytes().i32(1).u64(2).text("a").text("a");
  EXPECT_THAT(read_refusal<Classes>(twice), HasSubstr("classes are not in order"));
  const std::string turned = Bytes().i32(0).u64(2).u64(5).u64(3);
  EXPECT_THAT(read_refusal<Classes>(turned), HasSubstr("classes are not in order"));
}

TEST(Archive, RefusesAVocabularyThatCannotBe) {
  const std::string turned = Bytes().text("port").i32(1).u64(2).text("b").text("a");
  EXPECT_THAT(read_refusal<Column>(turned), HasSubstr("vocabulary of \"port\" is not in order"));
  const std::string numeric = Bytes().text("age").i32(0).u64(1).text("a");
  EXPECT_THAT(read_refusal<Column>(numeric), HasSubstr("vocabulary of \"age\""));
}

// One of everything, behind each other.
using Everything = std::tuple<bool, std::int32_t, std::uint64_t, double, std::string, Mood, Vector,
                              Matrix, Classes, Schema, std::vector<std::string>,
                              std::optional<std::vector<double>>, std::pair<bool, std::int64_t>>;

std::string everything() {
  return written(
      true, std::int32_t{1}, std::uint64_t{2}, 3.0, std::string("four"), Mood::wild,
      Vector{{5.0, 6.0}}, Matrix{{7.0}, {8.0}}, Classes(std::vector<std::string>{"a", "b"}),
      Schema{{{"port", ColumnKind::categorical, {"C", "Q"}}}}, std::vector<std::string>{"x", "y"},
      std::optional(std::vector<double>{9.0}), std::pair<bool, std::int64_t>(true, 1));
}

void read_everything(const std::string& bytes) {
  InputArchive archive(bytes, toys::load);
  Everything values;
  std::apply([&](auto&... fields) { archive(fields...); }, values);
}

TEST(Archive, RefusesEveryTruncation) {
  const std::string bytes = everything();
  EXPECT_NO_THROW(read_everything(bytes));
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_THAT(thrown<CorruptData>([&] { read_everything(bytes.substr(0, n)); }),
                StartsWith("M010 "))
        << n;
  }
}

TEST(Archive, ReadsOrRefusesEveryDamagedByteWithoutALargeAllocation) {
  const std::string bytes = everything();
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const int flip : {1, 0x80, 0xFF}) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      const AllocationCount count;
      thrown<CorruptData>([&] { read_everything(damaged); });  // anything else leaves the test
      ASSERT_LT(count.most(), 4096U) << at;
    }
  }
}

template <class T>
void expect_lie_refused(const std::string& bytes) {
  const AllocationCount count;
  EXPECT_THAT(read_refusal<T>(bytes), StartsWith("M010 the model's state is damaged: "));
  EXPECT_LT(count.most(), 4096U);
}

TEST(Archive, RefusesLyingCountsBeforeAllocating) {
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  constexpr std::uint64_t lies[] = {2,          1000,       1ULL << 31, 1ULL << 40,
                                    1ULL << 61, 1ULL << 63, most / 8,   most};
  for (const std::uint64_t n : lies) {
    const std::string bytes = Bytes().u64(n).f64(1.0);
    expect_lie_refused<Vector>(bytes);
    expect_lie_refused<std::vector<double>>(bytes);
    expect_lie_refused<std::vector<std::int64_t>>(bytes);
    expect_lie_refused<std::vector<std::vector<double>>>(bytes);
    expect_lie_refused<std::vector<std::string>>(bytes);
    expect_lie_refused<Schema>(bytes);
    expect_lie_refused<std::vector<ModelPtr>>(bytes);
    expect_lie_refused<Classes>(Bytes().i32(0).u64(n).u64(1));
    if (n > 8) expect_lie_refused<std::string>(bytes);
    expect_lie_refused<Matrix>(Bytes().u64(n).u64(1).f64(1.0));
    expect_lie_refused<Matrix>(Bytes().u64(1).u64(n).f64(1.0));
    expect_lie_refused<Matrix>(Bytes().u64(n).u64(n).f64(1.0));
    if (n > 1'000'000) {
      expect_lie_refused<Matrix>(Bytes().u64(n).u64(0));
      expect_lie_refused<Matrix>(Bytes().u64(0).u64(n));
    }
  }
  // Their product wraps around to 1.
  expect_lie_refused<Matrix>(
      Bytes().u64(0xFFFFFFFFFFFFFFFFULL).u64(0xFFFFFFFFFFFFFFFFULL).f64(1.0));
}

TEST(Archive, SaysWhatTheLieWas) {
  EXPECT_THAT(read_refusal<Vector>(Bytes().u64(100).f64(1.0)),
              HasSubstr("it speaks of 100 items where 8 bytes are left"));
  EXPECT_THAT(read_refusal<Matrix>(Bytes().u64(100).u64(3).f64(1.0)),
              HasSubstr("a matrix of 100 x 3 where 8 bytes are left"));
  EXPECT_THAT(read_refusal<double>(Bytes().i32(1)), HasSubstr("it ends too early"));
}

TEST(Archive, RefusesModelsItDoesNotKnow) {
  EXPECT_THAT(read_refusal<ModelPtr>(Bytes().text("ridge")),
              HasSubstr("there is no estimator 'ridge' in this build"));
  EXPECT_THAT(read_refusal<ModelPtr>(Bytes().text("around")), HasSubstr("no estimator 'around'"));
}

std::string nested_pipelines(int levels) {
  Bytes bytes;
  for (int i = 0; i < levels; ++i) bytes.text("pipeline").i32(1).u64(1);
  return bytes.text("sign").i32(1).u64(2);
}

TEST(Archive, ReadsModelsNestedTo64Levels) {
  EXPECT_EQ(read<ModelPtr>(nested_pipelines(63))->n_features_in(), 2);
  EXPECT_THAT(read_refusal<ModelPtr>(nested_pipelines(64)),
              HasSubstr("models are nested too deep"));
  EXPECT_THAT(read_refusal<ModelPtr>(nested_pipelines(100'000)), HasSubstr("nested too deep"));
}

// A loader that goes on after a model that could not be read.
ModelPtr forgiving(std::string_view name, InputArchive& archive) {
  if (name != "pipeline") return toys::load(name, archive);
  for (int i = 0; i < 100; ++i) {
    ModelPtr model;
    if (thrown<CorruptData>([&] { archive(model); }).empty()) return model;
  }
  return nullptr;
}

TEST(Archive, CountsDepthAlsoAfterAnException) {
  Bytes bytes;
  bytes.text("pipeline");
  for (int i = 0; i < 99; ++i) bytes.text("unknown");
  bytes.text("sign").i32(1).u64(2);
  const std::string all = bytes;
  InputArchive archive(all, forgiving);
  ModelPtr model;
  archive(model);
  EXPECT_EQ(model->name(), "sign");
}

TEST(Archive, RefusesHostileStates) {
  EXPECT_EQ(read_refusal<ModelPtr>(Bytes().text("sign").i32(1).u64(0)),
            "M011 the state of sign is not consistent | ");
  EXPECT_THAT(read_refusal<ModelPtr>(Bytes().text("sign").i32(9).u64(2)),
              HasSubstr("a part has version 9"));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(read_refusal<ModelPtr>(Bytes().text("centre").i32(1).u64(1).f64(nan)),
              StartsWith("M011 the state of centre"));
}

TEST(Archive, EveryDamagedByteOfAModelIsRefusedOrHarmless) {
  const Matrix X{{1.0, 2.0}, {3.0, 5.0}, {0.0, 1.0}};
  const ModelPtr model =
      Estimator(toys::Centre{} | toys::Squares{} | toys::Near{}).fit(X, Labels{"a", "b", "a"});
  const std::string bytes = written(model);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    EXPECT_THAT(thrown<CorruptData>([&] { read<ModelPtr>(bytes.substr(0, at)); }),
                StartsWith("M01"));
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      thrown<Error>([&] {
        InputArchive archive(damaged, toys::load);
        ModelPtr loaded;
        archive(loaded);
        Matrix out(3, loaded->n_outputs());
        if (loaded->n_features_in() == 2) loaded->predict_into(X, out);
      });
    }
  }
}

TEST(CheckState, ThrowsUnlessGood) {
  EXPECT_NO_THROW(check_state("ridge", true));
  EXPECT_EQ(thrown<CorruptData>([] { check_state("ridge", false); }),
            "M011 the state of ridge is not consistent | ");
}

}  // namespace
}  // namespace lathe
