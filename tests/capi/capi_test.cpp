// The C interface as a host uses it: models, chats, errors, cancelling from another thread, structs of other versions.
#include <gtest/gtest.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "data_path.h"
#include "file/temporary_folder.h"
#include "hearth/hearth.h"

#include <nlohmann/json.hpp>

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

hearth_error no_error() {
  hearth_error error{};
  error.size = sizeof error;
  return error;
}

/// A file that the fake engine takes for a model begins with its mark.
void write_script(const fs::path& path, const Json& script) {
  std::ofstream(path) << R"({"hearth_fake": 1, )" << script.dump().substr(1);
}

constexpr const char* kRoles = "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}[assistant]";

class ScriptedModel {
 public:
  explicit ScriptedModel(const Json& script, const char* chat_template = kRoles) {
    const fs::path path = folder_.path() / "script.json";
    write_script(path, script);
    hearth_error error = no_error();
    hearth_model_options options{};
    options.size = sizeof options;
    options.chat_template = chat_template;
    model = hearth_model_open(path.c_str(), &options, &error);
    EXPECT_NE(model, nullptr) << error.message;
  }
  ~ScriptedModel() { hearth_model_close(model); }
  hearth_model* model = nullptr;

 private:
  hearth::testing::TemporaryFolder folder_;
};

const Json kTalk = {
    {"replies",
     {{{"after", "[user]Hi[assistant]"}, {"say", "Hello."}}, {{"after", "[user]More[assistant]"}, {"say", "Yes."}}}}};
const Json kEndless = {{"delay_per_token_ms", 1}};

using Reply = std::unique_ptr<hearth_reply, decltype(&hearth_reply_free)>;

TEST(CApi, AChatRemembersForksAndGoesBack) {
  const ScriptedModel scripted(kTalk);
  hearth_error error = no_error();
  hearth_chat* const chat = hearth_chat_open(scripted.model, R"({"temperature": 0})", &error);
  ASSERT_NE(chat, nullptr) << error.message;
  std::string streamed;
  hearth_events events{};
  events.size = sizeof events;
  events.user = &streamed;
  events.text = [](void* user, const char* text, std::size_t n) {
    EXPECT_EQ(std::strlen(text), n);
    *static_cast<std::string*>(user) += text;
    return 0;
  };
  const Reply first(hearth_chat_say(chat, "Hi", &events, nullptr, &error), hearth_reply_free);
  ASSERT_NE(first, nullptr) << error.message;
  EXPECT_STREQ(hearth_reply_text(first.get()), "Hello.");
  EXPECT_STREQ(hearth_reply_reason(first.get()), "stop");
  EXPECT_EQ(streamed, "Hello.");
  EXPECT_EQ(error.code, 0);
  EXPECT_STREQ(error.message, "");
  hearth_chat* const fork = hearth_chat_fork(chat, &error);
  const Reply second(hearth_chat_say(fork, "More", nullptr, nullptr, &error), hearth_reply_free);
  ASSERT_NE(second, nullptr) << error.message;
  EXPECT_STREQ(hearth_reply_text(second.get()), "Yes.");
  const Json receipt = Json::parse(hearth_reply_json(second.get()))["receipt"];
  EXPECT_GT(receipt["prompt"]["reused"].get<int>(), 0);
  const auto messages = [&](const hearth_chat* of) {
    char* const text = hearth_chat_messages(of, &error);
    const Json json = Json::parse(text);
    hearth_text_free(text);
    return json["messages"].size();
  };
  EXPECT_EQ(messages(chat), 2u);
  EXPECT_EQ(messages(fork), 4u);
  EXPECT_EQ(hearth_chat_undo(fork), 1);
  EXPECT_EQ(messages(fork), 2u);
  const Reply again(hearth_chat_again(fork, nullptr, nullptr, &error), hearth_reply_free);
  ASSERT_NE(again, nullptr) << error.message;
  EXPECT_STREQ(hearth_reply_text(again.get()), "Hello.");
  EXPECT_EQ(hearth_chat_undo(fork), 1);
  EXPECT_EQ(hearth_chat_undo(fork), 0);
  hearth_chat_close(fork);
  hearth_chat_close(chat);
}

