#include "benchmarks/serving/load.h"

#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <random>
#include <system_error>
#include <utility>

#include <sys/epoll.h>
#include <unistd.h>

#include "benchmarks/serving/connection.h"

namespace lathe::server {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::string_view streaming = "ModelStreamInfer";

// Calls that still run so long after the end are given up.
constexpr auto patience = 30s;

class Generator {
 public:
  explicit Generator(const Load& load);
  ~Generator() { ::close(epoll_); }
  LoadReport run();

 private:
  struct Sent {
    Clock::time_point due;
    std::size_t request = 0;
  };
  struct Channel {
    std::unique_ptr<Connection> connection;
    std::size_t in_flight = 0;
    bool lost = false;
    bool waits_to_write = false;
  };
  class Unary;
  class Stream;

  bool ending() const { return ending_; }
  Sent next(Clock::time_point due);
  void good(const Sent& sent);
  void bad(const std::string& kind, const std::string& text);
  void count(Clock::time_point now);
  void connect(Channel& channel);
  bool takes_calls(Channel& channel);
  void start_all();
  void start_due();
  void start_free();
  void start(Unary& call, Clock::time_point due);
  void wait();
  void serve(Channel& channel, std::uint32_t events);
  void watch(Channel& channel);
  void lose(Channel& channel, const std::string& why);
  bool idle() const;
  Clock::time_point wake_at() const;

  const Load& load_;
  LoadReport report_;
  std::vector<std::string> frames_;
  std::vector<std::unique_ptr<Channel>> channels_;
  std::vector<std::unique_ptr<Unary>> unaries_;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::vector<Unary*> free_;
  std::deque<Clock::time_point> late_;
  std::mt19937_64 random_{1};
  Clock::time_point next_due_;
  Clock::time_point counts_from_;
  Clock::time_point ends_at_;
  Clock::time_point last_;  // reply, good or bad
  std::uint64_t counted_ = 0;
  std::size_t turn_ = 0;
  bool ending_ = false;
  int epoll_ = -1;
};

// One of the calls in flight.
class Generator::Unary final : public Call {
 public:
  Unary(Generator& generator, Channel& channel) : generator_(generator), channel_(channel) {}

  Channel& channel() { return channel_; }

  void start(Clock::time_point due) {
    sent_ = generator_.next(due);
    answered_ = false;
    channel_.connection->open(*this, generator_.load_.method);
    channel_.connection->send(*this, generator_.frames_[sent_.request]);
    channel_.connection->end_of_messages(*this);
    ++channel_.in_flight;
  }

  void on_message(std::string_view message) override {
    answered_ = true;
    wrong_ = generator_.load_.check ? generator_.load_.check(sent_.request, message) : "";
  }

  void on_end(int status, const std::string& text) override {
    if (status == broken) generator_.lose(channel_, text);
    if (channel_.lost) return;
    --channel_.in_flight;
    if (status == refused) {
      ++generator_.report_.refused;
    } else if (status > 0) {
      generator_.bad(status_name(status), text);
    } else if (!answered_ || !wrong_.empty()) {
      generator_.bad("WRONG_REPLY", answered_ ? wrong_ : "none");
    } else {
      generator_.good(sent_);
    }
    generator_.free_.push_back(
        this);  // not started here: nghttp2 is not to be called from its calls
  }

 private:
  Generator& generator_;
  Channel& channel_;
  Sent sent_;
  bool answered_ = false;
  std::string wrong_;
};

// One ModelStreamInfer, whose replies come in the order of its requests.
class Generator::Stream final : public Call {
 public:
  Stream(Generator& generator, Channel& channel) : generator_(generator), channel_(channel) {
    channel_.connection->open(*this, generator_.load_.method);
    ++channel_.in_flight;  // the stream itself, until its end
  }

  void add(Clock::time_point due) {
    const Sent sent = generator_.next(due);
    channel_.connection->send(*this, generator_.frames_[sent.request]);
    waiting_.push_back(sent);
    ++channel_.in_flight;
  }

