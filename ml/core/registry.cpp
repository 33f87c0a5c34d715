#include "lathe/ml/core/registry.h"

#include <utility>
#include <vector>

#include "lathe/ml/core/error.h"
#include "lathe/ml/core/pipeline.h"

namespace lathe {
namespace {

Estimator make_step(const Step& step, const Registry& registry) {
  const EstimatorEntry* entry = registry.find(step.name);
  if (entry == nullptr) {
    std::vector<std::string_view> names;
    for (const EstimatorEntry& known : registry.entries()) names.push_back(known.name);
    const std::string_view near = nearest_name(step.name, names);
    throw InvalidArgument(
        "P003", "there is no estimator '" + step.name + "'",
        near.empty() ? "`lathe list` shows them all" : "did you mean " + std::string(near) + "?");
  }
  Estimator estimator = entry->make();
  for (const Argument& argument : step.arguments) {
    estimator.set(argument.key, argument.value, registry);
  }
  for (const Branch& branch : step.branches) {
    estimator.add_branch(branch.selector, make_estimator(branch.pipe, registry));
  }
  return estimator;
}

std::size_t culprit(const Pipe& pipe, const Registry& registry);

// The place of what is wrong inside the pipe, else `otherwise`.
std::size_t culprit_in(const Pipe* pipe, const Registry& registry, std::size_t otherwise) {
  const std::size_t inner = pipe != nullptr ? culprit(*pipe, registry) : std::string::npos;
  return inner != std::string::npos ? inner : otherwise;
}

// Where in the text an error about this pipe belongs: the first step, argument or branch that fails
// when they are built one by one; npos if none does.
std::size_t culprit(const Pipe& pipe, const Registry& registry) {
  for (const Step& step : pipe.steps) {
    const EstimatorEntry* entry = registry.find(step.name);
    if (entry == nullptr) return step.position;
    Estimator estimator = entry->make();
    for (const Argument& argument : step.arguments) {
      try {
        estimator.set(argument.key, argument.value, registry);
      } catch (const Error&) {
        return culprit_in(std::get_if<Pipe>(&argument.value.data), registry, argument.position);
      }
    }
    for (const Branch& branch : step.branches) {
      try {
        estimator.add_branch(branch.selector, make_estimator(branch.pipe, registry));
      } catch (const Error&) {
        return culprit_in(&branch.pipe, registry, branch.selector.position);
      }
    }
    if (&step != &pipe.steps.back() && estimator.role() != Role::transformer) return step.position;
  }
  return std::string::npos;
}

}  // namespace

const EstimatorEntry* Registry::find(std::string_view name) const {
  for (const EstimatorEntry& entry : entries_) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

Estimator make_estimator(const Pipe& pipe, const Registry& registry) {
  if (pipe.steps.size() == 1) return make_step(pipe.steps[0], registry);
  std::vector<Estimator> steps;
  for (const Step& step : pipe.steps) steps.push_back(make_step(step, registry));
  return Pipeline(std::move(steps));
}

Estimator make_estimator(std::string_view text, const Registry& registry) {
  const Pipe pipe = parse_pipe(text);
  try {
    return make_estimator(pipe, registry);
  } catch (const InvalidArgument& error) {
    const std::size_t place = culprit(pipe, registry);
    if (place == std::string::npos) throw;
    throw InvalidArgument(error.code(), point_at(text, place, error.what()), error.help());
  }
}

}  // namespace lathe
