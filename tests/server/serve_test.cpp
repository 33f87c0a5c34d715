#include "lathe/server/serve.h"

#include <CLI/CLI.hpp>
#include <gtest/gtest.h>

namespace lathe::server {

namespace {

using namespace std::chrono_literals;

void parse(const std::string& flags) {
  CLI::App app;
  ServeOptions options;
  add_flags(app, options);
  app.parse(flags);
}

TEST(Serve, TimesBelowAMillisecondAreNotNone) {
  EXPECT_EQ(rounded_up(0.0), 0ms);
  EXPECT_EQ(rounded_up(1e-9), 1ms);
  EXPECT_EQ(rounded_up(1.5), 1500ms);
  EXPECT_EQ(rounded_up(86400.0), 24h);
}

TEST(Serve, FlagsHaveBounds) {
  EXPECT_NO_THROW(parse("--max-cells 134217728"));
  EXPECT_THROW(parse("--max-cells 134217729"), CLI::ValidationError);
  EXPECT_THROW(parse("--max-cells 0"), CLI::ValidationError);
  EXPECT_THROW(parse("--poll-seconds -1"), CLI::ValidationError);
  EXPECT_NO_THROW(parse("--model-control explicit --version-policy latest(2) --log-format json"));
  EXPECT_THROW(parse("--model-control often"), CLI::ValidationError);
  EXPECT_THROW(parse("--version-policy oldest"), CLI::ValidationError);
  EXPECT_THROW(parse("--log-level loud"), CLI::ValidationError);
  EXPECT_THROW(parse("--threads 2"), CLI::ExtrasError) << "calls are served on one thread each";
}

}  // namespace

}  // namespace lathe::server
