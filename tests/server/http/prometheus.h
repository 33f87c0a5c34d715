// A strict reader of Prometheus' text format 0.0.4.
#pragma once

#include <map>
#include <string>

namespace lathe::server {

using Prometheus = std::map<std::string, double>;  // name{labels} as written -> value

// Fails the test, and gives what was read until then, for a line that is none, a sample without a
// type before it or apart from its family, the same sample twice, or a histogram whose ranges do
// not grow to its count.
Prometheus parse_prometheus(const std::string& text);

}  // namespace lathe::server
