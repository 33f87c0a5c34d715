#include "lathe/server/http/frame.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "lathe/server/http/message.h"
#include "lathe/server/text.h"

namespace lathe::server {

namespace {

constexpr std::size_t longest_line = 1000;  // of a chunk's size, or a trailer

[[noreturn]] void refuse(const std::string& what) { throw HttpError(400, "R049", "HTTP: " + what); }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

bool is_token(std::string_view text) {
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    const char l = lower(c);
    return (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') || others.find(c) != others.npos;
  });
}

bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F;
  });
}

std::uint64_t number(std::string_view text, int base, const char* what) {
  std::uint64_t value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || error != std::errc{} || rest != text.data() + text.size()) {
    refuse(std::string(what) + " is " + in_quotes(text));
  }
  return value;
}

}  // namespace

void RequestFrame::append(std::string_view bytes) {
  // The bulk of a body is not copied twice.
  if (state_ == State::body && pending_.empty()) {
    const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(rest_, bytes.size()));
    body_.append(bytes.substr(0, taken));
    rest_ -= taken;
    bytes.remove_prefix(taken);
    if (rest_ == 0) state_ = State::complete;
  }
  pending_.append(bytes);
  advance();
}

bool RequestFrame::take_expects_continue() {
  const bool due =
      expects_continue_ && state_ != State::head && state_ != State::complete && body_.empty();
  if (due) expects_continue_ = false;
  return due;
}

void RequestFrame::next() {
  std::string rest = std::move(pending_);
  *this = RequestFrame(limits_);
  pending_ = std::move(rest);
  advance();
}

void RequestFrame::advance() {
  while (state_ != State::complete && step()) {
  }
  pending_.erase(0, taken_);  // once, and not for each of many small parts
  scanned_ -= std::min(scanned_, taken_);
  taken_ = 0;
}

std::string_view RequestFrame::rest() const { return std::string_view(pending_).substr(taken_); }

// Takes one part of what is pending; false when more must come first.
bool RequestFrame::step() {
  std::string_view line;
  switch (state_) {
    case State::head:
      return take_head();
    case State::body:
    case State::chunk_data:
      return take_data();
    case State::chunk_size:
      if (!take_line(line)) return false;
      begin_chunk(line);
      return true;
    case State::chunk_end:
      if (!take_line(line)) return false;
      if (!line.empty()) refuse("a chunk is longer than its size says");
      state_ = State::chunk_size;
      return true;
    case State::trailers:
      if (!take_line(line)) return false;
      trailer_bytes_ += line.size();
      if (trailer_bytes_ > limits_.max_header_bytes) refuse("the trailers are too long");
      if (line.empty()) state_ = State::complete;
      return true;
    case State::complete:
      break;
  }
  return false;
}

bool RequestFrame::take_head() {
  while (rest().starts_with("\r\n")) taken_ += 2;  // allowed before a request line
  const std::size_t from = std::max(taken_, scanned_ - std::min<std::size_t>(scanned_, 3));
  const std::size_t end = pending_.find("\r\n\r\n", from);
  scanned_ = pending_.size();
  if (std::min(end, pending_.size()) - taken_ > limits_.max_header_bytes) {
    throw HttpError(431, "R050",
                    "the request's head is larger than the limit of " +
                        std::to_string(limits_.max_header_bytes) + " bytes",
                    "--http-max-header-kib");
  }
  if (end == std::string::npos) return false;
  read_head(std::string_view(pending_).substr(taken_, end + 2 - taken_));
  taken_ = end + 4;
  return true;
}

bool RequestFrame::take_data() {
  const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(rest_, rest().size()));
  body_.append(rest().substr(0, taken));
  taken_ += taken;
  rest_ -= taken;
  if (rest_ > 0) return false;
  state_ = state_ == State::body ? State::complete : State::chunk_end;
  return true;
}

bool RequestFrame::take_line(std::string_view& line) {
  const std::size_t end = rest().substr(0, longest_line).find("\r\n");
  if (end == std::string_view::npos) {
    if (rest().size() >= longest_line) refuse("a line within the chunks is too long");
    return false;
  }
  line = rest().substr(0, end);
  taken_ += end + 2;
  return true;
}

void RequestFrame::read_head(std::string_view rest) {
  const auto take = [&] {
    const std::size_t size = rest.find("\r\n");
    const std::string_view line = rest.substr(0, size);
    rest.remove_prefix(size + 2);
    if (has_control(line)) refuse("a control character in the head");
    return line;
  };
  const std::string_view request = take();
  if (request.ends_with(" HTTP/1.0")) {
    keep_alive_ = false;
  } else if (!request.ends_with(" HTTP/1.1")) {
    refuse("the request line is " + in_quotes(request));
  }
  (head_ += request) += "\r\n";
  bool has_host = false;
  while (!rest.empty()) {
    const std::string_view line = take();
    const std::size_t colon = line.find(':');
    const std::string_view name = line.substr(0, colon);
    if (colon == std::string_view::npos || !is_token(name)) {
      refuse("a header line is " + in_quotes(line));
    }
    if (same(name, "host") && std::exchange(has_host, true)) refuse("two Host headers");
    read_header(name, trimmed(line.substr(colon + 1)));
  }
  if (!has_host && request.ends_with("1.1")) refuse("no Host header");
  head_ += "\r\n";
  if (chunked_ && has_length_) refuse("Content-Length and Transfer-Encoding together");
  state_ = chunked_ ? State::chunk_size : State::body;
}

// Those about the connection are obeyed here, and ranges and compression of replies are not
// offered; the others go on to the parser.
void RequestFrame::read_header(std::string_view name, std::string_view value) {
  if (same(name, "content-length")) {
    if (has_length_) refuse("two Content-Length headers");
    has_length_ = true;
    rest_ = number(value, 10, "Content-Length");
    check_body_size(rest_);
  } else if (same(name, "transfer-encoding")) {
    if (chunked_) refuse("two Transfer-Encoding headers");
    if (!same(value, "chunked")) {
      throw HttpError(
          501, "R049",
          "HTTP: the transfer coding " + in_quotes(value) + " is not taken: chunked is");
    }
    chunked_ = true;
  } else if (same(name, "connection")) {
    if (same(value, "close")) keep_alive_ = false;
    if (same(value, "keep-alive")) keep_alive_ = true;
  } else if (same(name, "expect")) {
    expects_continue_ = same(value, "100-continue");
  } else if (!same(name, "range") && !same(name, "accept-encoding")) {
    (((head_ += name) += ": ") += value) += "\r\n";
  }
}

void RequestFrame::begin_chunk(std::string_view line) {
  rest_ = number(trimmed(line.substr(0, line.find(';'))), 16, "a chunk's size");
  check_body_size(rest_);
  check_body_size(rest_ + body_.size());
  state_ = rest_ > 0 ? State::chunk_data : State::trailers;
}

void RequestFrame::check_body_size(std::uint64_t size) const {
  if (size <= limits_.max_body_bytes) return;
  throw HttpError(413, "R050",
                  "the body of " + std::to_string(size) + " bytes is larger than the limit of " +
                      std::to_string(limits_.max_body_bytes),
                  "send fewer rows at a time, or raise --http-max-body-mib");
}

}  // namespace lathe::server
