// Sessions on disk: a conversation goes on after the process was killed, to the bit; what is foreign, stale or damaged
// is told and skipped; the folder stays within its bounds.
#include <gtest/gtest.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/hash.h"
#include "data_path.h"
#include "engine/fake/fake_model.h"
#include "engine/native/native_model.h"
#include "generate/local_generator.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace hearth::generate {
namespace {

namespace fs = std::filesystem;
using fake::FakeModel;
using fake::Script;

/// An own folder per checkout and test, empty at first; known to the child that a death test starts, too.
fs::path folder_of(std::string_view test, bool empty = true) {
  Hash64 hash;
  hash.add(fs::current_path().string() + HEARTH_SOURCE_DIR);
  const fs::path folder = fs::temp_directory_path() / fmt::format("hearth-session-{:016x}-{}", hash.value(), test);
  if (empty) fs::remove_all(folder);
  return folder;
}

std::vector<fs::path> files_in(const fs::path& folder, std::string_view suffix = ".session") {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().string().ends_with(suffix)) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

SessionFolderOptions in(const fs::path& folder) {
  return {.folder = folder, .keep_free_bytes = 0};
}

constexpr std::string_view kSessionTemplate =
    "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif "
    "%}";

std::unique_ptr<LocalGenerator> make_generator(std::shared_ptr<LanguageModel> model, const fs::path& folder,
                                               std::string_view chat_template = kSessionTemplate,
                                               SequenceOptions sequence = {}) {
  LocalGeneratorOptions options;
  options.chat_template.given_source = chat_template;
  options.scheduler.cache.sequence = sequence;
  if (!folder.empty()) options.scheduler.cache.sessions = in(folder);
  auto generator = LocalGenerator::make(std::move(model), std::move(options));
  EXPECT_TRUE(generator) << generator.error().message;
  return std::move(*generator);
}

std::shared_ptr<FakeModel> fake_model(const std::function<void(Script&)>& change = {}) {
  Script script;
  if (change) change(script);
  return std::make_shared<FakeModel>(script);
}

Request turn(std::vector<Message> messages, std::string principal = "me") {
  Request request;
  request.messages = std::move(messages);
  request.max_tokens = 12;
  request.sampling.seed = 5;
  request.sampling.n_logprobs = 4;
  request.principal = std::move(principal);
  return request;
}

bool mentions(const std::vector<std::string>& notes, std::string_view what) {
  return std::ranges::any_of(notes, [&](const std::string& note) { return note.find(what) != std::string::npos; });
}

/// Logits of everything after `at`, as bits.
std::vector<float> logits_after(LanguageModel& model, SequenceId id, std::span<const Token> tokens) {
  const Item item{.sequence = id, .tokens = tokens};
  std::vector<Want> wants;
  for (std::size_t row = 0; row < tokens.size(); ++row) wants.push_back({.item_idx = 0, .row = row});
  RowCollector collector;
  const Status status = model.evaluate({&item, 1}, wants, collector, {});
  EXPECT_TRUE(status) << status.error().message;
  std::vector<float> all;
  for (const auto& row : collector.rows) all.insert(all.end(), row.begin(), row.end());
  return all;
}

TEST(Session, EveryKindOfStateComesBackToTheBit) {
  const fs::path root = fs::path(HEARTH_SOURCE_DIR) / "tests/data/golden/arch";
  int n_models = 0;
  for (const auto& entry : fs::directory_iterator(root)) {
    auto model = native::NativeModel::open(entry.path() / "model.gguf", {.n_threads = 1});
    if (!model || (*model)->capabilities().kind == Capabilities::Kind::kEncoder) continue;
    const auto json = nlohmann::json::parse(testing::read_text(entry.path() / "tokens.json"));
    const auto tokens = json["tokens"].get<std::vector<Token>>();
    const SequenceOptions sequence{.n_ctx = json["n_ctx"], .kv = KvStorage::kF16};
    const fs::path folder = folder_of("kinds");
    const CachedText text{.principal = "me", .tokens = {tokens.begin(), tokens.begin() + 30}, .marks = {}};
    std::vector<float> expected;
    {
      PrefixCache cache(**model, {.sequence = sequence, .sessions = in(folder)});
      const auto lent = cache.lend(text);
      ASSERT_TRUE(lent);
      logits_after(**model, lent->sequence, text.tokens);
      EXPECT_TRUE(cache.save(text, lent->sequence).empty());
      expected = logits_after(**model, lent->sequence, std::span(tokens).subspan(30));
      cache.drop(lent->sequence);
    }
    auto again = native::NativeModel::open(entry.path() / "model.gguf", {.n_threads = 1});
    PrefixCache cache(**again, {.sequence = sequence, .sessions = in(folder)});
    const auto lent = cache.lend({.principal = "me", .tokens = tokens, .marks = {}});
    ASSERT_TRUE(lent) << lent.error().message;
    EXPECT_EQ(lent->reuse.n_reused, 30u) << entry.path();
    EXPECT_EQ(lent->reuse.n_restored, 30u);
    const auto got = logits_after(**again, lent->sequence, std::span(tokens).subspan(30));
    ASSERT_EQ(got.size(), expected.size());
    EXPECT_EQ(std::memcmp(got.data(), expected.data(), got.size() * sizeof(float)), 0) << entry.path();
    cache.drop(lent->sequence);
    ++n_models;
  }
  EXPECT_GE(n_models, 8);
}

/// Two turns of a conversation; the answers carry log-probabilities, so equal answers had equal logits.
std::shared_ptr<LanguageModel> stories() {
  auto model = native::NativeModel::open(testing::data_path("weights/stories260K/stories260K.gguf"), {.n_threads = 1});
  EXPECT_TRUE(model) << model.error().message;
  return std::shared_ptr<LanguageModel>(std::move(*model));
}

void expect_same(const Reply& a, const Reply& b) {
  ASSERT_EQ(a.answers.size(), b.answers.size());
  for (std::size_t i = 0; i < a.answers.size(); ++i) {
    EXPECT_EQ(a.answers[i].message.text(), b.answers[i].message.text());
    ASSERT_EQ(a.answers[i].logprobs.size(), b.answers[i].logprobs.size());
    for (std::size_t t = 0; t < a.answers[i].logprobs.size(); ++t) {
      const TokenProbability &x = a.answers[i].logprobs[t], &y = b.answers[i].logprobs[t];
      EXPECT_EQ(x.token, y.token);
      EXPECT_EQ(x.logprob, y.logprob);
      for (std::size_t k = 0; k < x.top.size(); ++k) {
        EXPECT_EQ(x.top[k].token, y.top[k].token);
        EXPECT_EQ(x.top[k].logprob, y.top[k].logprob);
      }
    }
  }
}

TEST(SessionDeathTest, AConversationGoesOnAfterAKill) {
  if (auto why = testing::missing(testing::data_path("weights/stories260K/stories260K.gguf"))) GTEST_SKIP() << *why;
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const fs::path folder = folder_of("kill", false);
  const std::vector<Message> first = {Message::user("Once upon a time there was a little girl who liked to play.")};
  EXPECT_EXIT(
      {
        fs::remove_all(folder);
        const auto generator = make_generator(stories(), folder);
        if (generator->generate(turn(first))) std::raise(SIGKILL);  // the moment it is answered
      },
      ::testing::KilledBySignal(SIGKILL), "");

  const auto reference = make_generator(stories(), {});
  const auto answered = reference->generate(turn(first));
  ASSERT_TRUE(answered);
  std::vector<Message> second = first;
  second.push_back(Message::assistant(answered->text()));
  second.push_back(Message::user("And then?"));
  const auto expected = reference->generate(turn(second));
  ASSERT_TRUE(expected);
  const auto restored = make_generator(stories(), folder)->generate(turn(second));
  ASSERT_TRUE(restored);
  expect_same(*restored, *expected);
  EXPECT_EQ(restored->receipt.prompt.n_reused, expected->receipt.prompt.n_reused);
  EXPECT_EQ(restored->receipt.prompt.n_restored, restored->receipt.prompt.n_reused);
  EXPECT_GT(restored->receipt.prompt.n_reused, 20u);
  EXPECT_TRUE(restored->receipt.notes.empty());
  fs::remove_all(folder);
}

TEST(SessionDeathTest, AKillAtAnyMomentLeavesWholeFiles) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const fs::path folder = folder_of("moments", false);
  fs::remove_all(folder);
  for (const int microseconds : {300, 2000, 9000}) {
    EXPECT_EXIT(
        {
          const auto generator = make_generator(fake_model(), folder);
          std::thread([=] {
            std::this_thread::sleep_for(std::chrono::microseconds(microseconds));
            std::raise(SIGKILL);
          }).detach();
          for (int i = 0;; ++i) (void)generator->generate(turn({Message::user(fmt::format("{} {}", i, microseconds))}));
        },
        ::testing::KilledBySignal(SIGKILL), "");
    const auto model = fake_model();
    const auto binding = session_binding(model->info(), {}, 0);
    if (!fs::exists(folder)) continue;
    for (const fs::path& file : files_in(folder)) {
      const auto session = parse_session(file, binding);
      ASSERT_FALSE(session);
      EXPECT_EQ(session.error().message, "it was made with another chat template") << "whole, but of a generator's";
    }
    const auto reply = make_generator(model, folder)->generate(turn({Message::user("0 300")}));
    ASSERT_TRUE(reply);
    EXPECT_TRUE(reply->receipt.notes.empty()) << reply->receipt.notes[0];
    EXPECT_TRUE(files_in(folder, ".building").empty()) << "what a killed process left is removed";
  }
  fs::remove_all(folder);
}

