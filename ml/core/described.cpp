#include "lathe/ml/core/described.h"

#include "lathe/ml/core/error.h"
#include "lathe/ml/core/registry.h"

namespace lathe::detail {

DescribedBase::~DescribedBase() = default;

const Registry& no_estimators() {
  static constexpr Registry empty{{}};
  return empty;
}

Step parse_step(std::string_view text, std::string_view kind) {
  Pipe pipe = parse_pipe(text);
  const auto refuse = [&](std::size_t position, const std::string& why) {
    throw InvalidArgument("P006", point_at(text, position, "a " + std::string(kind) + why));
  };
  if (pipe.steps.size() > 1) refuse(pipe.steps[1].position, " is one step, not several");
  Step& step = pipe.steps.front();
  if (!step.branches.empty()) {
    refuse(step.branches[0].selector.position, " takes option=value only");
  }
  return std::move(step);
}

void refuse_name(std::string_view text, const Step& step, std::string_view kind,
                 std::span<const std::string_view> names) {
  const std::string_view near = nearest_name(step.name, names);
  std::string help = "did you mean " + std::string(near) + "?";
  if (near.empty()) {
    help = "there are";
    const char* between = " ";
    for (const std::string_view name : names) {
      help.append(between).append(name);
      between = ", ";
    }
  }
  throw InvalidArgument(
      "P007",
      point_at(text, step.position, "there is no " + std::string(kind) + " '" + step.name + "'"),
      help);
}

void set_from_step(DescribedBase& object, std::string_view text, const Step& step) {
  for (const Argument& argument : step.arguments) {
    try {
      object.set(argument.key, argument.value);
    } catch (const InvalidArgument& error) {
      throw InvalidArgument(error.code(), point_at(text, argument.position, error.what()),
                            error.help());
    }
  }
}

}  // namespace lathe::detail
