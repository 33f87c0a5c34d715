#include "lathe/server/work.h"

#include <algorithm>
#include <string>
#include <utility>

#include "lathe/server/error.h"

namespace lathe::server {

namespace {

std::chrono::microseconds timeout_of(const inference::ModelInferRequest& request) {
  constexpr std::int64_t longest = std::int64_t{1} << 40;  // two weeks
  if (request.parameters().empty()) return {};
  const auto found = request.parameters().find("timeout");
  if (found == request.parameters().end()) return {};
  const inference::InferParameter& value = found->second;
  if (value.has_uint64_param()) {
    const auto bounded = std::min(value.uint64_param(), static_cast<std::uint64_t>(longest));
    return std::chrono::microseconds(bounded);
  }
  if (!value.has_int64_param() || value.int64_param() < 0) {
    throw InvalidArgument("R033",
                          "the parameter timeout must be a whole number of microseconds, not "
                          "below 0",
                          "0, or leaving it out, is no timeout");
  }
  return std::chrono::microseconds(std::min(value.int64_param(), longest));
}

// Before anything is checked: what the first tensor says, as far as it can be true.
Index said_rows(const inference::ModelInferRequest& request) {
  if (request.inputs_size() == 0 || request.inputs(0).shape_size() == 0) return 0;
  return std::clamp(request.inputs(0).shape(0), std::int64_t{0}, std::int64_t{1} << 40);
}

// A matrix of the rows, and one of each output. However many rows it says, each takes a byte of the
// request.
std::size_t bytes_of(const ServedModel& served, const inference::ModelInferRequest& request,
                     Index rows, Index max_cells) {
  constexpr Index few = 1000;
  if (rows > few) rows = std::min(rows, static_cast<Index>(request.ByteSizeLong()));
  const auto within = [&](Index columns) {
    return std::min(rows, max_cells / std::max(columns, Index{1})) * columns;
  };
  Index cells = within(served.inputs().size());
  for (const Output& output : served.outputs()) cells += within(output.columns);
  return static_cast<std::size_t>(cells) * sizeof(double);
}

}  // namespace

void Work::check_deadline() const {
  const auto& [arrived, deadline] = times;
  if (deadline == Clock::time_point::max() || Clock::now() < deadline) return;
  const auto allowed = std::chrono::duration_cast<std::chrono::microseconds>(deadline - arrived);
  throw DeadlineExceeded("R034", "not begun within the " +
                                     std::to_string(std::max(allowed.count(), std::int64_t{0})) +
                                     " us that its caller waits");
}

Work plan(ServedModelPtr served, const inference::ModelInferRequest& request,
          const CallTimes& times, Index max_cells) {
  Work work{.served = std::move(served), .times = times};
  if (const auto timeout = timeout_of(request); timeout.count() > 0) {
    work.times.deadline = std::min(times.deadline, times.arrived + timeout);
  }
  const Index rows = said_rows(request);
  work.is_long = work.served->estimate(rows) > longest_inline;
  if (work.is_long) work.planned = Work::Clock::now();
  work.bytes = bytes_of(*work.served, request, rows, max_cells);
  return work;
}

}  // namespace lathe::server