TEST(CApi, TheHostsFunctionsAnswerCalls) {
  const std::string call = "<tool_call>\n{\"name\": \"clock\", \"arguments\": {\"zone\": \"CET\"}}\n</tool_call>";
  const ScriptedModel scripted({{"replies",
                                 {{{"after", "noon;[assistant]"}, {"say", "Lunch time."}},
                                  {{"after", "broken;[assistant]"}, {"say", "Alas."}},
                                  {{"after", "time?;[assistant]"}, {"say", call}}}}},
                               "{{ (tools or []) | tojson }}{% for m in messages %}[{{ m.role }}]{{ m.content }}"
                               "{% for c in m.tool_calls or [] %}<tool_call>{{ c.function | tojson }}</tool_call>"
                               "{% endfor %};{% endfor %}[assistant]");
  hearth_error error = no_error();
  hearth_chat* const chat = hearth_chat_open(scripted.model, R"({"temperature": 0})", &error);
  const char* const tool = R"({"name": "clock", "parameters": {"type": "object",
                               "properties": {"zone": {"type": "string"}}, "required": ["zone"]}})";
  struct Host {
    std::string heard;
    bool works = true;
  } host;
  const hearth_tool_function clock = [](void* user, const char* arguments, hearth_tool_answer* answer) {
    Host& its = *static_cast<Host*>(user);
    its.heard = arguments;
    if (its.works) {
      hearth_tool_answer_result(answer, "noon");
    } else {
      hearth_tool_answer_error(answer, "broken");
    }
  };
  ASSERT_EQ(hearth_chat_offer(chat, tool, clock, &host, &error), 0) << error.message;
  const Reply reply(hearth_chat_say(chat, "What time?", nullptr, nullptr, &error), hearth_reply_free);
  ASSERT_NE(reply, nullptr) << error.message;
  EXPECT_STREQ(hearth_reply_text(reply.get()), "Lunch time.");
  EXPECT_EQ(Json::parse(host.heard).at("zone"), "CET");
  EXPECT_EQ(hearth_chat_undo(chat), 1);
  host.works = false;
  const Reply failed(hearth_chat_say(chat, "What time?", nullptr, nullptr, &error), hearth_reply_free);
  EXPECT_STREQ(hearth_reply_text(failed.get()), "Alas.");
  char* const messages = hearth_chat_messages(chat, &error);
  EXPECT_EQ(Json::parse(messages).at("messages").at(2).at("content"), "error: broken");
  hearth_text_free(messages);
  EXPECT_EQ(hearth_chat_offer(chat, "{}", clock, &host, &error), -1);
  EXPECT_NE(std::string(error.message).find("name"), std::string::npos) << error.message;
  hearth_chat_close(chat);
}

TEST(CApi, ARequestWithAnOutputFormat) {
  const ScriptedModel scripted(kTalk);
  hearth_error error = no_error();
  const Reply reply(hearth_generate(scripted.model,
                                    R"({"messages": [{"role": "user", "content": "Hi"}], "seed": 1, "max_tokens": 40,
          "response_format": {"type": "json_schema", "schema": {"type": "object", "properties": {"n": {"type": "integer",
          "minimum": 3, "maximum": 9}}, "required": ["n"], "additionalProperties": false}}})",
                                    nullptr, nullptr, &error),
                    hearth_reply_free);
  ASSERT_NE(reply, nullptr) << error.message;
  const Json said = Json::parse(hearth_reply_text(reply.get()));
  EXPECT_GE(said["n"].get<int>(), 3);
  EXPECT_LE(said["n"].get<int>(), 9);
}