TEST(Session, PrivateToItsPrincipal) {
  const fs::path folder = folder_of("private");
  const auto request = turn({Message::user("the secret of one")}, "one");
  ASSERT_TRUE(make_generator(fake_model(), folder)->generate(request));
  auto files = files_in(folder);
  ASSERT_EQ(files.size(), 1u);
  EXPECT_EQ(fs::status(files[0]).permissions() & fs::perms::all, fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(fs::status(folder).permissions() & fs::perms::all, fs::perms::owner_all);
  auto other = request;
  other.principal = "two";
  const auto stranger = make_generator(fake_model(), folder)->generate(other);
  ASSERT_TRUE(stranger);
  EXPECT_EQ(stranger->receipt.prompt.n_reused, 0u);
  EXPECT_TRUE(stranger->receipt.notes.empty()) << "not even a word about it";

  // Under the other's name it is still the first one's.
  fs::remove(files_in(folder)[1] == files[0] ? files_in(folder)[0] : files_in(folder)[1]);
  const fs::path renamed = folder / ("0123456789abcdef" + files[0].filename().string().substr(16));
  fs::rename(files[0], renamed);
  EXPECT_EQ(make_generator(fake_model(), folder)->generate(other)->receipt.prompt.n_reused, 0u);
  EXPECT_EQ(make_generator(fake_model(), folder)->generate(request)->receipt.prompt.n_reused, 0u);
}

TEST(Session, ForeignStaleAndDamagedFilesAreToldAndSkipped) {
  const fs::path folder = folder_of("foreign");
  const auto request = turn({Message::user("hello there")});
  const auto generate = [&](std::shared_ptr<LanguageModel> model, std::string_view chat_template = kSessionTemplate,
                            SequenceOptions sequence = {}) {
    auto reply = make_generator(std::move(model), folder, chat_template, sequence)->generate(request);
    EXPECT_TRUE(reply);
    return reply->receipt;
  };
  const auto fresh = [&] {
    fs::remove_all(folder);
    generate(fake_model());
  };
  fresh();
  EXPECT_GT(generate(fake_model()).prompt.n_restored, 0u);

  fresh();
  Receipt told = generate(fake_model([](Script& script) { script.fingerprint = 7; }));
  EXPECT_EQ(told.prompt.n_reused, 0u);
  EXPECT_TRUE(mentions(told.notes, "was skipped: it belongs to another model"));
  fresh();
  EXPECT_TRUE(mentions(generate(fake_model(), "{{ messages[0].content }}").notes, "another chat template"));
  fresh();
  EXPECT_TRUE(mentions(generate(fake_model(), kSessionTemplate, {.n_ctx = 128}).notes, "a context of 4096"));
  fresh();
  EXPECT_TRUE(
      mentions(generate(fake_model(), kSessionTemplate, {.kv = KvStorage::kQ8_0}).notes, "another key/value type"));

  fresh();
  const fs::path file = files_in(folder).at(0);
  const std::string whole = testing::read_text(file);
  const auto put = [&](const std::string& bytes) {
    fs::remove_all(folder);
    fs::create_directory(folder);
    std::ofstream(file, std::ios::binary) << bytes;
  };
  for (const std::size_t at : {std::size_t{0}, whole.size() / 2, whole.size() - 1}) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
    put(damaged);
    const Receipt receipt = generate(fake_model());
    EXPECT_EQ(receipt.prompt.n_reused, 0u) << at;
    EXPECT_TRUE(mentions(receipt.notes, "was skipped: ")) << at;
  }
  // An engine that finds fault with a whole file is believed.
  put(whole);
  told = generate(
      fake_model([](Script& script) { script.failures = {{.call = fake::Failure::Call::kImport, .number = 1}}; }));
  EXPECT_EQ(told.prompt.n_reused, 0u);
  EXPECT_TRUE(mentions(told.notes, "the script of the fake model asked for this error"));
}

