// More work that takes long than a running lathed takes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lathe/ml/model_file.h"

#include "tests/server/models.h"
#include "tests/server/temporary_folder.h"
#include "tests/serving/daemon.h"
#include "tests/serving/support.h"

namespace lathe::server {

namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Key;

// Many rows in few bytes.
std::string heavy_request() {
  constexpr std::int64_t rows = 512, columns = 300;
  Request request;
  request.set_model_name("heavy");
  auto& input = *request.add_inputs();
  input.set_name("x");
  input.set_datatype("UINT8");
  input.add_shape(rows);
  input.add_shape(columns);
  std::string& raw = *request.add_raw_input_contents();
  for (std::int64_t i = 0; i < rows * columns; ++i) raw += static_cast<char>(i % 251);
  return request.SerializeAsString();
}

TEST(Overload, IsRefusedByTheLimitAndWhatIsAcceptedIsAnsweredRight) {
  const TemporaryFolder folder;
  const Versions versions(folder.path(), 20);
  std::filesystem::create_directories(folder.path() / "heavy" / "1");
  save_model(heavy_model(), (folder.path() / "heavy" / "1" / "model.lathe").string());
  Daemon daemon(folder.path().string(), folder.path().string(), {"--max-queue", "2"});

  const std::string request = heavy_request();
  const std::string alone = call_once(daemon.address(), "ModelInfer", request);
  Load heavy{.address = daemon.address(), .requests = {request}};
  heavy.check = [&alone](std::size_t, std::string_view reply) {
    return reply == alone ? std::string() : "not the reply when alone";
  };
  heavy.in_flight = 32;
  heavy.channels = 4;
  heavy.replies = 2000;  // good or bad
  Background light(load_of(versions, daemon.address()));
  const LoadReport report = run_load(heavy);
  const LoadReport others = light.end();

  EXPECT_GT(report.replies, 0U);
  EXPECT_THAT(report.errors, ElementsAre(Key("RESOURCE_EXHAUSTED")));
  EXPECT_THAT(report.first_error,
              AllOf(HasSubstr("R018: 2 predictions that take long wait for a thread"),
                    HasSubstr("raise --max-queue")));
  EXPECT_GT(others.replies, 0U);
  EXPECT_THAT(others.errors, ElementsAre()) << others.first_error;
  EXPECT_EQ(daemon.stop(), 0) << daemon.log();
}

}  // namespace

}  // namespace lathe::server
