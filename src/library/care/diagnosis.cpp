// Looking for causes: the file first, then its weights, the disk, the memory, the processor.
#include "library/care/diagnosis.h"

#include <algorithm>
#include <chrono>

#include "file/model_file.h"
#include "library/model_report.h"

#include <fmt/format.h>

namespace hearth::care {

namespace {

using Weight = Finding::Weight;

constexpr double kHot = 95;          // degrees Celsius
constexpr double kMuchWaiting = 10;  // percent of the time
constexpr double kSlowDisk = 200e6;  // bytes per second: a model of 2 GB takes ten seconds

std::string size_text(std::uint64_t n_bytes) {
  const auto value = static_cast<double>(n_bytes);
  return n_bytes >= 1u << 30 ? fmt::format("{:.2f} GiB", value / (1u << 30))
                             : fmt::format("{:.0f} MiB", value / (1u << 20));
}

std::string cure_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kFileNotFound: return "check the path, or fetch the model";
    case ErrorCode::kCorruptedModel: return "download it again, or compare its digest with the publisher's";
    case ErrorCode::kInvalidFile: return "download it again from the model's own page";
    case ErrorCode::kUnsupportedFormat: return "take a GGUF of the model";
    case ErrorCode::kUnsupportedModel: return "take a model of a supported architecture";
    default: return "see docs/errors.md";
  }
}

/// A tensor that holds nothing but zeros where it was looked at: a hole that a download left.
std::optional<Finding> find_hole(const ModelFile& file) {
  constexpr std::size_t kSamples = 64, kSampleBytes = 4096;
  const auto tensors = file.tensors();
  const std::size_t step = std::max<std::size_t>(1, tensors.size() / kSamples);
  std::vector<std::byte> sample(kSampleBytes);
  for (std::size_t i = 0; i < tensors.size(); i += step) {
    const TensorInfo& tensor = tensors[i];
    if (tensor.n_dims < 2 || tensor.size_bytes < 4 * kSampleBytes) continue;
    const auto read = file.read_tensor_range(tensor, tensor.size_bytes / 2, sample);
    if (!read) return Finding{Weight::kFault, read.error().code, read.error().message, cure_of(read.error().code)};
    if (std::ranges::any_of(sample, [](std::byte b) { return b != std::byte{0}; })) continue;
    return Finding{Weight::kFault, ErrorCode::kCorruptedModel,
                   fmt::format("tensor {} holds zeros only: a download that was not finished left a hole",
                               quote_untrusted(tensor.name)),
                   cure_of(ErrorCode::kCorruptedModel)};
  }
  return std::nullopt;
}

/// Bytes per second from where the file lies; 0 when nothing could be read.
double read_speed(const std::filesystem::path& path, double seconds) {
  using Clock = std::chrono::steady_clock;
  constexpr std::uint64_t kStep = 8u << 20;
  const auto file = RandomAccessFile::open(path);
  if (!file || file->size() < 4 * kStep) return 0;
  std::vector<std::byte> buffer(kStep);
  std::uint64_t done = 0;
  const auto begun = Clock::now();
  double spent = 0;
  // From the middle on: the beginning was read a moment ago.
  for (std::uint64_t at = file->size() / 2; spent < seconds && at + kStep <= file->size(); at += kStep) {
    if (!file->read_at(at, buffer)) return 0;
    done += kStep;
    spent = std::chrono::duration<double>(Clock::now() - begun).count();
  }
  return spent > 0 ? static_cast<double>(done) / spent : 0;
}

void diagnose_memory(const PlannedModel& plan, const ModelQuestion& question, const Machine& machine,
                     std::vector<Finding>& findings) {
  constexpr std::size_t kUsualCtx = 2048;
  fit::Running running = question.running;
  if (running.n_ctx == 0) running.n_ctx = std::min(kUsualCtx, std::max<std::size_t>(plan.n_ctx_train, 1));
  const std::uint64_t need = fit::need_of(plan.memory, running).total();
  const std::uint64_t free_bytes = usable_memory_bytes(machine.memory);
  const std::uint64_t all =
      std::min(machine.memory.total_bytes, machine.memory.group_limit_bytes.value_or(machine.memory.total_bytes));
  if (need > all) {
    findings.push_back({Weight::kFault, ErrorCode::kInsufficientMemory,
                        fmt::format("it takes {} with {} positions, and the machine (or its container) has {}",
                                    size_text(need), running.n_ctx, size_text(all)),
                        "a smaller model or quantization, a shorter --ctx, --kv q8_0; `hearth plan` proposes some"});
  } else if (need > free_bytes) {
    findings.push_back({Weight::kFault, ErrorCode::kInsufficientMemory,
                        fmt::format("it takes {} with {} positions, and {} are free", size_text(need), running.n_ctx,
                                    size_text(free_bytes)),
                        "close other programs, or take a shorter --ctx or --kv q8_0; `hearth plan` proposes more"});
  }
}

}  // namespace

