// Whom the library asks and whom it does not: addresses, redirects, tokens; and how the hub's answers are read.
#include <netinet/in.h>

#include <atomic>

#include "library/fetch/transfer.h"
#include "library/fetch_fixture.h"

namespace hearth::testing {
namespace {

using namespace library;  // NOLINT: a test of that namespace

bool is_public(const char* text) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) return is_public_address(reinterpret_cast<sockaddr*>(&v4));
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  EXPECT_EQ(inet_pton(AF_INET6, text, &v6.sin6_addr), 1) << text;
  return is_public_address(reinterpret_cast<sockaddr*>(&v6));
}

TEST(Addresses, OnlyThePublicInternetIsPublic) {
  for (const char* text : {"127.0.0.1",
                           "127.255.255.255",
                           "10.1.2.3",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.168.1.1",
                           "169.254.169.254",
                           "100.64.0.1",
                           "0.0.0.0",
                           "224.0.0.1",
                           "255.255.255.255",
                           "198.18.0.1",
                           "192.0.2.1",
                           "198.51.100.7",
                           "203.0.113.9",
                           "240.0.0.1",
                           "::",
                           "::1",
                           "::ffff:127.0.0.1",
                           "::ffff:10.0.0.1",
                           "::127.0.0.1",
                           "64:ff9b::a00:1",
                           "2002:7f00:1::",
                           "fe80::1",
                           "fc00::1",
                           "fd12::1",
                           "ff02::1",
                           "2001:db8::1",
                           "2001::1"}) {
    EXPECT_FALSE(is_public(text)) << text;
  }
  for (const char* text : {"1.1.1.1", "172.15.0.1", "172.32.0.1", "100.128.0.1", "192.167.1.1", "8.8.8.8",
                           "2606:4700::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2a00:1450::1"})
    EXPECT_TRUE(is_public(text)) << text;
}

TEST(Addresses, AreTakenApartOnce) {
  const auto url = parse_url("HTTPS://Example.ORG:8443/a/../b?x=1#part");
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_EQ(url->origin, (Origin{"https", "example.org", 8443}));
  EXPECT_EQ(url->text.find('#'), std::string::npos);
  EXPECT_EQ(parse_url("http://0x7f.1/x")->origin.host, parse_url("http://127.0.0.1/x")->origin.host)
      << "as it will be asked";
  EXPECT_EQ(parse_url("http://[::1]:80/")->origin.text(), "http://[::1]:80");
  for (const char* text : {"", "x", "file:///etc/passwd", "ftp://h/x", "gopher://h", "https://u:p@h/", "https://u@h/",
                           "https://h:0/", "https://h:99999/", "https://", "http://a b/", "dict://h:11/x"})
    EXPECT_FALSE(parse_url(text)) << text;
  const auto next = parse_redirect(*url, "//other.org/y");
  ASSERT_TRUE(next);
  EXPECT_EQ(next->origin, (Origin{"https", "other.org", 443}));
  EXPECT_EQ(parse_redirect(*url, "/z")->origin, url->origin);
  EXPECT_FALSE(parse_redirect(*url, "file:///x"));
  EXPECT_FALSE(parse_redirect(*url, ""));
}

TEST(Addresses, HopsNeverLoseEncryption) {
  const Origin hub{"https", "hub.org", 443}, lan{"http", "10.0.0.5", 8080}, web{"http", "web.org", 80},
      safe{"https", "cdn.org", 443};
  const OutboundRules rules{.hub = hub, .trusted = {lan}};
  EXPECT_TRUE(check_hop(rules, nullptr, hub));
  EXPECT_TRUE(check_hop(rules, &hub, safe));
  EXPECT_TRUE(check_hop(rules, nullptr, lan));
  EXPECT_TRUE(check_hop(rules, &lan, safe));
  EXPECT_FALSE(check_hop(rules, &hub, lan));
  EXPECT_FALSE(check_hop(rules, &safe, web));
  EXPECT_FALSE(check_hop(rules, nullptr, web));
}

class Requests : public FetchFixture {
 protected:
  Result<std::pair<HttpAnswer, std::string>> ask(const HttpClient& client, const std::string& path) const {
    return client.get_text({.url = hub_.url() + path, .most_bytes = 1000}, {});
  }
};

