// Every way in which a download goes wrong, over real sockets: it ends with the right bytes or with a typed error that
// names the cure, nothing unverified gets a final name, and the next attempt pays for one chunk at most.
#include <algorithm>

#include "library/fetch_fixture.h"

namespace hearth::testing {
namespace {

using library::Fetched;
using library::FetchRequest;
using library::part_name;

class FetchFaults : public FetchFixture {
 protected:
  /// The fault may do what it likes; the file arrives, and its fault is over afterwards.
  void expect_survived(const std::function<LocalHub::Fault(std::mt19937&)>& make_fault) {
    for (unsigned seed = 0; seed < n_seeds(); ++seed) {
      std::mt19937 random(seed);
      const FetchRequest wanted = request(seed);
      hub_.set_fault(make_fault(random));
      expect_published(fetch(wanted));
      EXPECT_EQ(parts_size(), 0u);
      std::filesystem::remove_all(folder_.path() / "blobs");
    }
  }
  /// The fault lasts: a typed error. Without it, the same call succeeds.
  void expect_told(ErrorCode code, const std::string& part,
                   const std::function<LocalHub::Fault(std::mt19937&)>& make_fault) {
    for (unsigned seed = 0; seed < n_seeds(); ++seed) {
      std::mt19937 random(seed);
      const FetchRequest wanted = request(seed);
      hub_.set_fault(make_fault(random));
      const auto fetched = fetch(wanted);
      ASSERT_FALSE(fetched);
      EXPECT_EQ(fetched.error().code, code) << fetched.error().message;
      EXPECT_NE(fetched.error().message.find(part), std::string::npos) << fetched.error().message;
      expect_nothing_published();
      hub_.set_fault({});
      expect_published(fetch(wanted));
      std::filesystem::remove_all(folder_.path());
      std::filesystem::create_directories(folder_.path());
    }
  }
  /// A fault of one answer in `n` that brings bytes of the file.
  static LocalHub::Fault sometimes(std::mt19937& random, unsigned n, std::function<void(Answer&)> spoil) {
    return [draw = random, n, spoil = std::move(spoil)](const Asked& asked, Answer& answer) mutable {
      if (asked.is_file() && draw() % n == 0) spoil(answer);
    };
  }
};

TEST_F(FetchFaults, None) {
  for (unsigned seed = 0; seed < n_seeds(); ++seed) {
    const FetchRequest wanted = request(seed);
    const auto fetched = fetch(wanted);
    expect_published(fetched);
    EXPECT_EQ(fetched->n_transferred, bytes_.size());
    EXPECT_EQ(hub_.n_sent(), bytes_.size());
    const auto again = fetch(wanted);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->n_transferred, 0u);
    hub_.forget();
  }
}

TEST_F(FetchFaults, InterruptedAnywhereItGoesOnWhereItWas) {
  for (unsigned seed = 0; seed < 2 * n_seeds(); ++seed) {
    const FetchRequest wanted = request(seed, 20 * kChunk);
    hub_.forget();
    std::stop_source stop;
    const std::size_t limit = 1 + seed * 48271 % (19 * kChunk);
    std::atomic<std::size_t> n_sent = 0;
    hub_.set_fault([&](const Asked& asked, Answer& answer) {
      if (asked.is_file() && (n_sent += answer.body.size()) > limit) stop.request_stop();
    });
    const auto stopped = library::fetch_file(client(net()), wanted, options(), stop.get_token());
    if (!stopped) {
      EXPECT_EQ(stopped.error().code, ErrorCode::kCancelled) << stopped.error().message;
      expect_nothing_published();
    }
    hub_.set_fault({});
    hub_.forget();
    const std::string journal = read_text(folder_.path() / "parts" / (part_name(wanted) + ".journal"));
    const auto n_durable =
        static_cast<std::uint64_t>(std::max<std::ptrdiff_t>(std::ranges::count(journal, '\n') - 1, 0));
    const auto fetched = fetch(wanted);
    expect_published(fetched);
    if (!stopped) {
      EXPECT_EQ(fetched->n_transferred, bytes_.size() - n_durable * kChunk);
    }
    std::filesystem::remove_all(folder_.path() / "blobs");
  }
}

TEST_F(FetchFaults, PowerLossAndDamageOnTheDisk) {
  for (unsigned seed = 0; seed < 3 * n_seeds(); ++seed) {
    std::mt19937 random(seed);
    const FetchRequest wanted = request(seed, 12 * kChunk);
    hub_.set_fault([n = 0](const Asked& asked, Answer& answer) mutable {
      if (asked.is_file() && ++n > 8) answer = {.status = 404};
      if (asked.is_resolve() && n > 8) answer = {.status = 400};
    });
    ASSERT_FALSE(fetch(wanted));
    hub_.set_fault({});
    hub_.forget();
    // Writes that never arrived, in both files: zeros, a torn end, a flipped bit.
    const auto part = folder_.path() / "parts" / (part_name(wanted) + ".part");
    const auto journal = folder_.path() / "parts" / (part_name(wanted) + ".journal");
    std::string bytes = read_text(part), lines = read_text(journal);
    const std::size_t at = random() % bytes.size();
    switch (random() % 4) {
      case 0: std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.end(), '\0'); break;
      case 1: bytes.resize(at); break;
      case 2: bytes[at] = static_cast<char>(bytes[at] ^ 1); break;
      default: lines.resize(random() % (lines.size() + 1)); break;
    }
    if (random() % 2) lines += "9 torn";
    std::ofstream(part, std::ios::binary) << bytes;
    std::ofstream(journal, std::ios::binary) << lines;
    expect_published(fetch(wanted));
  }
}

