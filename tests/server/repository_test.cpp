#include "lathe/server/repository.h"

#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lathe/ml/core/error.h"
#include "lathe/server/text.h"

#include "tests/server/models.h"

namespace lathe::server {

namespace {

ServedModelPtr version(std::uint64_t number) {
  static const FittedPipeline fitted = linear_model(2);
  return std::make_shared<ServedModel>("m", number, fitted);
}

TEST(Repository, ARetiredVersionLivesUntilItsLastCallEnds) {
  Repository repository;
  repository.publish(version(1));
  ServedModelPtr in_use = repository.find("m");
  const std::weak_ptr<const ServedModel> first = in_use;
  repository.publish(version(2));
  repository.retire("m", 1, "version 2 serves");
  EXPECT_EQ(repository.find("m")->version(), 2U);
  EXPECT_FALSE(first.expired());
  in_use.reset();
  EXPECT_TRUE(first.expired());
  EXPECT_EQ(repository.index()[0].reason, "version 2 serves");
}

TEST(Repository, AnEmptyVersionIsTheNewestThatServes) {
  Repository repository;
  repository.publish(version(10));
  repository.publish(version(9));
  EXPECT_EQ(repository.find("m")->version(), 10U);
  EXPECT_EQ(repository.find("m", "9")->version(), 9U);
  EXPECT_EQ(repository.ready().size(), 2U);
  EXPECT_EQ(repository.ready("m")[0]->version(), 9U);
  EXPECT_TRUE(repository.ready("other").empty());
  repository.retire("m", 10, "on request");
  EXPECT_EQ(repository.find("m")->version(), 9U);
}

TEST(Repository, AnUnknownNameIsAnsweredWithTheNearest) {
  Repository repository;
  repository.publish(version(1));
  const auto help = [&](const std::string& name) -> std::string {
    try {
      (void)repository.find(name);
    } catch (const NotFound& error) {
      EXPECT_EQ(error.code(), "R001");
      return error.help();
    }
    return "found";
  };
  EXPECT_EQ(help("m1"), "did you mean m?");
  EXPECT_THAT(help("penguins"), testing::HasSubstr("index"));
  EXPECT_THAT(help(std::string(1 << 20, 'm')), testing::HasSubstr("index"));
}

TEST(Repository, TellsWhenAModelStartsAndCeasesToServe) {
  Repository repository;
  std::vector<std::string> heard;
  repository.on_change([&](const std::string& name, bool ready) {
    heard.push_back(name + (ready ? " ready" : " gone"));
  });
  repository.publish(version(1));
  repository.publish(version(2));
  repository.retire("m", 1, "version 2 serves");
  repository.remove("m", 1);
  repository.remove("m", 2);
  repository.publish(version(3));
  repository.retire("m", 3, "");
  repository.publish(version(3));
  repository.unload("m", "on request");
  EXPECT_THAT(heard, testing::ElementsAre("m ready", "m ready", "m gone", "m ready", "m gone",
                                          "m ready", "m gone"));
}

TEST(Repository, AReasonDoesNotStopWhatServes) {
  Repository repository;
  repository.publish(version(1));
  repository.set_state("m", 1, VersionState::unavailable, "the new file is bad");
  EXPECT_EQ(repository.find("m", "1")->version(), 1U);
  EXPECT_EQ(repository.index()[0].state, VersionState::ready);
  EXPECT_EQ(repository.index()[0].reason, "the new file is bad");
}

TEST(Repository, VersionsAreNumbersWrittenPlainly) {
  EXPECT_EQ(version_number("12"), 12U);
  for (const char* text :
       {"", "0", "01", "-1", "+1", "1.0", "1a", " 1", "v1", "99999999999999999999"}) {
    EXPECT_EQ(version_number(text), 0U) << text;
  }
}

TEST(Text, QuotesWhatMayStandInAMessage) {
  EXPECT_EQ(in_quotes("Gr\xC3\xBC\xC3\x9F"), "\"Gr\xC3\xBC\xC3\x9F\"");
  EXPECT_EQ(in_quotes("a\n\x7F\xFF\xC2\x85"), "\"a\\x0a\\x7f\\xff\\xc2\\x85\"");
  EXPECT_EQ(in_quotes(std::string(100, 'a')).size(), 44U);
  EXPECT_TRUE(is_printable("penguins-2.v_1 \xE4\xB8\xAD"));
  EXPECT_FALSE(is_printable("a\tb"));
  EXPECT_FALSE(is_printable("\xED\xA0\x80"));
}

TEST(Text, ShortensBetweenCharacters) {
  EXPECT_EQ(shortened("abc", 3), "abc");
  EXPECT_EQ(shortened("a\xC3\xBC", 2), "a");
  const std::vector<std::string> names = {"a", "b", "c"};
  EXPECT_EQ(listed(names), "a, b, c");
  EXPECT_EQ(listed(names, 2), "a, b, ... (3 in all)");
}

}  // namespace

}  // namespace lathe::server
