#include "lathe/server/auth.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "lathe/server/error.h"

namespace lathe::server {

namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view reader = "reader-0123456789abcdef";
constexpr std::string_view master = "master-0123456789ABCDEF==";

class AuthTest : public testing::Test {
 protected:
  AuthTest() {
    std::string pattern = (fs::temp_directory_path() / "lathe_XXXXXX").string();
    root_ = mkdtemp(pattern.data());
    write("# who may what\n\npredict " + std::string(reader) + "\r\n\tadmin\t" +
          std::string(master) + "  \n");
  }
  ~AuthTest() override { fs::remove_all(root_); }

  // As an editor does it: another file takes the place.
  void write(const std::string& text, fs::perms mode = fs::perms(0600)) {
    const fs::path staged = root_ / "staged";
    std::ofstream(staged) << text;
    fs::permissions(staged, mode);
    fs::rename(staged, path_());
  }
  fs::path path_() const { return root_ / "tokens"; }
  Authority authority() const { return Authority(path_().string()); }

  static std::string refusal_code(const Authority& authority, std::string_view header,
                                  Access access, bool local = true) {
    try {
      authority.check({header, local}, access);
    } catch (const Error& error) {
      return error.code();
    }
    return "";
  }

  // What is said about a file that cannot be used.
  std::string complaint(const std::string& text, fs::perms mode = fs::perms(0600)) {
    write(text, mode);
    try {
      authority();
    } catch (const InvalidArgument& error) {
      EXPECT_EQ(error.code(), "R030");
      return error.what();
    }
    return "";
  }

  fs::path root_;
};

std::string bearer(std::string_view token) { return "Bearer " + std::string(token); }

TEST_F(AuthTest, EachRoleMayDoItsPartAndAdminsAll) {
  const Authority authority = this->authority();
  EXPECT_EQ(refusal_code(authority, "", Access::open), "");
  EXPECT_EQ(refusal_code(authority, bearer(reader), Access::predict), "");
  EXPECT_EQ(refusal_code(authority, bearer(master), Access::predict), "");
  EXPECT_EQ(refusal_code(authority, bearer(master), Access::admin, false), "");
  EXPECT_EQ(refusal_code(authority, "bEARER " + std::string(reader), Access::predict), "");
  EXPECT_THROW(authority.check({bearer(reader)}, Access::admin), Forbidden);
}

TEST_F(AuthTest, WithoutAKnownTokenNothingButProbes) {
  const Authority authority = this->authority();
  EXPECT_THROW(authority.check({""}, Access::predict), Unauthenticated);
  for (const std::string& header :
       {std::string(reader), "Basic " + std::string(reader), std::string("Bearer"),
        std::string("Bearer "), bearer(std::string(reader) + "x"),
        bearer(reader.substr(0, reader.size() - 1)), bearer(std::string(70000, 'a'))}) {
    EXPECT_EQ(refusal_code(authority, header, Access::predict), "R031") << header.substr(0, 80);
  }
}

TEST_F(AuthTest, WithoutAFileAdminsMustBeLocal) {
  const Authority open;
  EXPECT_EQ(refusal_code(open, "", Access::predict, false), "");
  EXPECT_EQ(refusal_code(open, "", Access::admin, true), "");
  EXPECT_EQ(refusal_code(open, "", Access::admin, false), "R032");
  EXPECT_EQ(refusal_code(open, bearer(master), Access::admin, false), "R032");
  open.refresh();
}

TEST_F(AuthTest, ReadsTheFileAgainAndKeepsTheOldTokensIfItIsNoGood) {
  const Authority authority = this->authority();
  write("predict another-0123456789abcdef\n");
  authority.refresh();
  EXPECT_EQ(refusal_code(authority, bearer(reader), Access::predict), "R031");
  EXPECT_EQ(refusal_code(authority, "Bearer another-0123456789abcdef", Access::predict), "");
  write("predict short\n");
  authority.refresh();
  fs::remove(path_());
  authority.refresh();
  EXPECT_EQ(refusal_code(authority, "Bearer another-0123456789abcdef", Access::predict), "");
}

TEST_F(AuthTest, RefusesAFileThatOthersReadOrThatIsWrongWithoutShowingIt) {
  const std::string good = "predict " + std::string(reader) + "\n";
  EXPECT_THAT(complaint(good, fs::perms(0644)), HasSubstr("everybody on this machine may read"));
  EXPECT_THAT(complaint(good, fs::perms(0602)), HasSubstr("everybody"));
  EXPECT_EQ(complaint(good, fs::perms(0640)), "");
  EXPECT_THAT(complaint(""), HasSubstr("it has no tokens"));
  EXPECT_THAT(complaint("# nothing\n"), HasSubstr("it has no tokens"));
  for (const char* line : {"predict", "predict fifteen-letters", "owner secret-0123456789abcdef",
                           "secret-0123456789abcdef", "predict secret 0123456789abcdef",
                           "admin ================", "admin secret-0123=56789abcdef"}) {
    const std::string said = complaint(good + line + "\n");
    EXPECT_THAT(said, HasSubstr("line 2: not `predict TOKEN` or `admin TOKEN`")) << line;
    EXPECT_THAT(said, Not(HasSubstr("secret"))) << line;
  }
  EXPECT_THAT(complaint(good + std::string((1 << 20) + 1, '#')), HasSubstr("at most 1 MiB"));
  EXPECT_THROW(Authority((root_ / "none").string()), IoError);
  EXPECT_THROW(Authority(root_.string()), InvalidArgument);
  ASSERT_EQ(::mkfifo((root_ / "pipe").c_str(), 0600), 0);
  EXPECT_THROW(Authority((root_ / "pipe").string()), InvalidArgument) << "which nobody writes to";
}

}  // namespace

}  // namespace lathe::server