TEST(Session, AnyDamagedByteAndAnyCutIsRefused) {
  const fs::path folder = folder_of("damage");
  fs::create_directory(folder);
  const auto model = fake_model();
  const auto binding = session_binding(model->info(), {}, 1);
  const CachedText text{.principal = "me",
                        .tokens = {65, 66, 67, 68, 69},
                        .marks = {{.token_begin = 1, .message_idx = 0, .what = "message 0", .content = 9}}};
  const SequenceId id = *model->create_sequence({});
  logits_after(*model, id, text.tokens);
  const fs::path file = folder / "whole.session";
  ASSERT_TRUE(write_session(file, binding, text, *model, id));
  const auto parsed = parse_session(file, binding);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->text.tokens, text.tokens);
  EXPECT_EQ(parsed->text.marks.at(0).what, "message 0");
  const std::string whole = testing::read_text(file);
  const auto refused = [&](const std::string& bytes) {
    std::ofstream(file, std::ios::binary) << bytes;
    return !parse_session(file, binding);
  };
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 1 << at % 8);
    EXPECT_TRUE(refused(damaged)) << "byte " << at;
    if (at % 5 == 0) {
      EXPECT_TRUE(refused(whole.substr(0, at))) << at;
    }
  }
  EXPECT_TRUE(refused(whole + "x"));
}

