// The promises under load that need no transport, so that the thread sanitizer sees all of it.
#include "lathe/server/inference.h"

#include <atomic>
#include <memory>
#include <thread>

#include <gtest/gtest.h>

#include "lathe/server/watcher.h"

#include "tests/server/temporary_folder.h"
#include "tests/serving/mixture.h"
#include "tests/serving/versions.h"

namespace lathe::server {

namespace {

TEST(ReloadedUnderLoad, AThousandVersionsAllAnswerRightAndOneIsLeft) {
  constexpr std::uint64_t reloads = 1000;
  const TemporaryFolder folder;
  const Versions versions(folder.path(), 20);
  Repository repository;
  Watcher watcher(repository, model_folder(folder.path()));
  watcher.scan_once();
  const Inference inference(repository, watcher);

  Request request;
  ASSERT_TRUE(request.ParseFromString(versions.request()));
  std::atomic<std::uint64_t> answered{0}, failed{0};
  std::vector<std::jthread> clients;
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back([&](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        inference::ModelInferResponse reply;
        try {
          inference.model_infer(request, reply);
          if (!versions.wrong(reply).empty()) ++failed;
        } catch (const std::exception&) {
          ++failed;
        }
        ++answered;
      }
    });
  }

  std::vector<std::weak_ptr<const ServedModel>> served = {repository.find("linear")};
  for (std::uint64_t version = 2; version <= reloads + 1; ++version) {
    versions.add(version);
    watcher.scan_once();
    served.push_back(repository.find("linear", std::to_string(version)));
    versions.remove(version - 1);
    const std::uint64_t before = answered;
    while (answered == before) std::this_thread::yield();  // every version is asked
  }
  clients.clear();

  EXPECT_EQ(failed, 0U);
  const auto live =
      std::ranges::count_if(served, [](const auto& model) { return !model.expired(); });
  EXPECT_EQ(live, 1);
}

TEST(AnyInterleaving, GivesTheReplyThatEachRequestGetsAlone) {
  const TemporaryFolder folder;
  save_mixture(folder.path());
  Repository repository;
  Watcher watcher(repository, model_folder(folder.path()));
  watcher.scan_once();
  const Inference inference(repository, watcher);

  const std::vector<Request> requests = mixed_requests();
  const auto ask = [&](std::size_t i) {
    inference::ModelInferResponse reply;
    inference.model_infer(requests[i], reply);
    return reply.SerializeAsString();
  };
  std::vector<std::string> alone;
  for (std::size_t i = 0; i < requests.size(); ++i) alone.push_back(ask(i));

  std::atomic<int> different{0};
  std::vector<std::jthread> clients;
  for (std::size_t stride : {1U, 5U, 7U, 11U}) {  // none divides the number of requests but 1
    clients.emplace_back([&, stride] {
      for (std::size_t i = 0; i < 5 * requests.size(); ++i) {
        const std::size_t at = i * stride % requests.size();
        if (ask(at) != alone[at]) ++different;
      }
    });
  }
  clients.clear();
  EXPECT_EQ(different, 0);
}

}  // namespace

}  // namespace lathe::server
