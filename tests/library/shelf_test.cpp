// The shelf: weights are kept once, what others own stays theirs, and no index is ever replaced in silence.
#include "library/shelf/shelf.h"

#include "library/fetch_fixture.h"
#include "library/shelf/import.h"
#include "library/shelf/pull.h"

namespace hearth::testing {
namespace {

using namespace library;  // NOLINT: a test of that namespace
namespace fs = std::filesystem;

/// The smallest thing that counts as a model: a script of the fake engine, made unique by its text.
std::string script(const std::string& text) {
  return R"({"hearth_fake": 1, "n_ctx": 16, "text": ")" + text + "\"}";
}

class ShelfTest : public FetchFixture {
 protected:
  [[nodiscard]] Shelf shelf() const {
    auto opened = Shelf::open(folder_.path() / "home");
    EXPECT_TRUE(opened) << opened.error().message;
    return std::move(*opened);
  }
  Result<Pulled> get(Shelf& shelf, const std::string& name, PullOptions options = {}) {
    options.fetch.chunk_bytes = kChunk;
    options.fetch.spare_bytes = 1u << 20;
    return pull(shelf, client(net()), catalogue_, *parse_model_name(name), options, {});
  }
  [[nodiscard]] std::size_t n_blobs() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_.path() / "home" / "blobs"), {}));
  }
  Catalogue catalogue_ = *Catalogue::built_in();
};

TEST_F(ShelfTest, APulledModelIsFoundByEveryNameItHas) {
  hub_.put("bartowski/Llama-3.2-3B-Instruct-GGUF", "Llama-3.2-3B-Instruct-Q4_K_M.gguf", script("llama"));
  Shelf here = shelf();
  const auto pulled = get(here, "llama3.2:3b");
  ASSERT_TRUE(pulled) << pulled.error().message;
  EXPECT_FALSE(pulled->was_here);
  EXPECT_EQ(pulled->model.quant, "Q4_K_M");
  for (const char* name :
       {"llama3.2:3b", "llama3.2", "Llama3.2:3B-Q4_K_M", "llama-3.2-3b-instruct:q4_k_m",
        "hf:bartowski/Llama-3.2-3B-Instruct-GGUF", "hf:bartowski/Llama-3.2-3B-Instruct-GGUF:q4_k_m@cccccc"}) {
    const auto found = here.find(*parse_model_name(name), catalogue_);
    ASSERT_TRUE(found && *found) << name;
    EXPECT_EQ(read_text(*here.path_to_open(**found)), script("llama"));
  }
  for (const char* name :
       {"llama3.2:1b", "llama3.2:3b-q8_0", "hf:bartowski/Llama-3.2-3B-Instruct-GGUF@dddd", "smollm2"})
    EXPECT_FALSE(*here.find(*parse_model_name(name), catalogue_)) << name;
  hub_.forget();
  EXPECT_TRUE(get(here, "llama3.2")->was_here);
  EXPECT_TRUE(hub_.asked().empty()) << "what is here costs no packet";
}

TEST_F(ShelfTest, IdenticalWeightsAreKeptOnceAndGoWithTheirLastName) {
  hub_.put("a/one", "m.gguf", script("same"));
  hub_.put("b/two", "n.gguf", script("same"));
  Shelf here = shelf();
  ASSERT_TRUE(get(here, "hf:a/one"));
  hub_.forget();
  ASSERT_TRUE(get(here, "hf:b/two"));
  EXPECT_EQ(hub_.n_sent(), 0u) << "the digest is known, so nothing is transferred";
  EXPECT_EQ(n_blobs(), 1u);
  EXPECT_EQ(here.list()->size(), 2u);
  ASSERT_TRUE(here.name((*here.find(*parse_model_name("hf:a/one"), catalogue_))->id, "mine"));
  EXPECT_EQ(here.remove("hf:a/one")->names, std::vector<std::string>{"mine"});
  EXPECT_EQ(here.remove("mine")->n_freed, 0u);
  EXPECT_EQ(n_blobs(), 1u);
  EXPECT_EQ(here.remove("hf:b/two")->n_freed, script("same").size());
  EXPECT_EQ(n_blobs(), 0u);
  EXPECT_FALSE(here.remove("hf:b/two"));
}