TEST(Session, TheFolderStaysWithinItsBounds) {
  const fs::path folder = folder_of("bounds");
  const auto model = fake_model();
  const auto text_of = [&](int i) {
    return CachedText{.principal = "me", .tokens = std::vector<Token>(100, 60 + i), .marks = {}};
  };
  const auto save = [&](PrefixCache& cache, int i) {
    const CachedText text = text_of(i);
    const auto lent = cache.lend(text);
    logits_after(*model, lent->sequence, std::span(text.tokens).subspan(lent->reuse.n_reused));
    auto notes = cache.save(text, lent->sequence);
    cache.drop(lent->sequence);
    return notes;
  };
  SessionFolderOptions options = in(folder);
  options.max_bytes = 5000;  // about five of them
  {
    PrefixCache cache(*model, {.sequence = {}, .sessions = options});
    for (int i = 0; i < 12; ++i) {
      EXPECT_TRUE(save(cache, i).empty());
      std::this_thread::sleep_for(std::chrono::milliseconds(2));  // the file's time tells the order
    }
  }
  std::uint64_t total = 0;
  for (const fs::path& file : files_in(folder)) total += fs::file_size(file);
  EXPECT_LE(total, 5000u);
  EXPECT_GT(total, 3000u);
  PrefixCache cache(*model, {.sequence = {}, .sessions = options});
  const auto reused = [&](int i) {
    const auto lent = cache.lend(text_of(i));
    cache.drop(lent->sequence);
    return lent->reuse.n_reused;
  };
  EXPECT_EQ(reused(0), 0u) << "the one used longest ago is gone";
  EXPECT_EQ(reused(11), 99u);

  options.keep_free_bytes = std::uint64_t{1} << 62;
  PrefixCache full(*model, {.sequence = {}, .sessions = options});
  EXPECT_TRUE(mentions(save(full, 20), "stay free for others"));
  options = in(folder);
  options.max_bytes = 10;
  PrefixCache small(*model, {.sequence = {}, .sessions = options});
  EXPECT_TRUE(mentions(save(small, 21), "all sessions together may have 10"));
  std::ofstream(folder / "file") << "x";
  PrefixCache nowhere(*model, {.sequence = {}, .sessions = in(folder / "file")});
  const auto lent = nowhere.lend(text_of(1));
  ASSERT_TRUE(lent) << "harmless";
  EXPECT_TRUE(mentions(lent->notes, "is no folder and cannot be made"));
}

