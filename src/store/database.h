// SQLite as values: a database that knows its version, statements that cannot leak, and a damaged file that is never
// replaced in silence. Everything that Hearth remembers beside model bytes is kept through here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

struct sqlite3;
struct sqlite3_backup;
struct sqlite3_stmt;

namespace hearth::store {

/// One prepared statement. Belongs to one thread at a time, and to its database, which must outlive it.
class Statement {
 public:
  Statement(Statement&&) noexcept = default;
  Statement& operator=(Statement&&) noexcept = default;

  /// Binds ?1, ?2, ... in order; texts are copied. Calling it again starts the statement anew.
  template <typename... Values>
  Status bind(const Values&... values) {
    HEARTH_CHECK(restart());
    int index = 0;
    Status status;
    ((status = status ? bind_one(++index, values) : status), ...);
    return status;
  }
  /// True: a row is there to be read. False: the statement is done.
  Result<bool> step();
  /// Steps to the end, for statements without rows.
  Status run();

  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::string text(int column) const;
  [[nodiscard]] bool is_null(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  Statement(sqlite3* database, sqlite3_stmt* statement) : database_(database), statement_(statement) {}
  Status restart();
  Status bind_one(int index, std::string_view text);
  Status bind_one(int index, std::int64_t number);
  Status bind_one(int index, std::uint64_t number) { return bind_one(index, static_cast<std::int64_t>(number)); }
  Status bind_one(int index, int number) { return bind_one(index, std::int64_t{number}); }
  Status bind_one(int index, std::nullptr_t);
  sqlite3* database_ = nullptr;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

/// What a database holds. versions[i] is the SQL that leads from version i to version i + 1; they are never changed
/// once released, only added to.
struct Schema {
  std::string_view what;  // as in "the library's index"
  std::span<const std::string_view> versions;
};

class Replacement;

/// An open database. One thread at a time; any number of processes.
class Database {
 public:
  /// Opens or creates, and brings an older version up to date. Refuses, and leaves untouched, a file that is damaged
  /// (kInvalidFile: see salvage_database) or was written by a newer Hearth (kStateMismatch). Where nothing can be
  /// written, what is there can be read, as it lies: keep it open briefly.
  static Result<Database> open(const std::filesystem::path& path, const Schema& schema);

  Result<Statement> prepare(std::string_view sql);
  /// Statements without values and rows, separated by semicolons.
  Status execute(std::string_view sql);
  /// One statement with its values, run to the end.
  template <typename... Values>
  Status run(std::string_view sql, const Values&... values) {
    HEARTH_TRY(Statement statement, prepare(sql));
    HEARTH_CHECK(statement.bind(values...));
    return statement.run();
  }
  /// Begins to put what this database holds in place of all that is in the file `path`, be it damaged.
  Result<Replacement> replace_content_of(const std::filesystem::path& path);
  /// All of `work` or, when it fails, none of it. Other processes wait meanwhile.
  Status transaction(const std::function<Status()>& work);
  [[nodiscard]] std::int64_t last_row_id() const;
  /// Rows that the last statement changed.
  [[nodiscard]] std::int64_t n_changed() const;

 private:
  friend class Replacement;
  struct Close {
    void operator()(sqlite3* database) const;
  };
  Database() = default;
  static Result<Database> open_file(const std::string& uri, int flags);
  Status make_ready(const std::filesystem::path& path, const Schema& schema);
  Status migrate(const std::filesystem::path& path, const Schema& schema);
  Status share_by_log();
  std::unique_ptr<sqlite3, Close> database_;
};

/// A file whose content is about to be replaced; until this is gone nobody else changes it. The database that the new
/// content comes from must outlive it, and may still be filled.
class Replacement {
 public:
  /// The file, and the log that may hold transactions which the file does not, as they lie; on the disk when it
  /// returns.
  [[nodiscard]] Status copy_to(const std::filesystem::path& copy) const;
  /// In one transaction: who has the file open sees the old content or the new.
  [[nodiscard]] Status commit();

 private:
  friend class Database;
  struct Finish {
    void operator()(sqlite3_backup* copying) const;
  };
  Replacement(Database target, sqlite3_backup* copying) : target_(std::move(target)), copying_(copying) {}
  Database target_;
  std::unique_ptr<sqlite3_backup, Finish> copying_;
};

struct Salvage {
  std::filesystem::path copy;  // the damaged file as it was
  std::uint64_t n_rows = 0;    // carried over
  std::string lost;            // which tables could not be read to their end; empty: none
};

/// Keeps a damaged database aside and puts what can still be read of it in its place. A file of which nothing can be
/// read is refused and stays where it is. Of several processes that find the damage, one does it; the others wait and
/// get a Salvage without a copy.
Result<Salvage> salvage_database(const std::filesystem::path& path, const Schema& schema);

}  // namespace hearth::store