TEST_F(Requests, RedirectsAreFollowedFiveTimesAndTheTokenStaysHome) {
  LocalHub other;
  auto with_token = net();
  with_token.token = "hf_secret";
  with_token.trusted = {other.url()};
  const HttpClient asking = client(with_token);
  for (const int status : {301, 302, 303, 307, 308}) {
    hub_.set_fault([&](const Asked& asked, Answer& answer) {
      const int left = asked.path.back() - '0';
      if (left > 0) {
        answer = {.status = status, .headers = {{"Location", "/hop" + std::to_string(left - 1)}}};
      } else {
        answer = {.status = status, .headers = {{"Location", other.url() + "/end"}}};
      }
    });
    other.set_fault([](const Asked&, Answer& answer) { answer = {.body = "here"}; });
    EXPECT_EQ(ask(asking, "/hop3")->second, "here");
    EXPECT_EQ(ask(asking, "/hop4")->second, "here");
    const auto refused = ask(asking, "/hop5");
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("more than 5"), std::string::npos);
  }
  EXPECT_FALSE(other.asked().empty());
  for (const Asked& asked : other.asked()) {
    for (const auto& [name, value] : asked.headers) EXPECT_EQ(value.find("secret"), std::string::npos) << name;
  }
}

TEST_F(Requests, RedirectsToPrivatePlacesAreRefused) {
  LocalHub inside;  // loopback, and neither the hub nor trusted
  const std::string port = inside.url().substr(inside.url().rfind(':'));
  const HttpClient asking = client(net());
  for (const std::string& target :
       {"http://127.0.0.1" + port, "https://127.0.0.1" + port, "https://localhost" + port, "https://[::1]" + port,
        "https://[::ffff:127.0.0.1]" + port, "https://2130706433" + port, "https://0177.1" + port,
        "https://0x7f.0.0.1" + port, "https://0.0.0.0" + port, "https://127.1" + port,
        std::string("http://169.254.169.254/latest"), std::string("file:///etc/passwd")}) {
    hub_.set_fault([&](const Asked&, Answer& answer) { answer = {.status = 302, .headers = {{"Location", target}}}; });
    const auto refused = ask(asking, "/x");
    EXPECT_FALSE(refused) << target;
  }
  EXPECT_TRUE(inside.asked().empty());
}

