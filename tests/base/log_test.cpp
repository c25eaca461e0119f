// LogSink: silence without a receiver, otherwise time, file, line and one record at a time.
#include "base/log.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace hearth {
namespace {

TEST(LogSink, WithoutReceiverIsSilent) {
  const LogSink sink;
  EXPECT_FALSE(sink.enabled());
  sink.write(LogLevel::kWarning, "into the void");
}

TEST(LogSink, RecordsCarryTimeFileAndLine) {
  std::vector<std::string> seen;
  double last = -1;
  const LogSink sink([&](const LogRecord& record) {
    EXPECT_EQ(record.level, LogLevel::kInfo);
    EXPECT_GE(record.seconds, last);
    last = record.seconds;
    seen.push_back(std::string(record.file) + ":" + std::to_string(record.line) + ": " + record.message);
  });
  EXPECT_TRUE(sink.enabled());
  const LogSink copy = sink;
  const int line = __LINE__ + 1;
  sink.write(LogLevel::kInfo, "one");
  copy.write(LogLevel::kInfo, "two");
  const std::string file = "log_test.cpp:";
  EXPECT_EQ(seen, (std::vector<std::string>{file + std::to_string(line) + ": one",
                                            file + std::to_string(line + 1) + ": two"}));
}

TEST(LogSink, OneCallAtATime) {
  int n_records = 0;  // plain on purpose: the sink serialises
  const LogSink sink([&](const LogRecord&) { ++n_records; });
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([sink] {
      for (int i = 0; i < 500; ++i) sink.write(LogLevel::kDebug, "x");
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(n_records, 2000);
}

}  // namespace
}  // namespace hearth