TEST_F(FetchFaults, OneFlippedBitOnTheDiskCostsOneChunk) {
  const FetchRequest wanted = request(1, 10 * kChunk);
  std::filesystem::path part = folder_.path() / "parts" / (part_name(wanted) + ".part");
  hub_.set_fault([&](const Asked& asked, Answer& answer) {
    if (asked.is_file() && asked.first >= 9 * kChunk) answer = {.status = 404};
    if (asked.is_resolve() && asked.has_range && asked.first >= 9 * kChunk) answer = {.status = 400};
  });
  ASSERT_FALSE(fetch(wanted));
  hub_.set_fault({});
  std::string bytes = read_text(part);
  bytes[4 * kChunk + 77] = static_cast<char>(bytes[4 * kChunk + 77] ^ 4);
  std::ofstream(part, std::ios::binary) << bytes;
  const std::string journal = read_text(folder_.path() / "parts" / (part_name(wanted) + ".journal"));
  const auto n_durable = static_cast<std::uint64_t>(std::ranges::count(journal, '\n') - 1);
  const auto fetched = fetch(wanted);
  expect_published(fetched);
  EXPECT_EQ(fetched->n_transferred, (10 - n_durable + 1) * kChunk);
}

TEST_F(FetchFaults, FlippedBitsOnTheWay) {
  expect_survived([](std::mt19937& random) -> LocalHub::Fault {
    return [at = random() % 5, done = false](const Asked& asked, Answer& answer) mutable {
      if (!asked.is_file() || asked.first / kChunk != at || std::exchange(done, true)) return;
      answer.body[answer.body.size() / 2] = static_cast<char>(answer.body[answer.body.size() / 2] ^ 0x10);
    };
  });
  expect_told(ErrorCode::kVerificationFailed, "mirror", [](std::mt19937& random) -> LocalHub::Fault {
    return [at = random() % 5](const Asked& asked, Answer& answer) {
      if (asked.is_file() && asked.first / kChunk == at) answer.body[0] = static_cast<char>(answer.body[0] ^ 1);
    };
  });
  hub_.set_fault({});
}

TEST_F(FetchFaults, QuarantinedBytesAreGivenBack) {
  const FetchRequest wanted = request(0);
  hub_.set_fault([](const Asked& asked, Answer& answer) {
    if (asked.is_file()) answer.body[0] = static_cast<char>(answer.body[0] ^ 1);
  });
  ASSERT_FALSE(fetch(wanted));
  EXPECT_LE(hub_.n_sent(), 2 * bytes_.size()) << "two times and no more";
  EXPECT_EQ(library::remove_parts(folder_.path()), bytes_.size());
  EXPECT_EQ(parts_size(), 0u);
}