TEST(CApi, ErrorsAreValuesWithASentence) {
  const ScriptedModel scripted(kTalk);
  hearth_error error = no_error();
  EXPECT_EQ(hearth_model_open("/nowhere/model.gguf", nullptr, &error), nullptr);
  EXPECT_EQ(error.code, 2);
  EXPECT_NE(std::string(error.message).find("/nowhere/model.gguf"), std::string::npos);
  EXPECT_EQ(hearth_model_open(nullptr, nullptr, &error), nullptr);
  EXPECT_STREQ(error.message, "path is NULL");
  EXPECT_EQ(hearth_model_open(nullptr, nullptr, nullptr), nullptr);
  const std::pair<const char*, const char*> wrong[] = {
      {"{", "no valid JSON"},
      {"[]", "an object"},
      {R"({"temprature": 1})", "\"temprature\" is no member"},
      {R"({"messages": [{"role": "pope", "content": "x"}]})", "message 0: \"role\" is \"pope\""},
      {R"({"messages": [{"role": "user", "content": 5}]})", "\"content\""},
      {R"({"top_k": 1.5})", "\"top_k\": expected a whole number"},
      {R"({"max_tokens": -1})", "\"max_tokens\""},
      {R"({"response_format": {"type": "xml"}})", "\"json_schema\""},
      {R"({"strict": 1})", "true or false"},
      {"{}", "nothing to answer"},
  };
  for (const auto& [request, expected] : wrong) {
    EXPECT_EQ(hearth_generate(scripted.model, request, nullptr, nullptr, &error), nullptr) << request;
    EXPECT_NE(std::string(error.message).find(expected), std::string::npos) << request << ": " << error.message;
    EXPECT_NE(error.code, 0);
  }
  const std::string deep = R"({"response_format": )" + std::string(100'000, '[');
  EXPECT_EQ(hearth_generate(scripted.model, deep.c_str(), nullptr, nullptr, &error), nullptr);
  std::size_t n = 0;
  EXPECT_EQ(hearth_embed(scripted.model, "x", &n, &error), nullptr);
  EXPECT_NE(std::string(error.message).find("no embedding model"), std::string::npos) << error.message;
}

TEST(CApi, WhatWasNeverOpenedIsSaidAndNotFollowed) {
  hearth_error error = no_error();
  std::size_t n = 0;
  const auto code = [&](bool failed) {
    EXPECT_TRUE(failed);
    return std::exchange(error.code, 0);
  };
  EXPECT_EQ(code(hearth_chat_open(nullptr, nullptr, &error) == nullptr), 15) << "no service selected";
  EXPECT_EQ(code(hearth_generate(nullptr, "{}", nullptr, nullptr, &error) == nullptr), 15);
  EXPECT_EQ(code(hearth_model_info(nullptr, &error) == nullptr), 15);
  EXPECT_EQ(code(hearth_model_warm_up(nullptr, &error) != 0), 15);
  EXPECT_EQ(code(hearth_model_prime(nullptr, "{}", &error) != 0), 15);
  EXPECT_EQ(code(hearth_embed(nullptr, "x", &n, &error) == nullptr), 15);
  EXPECT_NE(std::string(error.message).find("hearth_model_open"), std::string::npos) << error.message;
  EXPECT_EQ(code(hearth_chat_say(nullptr, "x", nullptr, nullptr, &error) == nullptr), 14) << "not initialised";
  EXPECT_EQ(code(hearth_chat_again(nullptr, nullptr, nullptr, &error) == nullptr), 14);
  EXPECT_EQ(code(hearth_chat_fork(nullptr, &error) == nullptr), 14);
  EXPECT_EQ(code(hearth_chat_messages(nullptr, &error) == nullptr), 14);
}

TEST(CApi, StructsOfOtherVersions) {
  struct NewerOptions {
    hearth_model_options known;
    void* unheard_of;
  } newer{};
  newer.known.size = sizeof newer;
  const ScriptedModel scripted(kTalk);
  hearth_error error = no_error();
  newer.unheard_of = &error;
  EXPECT_EQ(hearth_model_open("x", &newer.known, &error), nullptr);
  EXPECT_NE(std::string(error.message).find("this version of Hearth lacks"), std::string::npos);
  newer.unheard_of = nullptr;
  EXPECT_EQ(hearth_model_open("x", &newer.known, &error), nullptr);
  EXPECT_EQ(error.code, 2) << "the file is missing, the struct is fine";
  newer.known.size = 0;
  EXPECT_EQ(hearth_model_open("x", &newer.known, &error), nullptr);
  EXPECT_NE(std::string(error.message).find("size is not set"), std::string::npos);
  // A caller whose struct for errors is smaller gets as much as fits.
  struct OlderError {
    std::size_t size;
    std::int32_t code;
    char message[12];
    char behind[8];
  } older{sizeof(std::size_t) + 4 + 12, 0, {}, "intact"};
  EXPECT_EQ(hearth_model_open(nullptr, nullptr, reinterpret_cast<hearth_error*>(&older)), nullptr);
  EXPECT_STREQ(older.message, "path is NUL");
  EXPECT_STREQ(older.behind, "intact");
}

/// The options of version 1, which ended here.
constexpr std::size_t kFirstOptions = offsetof(hearth_model_options, max_memory_bytes);

TEST(CApi, OptionsOfTheFirstVersionStillWork) {
  std::vector<unsigned char> bytes(kFirstOptions + 64, 0xff);  // what lies behind is no part of it
  std::fill_n(bytes.begin(), kFirstOptions, 0);
  std::memcpy(bytes.data(), &kFirstOptions, sizeof kFirstOptions);
  const std::string path = ::testing::TempDir() + "capi_first_options.json";
  write_script(path, kTalk);
  hearth_error error = no_error();
  hearth_model* const model =
      hearth_model_open(path.c_str(), reinterpret_cast<const hearth_model_options*>(bytes.data()), &error);
  EXPECT_NE(model, nullptr) << error.message;
  hearth_model_close(model);
  fs::remove(path);
}

class CApiCare : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = hearth::testing::missing(path_)) GTEST_SKIP() << *why;
    options_.size = sizeof options_;
    options_.journal_folder = journal_.c_str();
    options_.n_threads = 1;
  }
  Json info_of(hearth_model* model) {
    char* const text = hearth_model_info(model, &error_);
    const Json json = Json::parse(text);
    hearth_text_free(text);
    return json;
  }
  /// As a process leaves it that was killed while it loaded.
  void leave_ticket() const {
    fs::create_directories(journal_);
    const Json load = {{"model", fs::weakly_canonical(path_).string()},
                       {"size_bytes", 1},
                       {"n_ctx", 8192},
                       {"ubatch", 512},
                       {"kv", 0},
                       {"predicted_bytes", 1000},
                       {"free_bytes", 10}};
    std::ofstream(fs::path(journal_) / "ticket-x-0.building") << load.dump();
  }
  const std::string path_ = hearth::testing::data_path("weights/stories260K/stories260K.gguf").string();
  const hearth::testing::TemporaryFolder folder_;
  const std::string journal_ = (folder_.path() / "loads").string();
  hearth_model_options options_{};
  hearth_error error_ = no_error();
};

