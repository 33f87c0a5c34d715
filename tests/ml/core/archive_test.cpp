#include "lathe/ml/core/archive.h"

#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/ml/core/archives.h"

namespace lathe {
namespace {

using toys::Mood;

template <class T>
void expect_round_trip(const T& value) {
  EXPECT_EQ(read<T>(written(value)), value);
}

TEST(Archive, RoundTripsNumbersAndText) {
  expect_round_trip(true);
  expect_round_trip(false);
  for (const std::int32_t v : {0, -1, std::numeric_limits<std::int32_t>::min()}) {
    expect_round_trip(v);
  }
  expect_round_trip(std::numeric_limits<std::int64_t>::min());
  expect_round_trip(std::numeric_limits<std::uint64_t>::max());
  expect_round_trip(std::string());
  expect_round_trip(std::string("a\0é\n", 5));
  expect_round_trip(Mood::wild);
}

TEST(Archive, KeepsEveryBitOfADouble) {
  using Limits = std::numeric_limits<double>;
  for (const double v : {0.0, -0.0, 0.1, Limits::denorm_min(), Limits::max(), Limits::infinity(),
                         -Limits::infinity(), Limits::quiet_NaN(), -Limits::quiet_NaN()}) {
    const double back = read<double>(written(v));
    EXPECT_EQ(std::memcmp(&back, &v, sizeof v), 0) << v;
  }
}

TEST(Archive, RoundTripsContainers) {
  expect_round_trip(std::vector<double>{1.0, -2.5});
  expect_round_trip(std::vector<std::int64_t>{1, -2});
  expect_round_trip(std::vector<std::int32_t>{});
  expect_round_trip(std::vector<std::uint64_t>{7});
  expect_round_trip(std::vector<bool>{true, false, true});
  expect_round_trip(std::vector<std::string>{"", "b"});
  expect_round_trip(std::vector<Mood>{Mood::wild, Mood::calm});
  expect_round_trip(std::vector<std::vector<double>>{{1.0}, {}, {2.0, 3.0}});
  expect_round_trip(std::optional<double>());
  expect_round_trip(std::optional<double>(2.0));
  expect_round_trip(std::optional(std::vector<std::string>{"a"}));
  expect_round_trip(std::pair<std::string, double>("a", 1.0));
  expect_round_trip(std::vector<std::pair<std::int64_t, std::optional<bool>>>{{1, true}, {2, {}}});
}

TEST(Archive, RoundTripsMatricesOfAnyShape) {
  expect_round_trip(Vector{{1.0, 2.0, 3.0}});
  expect_round_trip(Vector());
  expect_round_trip(Matrix{{1.0, 2.0, 3.0}, {4.0, 5.0, 6.0}});
  for (const auto& [rows, cols] : {std::pair<Index, Index>{0, 0}, {3, 0}, {0, 3}, {1, 1}}) {
    const Matrix back = read<Matrix>(written(Matrix(Matrix::Ones(rows, cols))));
    EXPECT_EQ(back.rows(), rows);
    EXPECT_EQ(back.cols(), cols);
  }
}

TEST(Archive, RoundTripsClassesAndSchemas) {
  expect_round_trip(Classes());
  expect_round_trip(Classes(std::vector<std::int64_t>{5, -1, 2}));
  expect_round_trip(Classes(std::vector<std::string>{"b", "", "a"}));
  expect_round_trip(Classes(std::vector<std::string>{}));
  expect_round_trip(Column{"port", ColumnKind::categorical, {"C", "Q"}});
  expect_round_trip(Schema{{{"age", {}, {}}, {"port", ColumnKind::categorical, {"C", "Q"}}}});
  expect_round_trip(Schema());
}

TEST(Archive, ReadsIntoWhatHeldSomethingElse) {
  const std::string bytes = written(std::vector<double>{1.0}, std::vector<std::string>{"a"},
                                    std::optional<double>(), Matrix(Matrix::Ones(1, 2)));
  InputArchive archive(bytes, toys::load);
  std::vector<double> numbers(5, 9.0);
  std::vector<std::string> texts(3, "old");
  std::optional<double> maybe = 3.0;
  Matrix matrix = Matrix::Zero(4, 4);
  archive(numbers, texts, maybe, matrix);
  EXPECT_EQ(numbers, std::vector<double>{1.0});
  EXPECT_EQ(texts, std::vector<std::string>{"a"});
  EXPECT_EQ(maybe, std::nullopt);
  EXPECT_EQ(matrix, Matrix::Ones(1, 2));
}

// The format is a promise to files: these bytes must never change.
TEST(Archive, WritesTheseBytes) {
  EXPECT_EQ(written(true, std::string("ab"), Vector{{1.0}}),
            std::string(Bytes().i32(1).text("ab").u64(1).f64(1.0)));
  EXPECT_EQ(written(Matrix{{1.0, 2.0}}), std::string(Bytes().u64(1).u64(2).f64(1.0).f64(2.0)));
  EXPECT_EQ(written(Mood::wild, std::optional<std::int32_t>(), std::uint64_t{7}),
            std::string(Bytes().i32(1).i32(0).u64(7)));
  EXPECT_EQ(written(Classes(std::vector<std::string>{"a"})),
            std::string(Bytes().i32(1).u64(1).text("a")));
}

TEST(Archive, RoundTripsModels) {
  const Matrix X{{1.0, 2.0}, {3.0, 5.0}};
  const ModelPtr model = Estimator(toys::Centre{}).fit(X);
  const ModelPtr loaded = toys::saved_and_loaded(model);
  EXPECT_EQ(loaded->name(), "centre");
  EXPECT_EQ(predict_matrix(*loaded, X), predict_matrix(*model, X));
}

TEST(Archive, ChecksTheVersionOfEachPart) {
  const auto version = [](std::int32_t found, int newest) {
    const std::string bytes = Bytes().i32(found);
    InputArchive archive(bytes, toys::load);
    return archive.version(newest);
  };
  EXPECT_EQ(version(1, 1), 1);
  EXPECT_EQ(version(2, 3), 2);
  for (const std::int32_t found : {0, -1, 4, std::numeric_limits<std::int32_t>::max()}) {
    EXPECT_EQ(thrown<CorruptData>([&] { version(found, 3); }),
              "M010 the model's state is damaged: a part has version " + std::to_string(found) +
                  ", and this build reads 1 to 3 | ");
  }
  OutputArchive out;
  EXPECT_EQ(out.version(2), 2);
}

}  // namespace
}  // namespace lathe
