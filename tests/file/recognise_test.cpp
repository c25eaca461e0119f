// Every format is told by its bytes, whatever the file is called; damage is named; hostile bytes do nothing.
#include "file/recognise.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>

#include "file/model_file.h"
#include "file/temporary_folder.h"

namespace hearth {
namespace {

using std::string_literals::operator""s;

class TextSource final : public ByteSource {
 public:
  explicit TextSource(std::string text) : text_(std::move(text)) {}
  [[nodiscard]] std::uint64_t size_bytes() const override { return text_.size(); }
  [[nodiscard]] Status read(std::uint64_t offset, std::span<std::byte> into) override {
    if (offset > text_.size() || into.size() > text_.size() - offset)
      return fail(ErrorCode::kInternal, "a read beyond the end");
    std::memcpy(into.data(), text_.data() + offset, into.size());
    return {};
  }

 private:
  std::string text_;
};

std::string number(std::uint64_t value, std::size_t n_bytes) {
  std::string out;
  for (std::size_t i = 0; i < n_bytes; ++i) out += static_cast<char>(value >> (8 * i));
  return out;
}

/// An archive of empty files with these names; of ZIP64 when asked.
std::string zip_of(const std::vector<std::string>& names, bool zip64 = false) {
  std::string body, directory;
  for (const std::string& name : names) {
    directory += "PK\x01\x02" + std::string(24, '\0') + number(name.size(), 2) + std::string(12, '\0') +
                 number(body.size(), 4) + name;
    body += "PK\x03\x04" + std::string(22, '\0') + number(name.size(), 2) + "\0\0"s + name;
  }
  const std::uint64_t at = body.size();
  std::string end;
  if (zip64) {
    end = "PK\x06\x06" + number(44, 8) + std::string(12, '\0') + number(names.size(), 8) + number(names.size(), 8) +
          number(directory.size(), 8) + number(at, 8);
    end += "PK\x06\x07" + std::string(4, '\0') + number(at + directory.size(), 8) + number(1, 4);
  }
  end += "PK\x05\x06" + std::string(8, '\0') + number(zip64 ? 0xffffffff : directory.size(), 4) +
         number(zip64 ? 0xffffffff : at, 4) + "\0\0"s;
  return body + directory + end;
}

std::string safetensors_of(const std::string& header, std::size_t n_data) {
  return number(header.size(), 8) + header + std::string(n_data, 'x');
}

std::string onnx() {
  return "\x08\x08"s + "\x12\x04test" + "\x42\x02\x10\x11" + "\x3a\x05graph";
}
std::string core_ml() {
  return "\x08\x05"s + "\x12\x03mnl" + "\xb2\x1f\x04prog";  // field 502: mlProgram
}
std::string executorch(std::uint64_t program, std::uint64_t segments, std::uint64_t segment_bytes) {
  return number(0x38, 4) + "ET12eh00" + number(0x20, 4) + number(program, 8) + number(segments, 8) +
         number(segment_bytes, 8);
}

Recognised told(const std::string& bytes) {
  TextSource source(bytes);
  auto found = recognise(source);
  EXPECT_TRUE(found) << found.error().message;
  return found ? *found : Recognised{};
}

std::map<std::string, std::pair<FileFormat, std::string>> samples() {
  const std::string tensor = R"({"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  return {{"gguf", {FileFormat::kGguf, "GGUF\x03\0\0\0"s}},
          {"ggml", {FileFormat::kGgml, "tjgg\x01\0\0\0"s}},
          {"safetensors", {FileFormat::kSafetensors, safetensors_of(tensor, 8)}},
          {"onnx", {FileFormat::kOnnx, onnx()}},
          {"tflite", {FileFormat::kTflite, "\x1c\0\0\0TFL3"s + std::string(40, '\x01')}},
          {"litertlm", {FileFormat::kLitertLm, "LITERTLM\x01\0\0\0"s}},
          {"task", {FileFormat::kTaskBundle, zip_of({"METADATA", "TF_LITE_PREFILL_DECODE", "TOKENIZER_MODEL"})}},
          {"pte", {FileFormat::kExecutorch, executorch(40, 0, 0)}},
          {"mlmodel", {FileFormat::kCoreMlModel, core_ml()}},
          {"torch", {FileFormat::kPytorchZip, zip_of({"archive/data.pkl", "archive/data/0", "archive/version"})}},
          {"torch64", {FileFormat::kPytorchZip, zip_of({"archive/data.pkl"}, true)}},
          {"pickle", {FileFormat::kPytorchPickle, "\x80\x02\x8a\x0a"s}},
          {"hdf5", {FileFormat::kHdf5, "\x89HDF\r\n\x1a\n"s}},
          {"openvino", {FileFormat::kOpenVino, "<?xml version=\"1.0\"?>\n<net name=\"x\" version=\"11\">"}},
          {"zip", {FileFormat::kZip, zip_of({"readme.txt"})}},
          {"gzip", {FileFormat::kGzip, "\x1f\x8b\x08\0"s}},
          {"page", {FileFormat::kWebPage, "\xef\xbb\xbf \n<!DOCTYPE HTML><html>"}},
          {"page2", {FileFormat::kWebPage, "<HTML lang=en>"}},
          {"xml", {FileFormat::kXml, "<?xml version=\"1.0\"?><Error><Code>AccessDenied"}},
          {"pointer", {FileFormat::kLfsPointer, "version https://git-lfs.github.com/spec/v1\noid sha256:0\n"}},
          {"json", {FileFormat::kJson, R"({"error":"Repository not found"})"}},
          {"script", {FileFormat::kHearthScript, R"( {"hearth_fake": 1})"}},
          {"empty", {FileFormat::kEmpty, ""}},
          {"zeros", {FileFormat::kZeros, std::string(4096, '\0')}},
          {"text", {FileFormat::kUnknown, "plain words"}},
          {"noise", {FileFormat::kUnknown, "\x08\x00\xff\xff"s}}};
}

TEST(Recognise, EveryFormatByItsBytes) {
  for (const auto& [name, sample] : samples()) {
    const Recognised found = told(sample.second);
    EXPECT_EQ(static_cast<int>(found.format), static_cast<int>(sample.first)) << name << ": " << found.sentence();
    EXPECT_EQ(found.flaw, "") << name;
  }
}

TEST(Recognise, TheAnswerNamesFormatEngineAndCure) {
  EXPECT_EQ(told(onnx()).sentence(),
            "it is ONNX, which ONNX Runtime opens; download a GGUF of the model, or convert it to GGUF");
  EXPECT_EQ(told(onnx()).refusal_code(), ErrorCode::kUnsupportedFormat);
  EXPECT_EQ(told("<html>").refusal_code(), ErrorCode::kInvalidFile);
  EXPECT_EQ(told("").sentence(), "it is empty; download it again");
  EXPECT_EQ(told("words").sentence(), "it starts with the bytes 77 6f 72 64 73, which no format here has");
}

TEST(Recognise, IncompleteFilesSaySo) {
  const auto flaw = [](const std::string& bytes) { return told(bytes).flaw; };
  const auto all = samples();
  for (const char* name : {"safetensors", "onnx", "mlmodel"}) {
    const std::string whole = all.at(name).second;
    EXPECT_EQ(flaw(whole.substr(0, whole.size() - 1)), "it is incomplete: it has " + std::to_string(whole.size() - 1) +
                                                           " bytes and needs " + std::to_string(whole.size()))
        << name;
    EXPECT_EQ(told(whole.substr(0, whole.size() - 1)).refusal_code(), ErrorCode::kCorruptedModel);
  }
  EXPECT_NE(flaw(all.at("torch").second.substr(0, 60)).find("incomplete"), std::string::npos);
  EXPECT_NE(flaw(executorch(40, 64, 100)).find("needs 164"), std::string::npos);
  EXPECT_NE(flaw(executorch(1000, 0, 0)).find("needs 1000"), std::string::npos);
  EXPECT_NE(flaw(safetensors_of("{\"a\": broken", 4)).find("no JSON object"), std::string::npos);
}

TEST(Recognise, HostileBytesReadNothingBeyondTheEnd) {
  std::mt19937_64 random(7);
  std::size_t n = 0;
  for (const auto& [name, sample] : samples()) {
    const std::string& whole = sample.second;
    const auto survives = [&](const std::string& bytes) {
      TextSource source(bytes);
      const auto found = recognise(source);
      ++n;
      ASSERT_TRUE(found) << name << ": " << found.error().message;
    };
    for (std::size_t cut = 0; cut < std::min<std::size_t>(whole.size(), 400); ++cut) survives(whole.substr(0, cut));
    for (int i = 0; i < 500 && !whole.empty(); ++i) {
      std::string bent = whole;
      for (int j = 0; j < 3; ++j) bent[random() % bent.size()] = static_cast<char>(random() % 4 == 0 ? 0xff : random());
      survives(bent);
    }
  }
  EXPECT_GT(n, 10'000u);
}

TEST(Recognise, FoldersByWhatLiesInThem) {
  namespace fs = std::filesystem;
  const testing::TemporaryFolder root;
  const auto folder = [&](const std::string& name, const std::map<std::string, std::string>& files) {
    for (const auto& [file, text] : files) {
      fs::create_directories((root.path() / name / file).parent_path());
      std::ofstream(root.path() / name / file, std::ios::binary) << text;
    }
    fs::create_directories(root.path() / name);
    return root.path() / name;
  };
  const auto format = [&](const fs::path& path) { return recognise_folder(path).value_or(Recognised{}).format; };
  const std::string pt = samples().at("safetensors").second;
  const std::string mlx = safetensors_of(R"({"__metadata__":{"format":"mlx"}})", 0);
  EXPECT_EQ(format(folder("a.mlmodelc", {{"coremldata.bin", "x"}})), FileFormat::kCoreMlCompiled);
  EXPECT_EQ(format(folder("a.mlpackage", {{"Manifest.json", "{}"}, {"Data/com.apple.CoreML/model.mlmodel", "x"}})),
            FileFormat::kCoreMlPackage);
  EXPECT_EQ(format(folder("mlc", {{"mlc-chat-config.json", "{}"}, {"ndarray-cache.json", "{}"}})),
            FileFormat::kMlcFolder);
  EXPECT_NE(recognise_folder(folder("mlc-half", {{"mlc-chat-config.json", "{}"}}))->flaw, "");
  EXPECT_EQ(format(folder(
                "mlx", {{"config.json", R"({"quantization":{"group_size":64,"bits":4}})"}, {"model.safetensors", pt}})),
            FileFormat::kMlxFolder);
  EXPECT_EQ(format(folder("mlx-plain", {{"config.json", "{}"}, {"model.safetensors", mlx}})), FileFormat::kMlxFolder);
  EXPECT_EQ(format(folder("hf", {{"config.json", "[broken"}, {"model.safetensors", pt}})),
            FileFormat::kHuggingFaceFolder);
  EXPECT_EQ(format(folder("onnx", {{"model.onnx", "x"}})), FileFormat::kOnnxFolder);
  EXPECT_FALSE(recognise_folder(folder("photos", {{"cat.jpg", "x"}})));
  const auto refused = recognise(folder("photos", {}));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("not a regular file"), std::string::npos);
}

TEST(Recognise, RefusalsOfOpenModelFileUseIt) {
  const testing::TemporaryFolder folder;
  const auto page = open_model_file(folder.write("model.gguf", "<!doctype html>"));
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().code, ErrorCode::kInvalidFile);
  EXPECT_NE(page.error().message.find("a web page"), std::string::npos) << page.error().message;
  const auto damaged = open_model_file(folder.write("cut.gguf", "GGUF\x03\0\0\0"s));
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().code, ErrorCode::kCorruptedModel);
}

}  // namespace
}  // namespace hearth
