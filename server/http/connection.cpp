#include "lathe/server/http/connection.h"

#include <limits>
#include <utility>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace lathe::server {

namespace {

constexpr std::size_t read_size = std::size_t{64} << 10;
constexpr std::size_t most_lingered = std::size_t{8} << 20;
constexpr int most_turns = 32;
constexpr auto linger_time = std::chrono::seconds(2);
constexpr auto never = std::numeric_limits<Connection::Clock::rep>::max();

HttpResponse refusal(int status, std::string_view code, const std::string& what,
                     std::string_view help) {
  try {
    throw HttpError(status, code, what, help);
  } catch (...) {
    return error_response();
  }
}

}  // namespace

Connection::Connection(int socket, Connections& shared)
    : socket_(socket),
      shared_(shared),
      channel_(shared.options.channel(socket)),
      frame_(shared.options.limits) {
  wait_for_request();
}

Connection::~Connection() {
  shared_.buffered.fetch_sub(counted_, std::memory_order_relaxed);
  channel_.reset();
  ::close(socket_);
}

bool Connection::is_late(Clock::time_point now) const {
  return now.time_since_epoch().count() > deadline_.load(std::memory_order_relaxed);
}

void Connection::interrupt() {
  const bool again = interrupted_.exchange(true, std::memory_order_relaxed);
  ::shutdown(socket_, again ? SHUT_RDWR : SHUT_RD);
  set_deadline(linger_time);
}

void Connection::set_deadline(Clock::duration time) {
  deadline_.store((Clock::now() + time).time_since_epoch().count(), std::memory_order_relaxed);
}

void Connection::wait_for_request() {
  const bool idle = frame_.empty();
  idle_.store(idle, std::memory_order_relaxed);
  set_deadline(idle ? shared_.options.idle_time : shared_.options.request_time);
}

Connection::Wait Connection::go_on() {
  for (int turn = 0; turn < most_turns; ++turn) {
    Wait wait = Wait::nothing;
    if (lingering_) {
      wait = linger();
    } else if (!out_.empty()) {
      wait = write();
    } else if (frame_.complete()) {
      answer();
    } else {
      wait = read();
    }
    if (wait != Wait::nothing) return wait;
  }
  return Wait::to_write;  // which comes at once, after the turns of others
}

Connection::Wait Connection::read() {
  char bytes[read_size];
  std::size_t count = 0;
  switch (channel_->read(bytes, sizeof bytes, count)) {
    case Channel::Result::wait_to_read:
      return Wait::to_read;
    case Channel::Result::wait_to_write:
      return Wait::to_write;
    case Channel::Result::closed:
      if (!interrupted_ || frame_.empty()) return Wait::ended;
      refuse(refusal(408, "R051", "the request did not arrive in time", "--http-request-seconds"));
      return Wait::nothing;
    case Channel::Result::done:
      break;
  }
  const bool was_idle = frame_.empty();
  try {
    frame_.append({bytes, count});
    count_buffered();
    if (frame_.take_expects_continue()) out_ = "HTTP/1.1 100 Continue\r\n\r\n";
  } catch (...) {
    refuse(error_response());
    return Wait::nothing;
  }
  if (was_idle) wait_for_request();  // once for a request: trickling does not put its end off
  return Wait::nothing;
}

void Connection::count_buffered() {
  const std::size_t mine = frame_.bytes() + out_.size();
  const auto bytes = static_cast<std::int64_t>(mine);
  const std::int64_t all =
      shared_.buffered.fetch_add(bytes - counted_, std::memory_order_relaxed) + bytes - counted_;
  counted_ = bytes;
  const std::size_t most = shared_.options.max_buffered_bytes;
  // Small ones always find room, so that those who fill it do not shut out the rest.
  const bool large = mine > read_size;
  if (large && all > static_cast<std::int64_t>(most)) {
    throw HttpError(503, "R052",
                    "requests that arrive and replies that are not taken yet hold the " +
                        std::to_string(most) + " bytes that they may",
                    "--http-memory-mib");
  }
}

// Nothing more is taken from this connection.
void Connection::drop_request() {
  frame_ = RequestFrame(shared_.options.limits);
  count_buffered();  // small ones are not refused
}

void Connection::answer() {
  idle_.store(false, std::memory_order_relaxed);
  deadline_.store(never, std::memory_order_relaxed);
  const bool wanted = frame_.keep_alive() && !shared_.draining.load(std::memory_order_relaxed);
  const HttpCodec::Caller caller{wanted, [this] { return has_caller(); }};
  keep_alive_ = shared_.codec.answer(frame_.head(), frame_.body(), caller, out_) && wanted;
  answered_ = true;
  try {
    count_buffered();
  } catch (...) {
    out_ = {};
    refuse(error_response());
  }
  set_deadline(shared_.options.request_time);
}

// One that has closed its side is taken to be gone, as other servers do.
bool Connection::has_caller() const {
  pollfd end{socket_, POLLRDHUP, 0};
  return ::poll(&end, 1, 0) == 0;
}

void Connection::refuse(const HttpResponse& response) {
  keep_alive_ = false;
  drop_request();
  out_ += closing_reply(response);
  idle_.store(false, std::memory_order_relaxed);
  set_deadline(shared_.options.request_time);
}

Connection::Wait Connection::write() {
  std::size_t count = 0;
  switch (channel_->write(std::string_view(out_).substr(written_), count)) {
    case Channel::Result::wait_to_read:
      return Wait::to_read;
    case Channel::Result::wait_to_write:
      return Wait::to_write;
    case Channel::Result::closed:
      return Wait::ended;
    case Channel::Result::done:
      written_ += count;
  }
  if (written_ < out_.size()) return Wait::nothing;
  out_.clear();
  if (out_.capacity() > read_size) out_.shrink_to_fit();
  written_ = 0;
  if (!keep_alive_) {
    channel_->end_writing();
    lingering_ = true;
    drop_request();
    set_deadline(linger_time);
  } else if (std::exchange(answered_, false)) {
    go_to_next();
  }
  return Wait::nothing;
}

void Connection::turn_away() {
  refuse(refusal(503, "R052",
                 "there are " + std::to_string(shared_.options.max_connections) +
                     " connections, which is the limit",
                 "--http-max-connections"));
}

void Connection::go_to_next() {
  try {
    frame_.next();
    count_buffered();
    wait_for_request();
  } catch (...) {
    refuse(error_response());
  }
}

// Closing at once would reset the connection while the peer still sends, and it would never see the
// reply.
Connection::Wait Connection::linger() {
  char bytes[read_size];
  std::size_t count = 0;
  switch (channel_->read(bytes, sizeof bytes, count)) {
    case Channel::Result::wait_to_read:
      return Wait::to_read;
    case Channel::Result::wait_to_write:
      return Wait::to_write;
    case Channel::Result::closed:
      return Wait::ended;
    case Channel::Result::done:
      lingered_ += count;
  }
  return lingered_ < most_lingered ? Wait::nothing : Wait::ended;
}

}  // namespace lathe::server
