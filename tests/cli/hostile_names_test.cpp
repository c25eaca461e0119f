// Hostile names into every command that takes one, with the operating system as the witness: whatever a name says,
// nothing outside the library's folder is made, changed or removed, and nothing is read but what the person pointed at.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <atomic>
#include <cstdlib>
#include <random>
#include <set>

#include "cli/cli.h"
#include "cli/process.h"
#include "cli/system_watch.h"
#include "library/shelf/import.h"

namespace hearth::testing {
namespace {

namespace fs = std::filesystem;

/// A command line with "%" where the name goes.
struct NameTaker {
  std::vector<std::string> words;
  bool takes_paths = false;  // the name may be a path, which then may be read
  std::size_t every = 1;     // of slow commands: only each n-th name
};

const std::vector<NameTaker>& name_takers() {
  static const std::vector<NameTaker> all = {
      {{"pull", "%"}},
      {{"update", "%"}},
      {{"show", "%"}},
      {{"rm", "%"}},
      {{"verify", "%"}},
      {{"cp", "%", "copy"}},
      {{"cp", "kept", "%"}},
      {{"rm", "%"}},
      {{"import", "../model.json", "--name", "%"}},
      {{"rm", "%"}},
      {{"recommend", "--device", "%"}},
      {{"adopt", "%"}},
      {{"synth", "%", "../made.gguf"}},
      {{"run", "../model.json", "x", "--engine", "%"}},
      {{"import", "%", "--in-place"}, true},
      {{"rm", "victim"}},  // it was read by wish, and is not to be read later without
      {{"adopt", "ollama", "--from", "%", "--dry-run"}, true},
      {{"plan", "%"}, true},
      {{"run", "%", "x", "--max-tokens", "1"}, true},
      {{"chat", "%"}, true},
      {{"doctor", "%"}, true},
      {{"inspect", "%"}, true},
      {{"tokenize", "%", "x"}, true},
      {{"template", "%"}, true},
      {{"logits", "%", "--tokens", "1"}, true},
      {{"perplexity", "%", "../text"}, true},
      {{"quantize", "%", "../made.gguf", "Q8_0"}, true},
      {{"embed", "%", "x"}, true},
      {{"bench", "%", "--rounds", "1", "--decode", "1"}, true, 50},
  };
  return all;
}

/// The worst first, then as many as asked for, put together at random.
std::vector<std::string> hostile_names(const std::string& victim, std::size_t n) {
  std::vector<std::string> names = {"../../outside/victim",
                                    victim,
                                    "hf:../../outside/victim",
                                    "hf:a/..:victim",
                                    "hf:o/r@../../../outside",
                                    "..:..",
                                    "blobs/../../../outside/victim",
                                    "file://" + victim,
                                    "https://127.0.0.1/../../outside/victim#sha256=" + std::string(64, '0'),
                                    "~root/x",
                                    "C:\\outside\\victim",
                                    "'; DROP TABLE names; --",
                                    "%s%n{}{0}",
                                    "\xE2\x80\xAE"
                                    "mirrored",
                                    "caf\xC3\xA9",
                                    std::string(5000, 'a'),
                                    "index.db",
                                    "CON",
                                    "-",
                                    "--",
                                    ""};
  const std::vector<std::string> parts = {"..",       "/",
                                          "\\",       "hf:",
                                          "https://", ":",
                                          "@",        "%2e%2e",
                                          "~",        "a",
                                          "o/r",      ".",
                                          "-",        "victim",
                                          " ",        "#",
                                          "\xff",     "../../",
                                          "nul",      "C:",
                                          "blobs",    "\n",
                                          "outside",  "../..",
                                          "kept/",    std::string(300, 'x')};
  std::mt19937 random(7);
  while (names.size() < n) {
    std::string text = random() % 4 == 0 ? "../../outside/" : "";
    for (unsigned left = 1 + random() % 6; left > 0; --left) text += parts[random() % parts.size()];
    names.push_back(std::move(text));
  }
  names.resize(n);
  return names;
}

class HostileNames : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* folder : {"root/work", "root/person", "outside"}) fs::create_directories(scratch_.file(folder));
    const std::string script = R"({"hearth_fake": 1, "n_ctx": 16, "text": "kept"})";
    (void)scratch_.write("outside/victim", script);
    (void)scratch_.write("root/model.json", script);
    (void)scratch_.write("root/text", "some words");
    before_ = outside();
    auto shelf = library::Shelf::open(home_);
    ASSERT_TRUE(shelf) << shelf.error().message;
    const auto kept =
        library::import_model(*shelf, scratch_.file("root/model.json"), {.name = "kept", .spare_bytes = 0}, {});
    ASSERT_TRUE(kept) << kept.error().message;
  }
  /// What lies outside the library's folder, with its bytes.
  [[nodiscard]] std::set<std::string> outside() const {
    std::set<std::string> seen;
    for (const auto& entry : fs::recursive_directory_iterator(scratch_.file("outside")))
      seen.insert(entry.path().string() + "=" + (entry.is_regular_file() ? read_text(entry.path()) : ""));
    return seen;
  }
  static bool is_below(const fs::path& path, const fs::path& folder) {
    return std::ranges::mismatch(folder, path).in1 == folder.end();
  }
  /// Whether a command may make this call; `typed` is the path that the person pointed at, empty where none is taken.
  [[nodiscard]] bool is_allowed(const WatchedCall& call, const fs::path& typed) const {
    if (is_below(call.path, root_) && (call.other.empty() || is_below(call.other, root_))) return true;
    if (call.path == "/dev/null" || call.path.ends_with(".gcda")) return true;  // coverage counts are the build's own
    if (call.kind != WatchedCall::Kind::kRead) return false;
    if (!typed.empty() && is_below(call.path, typed)) return true;
    static const std::vector<fs::path> system = {"/usr", "/lib", "/lib64", "/etc", "/proc", "/sys", "/dev/urandom"};
    return std::ranges::any_of(system, [&](const fs::path& folder) { return is_below(call.path, folder); });
  }
  [[nodiscard]] fs::path typed_path(const std::string& name) const {
    std::error_code code;
    const fs::path whole = root_ / "work" / name.c_str();
    const fs::path found = fs::weakly_canonical(whole, code);
    return code ? whole.lexically_normal() : found;  // parts that are too long for any file
  }
  void expect_untouched() const {
    EXPECT_EQ(outside(), before_);
    auto shelf = library::Shelf::open(home_);
    ASSERT_TRUE(shelf) << shelf.error().message;
    const auto kept = shelf->find(*library::parse_model_name("kept"), *library::Catalogue::built_in());
    ASSERT_TRUE(kept && *kept) << "the model that no hostile name means is still there";
    EXPECT_TRUE(shelf->path_to_open(**kept));
  }

  ScratchFolder scratch_{in_memory()};
  fs::path root_ = fs::canonical(scratch_.file("")) / "root";
  std::string home_ = (root_ / "home").string(), victim_ = scratch_.file("outside/victim");
  std::set<std::string> before_;
};