TEST_F(Requests, BodiesHaveAMost) {
  const HttpClient asking = client(net());
  hub_.set_fault([](const Asked&, Answer& answer) { answer = {.body = std::string(1001, 'x')}; });
  EXPECT_EQ(ask(asking, "/").error().code, ErrorCode::kInvalidResponse);
  hub_.set_fault([](const Asked&, Answer& answer) { answer = {.headers = {{"X", std::string(70'000, 'x')}}}; });
  EXPECT_FALSE(ask(asking, "/"));
}

TEST_F(Requests, GoThroughTheProxyThatIsNamedAndNoOther) {
  LocalHub proxy;
  proxy.set_fault([](const Asked& asked, Answer& answer) { answer = {.body = asked.path}; });
  auto through = net();
  through.proxy = proxy.url();
  EXPECT_EQ(ask(client(through), "/x")->second, hub_.url() + "/x");
  EXPECT_TRUE(hub_.asked().empty());
  for (const char* inside :
       {"https://localhost/x", "https://10.0.0.1/x", "https://2130706433/x", "https://[fd00::1]/x"})
    EXPECT_NE(client(through).get_text({.url = inside, .most_bytes = 10}, {}).error().message.find("private network"),
              std::string::npos)
        << inside;
}

TEST_F(Requests, HubListingsAreReadAndRefusalsExplained) {
  hub_.put("owner/repo", "model-Q4_K_M.gguf", "weights");
  const HubName name{.owner = "owner", .repo = "repo", .revision = "refs/pr/3"};
  const auto repository = look_at_repository(client(net()), name, {});
  ASSERT_TRUE(repository) << repository.error().message;
  EXPECT_EQ(repository->commit, std::string(40, 'c'));
  ASSERT_EQ(repository->files.size(), 1u);
  EXPECT_EQ(repository->files[0].sha256, sha256_of("weights"));
  EXPECT_EQ(hub_.asked()[0].path, "/api/models/owner/repo/revision/refs%2Fpr%2F3?blobs=true");
  const auto missing = look_at_repository(client(net()), {.owner = "no", .repo = "body"}, {});
  EXPECT_EQ(missing.error().code, ErrorCode::kFileNotFound) << missing.error().message;
  hub_.set_fault([n = 0](const Asked&, Answer& answer) mutable {
    if (++n < 4) answer = {.status = 503};
  });
  EXPECT_TRUE(look_at_repository(client(net()), name, {}));
  hub_.set_fault([](const Asked&, Answer& answer) { answer = {.body = "<html>log in</html>"}; });
  EXPECT_NE(look_at_repository(client(net()), name, {}).error().message.find("login page"), std::string::npos);
}

TEST(HubListings, AreHostile) {
  const std::string commit(40, 'a'), digest(64, 'b');
  const auto listing = [&](const std::string& files) {
    return R"({"sha": ")" + commit + R"(", "siblings": [)" + files + "]}";
  };
  for (const std::string& text :
       {std::string(), std::string("[]"), std::string("{}"), std::string(R"({"sha": "x", "siblings": []})"),
        listing("1"), listing(R"({"rfilename": "a.gguf", "lfs": {"sha256": "../../x", "size": 1}})"),
        listing(R"({"rfilename": "a.gguf", "size": 18446744073709551615})"), std::string(100'000, '[')})
    EXPECT_FALSE(parse_repository(text, "o/r")) << text.substr(0, 100);
  const auto climbing = parse_repository(
      listing(
          R"({"rfilename": "../../etc/passwd"}, {"rfilename": "/abs.gguf"}, {"rfilename": "a\u0000.gguf"}, {"rfilename": "ok.gguf", "size": 3})"),
      "o/r");
  ASSERT_TRUE(climbing) << climbing.error().message;
  ASSERT_EQ(climbing->files.size(), 1u);
  EXPECT_EQ(climbing->files[0].path, "ok.gguf");
}

HubRepository with_files(const std::vector<std::string>& paths) {
  HubRepository repository{.name = "o/r", .commit = std::string(40, 'a')};
  for (const std::string& path : paths) repository.files.push_back({.path = path, .n_bytes = 10});
  return repository;
}

TEST(HubChoices, FollowQuantizationsAndParts) {
  const HubRepository many =
      with_files({"m-IQ3_XXS.gguf", "m-Q4_K_M.gguf", "m.Q8_0.gguf", "mmproj-F16.gguf", "big/m-Q6_K-00001-of-00002.gguf",
                  "big/m-Q6_K-00002-of-00002.gguf", "m-f16-00001-of-00002.gguf", "README.md"});
  EXPECT_EQ(choose_files(many, "", "")->quant, "Q4_K_M");
  EXPECT_EQ(choose_files(many, "", "q8_0")->files[0].path, "m.Q8_0.gguf");
  EXPECT_EQ(choose_files(many, "", "iq3_xxs")->files[0].path, "m-IQ3_XXS.gguf");
  EXPECT_EQ(choose_files(many, "", "Q6_K")->files.size(), 2u);
  EXPECT_EQ(choose_files(many, "big/m-Q6_K-00002-of-00002.gguf", "")->files.size(), 2u);
  const auto torn = choose_files(many, "", "F16");
  ASSERT_FALSE(torn);
  EXPECT_EQ(torn.error().code, ErrorCode::kInvalidFile);
  const auto none = choose_files(many, "", "Q2_K");
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message.find("IQ3_XXS, Q4_K_M"), std::string::npos) << none.error().message;
  EXPECT_FALSE(choose_files(many, "absent.gguf", ""));
  EXPECT_EQ(choose_files(with_files({"config.json", "model.safetensors"}), "", "")->format, "safetensors");
  EXPECT_EQ(choose_files(with_files({"mlc-chat-config.json", "params_shard_0.bin"}), "", "")->format, "mlc");
  EXPECT_FALSE(choose_files(with_files({"README.md"}), "", ""));
}

TEST(Retries, ComeLaterEachTimeAndNeverInStep) {
  using std::chrono::milliseconds;
  const milliseconds unit(1000);
  for (int n = 1; n < 40; ++n) {
    const auto pause = pause_before_retry(n, unit, {});
    ASSERT_TRUE(pause);
    EXPECT_GE(*pause, unit);
    EXPECT_LE(*pause, 60 * unit);
  }
  EXPECT_GE(*pause_before_retry(9, unit, {}), 30 * unit);
  EXPECT_GE(*pause_before_retry(1, unit, std::chrono::seconds(20)), milliseconds(20'000));
  EXPECT_FALSE(pause_before_retry(1, unit, std::chrono::seconds(4000))) << "nobody waits for an hour";
  std::vector<milliseconds> pauses;
  for (int i = 0; i < 50; ++i) pauses.push_back(*pause_before_retry(3, unit, {}));
  EXPECT_NE(*std::ranges::min_element(pauses), *std::ranges::max_element(pauses));
  EXPECT_EQ(parse_retry_after("12"), std::chrono::seconds(12));
  for (const char* text : {"", "-1", "1.5", "Wed, 21 Oct 2026 07:28:00 GMT", "99999999999"})
    EXPECT_FALSE(parse_retry_after(text)) << text;
}

}  // namespace
}  // namespace hearth::testing
