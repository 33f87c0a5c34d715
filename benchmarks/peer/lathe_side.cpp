// Our side of the comparison: one JSON object a line in, one out (compare.py).
//   {"do": "load", "job": {...}}            arrays are read
//   {"do": "run", "seed": 0}                seconds and figures
//   {"do": "bits"}                          hashes of the answer with 1, 2, 3, 5 and 16 threads
//   {"do": "memory"}                        bytes that a fit takes besides what is there
//   {"do": "hardware"}                      the limits of this machine
#include <chrono>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>

#include "lathe/ml/core/kernels.h"
#include "lathe/ml/core/parallel.h"

#include "benchmarks/peer/hardware.h"
#include "benchmarks/peer/task.h"

namespace lathe::bench {
namespace {

using nlohmann::json;

double seconds_of(const auto& call) {
  const auto start = std::chrono::steady_clock::now();
  call();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Per second, the best of some rounds.
double best_rate(double amount, const auto& call) {
  double best = 0.0;
  for (int round = 0; round < 7; ++round) best = std::max(best, amount / seconds_of(call));
  return best;
}

json measure_hardware(int threads) {
  set_thread_limit(threads);
  constexpr long rounds = 4'000'000;
  std::vector<double> operations(static_cast<std::size_t>(threads));
  std::vector<double> sink(operations.size() * 8);
  const auto compute = [&] {
    parallel_for(threads, [&](Index t) {
      const auto i = static_cast<std::size_t>(t);
      operations[i] = multiply_adds(rounds, &sink[8 * i]);
    });
  };
  compute();
  const double flops = best_rate(operations[0] * threads, compute);

  constexpr Index n = 1 << 23;
  std::vector<double> a(n, 1.0);
  std::vector<double> b(n, 2.0);
  std::vector<double> c(n, 3.0);
  const Index share = n / threads;
  const double triad_bytes = best_rate(24.0 * n, [&] {
    parallel_for(threads, [&](Index t) {
      triad(a.data() + t * share, b.data() + t * share, c.data() + t * share, share);
    });
  });
  const double read_bytes = best_rate(8.0 * n, [&] {
    parallel_for(threads, [&](Index t) {
      sink[static_cast<std::size_t>(8 * t)] = sum(a.data() + t * share, share);
    });
  });
  set_thread_limit(2);
  return {{"flops", flops}, {"triad", triad_bytes}, {"read", read_bytes}};
}

// A figure of /proc/self/status, in bytes.
double status(const std::string& name) {
  std::ifstream file("/proc/self/status");
  std::string line;
  while (std::getline(file, line)) {
    if (!line.starts_with(name + ":")) continue;
    return 1024.0 * std::stod(line.substr(name.size() + 1));
  }
  throw std::runtime_error("no " + name + " in /proc/self/status");
}

json measure_memory(const Task& task) {
  std::ofstream("/proc/self/clear_refs") << "5";  // the peak starts anew
  const double before = status("VmRSS");
  task.run(0);
  return {{"bytes", status("VmHWM") - before}};
}

json measure_bits(const Task& task) {
  json all = json::array();
  for (const int threads : {1, 2, 3, 5, 16}) {
    set_thread_limit(threads);
    all.push_back(std::to_string(task.run(0).bits));
  }
  set_thread_limit(2);
  return {{"bits", all}};
}

// A thread that is woken by a run may sit on the processor of the thread that woke it, and wait
// there for longer than a short fit takes. 20 ms of work spread them; the other side does the same.
void wake_threads() {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
  while (std::chrono::steady_clock::now() < end) {
    parallel_for(thread_limit(), [](Index) {
      double sink = 0.0;
      bench::multiply_adds(2000, &sink);
    });
  }
}

json answer(const std::string& folder, const json& ask, std::unique_ptr<Task>& task) {
  const std::string what = ask.at("do").get<std::string>();
  if (what == "load") {
    task.reset();  // before the next arrays are read
    task = std::make_unique<Task>(folder, ask.at("job"));
    return json::object();
  }
  if (what == "run") {
    wake_threads();
    const Run run = task->run(ask.at("seed").get<std::uint64_t>());
    json result(run.figures);
    result["seconds"] = run.seconds;
    return result;
  }
  if (what == "bits") return measure_bits(*task);
  if (what == "memory") return measure_memory(*task);
  if (what == "hardware") {
    return {{"1", measure_hardware(1)},
            {"2", measure_hardware(2)},
            {"kernels", std::string(kernels::level())}};
  }
  throw std::runtime_error("cannot do " + what);
}

int serve(const std::string& folder) {
  set_thread_limit(2);
  std::unique_ptr<Task> task;
  std::string line;
  while (std::getline(std::cin, line)) {
    std::cout << answer(folder, json::parse(line), task).dump() << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace lathe::bench

int main(int argc, char** argv) {
  try {
    if (argc != 2) throw std::runtime_error("usage: lathe_side FOLDER_OF_ARRAYS");
    return lathe::bench::serve(argv[1]);
  } catch (const std::exception& error) {
    std::cerr << "lathe_side: " << error.what() << '\n';
    return 1;
  }
}
