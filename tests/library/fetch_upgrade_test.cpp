// Hearth is changed for another version in the middle of a download: it goes on with what is there, or says why not and
// leaves it as it is.
#include "base/hash.h"
#include "library/fetch_fixture.h"

namespace hearth::testing {
namespace {

using library::part_name;

class FetchUpgrade : public FetchFixture {
 protected:
  /// A download that ended after some chunks; how many were recorded.
  std::uint64_t begin(const library::FetchRequest& wanted) {
    hub_.set_fault([](const Asked& asked, Answer& answer) {
      if (asked.is_file() && asked.first >= 6 * kChunk) answer = {.status = 404};
      if (asked.is_resolve() && asked.has_range && asked.first >= 6 * kChunk) answer = {.status = 400};
    });
    EXPECT_FALSE(fetch(wanted));
    hub_.set_fault({});
    hub_.forget();
    return static_cast<std::uint64_t>(std::ranges::count(read_text(file(wanted, ".journal")), '\n') - 1);
  }
  [[nodiscard]] std::filesystem::path file(const library::FetchRequest& wanted, const char* ending) const {
    return folder_.path() / "parts" / (part_name(wanted) + ending);
  }
};

TEST_F(FetchUpgrade, PartsOfAnotherSizeGoOn) {
  for (const std::uint64_t other : {kChunk / 2, 3 * kChunk}) {
    const library::FetchRequest wanted = request(2, 10 * kChunk);
    const std::uint64_t n_recorded = begin(wanted);
    ASSERT_GT(n_recorded, 0u);
    library::FetchOptions newer = options();
    newer.chunk_bytes = other;
    const auto fetched = library::fetch_file(client(net()), wanted, newer, {});
    expect_published(fetched);
    EXPECT_EQ(fetched->n_transferred, bytes_.size() - n_recorded * kChunk);
    std::filesystem::remove_all(folder_.path() / "blobs");
  }
}

TEST_F(FetchUpgrade, AnotherFormIsRefusedAndLeftAsItIs) {
  const library::FetchRequest wanted = request(2, 10 * kChunk);
  begin(wanted);
  std::string journal = read_text(file(wanted, ".journal"));
  std::string head = "hearth-download 2 of a newer form";
  Hash64 seal;
  seal.add(std::string_view(head));
  char digits[24];
  std::snprintf(digits, sizeof digits, " %016llx\n", static_cast<unsigned long long>(seal.value()));
  journal = head + digits + journal.substr(journal.find('\n') + 1);
  std::ofstream(file(wanted, ".journal"), std::ios::binary) << journal;
  const std::string part = read_text(file(wanted, ".part"));
  const auto refused = fetch(wanted);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnsupportedFormat);
  EXPECT_NE(refused.error().message.find("another version of Hearth"), std::string::npos) << refused.error().message;
  EXPECT_NE(refused.error().message.find("hearth gc"), std::string::npos) << refused.error().message;
  EXPECT_EQ(read_text(file(wanted, ".journal")), journal);
  EXPECT_EQ(read_text(file(wanted, ".part")), part);
  EXPECT_TRUE(hub_.asked().empty());
  EXPECT_GT(library::remove_parts(folder_.path()), 0u);
  expect_published(fetch(wanted));
}

}  // namespace
}  // namespace hearth::testing
