// One connection of the HTTP server. One thread at a time works on it; the deadline alone is read
// by another.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include "lathe/server/http/channel.h"
#include "lathe/server/http/codec.h"
#include "lathe/server/http/frame.h"
#include "lathe/server/http/http_server.h"

namespace lathe::server {

// What all connections share.
struct Connections {
  const HttpCodec& codec;
  const HttpOptions& options;
  std::atomic<std::int64_t> buffered{0};  // bytes of requests and replies
  std::atomic<bool> draining{false};
};

class Connection {
 public:
  enum class Wait { nothing, to_read, to_write, ended };
  using Clock = std::chrono::steady_clock;

  Connection(int socket, Connections& shared);
  ~Connection();  // closes the socket

  int socket() const { return socket_; }

  // Around each go_on(): the kernel gives a connection to one thread after the other, but C++ does
  // not know that.
  void take_over() const { handed_over_.load(std::memory_order_acquire); }
  void hand_over() { handed_over_.store(true, std::memory_order_release); }

  // Goes on as far as it can without waiting, and says what to wait for; never `nothing`.
  Wait go_on();

  void turn_away();  // before the first go_on(): there are too many

  // What the sweeper calls, while another thread may be within go_on().
  bool is_late(Clock::time_point now) const;
  bool is_idle() const { return idle_.load(std::memory_order_relaxed); }
  // Makes go_on() see the end of what can be read; the second time, of what can be written as well.
  void interrupt();

 private:
  Wait read();
  Wait write();
  Wait linger();
  void answer();
  bool has_caller() const;
  void refuse(const HttpResponse& response);
  void go_to_next();
  void wait_for_request();
  void count_buffered();
  void drop_request();
  void set_deadline(Clock::duration time);

  int socket_;
  Connections& shared_;
  std::unique_ptr<Channel> channel_;
  RequestFrame frame_;
  std::string out_;
  std::size_t written_ = 0;
  std::int64_t counted_ = 0;  // of shared_.buffered
  bool keep_alive_ = true;
  bool answered_ = false;  // `out_` ends with the reply to the request in `frame_`
  bool lingering_ = false;
  std::size_t lingered_ = 0;
  std::atomic<bool> handed_over_{false};
  std::atomic<bool> idle_{true};
  std::atomic<bool> interrupted_{false};
  std::atomic<Clock::rep> deadline_;
};

}  // namespace lathe::server