TEST_F(ShelfTest, AnUpdateKeepsTheOlderRevisionUntilItIsRemoved) {
  hub_.put("o/r", "m-Q8_0.gguf", script("old"));
  Shelf here = shelf();
  ASSERT_TRUE(get(here, "hf:o/r:Q8_0"));
  const PullOptions newest{.freshness = PullOptions::Freshness::kNewest};
  hub_.set_commit(std::string(40, 'd'));
  EXPECT_TRUE(get(here, "hf:o/r:Q8_0", newest)->was_here) << "another commit with the same bytes";
  hub_.put("o/r", "m-Q8_0.gguf", script("new"));
  hub_.set_commit(std::string(40, 'e'));
  const auto updated = get(here, "hf:o/r:Q8_0", newest);
  ASSERT_TRUE(updated) << updated.error().message;
  EXPECT_FALSE(updated->was_here);
  const std::string kept = "hf:o/r:Q8_0@" + std::string(40, 'd');
  const auto older = here.find(*parse_model_name(kept), catalogue_);
  ASSERT_TRUE(older && *older);
  EXPECT_EQ(read_text(*here.path_to_open(**older)), script("old"));
  EXPECT_EQ(read_text(*here.path_to_open(**here.find(*parse_model_name("hf:o/r:Q8_0"), catalogue_))), script("new"));
  EXPECT_EQ(here.remove(kept)->n_freed, script("old").size());
}

TEST_F(ShelfTest, SplitFilesAreReadyWhenAllPartsAre) {
  hub_.put("o/r", "m-Q4_0-00001-of-00002.gguf", script("first"));
  Shelf here = shelf();
  const auto torn = get(here, "hf:o/r");
  ASSERT_FALSE(torn);
  EXPECT_EQ(torn.error().code, ErrorCode::kInvalidFile);
  hub_.put("o/r", "m-Q4_0-00002-of-00002.gguf", script("second"));
  ASSERT_TRUE(get(here, "hf:o/r"));
  const auto path = here.path_to_open(**here.find(*parse_model_name("hf:o/r"), catalogue_));
  ASSERT_TRUE(path) << path.error().message;
  EXPECT_EQ(path->filename(), "model-00001-of-00002.gguf");
  EXPECT_EQ(read_text(path->parent_path() / "model-00002-of-00002.gguf"), script("second"));
}

TEST_F(ShelfTest, WhatIsNoModelGetsNoName) {
  hub_.put("o/r", "page.gguf", "<!DOCTYPE html><html>");
  hub_.put("o/cut", "m.gguf", std::string("GGUF\x03\0\0\0\x05", 9));
  Shelf here = shelf();
  const auto page = get(here, "hf:o/r");
  ASSERT_FALSE(page);
  EXPECT_NE(page.error().message.find("web page"), std::string::npos) << page.error().message;
  EXPECT_FALSE(get(here, "hf:o/cut"));
  EXPECT_TRUE(here.list()->empty());
  EXPECT_GT(*here.collect(std::chrono::seconds(0)), 0u);
  EXPECT_EQ(n_blobs(), 0u);
}

TEST_F(ShelfTest, DamageAndLossAreTold) {
  hub_.put("o/r", "m.gguf", script("good"));
  Shelf here = shelf();
  const auto pulled = get(here, "hf:o/r");
  ASSERT_TRUE(pulled);
  const auto faults = [&] { return Shelf::verify(pulled->model, {}, {})->size(); };
  EXPECT_EQ(faults(), 0u);
  const fs::path blob = pulled->model.files[0].path;
  std::string bytes = read_text(blob);
  bytes[10] = static_cast<char>(bytes[10] ^ 1);
  std::ofstream(blob, std::ios::binary) << bytes;
  EXPECT_EQ(faults(), 1u);
  fs::remove(blob);
  EXPECT_EQ(faults(), 1u);
  const auto path = here.path_to_open(pulled->model);
  ASSERT_FALSE(path);
  EXPECT_NE(path.error().message.find("hearth pull hf:o/r"), std::string::npos) << path.error().message;
  ASSERT_TRUE(get(here, "hf:o/r")) << "and the cure works";
  EXPECT_EQ(faults(), 0u);
}

TEST_F(ShelfTest, AllowedSourcesAreTheOnlyOnes) {
  const AllowList list({"hf:Qwen/*", "file:/opt/models/*", "https://x.org/a.gguf"});
  EXPECT_TRUE(list.allows("hf:Qwen/Qwen3"));
  EXPECT_TRUE(list.allows("https://x.org/a.gguf"));
  for (const char* source :
       {"hf:Qwen2/x", "hf:evil/Qwen", "https://x.org/a.gguf2", "file:/opt/models/../../etc/x", "file:/opt/model", ""})
    EXPECT_FALSE(list.allows(source)) << source;
  hub_.put("o/r", "m.gguf", script("x"));
  Shelf here = shelf();
  const auto refused = get(here, "hf:o/r", {.allowed = list});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kNotAuthorized);
  EXPECT_TRUE(hub_.asked().empty());
}