TEST(Session, BeginningsGoWhereTheEngineCanGoBack) {
  for (const auto rewind : {Capabilities::Rewind::kAny, Capabilities::Rewind::kCheckpoint}) {
    const fs::path folder = folder_of("turns");
    const auto change = [&](Script& script) { script.capabilities.rewind = rewind; };
    std::vector<Message> messages;
    std::size_t n_all = 0;
    for (int i = 0; i < 4; ++i) {
      messages.push_back(Message::user(fmt::format("question {}", i)));
      const auto generator = make_generator(fake_model(change), folder);  // another process each time
      const auto reply = generator->generate(turn(messages));
      ASSERT_TRUE(reply);
      EXPECT_TRUE(reply->receipt.notes.empty());
      if (i > 0) {
        EXPECT_GE(reply->receipt.prompt.n_restored + 24, n_all) << "but for the last answer's odd bytes";
      }
      n_all = reply->receipt.n_prompt;
      messages.push_back(Message::assistant(reply->text()));
    }
    EXPECT_LE(files_in(folder).size(), rewind == Capabilities::Rewind::kAny ? 4u : 8u);
    const auto generator = make_generator(fake_model(change), folder);
    generator->forget();
    ASSERT_TRUE(generator->warm_up());
    EXPECT_TRUE(files_in(folder).empty());
  }
}

TEST(Session, SavedToAFileAndRestoredByName) {
  const fs::path folder = folder_of("explicit");
  fs::create_directory(folder);
  const fs::path file = folder / "talk.session";
  std::vector<Message> messages = {Message::user("remember this")};
  std::size_t n_saved = 0;
  {
    const auto generator = make_generator(fake_model(), {});
    const auto reply = generator->generate(turn(messages));
    messages.push_back(Message::assistant("so be it"));
    const auto saved = generator->save_session(turn(messages), file);
    ASSERT_TRUE(saved) << saved.error().message;
    n_saved = *saved;
    EXPECT_EQ(n_saved, 1 + std::string("[user]remember this[assistant]so be it").size()) << "a token begins every text";
    EXPECT_FALSE(generator->save_session(turn(messages), folder / "no" / "folder"));
  }
  const auto model = fake_model();
  const auto generator = make_generator(model, {});
  EXPECT_FALSE(generator->restore_session(folder / "absent", "me"));
  const auto stranger = generator->restore_session(file, "you");
  ASSERT_FALSE(stranger);
  EXPECT_NE(stranger.error().message.find("somebody else"), std::string::npos);
  EXPECT_EQ(generator->restore_session(file, "me"), n_saved);
  messages.push_back(Message::user("what was it?"));
  const auto reply = generator->generate(turn(messages));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->receipt.prompt.n_reused, n_saved);
  expect_same(*reply, *make_generator(fake_model(), {})->generate(turn(messages)));

  Script script;
  script.capabilities.save = false;
  const auto refused = make_generator(std::make_shared<FakeModel>(script), folder)->save_session(turn(messages), file);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("cannot save"), std::string::npos);
}

}  // namespace
}  // namespace hearth::generate