TEST_F(CApiCare, WhatDoesNotFitIsRefusedWithWhatWould) {
  options_.n_ctx = 900'000'000;
  EXPECT_EQ(hearth_model_open(path_.c_str(), &options_, &error_), nullptr);
  EXPECT_EQ(error_.code, 7) << error_.message;
  EXPECT_NE(std::string(error_.message).find("are free; what would fit: --ctx"), std::string::npos) << error_.message;
  options_.n_ctx = 512;
  options_.max_memory_bytes = 1 << 20;
  EXPECT_EQ(hearth_model_open(path_.c_str(), &options_, &error_), nullptr);
  EXPECT_EQ(error_.code, 7) << error_.message;
  EXPECT_NE(std::string(error_.message).find("1.0 MiB may be taken"), std::string::npos) << error_.message;
  options_.force = 1;
  options_.kv = "q8_0";
  hearth_model* const model = hearth_model_open(path_.c_str(), &options_, &error_);
  ASSERT_NE(model, nullptr) << error_.message;
  EXPECT_EQ(info_of(model).at("context_used"), 512);
  hearth_model_close(model);
  options_.kv = "f16";
  options_.activations = "int4";
  EXPECT_EQ(hearth_model_open(path_.c_str(), &options_, &error_), nullptr);
  EXPECT_NE(std::string(error_.message).find("\"bf16\""), std::string::npos) << error_.message;
  options_.kv = "q9";
  EXPECT_EQ(hearth_model_open(path_.c_str(), &options_, &error_), nullptr);
  EXPECT_NE(std::string(error_.message).find("\"q8_0\""), std::string::npos) << error_.message;
}