std::vector<Finding> diagnose_machine(const Machine& machine) {
  std::vector<Finding> findings;
  const auto slow = [&](ErrorCode code, std::string what, std::string cure) {
    findings.push_back({Weight::kSlow, code, std::move(what), std::move(cure)});
  };
  const Strain& strain = machine.strain;
  if (strain.memory_wait.value_or(0) > kMuchWaiting) {
    slow(ErrorCode::kMemoryPressure, fmt::format("programs wait for memory {:.0f} % of the time", *strain.memory_wait),
         "close other programs, or take a smaller model or context");
  }
  if (strain.io_wait.value_or(0) > 3 * kMuchWaiting) {
    slow(ErrorCode::kSlowStorage, fmt::format("programs wait for the disk {:.0f} % of the time", *strain.io_wait),
         "wait until what reads or writes so much is done");
  }
  if (machine.cpu.temperature > kHot) {
    slow(ErrorCode::kThermalThrottling, fmt::format("the processor is at {:.0f} degrees", machine.cpu.temperature),
         "let it cool, or use fewer --threads");
  } else if (strain.heat_events.value_or(0) > 0) {
    slow(ErrorCode::kThermalThrottling,
         fmt::format("the processor has slowed itself down for heat {} times since the start", *strain.heat_events),
         "better cooling, or fewer --threads");
  }
  const int n_cores = std::max(machine.cores.logical, 1);
  if (machine.limits.cpu_quota && *machine.limits.cpu_quota < std::min(machine.n_threads, n_cores)) {
    slow(ErrorCode::kBackgroundThrottling,
         fmt::format("the control group grants {:.1f} cores, and {} threads share them", *machine.limits.cpu_quota,
                     machine.n_threads),
         fmt::format("--threads {}, or a larger quota", std::max(1, static_cast<int>(*machine.limits.cpu_quota))));
  }
  if (strain.load_average.value_or(0) > 1.5 * n_cores) {
    slow(ErrorCode::kBusy, fmt::format("{:.1f} tasks want to run on {} processors", *strain.load_average, n_cores),
         "end what else computes; every token waits for the slowest thread");
  }
  if (machine.n_threads > machine.cores.logical) {
    slow(ErrorCode::kInvalidArgument,
         fmt::format("{} threads on {} processors wait for each other", machine.n_threads, machine.cores.logical),
         fmt::format("--threads {}", machine.cores.physical));
  }
  return findings;
}

std::vector<Finding> diagnose_model(const ModelQuestion& question, const Machine& machine) {
  std::vector<Finding> findings;
  if (question.deaths) {
    findings.push_back({Weight::kFault, ErrorCode::kLoadFailed, explain(*question.deaths),
                        "a smaller --ctx or model if memory ran out; --force tries again"});
  }
  const auto file = open_model_file(question.path);
  if (!file) {
    findings.push_back({Weight::kFault, file.error().code, file.error().message, cure_of(file.error().code)});
    return findings;
  }
  const auto plan = plan_memory(**file);
  if (!plan) {
    findings.push_back({Weight::kFault, plan.error().code, plan.error().message, cure_of(plan.error().code)});
    return findings;
  }
  const auto tokenizer = report_model(**file);
  if (tokenizer && !tokenizer->tokenizer.obstacle.empty()) {
    findings.push_back({Weight::kFault, ErrorCode::kUnsupportedModel,
                        "its tokenizer cannot be used: " + tokenizer->tokenizer.obstacle,
                        "take a file that was converted more recently"});
  }
  if (auto hole = find_hole(**file)) findings.push_back(std::move(*hole));
  diagnose_memory(*plan, question, machine, findings);
  if (question.read_seconds > 0) {
    if (const double speed = read_speed(question.path, question.read_seconds); speed > 0 && speed < kSlowDisk) {
      findings.push_back({Weight::kSlow, ErrorCode::kSlowStorage,
                          fmt::format("the disk delivers {:.0f} MB/s: reading the model takes {:.0f} s", speed / 1e6,
                                      static_cast<double>((*file)->size_bytes()) / speed),
                          "move the model to a faster disk; the second start reads less"});
    }
  }
  return findings;
}

}  // namespace hearth::care