TEST_F(FetchFaults, AnswersThatEndTooEarly) {
  const auto cut = [](Answer& answer) {
    answer.declared = answer.body.size();
    answer.cut_after = answer.body.size() / 3;
  };
  expect_survived([&](std::mt19937& random) { return sometimes(random, 2, cut); });
  const auto reset = [](Answer& answer) {
    answer.cut_after = answer.body.size() / 2;
    answer.declared = answer.body.size();
    answer.reset = true;
  };
  expect_survived([&](std::mt19937& random) { return sometimes(random, 2, reset); });
  const auto empty = [](Answer& answer) { answer.body.clear(); };
  expect_survived([&](std::mt19937& random) { return sometimes(random, 3, empty); });
  expect_told(ErrorCode::kNetworkFailed, "too early",
              [&](std::mt19937& random) { return sometimes(random, 1, empty); });
}

TEST_F(FetchFaults, AnswersThatAreTooLong) {
  const auto longer = [](Answer& answer) {
    answer.body += "more";
    answer.no_length = true;
  };
  expect_survived([&](std::mt19937& random) { return sometimes(random, 4, longer); });
  expect_told(ErrorCode::kInvalidResponse, "more than",
              [&](std::mt19937& random) { return sometimes(random, 1, longer); });
  const auto bomb = [](Answer& answer) { answer.headers["Content-Encoding"] = "gzip"; };
  expect_told(ErrorCode::kInvalidResponse, "compressed",
              [&](std::mt19937& random) { return sometimes(random, 1, bomb); });
}

TEST_F(FetchFaults, RangesThatAreIgnoredOrWrong) {
  expect_survived([this](std::mt19937&) -> LocalHub::Fault {
    return [this](const Asked& asked, Answer& answer) {
      if (asked.is_file()) answer = {.headers = {{"Content-Type", "application/octet-stream"}}, .body = bytes_};
    };
  });
  const auto shifted = [](Answer& answer) { answer.headers["Content-Range"] = "bytes 1-2/3"; };
  expect_survived([&](std::mt19937& random) { return sometimes(random, 4, shifted); });
  expect_told(ErrorCode::kInvalidResponse, "bytes 1-2/3",
              [&](std::mt19937& random) { return sometimes(random, 1, shifted); });
  expect_told(ErrorCode::kStateMismatch, "shorter", [](std::mt19937&) -> LocalHub::Fault {
    return [](const Asked& asked, Answer& answer) {
      if (asked.is_file()) answer = {.status = 416};
    };
  });
}

TEST_F(FetchFaults, IgnoredRangesAndADeathOnTheWay) {
  for (unsigned seed = 0; seed < n_seeds(); ++seed) {
    const FetchRequest wanted = request(seed);
    hub_.set_fault([this, n = 0](const Asked& asked, Answer& answer) mutable {
      if (!asked.is_file()) return;
      answer = {.headers = {{"Content-Type", "application/octet-stream"}}, .body = bytes_};
      answer.declared = bytes_.size();
      if (++n < 6) answer.cut_after = static_cast<std::size_t>(n) * kChunk - 100;
    });
    expect_published(fetch(wanted));
    std::filesystem::remove_all(folder_.path() / "blobs");
  }
}

TEST_F(FetchFaults, ContentThatChangesBetweenParts) {
  FetchRequest wanted = request(0, 6 * kChunk);
  wanted.sha256.clear();  // an address without a promise
  wanted.n_bytes = 0;
  hub_.set_fault([n = 0](const Asked& asked, Answer& answer) mutable {
    if (!asked.is_file() || ++n < 4) return;
    answer = {.status = 400};
  });
  ASSERT_FALSE(fetch(wanted));
  hub_.set_fault({});
  request(5, 6 * kChunk);  // other bytes, another ETag
  expect_published(fetch(wanted));
}

TEST_F(FetchFaults, WeakAndMissingEntityTags) {
  for (const char* tag : {"W/\"x\"", ""}) {
    FetchRequest wanted = request(3);
    wanted.n_bytes = 0;
    hub_.set_fault([tag](const Asked&, Answer& answer) {
      answer.headers.erase("ETag");
      if (*tag) answer.headers["ETag"] = tag;
    });
    expect_published(fetch(wanted));
    std::filesystem::remove_all(folder_.path() / "blobs");
  }
}

