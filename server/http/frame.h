// Where a request ends in the bytes of a connection: HTTP/1.1's framing (RFC 9112), strictly, so
// that no proxy in front can see another boundary. What a head says besides is cpp-httplib's to
// read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace lathe::server {

struct FrameLimits {
  std::size_t max_header_bytes = std::size_t{32} << 10;  // request line and headers
  std::size_t max_body_bytes = std::size_t{64} << 20;
};

class RequestFrame {
 public:
  explicit RequestFrame(FrameLimits limits) : limits_(limits) {}

  // Takes bytes that came. Throws HttpError (R049 400 malformed, R050 413 body, 431 head,
  // 501 a transfer coding but chunked) as soon as it is seen; the connection is of no use then.
  void append(std::string_view bytes);

  bool empty() const { return state_ == State::head && pending_.empty(); }
  bool complete() const { return state_ == State::complete; }
  bool keep_alive() const { return keep_alive_; }
  // True once for a head that waits for "100 Continue" before its body is sent.
  bool take_expects_continue();

  // Of a complete request: the head to be parsed, without the headers that are dealt with here, and
  // the body as it was meant, to be taken away.
  const std::string& head() const { return head_; }
  std::string& body() { return body_; }
  // On to the next request, whose first bytes may be there already.
  void next();

  std::size_t bytes() const { return pending_.size() + head_.size() + body_.size(); }

 private:
  enum class State { head, body, chunk_size, chunk_data, chunk_end, trailers, complete };

  void advance();
  bool step();
  bool take_head();
  bool take_data();
  bool take_line(std::string_view& line);
  std::string_view rest() const;
  void read_head(std::string_view rest);
  void read_header(std::string_view name, std::string_view value);
  void begin_chunk(std::string_view line);
  void check_body_size(std::uint64_t size) const;

  FrameLimits limits_;
  State state_ = State::head;
  std::string pending_;      // what no part was made of yet
  std::size_t taken_ = 0;    // of what is pending, within advance()
  std::size_t scanned_ = 0;  // where the end of the head is not
  std::string head_;
  std::string body_;
  std::uint64_t rest_ = 0;  // bytes of the body, or the chunk, that are to come
  std::size_t trailer_bytes_ = 0;
  bool has_length_ = false;
  bool chunked_ = false;
  bool keep_alive_ = true;
  bool expects_continue_ = false;
};

}  // namespace lathe::server
