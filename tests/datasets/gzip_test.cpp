#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <zlib.h>

#include "lathe/datasets/text_file.h"

#include "tests/datasets/support.h"

namespace lathe {
namespace {

using ::testing::HasSubstr;

std::string gzip(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string packed(text.size() + 1024, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

constexpr std::uint64_t no_limit = ~std::uint64_t{0};
const std::string name = "t.csv.gz";

TEST(Gunzip, GivesBackWhatWasPacked) {
  for (const std::size_t size : {0u, 1u, 100u, 1000000u}) {
    const std::string text(size, 'x');
    EXPECT_EQ(gunzip(gzip(text), name, no_limit), text) << size;
  }
}

TEST(Gunzip, ReadsAllMembers) {
  EXPECT_EQ(gunzip(gzip("a,b\n") + gzip("") + gzip("1,2\n"), name, no_limit), "a,b\n1,2\n");
}

TEST(Gunzip, EveryTruncationIsAnError) {
  const std::string packed = gzip("a,b\n1,2\n3,4\n");
  for (std::size_t n = 0; n < packed.size(); ++n) {
    const auto error =
        caught<CorruptData>([&] { gunzip(std::string_view(packed).substr(0, n), name, no_limit); });
    EXPECT_EQ(error.code(), "D002") << n;
  }
}

TEST(Gunzip, EveryFlippedByteIsAnErrorOrChangesNothing) {
  const std::string text = "a,b\n1,2\n3,4\n";
  const std::string packed = gzip(text);
  int errors = 0;
  for (std::size_t i = 0; i < packed.size(); ++i) {
    std::string damaged = packed;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x5A);
    try {
      EXPECT_EQ(gunzip(damaged, name, no_limit), text) << i;  // the header's time and system
    } catch (const CorruptData& error) {
      EXPECT_EQ(error.code(), "D002");
      ++errors;
    }
  }
  EXPECT_GE(errors, static_cast<int>(packed.size()) - 10);
}

TEST(Gunzip, OtherBytesAfterTheDataAreAnError) {
  const auto error = caught<CorruptData>([] { gunzip(gzip("a\n1\n") + "b\n", name, no_limit); });
  EXPECT_THAT(error.what(), HasSubstr("t.csv.gz: there are other bytes after the gzip data"));
}

TEST(Gunzip, StopsAtTheLimit) {
  const std::string packed = gzip(std::string(1 << 20, '1'));
  EXPECT_LT(packed.size(), 2000u);
  EXPECT_EQ(gunzip(packed, name, 1 << 20).size(), std::size_t{1} << 20);
  const auto error = caught<InvalidArgument>([&] { gunzip(packed, name, (1 << 20) - 1); });
  EXPECT_EQ(error.code(), "D003");
  EXPECT_THAT(error.what(), HasSubstr("more than 1048575 bytes"));
  EXPECT_EQ(caught<InvalidArgument>([&] { gunzip(packed, name, 0); }).code(), "D003");
}

class CompressedCsv : public ::testing::Test {
 protected:
  ~CompressedCsv() override { std::filesystem::remove(path_); }
  void write(const std::string& bytes) { std::ofstream(path_, std::ios::binary) << bytes; }
  std::string path_ = ::testing::TempDir() + "lathe_gzip_test.csv.gz";
};

TEST_F(CompressedCsv, IsReadAsIfItWereNot) {
  write(gzip("a,b\n1,x\n"));
  EXPECT_EQ(read_csv(path_), parse("a,b\n1,x\n"));
}

TEST_F(CompressedCsv, KeepsToTheLimitOfTheOptions) {
  write(gzip("a,b\n" + std::string(100000, '\n')));
  const CsvOptions options{.max_unpacked_bytes = 50000};
  EXPECT_EQ(caught<InvalidArgument>([&] { read_csv(path_, options); }).code(), "D003");
}

TEST_F(CompressedCsv, MustBeWhatItsNameSays) {
  write("a,b\n1,x\n");
  const auto error = caught<CorruptData>([&] { read_csv(path_); });
  EXPECT_EQ(error.code(), "D002");
  EXPECT_THAT(error.what(), HasSubstr("not gzip data"));
}

TEST_F(CompressedCsv, IsKnownByItsFirstBytesUnderAnyName) {
  const std::string plain_name = ::testing::TempDir() + "lathe_gzip_test.csv";
  std::ofstream(plain_name, std::ios::binary) << gzip("a\n1\n");
  EXPECT_EQ(read_csv(plain_name).rows(), 1);
  std::filesystem::remove(plain_name);
}

}  // namespace
}  // namespace lathe