TEST_F(FetchFaults, SignedAddressesExpire) {
  LocalHub cdn;
  hub_.cdn = cdn.url();
  for (unsigned seed = 0; seed < n_seeds(); ++seed) {
    const FetchRequest wanted = request(seed, 12 * kChunk);
    cdn.put("any", "x", bytes_);
    cdn.set_fault([n = 0](const Asked& asked, Answer& answer) mutable {
      if (asked.is_file() && ++n % 3 == 0) answer = {.status = n % 2 ? 403 : 410};
    });
    auto options_of_client = net();
    options_of_client.trusted = {cdn.url()};
    options_of_client.token = "hf_secret";
    hub_.forget();
    cdn.forget();
    expect_published(library::fetch_file(client(options_of_client), wanted, options(), {}));
    for (const Asked& asked : cdn.asked()) EXPECT_FALSE(asked.headers.contains("authorization")) << asked.path;
    for (const Asked& asked : hub_.asked()) EXPECT_EQ(asked.headers.at("authorization"), "Bearer hf_secret");
    EXPECT_LT(hub_.asked().size(), cdn.asked().size()) << "the signed address is used while it works";
    std::filesystem::remove_all(folder_.path() / "blobs");
  }
}

TEST_F(FetchFaults, Refusals) {
  const auto status = [](int code, const char* header, const char* value) {
    return [=](std::mt19937&) -> LocalHub::Fault {
      return [=](const Asked&, Answer& answer) { answer = {.status = code, .headers = {{header, value}}}; };
    };
  };
  expect_told(ErrorCode::kNotAuthorized, "accept the licence", status(401, "X-Error-Code", "GatedRepo"));
  expect_told(ErrorCode::kNotAuthorized, "HF_TOKEN", status(403, "X-Error-Code", "GatedRepo"));
  expect_told(ErrorCode::kFileNotFound, "spelling", status(404, "X-Error-Code", "EntryNotFound"));
  expect_told(ErrorCode::kNetworkFailed, "asks us to wait", status(429, "X-Error-Code", ""));
}

TEST_F(FetchFaults, BusyServersAreAskedAgainLater) {
  for (const int code : {429, 500, 502, 503}) {
    expect_survived([code](std::mt19937& random) {
      return sometimes(random, 3, [code](Answer& answer) { answer = {.status = code}; });
    });
  }
  const FetchRequest wanted = request(0);
  const auto begun = std::chrono::steady_clock::now();
  hub_.set_fault([n = 0](const Asked& asked, Answer& answer) mutable {
    if (asked.is_file() && ++n == 1) answer = {.status = 503, .headers = {{"Retry-After", "1"}}};
  });
  expect_published(fetch(wanted));
  EXPECT_GE(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(990)) << "Retry-After is honoured";
}

TEST_F(FetchFaults, SilenceIsNoticedAndSlownessIsNot) {
  expect_survived(
      [](std::mt19937& random) { return sometimes(random, 4, [](Answer& answer) { answer.stall_ms = 2000; }); });
  const FetchRequest wanted = request(0, 4 * 1024);
  hub_.set_fault([](const Asked&, Answer& answer) { answer.trickle_ms = 200; });
  expect_published(fetch(wanted));
}

TEST_F(FetchFaults, LoginPagesAreNotModels) {
  const auto page = [](std::mt19937&) -> LocalHub::Fault {
    return [](const Asked&, Answer& answer) {
      answer = {.headers = {{"Content-Type", "text/html; charset=utf-8"}}, .body = "<html>Please log in</html>"};
    };
  };
  expect_told(ErrorCode::kInvalidResponse, "login page", page);
  auto nowhere = net();
  nowhere.hub = "http://127.0.0.1:1";
  FetchRequest wanted = request(0);
  wanted.url = "http://127.0.0.1:1/x";
  const auto refused = library::fetch_file(client(nowhere), wanted, options(), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kNetworkFailed) << refused.error().message;
}

