// A watcher of an empty folder, whose clock stands still until the test moves it.
#pragma once

#include <chrono>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "lathe/ml/model_file.h"
#include "lathe/server/log.h"
#include "lathe/server/watcher.h"

#include "tests/server/models.h"
#include "tests/server/temporary_folder.h"

namespace lathe::server {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class WatcherTest : public testing::Test {
 protected:
  WatcherTest() {
    set_log(LogFormat::text, LogLevel::info, &log_);
    watch();
  }
  ~WatcherTest() override { set_log(LogFormat::text, LogLevel::info); }

  // Anew.
  void watch(WatcherOptions options = {}) {
    options.now = [this] { return now_; };
    watcher_ = std::make_unique<Watcher>(repository_, model_folder(root_), options);
  }
  // Far beyond the settling time of whatever was written.
  void let_time_pass() { now_ = std::chrono::system_clock::now().time_since_epoch() + 24h; }
  std::string log() {
    std::string lines = log_.str();
    log_.str("");
    return lines;
  }
  std::uint64_t quarantined() const { return repository_.counters().quarantined; }

  fs::path file(const std::string& name, const std::string& version) const {
    fs::create_directories(root_ / name / version);
    return root_ / name / version / "model.lathe";
  }
  void put(const std::string& name, const std::string& version, double offset) const {
    save_model(linear_model(2, offset), file(name, version).string(), true);
  }
  static void write(const fs::path& path, std::string_view bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
  }

  // What the model predicts for a row of zeros: its offset.
  double offset(const std::string& name = "m") const {
    const ServedModelPtr model = repository_.find(name);
    Matrix out(1, 1);
    model->model().predict_into(Matrix::Zero(1, 2), out);
    return std::round(out(0, 0));
  }
  VersionStatus row(std::uint64_t version, const std::string& name = "m") const {
    for (const VersionStatus& status : repository_.index()) {
      if (status.name == name && status.version == version) return status;
    }
    return {name, version, VersionState::unavailable, "not in the index"};
  }

  TemporaryFolder folder_;
  fs::path root_ = folder_.path();
  std::ostringstream log_;
  std::chrono::nanoseconds now_ = std::chrono::system_clock::now().time_since_epoch();
  Repository repository_;
  std::unique_ptr<Watcher> watcher_;
};

}  // namespace lathe::server
