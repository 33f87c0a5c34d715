#include "lathe/cli/command.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <iostream>
#include <limits>
#include <new>

#include <unistd.h>

#include "lathe/datasets/utf8.h"
#include "lathe/ml/core/error.h"
#include "lathe/ml/core/parallel.h"

namespace lathe {
namespace {

int exit_code(const Error& error) {
  if (dynamic_cast<const Overloaded*>(&error) != nullptr) return exit_limit;
  // Options, expressions and flags are the caller's words; the rest is what the data says.
  const char kind = error.code().empty() ? ' ' : error.code()[0];
  const bool no_file = dynamic_cast<const NotFound*>(&error) != nullptr && kind == 'M';
  if (no_file || dynamic_cast<const IoError*>(&error) != nullptr) return exit_io;
  if (dynamic_cast<const CorruptData*>(&error) != nullptr) {
    return kind == 'D' ? exit_bad_data : exit_bad_model;  // a damaged .csv.gz is data
  }
  return kind == 'O' || kind == 'P' || kind == 'U' ? exit_usage : exit_bad_data;
}

const char* bold_red() {
  const char* const terminal = std::getenv("TERM");
  static const bool coloured = isatty(STDERR_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr &&
                               terminal != nullptr && std::string_view(terminal) != "dumb";
  return coloured ? "\033[1;31m" : nullptr;
}

// A message may have lines; nothing else in it may drive a terminal.
std::string plain_lines(std::string_view text) {
  std::string plain;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    plain += (begin == 0 ? "" : "\n") + without_controls(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return plain;
}

}  // namespace

void DataArguments::add_to(CLI::App& app) {
  app.add_option("DATA", path, "a CSV file (.gz too), or - for standard input")->required();
  app.add_option("--missing", missing,
                 "one more text that marks a missing value, besides none, NA, NaN, null and ?")
      ->type_name("TEXT")
      ->allow_extra_args(false);
  app.add_option("--type", types, "COLUMN=numeric or COLUMN=category, over what is inferred")
      ->type_name("COLUMN=TYPE")
      ->allow_extra_args(false);
  app.add_option("--delimiter", delimiter,
                 "one character between fields; \\t is a tab (default: a comma, a tab for .tsv)")
      ->type_name("C");
}

CsvOptions DataArguments::options() const {
  CsvOptions options;
  options.also_missing = missing;
  for (const std::string& type : types) {
    const std::size_t equals = type.rfind('=');
    const std::string kind = equals == std::string::npos ? "" : type.substr(equals + 1);
    if (kind != "numeric" && kind != "category") {
      throw InvalidArgument("U001", "--type " + type + " is not COLUMN=numeric or COLUMN=category");
    }
    options.types[type.substr(0, equals)] =
        kind == "numeric" ? ColumnKind::numeric : ColumnKind::categorical;
  }
  if (!delimiter) return options;
  const std::string character = *delimiter == "\\t" ? "\t" : *delimiter;
  if (character.size() != 1 || character.find_first_of("\"\r\n") != std::string::npos) {
    throw InvalidArgument("U001", "--delimiter '" + *delimiter + "' is not one character");
  }
  options.delimiter = character[0];
  return options;
}

Table DataArguments::read() const { return read_csv(path, options()); }

Table DataArguments::read_for(const Contract& contract, bool with_targets) const {
  CsvOptions reading = options();
  reading.strict = false;
  for (const Column& column : contract.inputs.columns) {
    reading.types.insert({column.name, column.kind});
  }
  for (const std::string& target : contract.targets) {
    // What a clusterer is compared with is of the kind that it looks, as when it was fitted.
    if (!with_targets || contract.role == Role::clusterer) break;
    const bool text = contract.role == Role::classifier && contract.classes.is_text();
    reading.types.insert({target, text ? ColumnKind::categorical : ColumnKind::numeric});
  }
  return read_csv(path, reading);
}

void ColumnArguments::add_to(CLI::App& app, bool target_required) {
  auto* target = app.add_option("--target", targets, "the column to predict (may be repeated)")
                     ->type_name("COLUMN")
                     ->allow_extra_args(false);
  if (target_required) target->required();
  app.add_option("--weight", weight, "the column of sample weights; not an input")
      ->type_name("COLUMN");
  app.add_option("--drop", drop, "a column that is not an input (may be repeated)")
      ->type_name("COLUMN")
      ->allow_extra_args(false);
}

FitOptions ColumnArguments::fit_options(std::uint64_t seed) const {
  return {.targets = targets, .weight = weight, .drop = drop, .seed = seed};
}

CLI::Validator whole_number(std::uint64_t least, std::uint64_t most) {
  return CLI::Validator(
      [least, most](std::string& text) -> std::string {
        std::uint64_t value = 0;
        const char* const end = text.data() + text.size();
        const auto [stop, error] = std::from_chars(text.data(), end, value);
        if (error != std::errc() || stop != end || value < least || value > most) {
          return "'" + text + "' is not a whole number from " + std::to_string(least) + " to " +
                 std::to_string(most);
        }
        text = std::to_string(value);  // 010 is ten: CLI11 reads octal numbers
        return {};
      },
      "", "whole number");
}

void add_threads(CLI::App& app) {
  app.add_option_function<int>("--threads", set_thread_limit,
                               "how many threads, 1 to " + std::to_string(most_threads) +
                                   "; changes no result (default: the CPUs)")
      ->type_name("N")
      ->transform(whole_number(1, most_threads));
}

void add_seed(CLI::App& app, std::uint64_t& seed) {
  app.add_option("--seed", seed, "of everything random, a whole number")
      ->type_name("N")
      ->transform(whole_number(0, std::numeric_limits<std::uint64_t>::max()))
      ->capture_default_str();
}

int report(const std::exception& error) {
  const char* colour = bold_red();
  std::cerr << (colour != nullptr ? colour : "") << "error";
  if (const auto* known = dynamic_cast<const Error*>(&error)) {
    std::cerr << '[' << known->code() << ']' << (colour != nullptr ? "\033[0m" : "") << ": "
              << plain_lines(known->what()) << '\n';
    if (!known->help().empty()) std::cerr << "  = help: " << plain_lines(known->help()) << '\n';
    return exit_code(*known);
  }
  std::cerr << (colour != nullptr ? "\033[0m" : "") << ": ";
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) {
    std::cerr << "out of memory\n";
    return exit_limit;
  }
  std::cerr << error.what() << '\n';
  return exit_other;
}

void note(const std::string& sentence) {
  std::cerr << "note: " << without_controls(sentence) << '\n';
}
void warning(const std::string& sentence) {
  std::cerr << "warning: " << without_controls(sentence) << '\n';
}

void check_output(const std::string& path, bool force, const std::vector<std::string>& inputs) {
  namespace fs = std::filesystem;
  std::error_code unknown;
  if (path.empty()) throw InvalidArgument("U005", "--output names no file");
  if (path == "-") {
    throw InvalidArgument("U005", "--output - is standard output, which takes no model",
                          "name a file; ./- is one called -");
  }
  if (fs::is_directory(path, unknown)) {
    throw InvalidArgument("U005", path + " is a folder", "name a file in it");
  }
  for (const std::string& input : inputs) {
    if (!fs::equivalent(path, input, unknown) || unknown) continue;
    throw InvalidArgument("U005", path + " is an input of this command, and would be lost",
                          "name another file");
  }
  if (force || !fs::exists(path, unknown)) return;
  throw InvalidArgument("U002", path + " is there already", "--force overwrites it");
}

}  // namespace lathe