TEST_F(FetchFaults, ASpokenTlsThatIsNone) {
  FetchRequest wanted = request(0);
  wanted.url.replace(0, 4, "https");
  auto options_of_client = net();
  options_of_client.hub.replace(0, 4, "https");
  options_of_client.n_attempts = 2;
  options_of_client.stall = std::chrono::seconds(60);  // reading the machine's certificates is silent work
  const auto refused = library::fetch_file(client(options_of_client), wanted, options(), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kNetworkFailed);
  EXPECT_NE(refused.error().message.find("clock"), std::string::npos) << refused.error().message;
}

TEST_F(FetchFaults, DisksThatAreTooSmall) {
  FetchRequest wanted = request(0);
  library::FetchOptions tight = options();
  tight.spare_bytes = std::uint64_t{1} << 60;
  const auto refused = library::fetch_file(client(net()), wanted, tight, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kDiskFull);
  EXPECT_NE(refused.error().message.find("hearth gc"), std::string::npos);
  EXPECT_EQ(parts_size(), 0u) << "nothing was begun";
  EXPECT_TRUE(hub_.asked().empty());
  expect_published(fetch(wanted));
}

TEST_F(FetchFaults, CancelGivesTheDiskBackWhenAsked) {
  const FetchRequest wanted = request(0, 20 * kChunk);
  std::stop_source stop;
  hub_.set_fault([&](const Asked& asked, Answer&) {
    if (asked.is_file() && asked.first > 4 * kChunk) stop.request_stop();
  });
  library::FetchOptions freeing = options();
  freeing.on_cancel = library::FetchOptions::OnCancel::kFreeDisk;
  const auto cancelled = library::fetch_file(client(net()), wanted, freeing, stop.get_token());
  ASSERT_FALSE(cancelled);
  EXPECT_EQ(cancelled.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(parts_size(), 0u);
}

TEST_F(FetchFaults, TwoAskOneTransfers) {
  for (const bool promised : {true, false}) {
    FetchRequest wanted = request(promised ? 0 : 9, 8 * kChunk);
    if (!promised) wanted.sha256.clear();
    hub_.forget();
    std::vector<Result<Fetched>> fetched(3, fail(ErrorCode::kInternal, ""));
    {
      std::vector<std::jthread> threads;
      for (auto& result : fetched) threads.emplace_back([&] { result = fetch(wanted); });
    }
    for (const auto& result : fetched) expect_published(result);
    EXPECT_EQ(hub_.n_sent(), bytes_.size());
  }
}

TEST_F(FetchFaults, EmptyModelsAreRefused) {
  FetchRequest wanted = request(0);
  wanted.sha256 = library::sha256_of("");
  EXPECT_FALSE(fetch(wanted));
  FetchRequest address = request(0);
  address.sha256.clear();
  address.n_bytes = 0;
  hub_.set_fault([](const Asked& asked, Answer& answer) {
    if (asked.is_file()) answer = {};
  });
  const auto refused = fetch(address);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("empty"), std::string::npos) << refused.error().message;
}

TEST_F(FetchFaults, OfflineSendsNothing) {
  auto offline = net();
  offline.offline = true;
  const auto refused = library::fetch_file(client(offline), request(0), options(), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kOffline);
  EXPECT_TRUE(hub_.asked().empty());
}

TEST_F(FetchFaults, ProgressStaysFinite) {
  const FetchRequest wanted = request(0, 8 * kChunk);
  hub_.set_fault([](const Asked&, Answer& answer) { answer.trickle_ms = 30; });
  library::FetchOptions watched = options();
  std::size_t n = 0;
  std::uint64_t last = 0;
  watched.progress = [&](const library::FetchProgress& progress) {
    ++n;
    EXPECT_LE(progress.n_done, progress.n_bytes);
    EXPECT_GE(progress.n_done, last);
    last = progress.n_done;
    EXPECT_TRUE(std::isfinite(progress.bytes_per_second) && progress.bytes_per_second >= 0);
    EXPECT_GE(progress.eta.value_or(std::chrono::seconds(0)).count(), 0);
  };
  expect_published(library::fetch_file(client(net()), wanted, watched, {}));
  EXPECT_GT(n, 2u);
  EXPECT_EQ(last, bytes_.size());
}

}  // namespace
}  // namespace hearth::testing
