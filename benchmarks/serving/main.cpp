// serving_load: load upon a server of the Open Inference Protocol, and what came of it as one line
// of JSON. Exit status 1 if any reply was wrong or none came, 2 for usage.
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <sys/prctl.h>

#include "lathe/proto/inference.pb.h"

#include "benchmarks/serving/load.h"

namespace {

namespace server = lathe::server;

struct Options {
  std::string rpc = "infer";
  std::string model = "linear";
  int rows = 1;
  int columns = 20;
  bool typed = false;
  bool same_bits = false;
  bool may_be_refused = false;
  std::vector<std::string> files;
  double seconds = 1.0;
  double warmup = 0.2;
};

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Cells from -1 to 1 that differ from each other.
std::string matrix_request(const Options& options) {
  inference::ModelInferRequest request;
  request.set_model_name(options.model);
  auto& input = *request.add_inputs();
  input.set_name("x");
  input.set_datatype("FP64");
  input.add_shape(options.rows);
  input.add_shape(options.columns);
  std::vector<double> cells(static_cast<std::size_t>(options.rows) *
                            static_cast<std::size_t>(options.columns));
  for (std::size_t i = 0; i < cells.size(); ++i) {
    cells[i] = static_cast<double>(i * 7919 % 20011) / 10005.5 - 1.0;
  }
  if (options.typed) {
    input.mutable_contents()->mutable_fp64_contents()->Add(cells.begin(), cells.end());
  } else {
    request.add_raw_input_contents(cells.data(), cells.size() * sizeof(double));
  }
  return request.SerializeAsString();
}

std::string method_of(const std::string& rpc) {
  return rpc == "live" ? "ServerLive" : rpc == "stream" ? "ModelStreamInfer" : "ModelInfer";
}

std::vector<std::string> requests_of(const Options& options) {
  if (options.rpc == "live") return {""};
  std::vector<std::string> requests;
  for (const std::string& path : options.files) requests.push_back(read_file(path));
  if (requests.empty()) requests.push_back(matrix_request(options));
  return requests;
}

// A stream answers an error with OK: its text is part of the message.
std::string stream_error(std::string_view reply) {
  inference::ModelStreamInferResponse message;
  if (!message.ParseFromArray(reply.data(), static_cast<int>(reply.size()))) return "unreadable";
  return message.error_message();
}

// Each reply must be, byte for byte, the one that its request gets when nothing else is asked.
server::CheckReply same_as_alone(const server::Load& load) {
  std::vector<std::string> alone;
  for (const std::string& request : load.requests) {
    alone.push_back(server::call_once(load.address, load.method, request));
  }
  return [alone](std::size_t i, std::string_view reply) {
    return reply == alone[i] ? std::string() : "not the reply when alone";
  };
}

int report(const server::LoadReport& report, bool may_be_refused) {
  const auto microseconds = [&](double q) {
    return std::chrono::duration<double, std::micro>(report.latency.quantile(q)).count();
  };
  nlohmann::ordered_json line = {{"requests_per_second", report.rate()},
                                 {"p50_us", microseconds(0.5)},
                                 {"p99_us", microseconds(0.99)},
                                 {"replies", report.replies},
                                 {"refused", report.refused},
                                 {"errors", report.errors}};
  if (!report.first_error.empty()) line["first_error"] = report.first_error;
  std::cout << line.dump() << "\n";
  const std::size_t allowed = may_be_refused ? report.errors.count("RESOURCE_EXHAUSTED") : 0;
  return report.errors.size() == allowed && report.replies > 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Load upon a server of the Open Inference Protocol over gRPC.", "serving_load");
  server::Load load;
  Options options;
  app.add_option("ADDRESS", load.address, "HOST:PORT or unix:PATH")->required();
  app.add_option("--rpc", options.rpc, "infer, stream or live")
      ->check(CLI::IsMember({"infer", "stream", "live"}))
      ->capture_default_str();
  app.add_option("--model", options.model, "whom to ask")->capture_default_str();
  app.add_option("--rows", options.rows, "rows of each request")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--columns", options.columns, "columns of each request")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_flag("--typed", options.typed, "typed contents instead of raw ones");
  app.add_option(
      "--request", options.files,
      "file with a serialized ModelInferRequest to send instead; several are sent in turn");
  app.add_flag("--same-bits", options.same_bits,
               "ask once alone first; every reply must be that one, byte for byte");
  app.add_flag("--may-be-refused", options.may_be_refused,
               "RESOURCE_EXHAUSTED is no failure; latency is of the others");
  app.add_option("--in-flight", load.in_flight, "calls at once")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  app.add_option("--channels", load.channels, "connections")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_option("--rate", load.rate,
                 "open loop: requests per second at random times; 0: closed loop")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
  app.add_option("--seconds", options.seconds, "how long is counted")
      ->check(CLI::Range(0.0, 86400.0))
      ->capture_default_str();
  app.add_option("--warmup-seconds", options.warmup, "how long is not counted first")
      ->check(CLI::Range(0.0, 3600.0))
      ->capture_default_str();
  app.add_option("--replies", load.replies, "stop after so many; 0: after --seconds")
      ->capture_default_str();
  try {
    app.parse(argc, argv);
    if (options.rpc == "stream" && load.rate > 0.0) {
      throw CLI::ValidationError("--rate", "streams have no open loop");
    }
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  try {
    prctl(PR_SET_TIMERSLACK, 1000);  // an open loop wakes within 1 us of its time, not 50
    const auto time = [](double seconds) {
      return std::chrono::duration_cast<std::chrono::nanoseconds>(
          std::chrono::duration<double>(seconds));
    };
    load.method = method_of(options.rpc);
    load.requests = requests_of(options);
    load.warmup = time(options.warmup);
    load.duration = load.replies > 0 ? std::chrono::hours(24) : time(options.seconds);
    if (options.rpc == "stream") {
      load.check = [](std::size_t, std::string_view reply) { return stream_error(reply); };
    }
    if (options.same_bits) load.check = same_as_alone(load);
    return report(run_load(load), options.may_be_refused);
  } catch (const std::exception& error) {
    std::cerr << "serving_load: " << error.what() << "\n";
    return 1;
  }
}
