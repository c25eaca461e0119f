// Pressure, load and heat as the system's files tell them, and their absence.
#include "device/strain.h"

#include <gtest/gtest.h>

#include "file/temporary_folder.h"

namespace hearth {
namespace {

TEST(Strain, ReadsWhatTheSystemTells) {
  const testing::TemporaryFolder root;
  for (const char* folder : {"pressure", "cpu0/thermal_throttle", "cpu1/thermal_throttle"})
    std::filesystem::create_directories(root.path() / folder);
  root.write("pressure/memory", "some avg10=12.50 avg60=3.00 avg300=1.00 total=1\nfull avg10=2.25 avg60=0 total=0\n");
  root.write("pressure/io", "some avg10=0.00 avg60=3.00 avg300=1.00 total=1\n");
  root.write("pressure/cpu", "nonsense\n");
  root.write("loadavg", "3.50 1.00 0.50 2/90 1234\n");
  root.write("cpu0/thermal_throttle/core_throttle_count", "4\n");
  root.write("cpu1/thermal_throttle/core_throttle_count", "5\n");
  const Strain strain = read_strain(root.path().string(), root.path().string());
  EXPECT_EQ(strain.memory_wait, 12.5);
  EXPECT_EQ(strain.memory_stall, 2.25);
  EXPECT_EQ(strain.io_wait, 0.0);
  EXPECT_FALSE(strain.cpu_wait);
  EXPECT_EQ(strain.load_average, 3.5);
  EXPECT_EQ(strain.heat_events, 9u);
}

TEST(Strain, NothingIsKnownWhereNothingIsTold) {
  const testing::TemporaryFolder root;
  const Strain strain = read_strain(root.path().string(), root.path().string());
  EXPECT_FALSE(strain.memory_wait || strain.io_wait || strain.cpu_wait || strain.load_average || strain.heat_events);
}

}  // namespace
}  // namespace hearth
