// Many clients that are a burden: they hold connections, and say things slowly or wrongly.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "benchmarks/serving/connection.h"

namespace lathe::server {

// One call on a connection of its own, which sends what it is told to, when it is told to.
class Client final : public Call {
 public:
  explicit Client(const std::string& address) : connection_(address) { connection_.flush(); }

  void open(const std::string& method) { connection_.open(*this, method); }
  // `bytes` must outlive the call. False once the connection is gone.
  bool send(std::string_view bytes);
  bool end_of_messages();
  void wait_for_end();        // of the call or of the connection
  void wait_until_written();  // all that was sent, or the end

  bool ended() const { return ended_; }
  int status() const { return status_; }  // -1: no status came
  const std::string& text() const { return text_; }
  const std::string& reply() const { return reply_; }

 private:
  void on_message(std::string_view message) override { reply_ = message; }
  void on_end(int status, const std::string& text) override;
  bool exchange();
  void wait();

  Connection connection_;
  bool ended_ = false;
  int status_ = -1;
  std::string text_;
  std::string reply_;
};

// Connects, writes `bytes`, and stays; what comes back is not read.
class RawClient {
 public:
  RawClient(const std::string& address, std::string_view bytes);
  ~RawClient();
  RawClient(RawClient&& other) noexcept;
  RawClient& operator=(RawClient&&) = delete;

 private:
  int socket_ = -1;
};

}  // namespace lathe::server
