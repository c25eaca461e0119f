// Saving what can be read of a damaged database: table by table, from both ends towards the damage.
#include <array>
#include <chrono>
#include <optional>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/part_file.h"
#include "store/database.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace hearth::store {

namespace {

namespace fs = std::filesystem;

fs::path with_suffix(fs::path path, std::string_view suffix) {
  return path += suffix;
}

/// "x.db.damaged-1", the first number that is free.
fs::path free_name(const fs::path& path) {
  for (int i = 1;; ++i) {
    fs::path name = with_suffix(path, fmt::format(".damaged-{}", i));
    std::error_code ignored;
    if (!fs::exists(name, ignored)) return name;
  }
}

void remove_database(const fs::path& path) {
  std::error_code ignored;
  for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(with_suffix(path, suffix), ignored);
}

/// The files of a database that are gone when this is, unless they are to be kept.
class TemporaryDatabase {
 public:
  explicit TemporaryDatabase(fs::path path) : path_(std::move(path)) { remove_database(path_); }
  ~TemporaryDatabase() {
    if (!kept_) remove_database(path_);
  }
  TemporaryDatabase(const TemporaryDatabase&) = delete;
  TemporaryDatabase& operator=(const TemporaryDatabase&) = delete;

  [[nodiscard]] const fs::path& path() const { return path_; }
  void keep() { kept_ = true; }

 private:
  fs::path path_;
  bool kept_ = false;
};

/// Of a database that nobody has open.
Status copy_with_log(const fs::path& from, const fs::path& to) {
  for (const char* suffix : {"", "-wal"}) {
    const fs::path file = with_suffix(from, suffix);
    std::error_code code;
    const bool copied = fs::copy_file(file, with_suffix(to, suffix), code);
    const bool may_be_absent = *suffix != '\0' && code == std::errc::no_such_file_or_directory;
    if (!copied && !may_be_absent) return std::unexpected(system_error_at("copying", file, code.value()));
  }
  return {};
}

std::string quoted(const std::string& name) {
  std::string text = "\"";
  for (const char c : name) text += c == '"' ? std::string("\"\"") : std::string(1, c);
  return text + "\"";
}

Result<std::vector<std::string>> first_column(Database& database, std::string_view sql) {
  HEARTH_TRY(Statement rows, database.prepare(sql));
  std::vector<std::string> values;
  for (;;) {
    HEARTH_TRY(const bool more, rows.step());
    if (!more) return values;
    values.push_back(rows.text(0));
  }
}

/// Copies the rows of one table that can be read. False when some could not; without room for them it fails.
Result<bool> carry_table(Database& whole, const std::string& table, std::uint64_t& n_rows) {
  // Columns that both have; a damaged schema may lack the newer ones.
  const auto columns = first_column(whole, fmt::format("SELECT name FROM pragma_table_info('{0}') WHERE name IN "
                                                       "(SELECT name FROM pragma_table_info('{0}', 'damaged'))",
                                                       table));
  if (!columns || columns->empty()) return false;
  std::vector<std::string> names;
  for (const std::string& column : *columns) names.push_back(quoted(column));
  const std::string list = fmt::format("{}", fmt::join(names, ", "));
  bool complete = true;
  for (const char* order : {"ASC", "DESC"}) {
    auto ids = whole.prepare(fmt::format("SELECT rowid FROM damaged.{} ORDER BY rowid {}", quoted(table), order));
    auto carry = whole.prepare(fmt::format(
        "INSERT OR IGNORE INTO main.{0} ({1}) SELECT {1} FROM damaged.{0} WHERE rowid = ?1", quoted(table), list));
    if (!ids || !carry) return false;
    Result<bool> more = ids->step();
    for (; more && *more; more = ids->step()) {
      Status carried = carry->bind(ids->integer(0));
      if (carried) carried = carry->run();
      if (!carried && carried.error().code == ErrorCode::kDiskFull) return std::unexpected(std::move(carried.error()));
      if (!carried) {
        complete = false;
        continue;
      }
      n_rows += static_cast<std::uint64_t>(whole.n_changed());
    }
    if (more && complete) return true;
    complete = false;
  }
  return complete;
}

/// Waits for its turn. What holds it longer than this hangs.
Result<FileLock> take_turn(const fs::path& path) {
  const fs::path name = with_suffix(path, ".lock");
  for (int n_tries = 0; n_tries < 600; ++n_tries) {
    HEARTH_TRY(std::optional<FileLock> lock, FileLock::try_take(name));
    if (lock) return std::move(*lock);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return fail(ErrorCode::kBusy, fmt::format("another process saves {} and does not come to an end", path.string()));
}

/// Copies what can be read of every table, and notes which were cut short.
Status carry_tables(Database& whole, const fs::path& damaged, Salvage& salvage) {
  // Its rows are safe when they are in the other file.
  HEARTH_CHECK(whole.execute("PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF"));
  const Status attached = whole.run("ATTACH DATABASE ?1 AS damaged", std::string_view(damaged.native()));
  HEARTH_TRY(const auto tables, first_column(whole,
                                             "SELECT name FROM main.sqlite_master WHERE type = 'table' AND "
                                             "name NOT LIKE 'sqlite_%'"));
  std::vector<std::string> lost;
  for (const std::string& table : tables) {
    bool complete = false;
    if (attached) {
      HEARTH_TRY(complete, carry_table(whole, table, salvage.n_rows));
    }
    if (!complete) lost.push_back(table);
  }
  salvage.lost = fmt::format("{}", fmt::join(lost, ", "));
  if (attached) (void)whole.execute("DETACH DATABASE damaged");
  return {};
}

Result<Salvage> salvage_alone(const fs::path& path, const Schema& schema) {
  TemporaryDatabase copy(free_name(path));
  const TemporaryDatabase reading(with_suffix(path, ".reading")), fresh(with_suffix(path, ".salvaged"));
  HEARTH_TRY(Database whole, Database::open(fresh.path(), schema));
  // The file itself stays, for other processes may have it open; from here on they do not write.
  HEARTH_TRY(Replacement replacement, whole.replace_content_of(path));
  HEARTH_CHECK(replacement.copy_to(copy.path()));
  HEARTH_CHECK(copy_with_log(copy.path(), reading.path()));  // SQLite carries a log over while it reads
  Salvage salvage{.copy = copy.path()};
  HEARTH_CHECK(carry_tables(whole, reading.path(), salvage));
  if (salvage.n_rows == 0) {
    return fail(ErrorCode::kInvalidFile,
                fmt::format("nothing can be read of {} in {}; it was left as it is: put a backup in its place, or move "
                            "it away to begin with an empty one",
                            schema.what, path.string()));
  }
  const Status replaced = replacement.commit();
  // After these two the file is surely as it was, after others it may not be.
  const bool untouched =
      !replaced && (replaced.error().code == ErrorCode::kBusy || replaced.error().code == ErrorCode::kDiskFull);
  if (!untouched) copy.keep();
  HEARTH_CHECK(replaced);
  return salvage;
}

}  // namespace

Result<Salvage> salvage_database(const fs::path& path, const Schema& schema) {
  HEARTH_TRY(const FileLock turn, take_turn(path));
  if (const auto saved = Database::open(path, schema); saved || saved.error().code != ErrorCode::kInvalidFile) {
    if (saved) return Salvage{};
    return std::unexpected(saved.error());
  }
  return salvage_alone(path, schema);
}

}  // namespace hearth::store
