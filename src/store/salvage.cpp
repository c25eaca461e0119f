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

std::unexpected<Error> file_error(std::string_view doing, const fs::path& path, const std::error_code& code) {
  return std::unexpected(system_error_at(doing, path, code.value()));
}

/// "x.db.damaged-1", the first number that is free.
fs::path free_name(const fs::path& path) {
  for (int i = 1;; ++i) {
    fs::path name = path;
    name += fmt::format(".damaged-{}", i);
    std::error_code ignored;
    if (!fs::exists(name, ignored)) return name;
  }
}

/// The file and its journal, which may hold transactions that the file does not. The journal goes first: who closes the
/// file meanwhile carries it over into the file and removes it, and then the copy has those transactions twice, not
/// never.
Status copy_with_journal(const fs::path& from, const fs::path& to) {
  for (const char* suffix : {"-wal", ""}) {
    fs::path file = from, copy = to;
    file += suffix;
    copy += suffix;
    std::error_code code;
    const bool copied = fs::copy_file(file, copy, fs::copy_options::overwrite_existing, code);
    const bool may_be_absent = *suffix != '\0' && code == std::errc::no_such_file_or_directory;
    if (!copied && !may_be_absent) return file_error("copying", file, code);
  }
  return {};
}

void remove_database(const fs::path& path) {
  std::error_code ignored;
  for (const char* suffix : {"", "-wal", "-shm"}) {
    fs::path file = path;
    file += suffix;
    fs::remove(file, ignored);
  }
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

/// Copies the rows of one table that can be read. False when some could not.
bool carry_table(Database& whole, const std::string& table, std::uint64_t& n_rows) {
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
      if (!carry->bind(ids->integer(0)) || !carry->run()) {
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
  fs::path name = path;
  name += ".lock";
  for (int n_tries = 0; n_tries < 600; ++n_tries) {
    HEARTH_TRY(std::optional<FileLock> lock, FileLock::try_take(name));
    if (lock) return std::move(*lock);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return fail(ErrorCode::kBusy, fmt::format("another process saves {} and does not come to an end", path.string()));
}

/// Copies what can be read of every table, and notes which were cut short.
Status carry_tables(Database& whole, const fs::path& damaged, Salvage& salvage) {
  HEARTH_CHECK(whole.execute("PRAGMA foreign_keys = OFF"));
  const Status attached = whole.run("ATTACH DATABASE ?1 AS damaged", std::string_view(damaged.native()));
  HEARTH_TRY(const auto tables, first_column(whole,
                                             "SELECT name FROM main.sqlite_master WHERE type = 'table' AND "
                                             "name NOT LIKE 'sqlite_%'"));
  std::vector<std::string> lost;
  for (const std::string& table : tables) {
    if (!attached || !carry_table(whole, table, salvage.n_rows)) lost.push_back(table);
  }
  salvage.lost = fmt::format("{}", fmt::join(lost, ", "));
  if (attached) (void)whole.execute("DETACH DATABASE damaged");
  return {};
}

Result<Salvage> salvage_alone(const fs::path& path, const Schema& schema) {
  Salvage salvage{.copy = free_name(path)};
  fs::path reading = path, fresh = path;
  reading += ".reading";
  fresh += ".salvaged";
  remove_database(reading);
  remove_database(fresh);
  HEARTH_CHECK(copy_with_journal(path, reading));
  {
    HEARTH_TRY(Database whole, Database::open(fresh, schema));
    HEARTH_CHECK(carry_tables(whole, reading, salvage));
    if (salvage.n_rows != 0) {
      HEARTH_CHECK(copy_with_journal(path, salvage.copy));
      // The file itself stays, for other processes may have it open.
      if (Status replaced = whole.replace_content_of(path); !replaced) {
        remove_database(salvage.copy);  // what it is a copy of is still there
        return std::unexpected(std::move(replaced.error()));
      }
    }
  }
  remove_database(reading);
  remove_database(fresh);
  if (salvage.n_rows == 0) {
    return fail(ErrorCode::kInvalidFile,
                fmt::format("nothing can be read of {} in {}; it was left as it is: put a backup in its place, or move "
                            "it away to begin with an empty one",
                            schema.what, path.string()));
  }
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
