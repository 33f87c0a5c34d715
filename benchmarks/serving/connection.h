// The client's end of a gRPC connection over libnghttp2: no threads, no retries, and little CPU, so
// that what is measured beside it is the server. Whoever owns it waits for its socket.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace lathe::server {

// The name of a grpc-status: OK, CANCELLED, ...
std::string status_name(int status);

// A gRPC message as it travels: not compressed, its length in 4 bytes, itself.
std::string framed(std::string_view message);

// One HTTP/2 stream. Its owner keeps it where it is until it has ended.
class Call {
 public:
  virtual ~Call() = default;
  virtual void on_message(std::string_view message) = 0;
  // Once. `status` is grpc-status, or `broken` where the server gave none, and `text` then says
  // why, or `refused` where it would not begin the call: that may be sent again.
  static constexpr int broken = -1;
  static constexpr int refused = -2;
  virtual void on_end(int status, const std::string& text) = 0;

  bool has_more_to_send() const { return !out_.empty(); }

 private:
  friend class Connection;
  std::int32_t id_ = 0;
  std::deque<std::string_view> out_;
  std::size_t sent_ = 0;  // of the first of out_
  bool more_ = false;     // end_of_messages() is still to come
  int http_ = 0;
  int status_ = -1;
  std::string text_;
  std::string in_;
};

class Disconnected : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Connection {
 public:
  // HOST:PORT or unix:PATH. Throws std::system_error when it cannot connect.
  explicit Connection(const std::string& address);
  ~Connection();  // calls that have not ended get no word of it
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int socket() const { return socket_; }
  // False once the server has said that it takes no more on this connection (GOAWAY): those that
  // run may end, the next ones need another connection.
  bool takes_calls() const;

  // Begins a call of inference.GRPCInferenceService. What is sent is not copied: it must stay until
  // the call has ended.
  void open(Call& call, const std::string& method);
  void send(Call& call, std::string_view bytes);  // any part of framed messages
  void end_of_messages(Call& call);

  // Takes in what has come and writes what can be written; neither waits. Both throw Disconnected.
  void receive();
  void flush();
  bool wants_to_write() const { return written_ < out_.size(); }

 private:
  class Session;  // nghttp2's side
  std::unique_ptr<Session> session_;
  int socket_ = -1;
  std::string authority_;
  std::string out_;
  std::size_t written_ = 0;
};

}  // namespace lathe::server