TEST(CApiOpen, Bf16ActivationsAreAnotherRecipe) {
  const auto path = hearth::testing::data_path("golden/quant/BF16/model.gguf");
  if (const auto why = hearth::testing::missing(path)) GTEST_SKIP() << *why;
  for (const auto& [asked, recipe] : {std::pair<const char*, int>{nullptr, 1}, {"float", 1}, {"bf16", 2}}) {
    hearth_error error = no_error();
    hearth_model_options options{};
    options.size = sizeof options;
    options.n_threads = 1;
    options.activations = asked;
    hearth_model* const model = hearth_model_open(path.string().c_str(), &options, &error);
    ASSERT_NE(model, nullptr) << error.message;
    char* const text = hearth_model_info(model, &error);
    EXPECT_EQ(Json::parse(text).at("recipe"), recipe);
    hearth_text_free(text);
    hearth_model_close(model);
  }
}

TEST_F(CApiCare, ADeathIsExplainedThenLoadedWithLessThenRefused) {
  leave_ticket();
  hearth_model* const smaller = hearth_model_open(path_.c_str(), &options_, &error_);
  ASSERT_NE(smaller, nullptr) << error_.message;
  const std::string notice = info_of(smaller).at("notice");
  EXPECT_NE(notice.find("the process died"), std::string::npos) << notice;
  EXPECT_NE(notice.find("keys and values in 8 bits"), std::string::npos) << notice;
  hearth_model_close(smaller);
  for (int i = 0; i < 2; ++i) {  // and each time nobody looked before the next start
    leave_ticket();
    options_.max_memory_bytes = 1;  // refused for its size: no success that would forget
    EXPECT_EQ(hearth_model_open(path_.c_str(), &options_, &error_), nullptr);
  }
  options_.max_memory_bytes = 0;
  EXPECT_EQ(hearth_model_open(path_.c_str(), &options_, &error_), nullptr);
  EXPECT_EQ(error_.code, 16) << error_.message;
  EXPECT_NE(std::string(error_.message).find("the last 2 times"), std::string::npos) << error_.message;
  options_.force = 1;
  hearth_model* const forced = hearth_model_open(path_.c_str(), &options_, &error_);
  ASSERT_NE(forced, nullptr) << error_.message;
  EXPECT_EQ(info_of(forced).at("notice"), "");
  hearth_model_close(forced);
  options_.force = 0;
  hearth_model* const forgotten = hearth_model_open(path_.c_str(), &options_, &error_);
  EXPECT_NE(forgotten, nullptr) << "it worked: " << error_.message;
  hearth_model_close(forgotten);
}

TEST_F(CApiCare, ARealDeathIsExplained) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    options_.progress = [](void*, std::uint64_t, std::uint64_t) { return kill(getpid(), SIGKILL); };
    hearth_model_close(hearth_model_open(path_.c_str(), &options_, &error_));
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "the load told no progress: " << status;
  hearth_model* const model = hearth_model_open(path_.c_str(), &options_, &error_);
  ASSERT_NE(model, nullptr) << error_.message;
  const std::string notice = info_of(model).at("notice");
  EXPECT_NE(notice.find("the process died"), std::string::npos) << notice;
  hearth_model_close(model);
}

