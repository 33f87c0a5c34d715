// A model whose predictions wait until they are let go.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>

#include "lathe/ml/fitted_pipeline.h"
#include "lathe/server/served_model.h"

#include "tests/server/models.h"

namespace lathe::server {

class Gate {
 public:
  Gate() = default;
  ~Gate() { const std::lock_guard last(mutex_); }

  // Until so many predictions have come to it.
  void wait_for(int predictions) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return came_ >= predictions; });
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    ++came_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_; });
  }
  int came() const {
    const std::lock_guard lock(mutex_);
    return came_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  int came_ = 0;
  bool open_ = false;
};

// Answers as another model does, once the gate is open.
class GatedModel final : public Regressor {
 public:
  GatedModel(ModelPtr model, Gate& gate) : model_(std::move(model)), gate_(gate) {}
  std::string_view name() const override { return model_->name(); }
  Index n_features_in() const override { return model_->n_features_in(); }
  Index n_targets() const override { return model_->n_outputs(); }
  void save(OutputArchive& archive) const override { model_->save(archive); }
  void predict_into(const MatrixView& X, MatrixRef out) const override {
    using namespace std::chrono_literals;
    if (warming) {  // it takes long, by its own account
      const auto end = std::chrono::steady_clock::now() + 1ms;
      while (std::chrono::steady_clock::now() < end) {
      }
    } else {
      gate_.pass();
    }
    model_->predict_into(X, out);
  }

  mutable bool warming = false;

 private:
  ModelPtr model_;
  Gate& gate_;
};

// linear_model(3) behind a gate, as `gated`; found to take long, or not.
inline ServedModelPtr gated_model(Gate& gate, bool takes_long) {
  const FittedPipeline inner = linear_model(3);
  const auto gated = std::make_shared<const GatedModel>(inner.model(), gate);
  auto served =
      std::make_shared<const ServedModel>("gated", 1, FittedPipeline(inner.contract(), gated));
  gated->warming = true;
  if (takes_long) served->warm();
  gated->warming = false;
  return served;
}

}  // namespace lathe::server