  void on_message(std::string_view message) override {
    if (waiting_.empty()) return generator_.bad("WRONG_REPLY", "to no request");
    const Sent sent = waiting_.front();
    waiting_.pop_front();
    --channel_.in_flight;
    const std::string wrong =
        generator_.load_.check ? generator_.load_.check(sent.request, message) : "";
    if (wrong.empty()) {
      generator_.good(sent);
    } else {
      generator_.bad("WRONG_REPLY", wrong);
    }
    if (!generator_.ending()) return add(Clock::now());
    if (waiting_.empty()) channel_.connection->end_of_messages(*this);
  }

  void on_end(int status, const std::string& text) override {
    if (channel_.lost) return;
    --channel_.in_flight;
    if (status != 0 || !waiting_.empty()) {
      generator_.lose(channel_, "stream ended, " + status_name(status) + ": " + text);
    }
  }

 private:
  Generator& generator_;
  Channel& channel_;
  std::deque<Sent> waiting_;
};

Generator::Generator(const Load& load) : load_(load) {
  for (const std::string& request : load.requests) frames_.push_back(framed(request));
  if (frames_.empty()) frames_.push_back(framed(""));
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  for (int i = 0; i < std::max(load.channels, 1); ++i) {
    channels_.push_back(std::make_unique<Channel>());
    connect(*channels_.back());
  }
}

void Generator::connect(Channel& channel) {
  channel.connection = std::make_unique<Connection>(load_.address);
  channel.waits_to_write = false;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &channel;
  ::epoll_ctl(epoll_, EPOLL_CTL_ADD, channel.connection->socket(), &event);
}

// Not while calls end on a connection that takes no more.
bool Generator::takes_calls(Channel& channel) {
  if (channel.connection->takes_calls()) return true;
  if (channel.in_flight > 0) return false;
  try {
    connect(channel);
    return true;
  } catch (const std::system_error& error) {
    lose(channel, error.what());
    return false;
  }
}

Generator::Sent Generator::next(Clock::time_point due) {
  const std::size_t request = turn_;
  turn_ = turn_ + 1 == frames_.size() ? 0 : turn_ + 1;
  return {due, request};
}

void Generator::good(const Sent& sent) {
  const Clock::time_point now = Clock::now();
  if (now < counts_from_ || (ending_ && now > ends_at_)) return;
  report_.latency.add(now - sent.due);
  ++report_.replies;
  count(now);
}

void Generator::count(Clock::time_point now) {
  last_ = now;
  if (++counted_ == load_.replies) ending_ = true;
}

void Generator::bad(const std::string& kind, const std::string& text) {
  ++report_.errors[kind];
  if (report_.first_error.empty()) report_.first_error = kind + ": " + text;
  count(Clock::now());
}

void Generator::start_all() {
  const Clock::time_point now = Clock::now();
  counts_from_ = now + load_.warmup;
  ends_at_ = counts_from_ + load_.duration;
  last_ = counts_from_;
  next_due_ = now;
  const int count = std::max(load_.in_flight, 1);
  if (load_.method == streaming) {
    for (int i = 0; i < count; ++i) {
      const auto at = static_cast<std::size_t>(i) % channels_.size();
      if (at == streams_.size()) {
        streams_.push_back(std::make_unique<Stream>(*this, *channels_[at]));
      }
      streams_[at]->add(now);
    }
    return;
  }
  for (int i = 0; i < count; ++i) {
    Channel& channel = *channels_[static_cast<std::size_t>(i) % channels_.size()];
    unaries_.push_back(std::make_unique<Unary>(*this, channel));
    free_.push_back(unaries_.back().get());
  }
  if (load_.rate <= 0.0) start_free();
}

void Generator::start(Unary& call, Clock::time_point due) {
  try {
    call.start(due);
  } catch (const Disconnected& error) {
    lose(call.channel(), error.what());
  }
}

// Of a closed loop all that are free, of an open one as many as requests are late.
void Generator::start_free() {
  if (ending_) return;
  const Clock::time_point now = Clock::now();
  std::vector<Unary*> waiting;
  while (!free_.empty() && (load_.rate <= 0.0 || !late_.empty())) {
    Unary& call = *free_.back();
    free_.pop_back();
    if (call.channel().lost) continue;
    if (!takes_calls(call.channel())) {
      waiting.push_back(&call);
      continue;
    }
    Clock::time_point due = now;
    if (!late_.empty()) {
      due = late_.front();
      late_.pop_front();
    }
    start(call, due);
    watch(call.channel());
  }
  free_.insert(free_.end(), waiting.begin(), waiting.end());
}

// Requests of an open loop whose time has come.
void Generator::start_due() {
  const Clock::time_point now = Clock::now();
  std::exponential_distribution<double> gap(load_.rate);
  while (next_due_ <= now) {
    late_.push_back(next_due_);
    next_due_ +=
        std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(gap(random_)));
  }
  start_free();
}

