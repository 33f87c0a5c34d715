// Models saved by every format so far still load, and answer with the same bits.
#include "tests/golden/models/golden_models.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>

#include "lathe/ml/model_file.h"
#include "lathe/ml/registry.h"

namespace lathe::golden {
namespace {

const std::filesystem::path folder = LATHE_SOURCE_DIR "/tests/golden/models";

std::string format_folder() { return "format_" + std::to_string(model_format_version); }

std::vector<std::string> saved_models() {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".lathe") continue;
    paths.push_back(std::filesystem::relative(entry.path(), folder).replace_extension());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

class GoldenModels : public testing::TestWithParam<std::string> {};

TEST_P(GoldenModels, AnswerWithTheSameBits) {
  const std::string path = folder / GetParam();
  std::ostringstream text;
  text << std::ifstream(path + ".json").rdbuf();
  const GoldenCase golden = golden_case_from_json(text.str());
  const FittedPipeline fitted = load_model_file(path + ".lathe");
  EXPECT_EQ(hexadecimal(conformance::answers(*fitted.model(), fitted.bind(golden.rows))),
            golden.answers);
  EXPECT_THAT(golden.answers, testing::Not(testing::IsEmpty()));
}

INSTANTIATE_TEST_SUITE_P(All, GoldenModels, testing::ValuesIn(saved_models()),
                         [](const auto& model) {
                           std::string name = model.param;
                           std::replace(name.begin(), name.end(), '/', '_');
                           return name;
                         });

TEST(GoldenModels, EveryEstimatorHasOneOfTodaysFormat) {
  for (const EstimatorEntry& entry : registry().entries()) {
    const auto path = folder / format_folder() / (std::string(entry.name) + ".lathe");
    ASSERT_TRUE(std::filesystem::exists(path)) << path;
    EXPECT_EQ(load_model_file(path).model()->name(), entry.name);
  }
}

TEST(GoldenModels, AllThatCanBeMadeAreThere) {
  for (const GoldenModel& golden : golden_models()) {
    EXPECT_TRUE(
        std::filesystem::exists(folder / format_folder() / (std::string(golden.file) + ".lathe")))
        << golden.file;
  }
}

}  // namespace
}  // namespace lathe::golden
