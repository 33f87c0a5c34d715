// golden_check DIR... [--optional DIR]... [--json OUT]
//
// Runs every case in the folders: files in the format of scikit-learn's golden cases, and NIST's.
// Prints one line for each and a line of totals; writes what was computed to OUT, as one object of
// case name -> {key: value}. Exits 1 where a case fails, 2 where it is called wrongly. A folder
// given as optional may be absent: that is said, and counted as not run.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>

#include "tests/golden/case.h"
#include "tests/golden/nist.h"
#include "tests/golden/tasks.h"

namespace lathe::golden {
namespace {

struct Totals {
  int pass = 0;
  int partly = 0;
  int fail = 0;
  int not_built = 0;
  int unknown = 0;
  int not_run = 0;
};

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

class Run {
 public:
  void folder(const std::filesystem::path& folder, bool optional) {
    if (optional && !std::filesystem::is_directory(folder)) {
      say(folder.string(), "not run (there is no such folder)", totals_.not_run);
      return;
    }
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      if (entry.path().extension() == ".json") files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    for (const auto& file : files) one(file);
  }

  int finish(const std::string& out) {
    if (!out.empty()) {
      std::ofstream stream(out);
      stream << computed_.dump(1) << '\n';
      if (!stream.flush()) {
        std::cerr << "golden_check: cannot write " << out << '\n';
        return 2;
      }
    }
    std::cout << "golden_check: " << totals_.pass << " pass, " << totals_.partly << " partly, "
              << totals_.fail << " fail, " << totals_.not_built << " not built, " << totals_.unknown
              << " unknown task, " << totals_.not_run << " not run\n";
    return totals_.fail > 0 ? 1 : 0;
  }

 private:
  void say(const std::string& name, const std::string& what, int& count) {
    std::cout << name << ": " << what << '\n';
    ++count;
  }

  void one(const std::filesystem::path& file) {
    std::string name = file.stem().string();
    try {
      std::ifstream stream(file);
      const Case given(file, Json::parse(stream));
      name = given.name();
      run(given, name);
    } catch (const NotBuilt& missing) {
      say(name, "not built: " + missing.what, totals_.not_built);
    } catch (const NotRun& absent) {
      say(name, "not run (" + absent.why + ")", totals_.not_run);
    } catch (const std::exception& error) {
      say(name, std::string("fail, ") + error.what(), totals_.fail);
    }
  }

  void run(const Case& given, const std::string& name) {
    Results results;
    if (is_nist(given.json())) {
      const NistReport report = check_nist(given, results);
      computed_[name] = results.values();
      verdict(name, report.passed ? "" : "correct digits below the floor", report.text,
              report.not_built);
      return;
    }
    const Task task = find_task(given.task());
    if (task == nullptr) {
      say(name, "unknown task: " + given.task(), totals_.unknown);
      return;
    }
    try {
      task(given, results);
      if (given.at("expected").contains("error") && !results.values().contains("error")) {
        results.give("error", nullptr);
      }
    } catch (const Error&) {
      if (!refusal_expected(given, results)) throw;
    }
    judge(given, name, results);
  }

  // Notes a refusal of the whole case under the keys that expect one; false if there are none.
  static bool refusal_expected(const Case& given, Results& results) {
    bool any = false;
    for (const auto& [key, expected] : given.at("expected").items()) {
      if (key == "error") results.give(key, "ValueError");
      if (expected == refusal) results.give(key, refusal);
      any = any || key == "error" || expected == refusal;
    }
    return any;
  }

  void judge(const Case& given, const std::string& name, const Results& results) {
    Json& values = computed_[name] = Json::object();
    std::vector<std::string> not_built;
    double worst = -1.0;
    std::string trouble;
    for (const auto& [key, expected] : given.at("expected").items()) {
      if (!results.values().contains(key)) {
        not_built.push_back(key);
        continue;
      }
      values[key] = results.values().at(key);
      const auto difference = compare(expected, results.compared(key), given.tolerance());
      if (difference && difference->excess > worst) {
        worst = difference->excess;
        trouble = key + " " + difference->text;
      }
    }
    if (values.empty()) throw NotBuilt{joined(not_built)};
    verdict(name, trouble, results.remark(), not_built);
  }

  void verdict(const std::string& name, const std::string& trouble, const std::string& remark,
               const std::vector<std::string>& not_built) {
    std::string text = trouble.empty() ? "pass" : "fail, " + trouble;
    if (!remark.empty()) text += ", " + remark;
    if (!not_built.empty()) text += " (not built: " + joined(not_built) + ")";
    say(name, text,
        !trouble.empty()    ? totals_.fail
        : not_built.empty() ? totals_.pass
                            : totals_.partly);
  }

  Totals totals_;
  Json computed_ = Json::object();
};

int usage() {
  std::cerr << "usage: golden_check DIR... [--optional DIR]... [--json OUT]\n";
  return 2;
}

int run(const std::vector<std::string>& arguments) {
  std::vector<std::pair<std::string, bool>> folders;  // and whether they are optional
  std::string out;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const bool has_value = arguments[i] == "--json" || arguments[i] == "--optional";
    if (has_value && i + 1 == arguments.size()) return usage();
    if (arguments[i] == "--json") {
      out = arguments[++i];
    } else if (arguments[i] == "--optional") {
      folders.emplace_back(arguments[++i], true);
    } else if (arguments[i].starts_with("-")) {
      return usage();
    } else {
      folders.emplace_back(arguments[i], false);
    }
  }
  if (folders.empty()) return usage();
  for (const auto& [folder, optional] : folders) {
    if (!optional && !std::filesystem::is_directory(folder)) {
      std::cerr << "golden_check: " << folder << " is not a folder\n";
      return 2;
    }
  }
  Run run;
  for (const auto& [folder, optional] : folders) run.folder(folder, optional);
  return run.finish(out);
}

}  // namespace
}  // namespace lathe::golden

int main(int argc, char** argv) {
  return lathe::golden::run(std::vector<std::string>(argv + 1, argv + argc));
}