/// What child and judge share: which name goes into which command now.
struct NowTried {
  std::atomic<std::size_t> name = 0, taker = 0, n_odd_codes = 0;
};

TEST_F(HostileNames, OpenNothingOutsideTheLibrary) {
  const char* wish = std::getenv("HEARTH_NAMES");
  const std::vector<std::string> names = hostile_names(victim_, wish ? std::strtoul(wish, nullptr, 10) : 12);
  const std::vector<NameTaker>& takers = name_takers();
  void* memory = ::mmap(nullptr, sizeof(NowTried), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  auto* now = new (memory) NowTried;
  std::set<std::string> faults;
  std::size_t n_calls = 0, last_name = names.size();
  fs::path typed;
  const auto judge = [&](const WatchedCall& call) {
    ++n_calls;
    if (const std::size_t name = now->name; name != last_name) typed = typed_path(names[last_name = name]);
    const NameTaker& taker = takers[now->taker];
    if (is_allowed(call, taker.takes_paths ? typed : fs::path())) return 0;
    if (faults.size() < 20) faults.insert(taker.words[0] + " \"" + names[now->name] + "\": " + call.path + call.other);
    return EACCES;
  };
  const auto try_all = [&] {
    if (::chdir((root_ / "work").c_str()) != 0 || !std::freopen("/dev/null", "r", stdin) ||
        !std::freopen("/dev/null", "w", stdout) || !std::freopen((root_ / "messages").c_str(), "w", stderr))
      ::_exit(78);
    cli::Settings settings{.cache = "off"};
    settings.library.home = home_;
    settings.library.user_home = (root_ / "person").string();
    settings.library.offline = true;
    for (now->name = 0; now->name < names.size(); ++now->name) {
      for (now->taker = 0; now->taker < takers.size(); ++now->taker) {
        if ((now->name + 1) % takers[now->taker].every != 0) continue;
        std::vector<const char*> words;
        for (const std::string& word : takers[now->taker].words)
          words.push_back(word == "%" ? names[now->name].c_str() : word.c_str());
        const int code = cli::run(words, settings);
        if (code < 0 || code > 2) ++now->n_odd_codes;
      }
    }
    now->name = 0;
    now->taker = 0;
  };
  const auto status = SystemWatch::run(WatchScope::kNames, try_all, judge);
  const std::size_t n_odd_codes = now->n_odd_codes;
  ::munmap(memory, sizeof(NowTried));
  if (!status) GTEST_SKIP() << "this kernel lets nobody watch the calls of a process";
  EXPECT_EQ(*status, 0) << "it ended by itself";
  EXPECT_EQ(faults, std::set<std::string>());
  EXPECT_GT(n_calls, names.size() * takers.size()) << "the witness was awake";
  EXPECT_EQ(n_odd_codes, 0u);
  EXPECT_EQ(read_text(root_ / "messages").find("a mistake of Hearth"), std::string::npos);
  expect_untouched();
}

TEST_F(HostileNames, NeitherDoWholeProcesses) {
  const std::vector<std::string> names = hostile_names(victim_, 2);
  std::vector<std::string> environment = {"HEARTH_HOME=" + home_, "HEARTH_CACHE=off", "HEARTH_OFFLINE=1",
                                          "PATH=/usr/bin:/bin", "HOME=" + (root_ / "person").string()};
  for (const std::string& name : names) {
    for (const char* command : {"pull", "run", "rm"}) {
      std::vector<std::string> words = command_line({command, name});
      std::vector<char*> argv, envp;
      for (std::string& word : words) argv.push_back(word.data());
      for (std::string& setting : environment) envp.push_back(setting.data());
      argv.push_back(nullptr);
      envp.push_back(nullptr);
      const fs::path program = fs::canonical(fs::path(HEARTH_BINARY).parent_path());
      const fs::path typed = std::string_view(command) == "run" ? typed_path(name) : fs::path();
      std::vector<std::string> faults;
      bool saw_the_library = false;
      const auto status = SystemWatch::run(
          WatchScope::kNames,
          [&] {
            if (::chdir((root_ / "work").c_str()) != 0 || !std::freopen("/dev/null", "r", stdin) ||
                !std::freopen("/dev/null", "w", stdout) || !std::freopen("/dev/null", "w", stderr))
              ::_exit(78);
            SystemWatch::start_program(argv, envp);
          },
          [&](const WatchedCall& call) {
            saw_the_library |= is_below(call.path, home_);
            if (is_allowed(call, typed) || (call.kind == WatchedCall::Kind::kRead && is_below(call.path, program)))
              return 0;
            faults.push_back(call.path + call.other);
            return EACCES;
          });
      if (!status) GTEST_SKIP() << "this kernel lets nobody watch the calls of a process";
      EXPECT_TRUE(WIFEXITED(*status) && WEXITSTATUS(*status) <= 2) << command << " " << name << ": " << *status;
      EXPECT_EQ(faults, std::vector<std::string>()) << command << " " << name;
      if (std::string_view(command) == "rm") {
        EXPECT_TRUE(saw_the_library);
      }
    }
  }
  expect_untouched();
}

}  // namespace
}  // namespace hearth::testing
