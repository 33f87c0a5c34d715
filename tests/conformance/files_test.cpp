// Saved models: the same answers after loading, and no harm from damaged or hostile files.
#include <cmath>
#include <cstring>
#include <limits>

#include <gmock/gmock.h>

#include "lathe/ml/core/archive.h"
#include "lathe/ml/core/error.h"
#include "lathe/ml/core/random.h"
#include "lathe/ml/hash.h"
#include "lathe/ml/model_file.h"
#include "lathe/ml/registry.h"

#include "tests/conformance/cases.h"

namespace lathe::conformance {
namespace {

constexpr std::size_t checksum_at = 80;
constexpr std::size_t sections_at = 88;

// With the checksum that the bytes should have, as somebody who means harm would write.
std::string sealed(std::string bytes) {
  Hash hash;
  hash.add(std::string_view(bytes).substr(0, checksum_at));
  hash.add(std::string_view(bytes).substr(sections_at));
  const std::uint64_t sum = hash.sum64();
  std::memcpy(bytes.data() + checksum_at, &sum, sizeof sum);
  return bytes;
}

class Files : public Conformance {
 protected:
  // What is changed is refused, or what it holds answers or refuses rows like any other model.
  bool loads(const std::string& bytes) const {
    try {
      use(load_model_bytes(bytes, "m.lathe"));
      return true;
    } catch (const CorruptData&) {
      return false;
    }
  }
  bool state_loads(const std::string& state) const {
    try {
      InputArchive archive(state, load_model);
      ModelPtr model;
      archive(model);
      use(FittedPipeline(fitted_.contract(), model));
      return archive.bytes_left() == 0;
    } catch (const CorruptData&) {
      return false;
    }
  }

  void use(const FittedPipeline& loaded) const {
    const Matrix X = rows_.leftCols(std::min(rows_.cols(), loaded.contract().inputs.size()));
    try {
      check_codes(*loaded.model(), answers(*loaded.model(), X));
    } catch (const InvalidArgument&) {
    }
    loaded.model()->attributes();
  }

  static void check_codes(const Model& model, const Matrix& answer) {
    double codes = std::numeric_limits<double>::infinity();
    if (const auto* classifier = dynamic_cast<const Classifier*>(&model)) {
      codes = static_cast<double>(classifier->classes().size());
    } else if (const auto* clusterer = dynamic_cast<const Clusterer*>(&model)) {
      codes = static_cast<double>(clusterer->n_clusters());
    } else {
      return;
    }
    for (Index i = 0; i < answer.rows(); ++i) {
      EXPECT_TRUE(answer(i, 0) >= 0.0 && answer(i, 0) < codes) << answer(i, 0);
    }
  }

  const FittedPipeline fitted_ = fit_table(GetParam(), 24);
  const Matrix rows_ = training(GetParam(), 30).X;
};

TEST_P(Files, SavingAndLoadingChangesNoBit) {
  const FittedPipeline& before = fitted_;
  const std::string bytes = model_bytes(before);
  const FittedPipeline after = load_model_bytes(bytes, "m.lathe");
  EXPECT_EQ(after.contract(), before.contract());
  EXPECT_EQ(after.model()->name(), before.model()->name());
  EXPECT_TRUE(same_bits(answers(*after.model(), rows_), answers(*before.model(), rows_)));
  EXPECT_EQ(model_bytes(after), bytes);

  const auto names = [](const FittedPipeline& f) {
    std::vector<std::string> list;
    for (const Attribute& attribute : f.model()->attributes()) list.push_back(attribute.name);
    return list;
  };
  EXPECT_THAT(names(after), testing::IsSubsetOf(names(before)));
}

TEST_P(Files, EveryTruncationIsRefused) {
  const std::string bytes = model_bytes(fitted_);
  std::size_t loaded = 0;
  for (std::size_t size = 0; size < bytes.size(); ++size) loaded += loads(bytes.substr(0, size));
  EXPECT_EQ(loaded, 0U);
}

TEST_P(Files, EveryFlippedByteIsRefused) {
  const std::string bytes = model_bytes(fitted_);
  std::size_t loaded = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string changed = bytes;
    changed[i] = static_cast<char>(~changed[i]);
    loaded += loads(changed);
  }
  EXPECT_EQ(loaded, 0U);
}

TEST_P(Files, TruncatedStatesAreRefused) {
  const std::string state = state_bytes(fitted_.model());
  EXPECT_TRUE(state_loads(state));
  for (std::size_t size = 0; size < state.size(); ++size) {
    EXPECT_FALSE(state_loads(state.substr(0, size))) << size;
  }
}

TEST_P(Files, HostileNumbersInTheStateDoNoHarm) {
  const std::string state = state_bytes(fitted_.model());
  const auto write = [&](std::size_t at, auto number) {
    if (at + sizeof number > state.size()) return;
    std::string changed = state;
    std::memcpy(changed.data() + at, &number, sizeof number);
    state_loads(changed);
  };
  constexpr std::int64_t many = std::int64_t{1} << 33;
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  for (std::size_t at = 0; at < state.size(); ++at) {
    for (const std::int64_t number :
         {-most - 1, std::int64_t{-1}, std::int64_t{0}, std::int64_t{3}, many, most}) {
      write(at, number);
    }
    for (const double number :
         {std::nan(""), std::numeric_limits<double>::infinity(), 1e308, -0.5}) {
      write(at, number);
    }
    for (const std::int32_t number : {-1, 0, 1, 2, 1 << 30}) write(at, number);
  }
}

TEST_P(Files, RandomChangesWithARightChecksumDoNoHarm) {
  const std::string bytes = model_bytes(fitted_);
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Random random(seed, "mutation");
    std::string changed = bytes;
    for (std::uint64_t n = 1 + random.below(4); n > 0; --n) {
      const std::size_t at = sections_at + random.below(bytes.size() - sections_at);
      changed[at] = static_cast<char>(random.below(2) == 0 ? random.below(256)
                                                           : changed[at] ^ (1 << random.below(8)));
    }
    loads(sealed(changed));
  }
}

INSTANTIATE_TEST_SUITE_P(All, Files, testing::ValuesIn(cases()), case_name);

}  // namespace
}  // namespace lathe::conformance
