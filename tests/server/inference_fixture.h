// An Inference over one model of each kind.
#pragma once

#include <limits>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "lathe/server/error.h"
#include "lathe/server/inference.h"
#include "lathe/server/watcher.h"

#include "tests/server/models.h"

namespace lathe::server {

inline constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();
inline constexpr double infinity = std::numeric_limits<double>::infinity();

class InferenceTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    repository_ = new Repository;
    publish("linear", 3, linear_model(3));
    publish("one", 1, linear_model(1));
    publish("species", 1, species_model());
    publish("strict", 1, strict_species_model());
    publish("digits", 1, digit_model());
    publish("clusters", 1, cluster_model());
    publish("scaler", 1, scaler_model());
    publish("verbose", 1, verbose_model());
    publish("levels", 1, level_model());
    repository_->set_state("broken", 1, VersionState::unavailable, "its checksum is wrong");
  }
  static void TearDownTestSuite() { delete repository_; }

  static void publish(const std::string& name, std::uint64_t version, FittedPipeline fitted) {
    repository_->publish(std::make_shared<ServedModel>(name, version, std::move(fitted)));
  }

  inference::ModelInferResponse infer(const Request& request) const {
    inference::ModelInferResponse response;
    inference_.model_infer(request, response);
    return response;
  }

  // The error of a call that must fail: "CODE: message".
  template <class Call>
  static std::string error_of(Call call) {
    try {
      call();
    } catch (const Error& error) {
      return error.code() + ": " + error.what();
    }
    return "no error";
  }

  static inline Repository* repository_ = nullptr;
  Watcher watcher_{*repository_, [] { return Listing{}; }};
  Inference inference_{*repository_, watcher_, {.max_cells = 1000}};
};

}  // namespace lathe::server