void Generator::lose(Channel& channel, const std::string& why) {
  if (std::exchange(channel.lost, true)) return;
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, channel.connection->socket(), nullptr);
  bad("DISCONNECTED", why);
  if (channel.in_flight > 1) report_.errors["DISCONNECTED"] += channel.in_flight - 1;
  channel.in_flight = 0;
}

// Writes what can be written, and waits for room where there is more.
void Generator::watch(Channel& channel) {
  if (channel.lost) return;
  try {
    channel.connection->flush();
  } catch (const Disconnected& error) {
    return lose(channel, error.what());
  }
  const bool waits = channel.connection->wants_to_write();
  if (std::exchange(channel.waits_to_write, waits) == waits) return;
  epoll_event event{};
  event.events = waits ? EPOLLIN | EPOLLOUT : EPOLLIN;
  event.data.ptr = &channel;
  ::epoll_ctl(epoll_, EPOLL_CTL_MOD, channel.connection->socket(), &event);
}

void Generator::serve(Channel& channel, std::uint32_t events) {
  try {
    if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) channel.connection->receive();
  } catch (const Disconnected& error) {
    return lose(channel, error.what());
  }
  if (load_.rate <= 0.0) start_free();
  watch(channel);
}

Clock::time_point Generator::wake_at() const {
  constexpr auto look_for_stop = 20ms;
  const Clock::time_point soon = Clock::now() + look_for_stop;
  return load_.rate > 0.0 && !ending_ ? std::min(soon, next_due_) : soon;
}

void Generator::wait() {
  const std::chrono::nanoseconds rest = std::max<Clock::duration>(wake_at() - Clock::now(), 0ns);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(rest);
  const timespec limit = {seconds.count(), (rest - seconds).count()};
  std::array<epoll_event, 64> events{};
  const int count = ::epoll_pwait2(epoll_, events.data(), int{events.size()}, &limit, nullptr);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    auto& channel = *static_cast<Channel*>(event.data.ptr);
    if (!channel.lost) serve(channel, event.events);
  }
}

bool Generator::idle() const {
  return std::ranges::all_of(channels_,
                             [](const auto& channel) { return channel->in_flight == 0; });
}

LoadReport Generator::run() {
  start_all();
  for (const auto& channel : channels_) watch(*channel);
  while (!(ending_ && idle())) {
    if (load_.rate > 0.0 && !ending_) start_due();
    wait();
    const Clock::time_point now = Clock::now();
    if (now >= ends_at_ || load_.stop.stop_requested()) {
      ends_at_ = std::min(ends_at_, now);
      ending_ = true;
    }
    if (std::ranges::all_of(channels_, [](const auto& channel) { return channel->lost; })) break;
    if (now > ends_at_ + patience) {
      bad("BROKEN", "no answer for long after the end");
      break;
    }
  }
  const bool counted = load_.replies > 0 && counted_ >= load_.replies;
  const Clock::time_point end = counted ? last_ : std::min(ends_at_, Clock::now());
  report_.seconds = std::max(0.0, std::chrono::duration<double>(end - counts_from_).count());
  return std::move(report_);
}

}  // namespace

LoadReport run_load(const Load& load) { return Generator(load).run(); }

std::string call_once(const std::string& address, const std::string& method,
                      std::string_view request) {
  std::string reply;
  Load load{.address = address, .method = method, .requests = {std::string(request)}};
  load.check = [&reply](std::size_t, std::string_view bytes) {
    reply = bytes;
    return std::string();
  };
  load.in_flight = 1;
  load.replies = 1;
  const LoadReport report = run_load(load);
  if (!report.errors.empty()) throw std::runtime_error(report.first_error);
  return reply;
}

}  // namespace lathe::server