TEST(CApi, CancelFromAnotherThreadKeepsWhatWasSaid) {
  const ScriptedModel scripted(kEndless);
  hearth_error error = no_error();
  hearth_cancel* const cancel = hearth_cancel_new();
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    hearth_cancel_request(cancel);
  });
  const Reply reply(
      hearth_generate(scripted.model, R"({"prompt": "x", "max_tokens": 4000, "seed": 3})", nullptr, cancel, &error),
      hearth_reply_free);
  other.join();
  ASSERT_NE(reply, nullptr) << error.message;
  EXPECT_STREQ(hearth_reply_reason(reply.get()), "cancelled");
  hearth_cancel_free(cancel);
}

TEST(CApi, TheHostsLife) {
  const ScriptedModel scripted(kEndless);
  hearth_error error = no_error();
  std::thread host([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    hearth_model_on_background(scripted.model);
  });
  const char* const request = R"({"prompt": "x", "max_tokens": 4000, "seed": 3})";
  const Reply reply(hearth_generate(scripted.model, request, nullptr, nullptr, &error), hearth_reply_free);
  host.join();
  ASSERT_NE(reply, nullptr) << error.message;
  EXPECT_STREQ(hearth_reply_reason(reply.get()), "cancelled");
  EXPECT_EQ(hearth_generate(scripted.model, request, nullptr, nullptr, &error), nullptr);
  EXPECT_NE(std::string(error.message).find("background"), std::string::npos);
  hearth_model_on_foreground(scripted.model);
  hearth_model_on_memory_warning(scripted.model);
  const Reply after(hearth_generate(scripted.model, R"({"prompt": "x", "max_tokens": 3})", nullptr, nullptr, &error),
                    hearth_reply_free);
  EXPECT_NE(after, nullptr) << error.message;
}

TEST(CApi, FactsAboutTheModel) {
  const ScriptedModel scripted(kTalk);
  hearth_error error = no_error();
  char* const text = hearth_model_info(scripted.model, &error);
  ASSERT_NE(text, nullptr) << error.message;
  const Json info = Json::parse(text);
  hearth_text_free(text);
  EXPECT_EQ(info["engine"], "fake");
  EXPECT_EQ(info["answers"], true);
  EXPECT_EQ(hearth_abi_version(), HEARTH_ABI_VERSION);
  EXPECT_EQ(hearth_model_warm_up(scripted.model, &error), 0) << error.message;
  EXPECT_EQ(hearth_model_prime(scripted.model, R"({"messages": [{"role": "user", "content": "H"}]})", &error), 0)
      << error.message;
}

std::string output_of(const std::string& command, int code = 0) {
  std::string all;
  FILE* const pipe = popen(command.c_str(), "r");
  char buffer[4096];
  for (std::size_t n = 0; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) all.append(buffer, n);
  EXPECT_EQ(pclose(pipe), code) << command;
  return all;
}

TEST(CAbi, TheSharedLibraryShowsTheListedSymbolsAndNoOthers) {
  std::set<std::string> shown, listed;
  std::istringstream names(output_of(std::string(HEARTH_NM) + " -D --defined-only " + HEARTH_SHARED));
  for (std::string address, kind, name; names >> address >> kind >> name;) shown.insert(name);
  std::ifstream list(fs::path(HEARTH_SOURCE_DIR) / "src/capi/symbols.txt");
  for (std::string name; std::getline(list, name);) listed.insert(name);
  EXPECT_EQ(shown, listed) << "symbols.txt is the interface that others rely on: add to it, never take away";
  // And the header declares them.
  const std::string header = hearth::testing::read_text(fs::path(HEARTH_SOURCE_DIR) / "include/hearth/hearth.h");
  for (const std::string& name : listed) EXPECT_NE(header.find(name + "("), std::string::npos) << name;
}

TEST(CAbi, TheExampleRuns) {
  const hearth::testing::TemporaryFolder folder;
  const fs::path script = folder.path() / "script.json";
  write_script(script, {{"replies", {{{"after", ""}, {"say", "Hello."}}}}});
  EXPECT_EQ(output_of(std::string(HEARTH_C_CHAT) + " " + script.string() + " Hi More"),
            "Hello.\n[stop]\nHello.\n[stop]\n");
}

}  // namespace