TEST_F(ShelfTest, FilesAreCopiedLinkedOrUsedInPlace) {
  const fs::path file = folder_.write("My Model (v1).gguf", script("mine"));
  Shelf here = shelf();
  using How = ImportOptions::How;
  for (const How how : {How::kCopy, How::kLink, How::kInPlace}) {
    const auto model = import_model(here, file, {.how = how, .spare_bytes = 0}, {});
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_EQ(model->names, std::vector<std::string>{"my-model-v1"});
    EXPECT_EQ(n_blobs(), how == How::kInPlace ? 0u : 1u);
    EXPECT_EQ(fs::hard_link_count(file), how == How::kLink ? 2u : 1u);
    EXPECT_EQ(read_text(*here.path_to_open(*model)), script("mine"));
    const auto removal = here.remove("my-model-v1");
    EXPECT_EQ(removal->n_freed + removal->n_owned_elsewhere, script("mine").size());
    EXPECT_EQ(read_text(file), script("mine")) << "the person's own file stays";
  }
  EXPECT_FALSE(import_model(here, folder_.write("x.gguf", "<html>"), {}, {}));
  EXPECT_FALSE(import_model(here, folder_.path() / "absent", {}, {}));
  EXPECT_TRUE(here.list()->empty());
}

TEST_F(ShelfTest, ModelsOfOtherProgramsAreUsedAndLeftAlone) {
  const fs::path home = folder_.path() / "person";
  const auto put = [&](const std::string& path, const std::string& bytes) {
    fs::create_directories((home / path).parent_path());
    std::ofstream(home / path, std::ios::binary) << bytes;
  };
  const std::string digest = sha256_of(script("from ollama"));
  put(".ollama/models/blobs/sha256-" + digest, script("from ollama"));
  const auto manifest = [](const std::string& named) {
    return R"({"layers": [{"mediaType": "application/vnd.ollama.image.model", "digest": ")" + named + "\"}]}";
  };
  put(".ollama/models/manifests/registry.ollama.ai/library/llama3.2/3b", manifest("sha256:" + digest));
  put(".ollama/models/manifests/registry.ollama.ai/library/evil/1", manifest("sha256:../../../../etc/passwd"));
  put(".ollama/models/manifests/registry.ollama.ai/library/evil/2", "[[[[");
  put(".lmstudio/models/publisher/repo/Some-Model-Q4_0.gguf", script("from lm studio"));
  put(".lmstudio/models/publisher/repo/mmproj-x.gguf", script("no model of its own"));
  const std::string snapshot = ".cache/huggingface/hub/models--owner--repo/snapshots/" + std::string(40, 'a');
  put(".cache/huggingface/hub/models--owner--repo/blobs/x", script("from the cache"));
  fs::create_directories(home / snapshot);
  fs::create_symlink("../../blobs/x", home / snapshot / "m-Q8_0.gguf");
  put("secret", script("outside"));
  fs::create_symlink(home / "secret", home / snapshot / "escape.gguf");
  put(".cache/llama.cpp/owner_repo_m.gguf", script("from llama.cpp"));

  Shelf here = shelf();
  std::vector<ForeignModel> all;
  for (const ForeignStore& store : foreign_stores()) {
    for (const fs::path& folder : store.folders(home)) {
      if (!folder.string().starts_with(home.string())) continue;
      for (ForeignModel& model : store.find(folder)) all.push_back(std::move(model));
    }
  }
  std::vector<std::string> names;
  for (const ForeignModel& model : all) {
    const auto adopted = adopt(here, model, {}, {});
    ASSERT_TRUE(adopted) << adopted.error().message;
    names.push_back(model.name);
    EXPECT_TRUE(adopted->files[0].path.string().starts_with(home.string()));
  }
  EXPECT_EQ(names,
            (std::vector<std::string>{"llama3.2:3b", "some-model-q4_0", "hf:owner/repo:m-Q8_0.gguf", "owner_repo_m"}));
  EXPECT_EQ(n_blobs(), 0u);
  EXPECT_EQ(*here.collect(std::chrono::seconds(0)), 0u);
  const auto by_quant = here.find(*parse_model_name("hf:owner/repo:Q8_0"), catalogue_);
  EXPECT_TRUE(by_quant && *by_quant);

  const fs::path theirs = home / ".lmstudio/models/publisher/repo/Some-Model-Q4_0.gguf";
  EXPECT_GT(here.remove("some-model-q4_0")->n_owned_elsewhere, 0u);
  EXPECT_TRUE(fs::exists(theirs));
  fs::remove(home / (".ollama/models/blobs/sha256-" + digest));
  const auto gone = here.path_to_open(**here.find(*parse_model_name("llama3.2:3b"), catalogue_));
  ASSERT_FALSE(gone);
  EXPECT_NE(gone.error().message.find("ollama"), std::string::npos) << gone.error().message;
  EXPECT_NE(gone.error().message.find("hearth adopt"), std::string::npos) << gone.error().message;
  put(".ollama/models/blobs/sha256-" + digest, script("something else"));
  const auto changed = adopt(here, all[0], {}, {});
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().code, ErrorCode::kVerificationFailed);
}

TEST_F(ShelfTest, ADamagedIndexIsSavedAndANewerOneRefused) {
  {
    Shelf here = shelf();
    for (int i = 0; i < 40; ++i) {
      const std::string name = "repo" + std::to_string(i);
      hub_.put("o/" + name, "m.gguf", script(name));
      ASSERT_TRUE(get(here, "hf:o/" + name));
    }
  }
  const fs::path index = folder_.path() / "home" / "index.db";
  std::string bytes = read_text(index);
  for (std::size_t at = bytes.size() - 3000; at < bytes.size(); ++at) bytes[at] = static_cast<char>(at * 31);
  std::ofstream(index, std::ios::binary) << bytes;
  {
    Shelf saved = shelf();
    EXPECT_NE(saved.notice().find("damaged"), std::string::npos);
    EXPECT_EQ(read_text(index.string() + ".damaged-1"), bytes);
    EXPECT_FALSE(saved.list()->empty());
  }
  EXPECT_EQ(shelf().notice(), "");
  {
    constexpr std::string_view kNothing = "SELECT 1";
    const std::vector<std::string_view> many(99, kNothing);
    ASSERT_TRUE(store::Database::open(index, {.what = "x", .versions = many}));
  }
  const auto newer = Shelf::open(folder_.path() / "home");
  ASSERT_FALSE(newer);
  EXPECT_EQ(newer.error().code, ErrorCode::kStateMismatch);
}

TEST_F(ShelfTest, PullingRemovingAndOpeningAtOnce) {
  for (int i = 0; i < 3; ++i) hub_.put("o/r" + std::to_string(i), "m.gguf", script("shared"));
  std::vector<std::jthread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([this, i] {
      Shelf here = shelf();
      const std::string name = "hf:o/r" + std::to_string(i);
      for (int round = 0; round < 5; ++round) {
        const auto pulled = get(here, name);
        // Its blob may have gone between the download and the index: then that is said, and trying again works.
        if (!pulled) {
          EXPECT_EQ(pulled.error().code, ErrorCode::kFileNotFound) << pulled.error().message;
        } else {
          EXPECT_TRUE(here.path_to_open(pulled->model)) << "nobody takes a file that a model has";
          EXPECT_TRUE(here.remove(name));
        }
      }
    });
  }
  threads.clear();
  EXPECT_TRUE(shelf().list()->empty());
  EXPECT_EQ(n_blobs(), 0u);
}

TEST_F(ShelfTest, FiveThousandHostileNamesLeaveNothingOutside) {
  const std::vector<std::string> parts = {"..",
                                          "/",
                                          "\\",
                                          "hf:",
                                          "https://",
                                          ":",
                                          "@",
                                          "%2e%2e",
                                          "~",
                                          "a",
                                          "o/r",
                                          ".",
                                          "-",
                                          "CON",
                                          " ",
                                          "#",
                                          "\xff",
                                          "e\xCC\x81",
                                          "\xE2\x80\xAE",
                                          "C:",
                                          std::string(1, '\0'),
                                          "blobs",
                                          "index.db",
                                          "\n",
                                          std::string(600, 'x')};
  std::mt19937 random(7);
  Shelf here = shelf();
  auto options_of_client = net();
  options_of_client.offline = true;
  const HttpClient nobody = client(options_of_client);
  const fs::path victim = folder_.write("victim", "stays");
  for (int i = 0; i < 5000; ++i) {
    std::string text = i % 4 == 0 ? "../victim" : "";
    for (unsigned n = 1 + random() % 6; n > 0; --n) text += parts[random() % parts.size()];
    EXPECT_FALSE(here.remove(text));
    const auto name = parse_model_name(text);
    if (!name) continue;
    EXPECT_FALSE(pull(here, nobody, catalogue_, *name, {}, {}));
    const auto found = here.find(*name, catalogue_);
    EXPECT_TRUE(found && !*found) << text;
  }
  EXPECT_EQ(read_text(victim), "stays");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), {}), 2) << "the shelf and the victim";
  EXPECT_EQ(n_blobs(), 0u);
}

}  // namespace
}  // namespace hearth::testing
