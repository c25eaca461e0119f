// Opening, migrating and asking SQLite databases.
#include "store/database.h"

#include <sqlite3.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/part_file.h"

#include <fmt/format.h>

namespace hearth::store {

namespace {

constexpr int kBusyMilliseconds = 20'000;  // another process's transaction is short; a crashed one holds no lock

/// What SQLite's last failure means for the caller. It keeps the errno of a failed commit to itself, so errno is asked.
std::unexpected<Error> failed(sqlite3* database, std::string_view doing) {
  const int number = errno;
  const int code = sqlite3_errcode(database);
  const std::string message = fmt::format("{}: {}", doing, sqlite3_errmsg(database));
  switch (code) {
    case SQLITE_FULL: return fail(ErrorCode::kDiskFull, message + "; free some space and try again");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return fail(ErrorCode::kInvalidFile, message);
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return fail(ErrorCode::kBusy, message + "; another process holds it, try again");
    case SQLITE_NOMEM: return fail(ErrorCode::kInsufficientMemory, message);
    case SQLITE_READONLY:
      return fail(ErrorCode::kIo,
                  fmt::format("{}: {} may only be read; check its permissions, or choose another folder", doing,
                              sqlite3_db_filename(database, "main")));
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      if (number != 0 && number != ENOENT)
        return fail(code_of_system_error(number), message + ": " + words_of_system_error(number));
      if (code == SQLITE_CANTOPEN)
        return fail(ErrorCode::kIo, message + "; check the folder's permissions, or choose another folder");
      [[fallthrough]];
    default: return fail(ErrorCode::kIo, message);
  }
}

/// Fills the file `to` with what read_at(offset, bytes) gives. It gets its name when all of it is on the disk.
template <typename ReadAt>
Status write_copy(const std::filesystem::path& to, std::uint64_t size, const ReadAt& read_at) {
  std::filesystem::path part = to;
  part += ".part";
  Status written = [&]() -> Status {
    HEARTH_TRY(const PartFile file, PartFile::open(part));
    std::vector<std::byte> chunk(std::size_t{1} << 20);
    for (std::uint64_t offset = 0; offset < size; offset += chunk.size()) {
      const std::span bytes(chunk.data(), std::min<std::uint64_t>(chunk.size(), size - offset));
      HEARTH_CHECK(read_at(offset, bytes));
      HEARTH_CHECK(file.write_at(offset, bytes));
    }
    HEARTH_CHECK(file.sync());
    return publish_file(part, to);
  }();
  std::error_code ignored;
  if (!written) std::filesystem::remove(part, ignored);
  return written;
}

/// The path as SQLite's options can follow it.
std::string uri_of(const std::filesystem::path& path) {
  std::string uri = path.is_absolute() ? "file://" : "file:";
  for (const char c : path.native()) {
    if (c == '%' || c == '?' || c == '#') {
      uri += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    } else {
      uri += c;
    }
  }
  return uri;
}

bool log_is_empty(const std::filesystem::path& path) {
  std::error_code code;
  const auto n_bytes = std::filesystem::file_size(path.string() + "-wal", code);
  return code || n_bytes == 0;
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

void Database::Close::operator()(sqlite3* database) const {
  sqlite3_close_v2(database);
}

Status Statement::restart() {
  sqlite3_reset(statement_.get());  // returns the failure of the step before, which was told then
  sqlite3_clear_bindings(statement_.get());
  return {};
}

Status Statement::bind_one(int index, std::string_view text) {
  if (sqlite3_bind_text64(statement_.get(), index, text.data() ? text.data() : "", text.size(), SQLITE_TRANSIENT,
                          SQLITE_UTF8) != SQLITE_OK)
    return failed(database_, "giving a text to the database");
  return {};
}

Status Statement::bind_one(int index, std::int64_t number) {
  if (sqlite3_bind_int64(statement_.get(), index, number) != SQLITE_OK)
    return failed(database_, "giving a number to the database");
  return {};
}

Status Statement::bind_one(int index, std::nullptr_t) {
  if (sqlite3_bind_null(statement_.get(), index) != SQLITE_OK)
    return failed(database_, "giving nothing to the database");
  return {};
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return failed(database_, "asking the database");
}

Status Statement::run() {
  for (;;) {
    HEARTH_TRY(const bool more, step());
    if (!more) return {};
  }
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string Statement::text(int column) const {
  const unsigned char* bytes = sqlite3_column_text(statement_.get(), column);
  if (!bytes) return {};
  const auto n_bytes = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
  return {reinterpret_cast<const char*>(bytes), n_bytes};
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(database_.get(), sql.data(), static_cast<int>(sql.size()), &statement, nullptr) != SQLITE_OK)
    return failed(database_.get(), "preparing a question to the database");
  return Statement(database_.get(), statement);
}

Status Database::execute(std::string_view sql) {
  if (sqlite3_exec(database_.get(), std::string(sql).c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
    return failed(database_.get(), "changing the database");
  return {};
}

Status Database::transaction(const std::function<Status()>& work) {
  HEARTH_CHECK(execute("BEGIN IMMEDIATE"));
  Status done = work();
  if (done) done = execute("COMMIT");
  if (!done && !sqlite3_get_autocommit(database_.get())) (void)execute("ROLLBACK");
  return done;
}

std::int64_t Database::last_row_id() const {
  return sqlite3_last_insert_rowid(database_.get());
}

std::int64_t Database::n_changed() const {
  return sqlite3_changes64(database_.get());
}

Status Database::migrate(const std::filesystem::path& path, const Schema& schema) {
  const auto newest = static_cast<std::int64_t>(schema.versions.size());
  const auto read_version = [&]() -> Result<std::int64_t> {
    HEARTH_TRY(Statement version, prepare("PRAGMA user_version"));
    HEARTH_CHECK(version.step());
    return version.integer(0);
  };
  HEARTH_TRY(const std::int64_t found, read_version());
  if (found > newest || found < 0) {
    return fail(ErrorCode::kStateMismatch,
                fmt::format("{} in {} has version {}, this Hearth knows versions up to {}; use the newer Hearth that "
                            "wrote it, or name another folder",
                            schema.what, path.string(), found, newest));
  }
  if (found == newest) return {};
  return transaction([&]() -> Status {
    HEARTH_TRY(const std::int64_t now, read_version());  // another process may have been here first
    for (std::int64_t version = now; version < newest; ++version)
      HEARTH_CHECK(execute(schema.versions[static_cast<std::size_t>(version)]));
    return execute(fmt::format("PRAGMA user_version = {}", newest));
  });
}

Result<Database> Database::open_file(const std::string& uri, int flags) {
  Database database;
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(uri.c_str(), &raw, flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, nullptr);
  database.database_.reset(raw);
  if (code != SQLITE_OK) {
    if (!raw) return fail(ErrorCode::kInsufficientMemory, "no memory to open a database");
    return failed(raw, "cannot be opened");
  }
  sqlite3_busy_timeout(raw, kBusyMilliseconds);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  return database;
}

/// Readers and a writer share the file by a log. SQLite refuses the change, without waiting, while another process has
/// the file open in the old way, which it soon will not.
Status Database::share_by_log() {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kBusyMilliseconds);
  for (;;) {
    Status changed = execute("PRAGMA journal_mode = WAL");
    const bool may_wait = std::chrono::steady_clock::now() < deadline;
    if (changed || changed.error().code != ErrorCode::kBusy || !may_wait) return changed;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

Status Database::make_ready(const std::filesystem::path& path, const Schema& schema) {
  // The version is looked at before anything is written, so that a newer file stays as it is.
  HEARTH_CHECK(migrate(path, schema));
  HEARTH_CHECK(share_by_log());
  HEARTH_CHECK(execute("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON"));
  HEARTH_TRY(Statement check, prepare("PRAGMA quick_check(1)"));
  HEARTH_TRY(const bool any, check.step());
  if (const std::string verdict = any ? check.text(0) : ""; verdict != "ok")
    return fail(ErrorCode::kInvalidFile, verdict.substr(0, 200));
  return {};
}

Result<Replacement> Database::replace_content_of(const std::filesystem::path& path) {
  HEARTH_TRY(Database target, open_file(uri_of(path), SQLITE_OPEN_READWRITE));
  (void)target.prepare("SELECT 1 FROM sqlite_master");  // learns how the file is shared, if it still says so
  sqlite3* const to = target.database_.get();
  sqlite3_db_config(to, SQLITE_DBCONFIG_RESET_DATABASE, 1, nullptr);  // what is there is not looked at
  sqlite3_backup* const copying = sqlite3_backup_init(to, "main", database_.get(), "main");
  if (!copying) return failed(to, "replacing the database's content");
  Replacement replacement(std::move(target), copying);
  if (sqlite3_backup_step(copying, 0) != SQLITE_OK) {  // no page yet, but nobody else writes from here on
    replacement.copying_.reset();
    return failed(to, "replacing the database's content");
  }
  return replacement;
}

void Replacement::Finish::operator()(sqlite3_backup* copying) const {
  sqlite3_backup_finish(copying);
}

Status Replacement::commit() {
  sqlite3_backup_step(copying_.get(), -1);
  if (sqlite3_backup_finish(copying_.release()) != SQLITE_OK)
    return failed(target_.database_.get(), "replacing the database's content");
  return {};
}

Status Replacement::copy_to(const std::filesystem::path& copy) const {
  sqlite3* const database = target_.database_.get();
  const std::filesystem::path path = sqlite3_db_filename(database, "main");
  const auto beside = [](std::filesystem::path name, std::string_view suffix) { return name += suffix; };
  // The log goes first: what somebody carries over from it into the file meanwhile is in both.
  const std::filesystem::path log = beside(path, "-wal");
  std::error_code ignored;
  if (std::filesystem::exists(log, ignored)) {
    HEARTH_TRY(const RandomAccessFile from, RandomAccessFile::open(log));
    HEARTH_CHECK(write_copy(beside(copy, "-wal"), from.size(), [&](std::uint64_t offset, std::span<std::byte> into) {
      return from.read_at(offset, into);
    }));
  }
  // The file is read through SQLite: closing a descriptor of our own would end all locks of this process on it.
  sqlite3_file* file = nullptr;
  sqlite3_int64 size = 0;
  if (sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK ||
      file->pMethods->xFileSize(file, &size) != SQLITE_OK)
    return std::unexpected(system_error_at("reading", path, errno));
  return write_copy(copy, static_cast<std::uint64_t>(size), [&](std::uint64_t offset, std::span<std::byte> into) {
    const int read =
        file->pMethods->xRead(file, into.data(), static_cast<int>(into.size()), static_cast<sqlite3_int64>(offset));
    return read == SQLITE_OK ? Status{} : std::unexpected(system_error_at("reading", path, errno));
  });
}

Result<Database> Database::open(const std::filesystem::path& path, const Schema& schema) {
  const auto opened = [&]() -> Result<Database> {
    HEARTH_TRY(Database database, open_file(uri_of(path), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE));
    Status ready = database.make_ready(path, schema);
    if (!ready && sqlite3_db_readonly(database.database_.get(), "main") == 1 && log_is_empty(path)) {
      // Sharing a database takes files beside it. Where none can be made it is read as it lies; its owner is not waited
      // for, so it should not stay open for long.
      HEARTH_TRY(database, open_file(uri_of(path) + "?immutable=1", SQLITE_OPEN_READONLY));
      ready = database.make_ready(path, schema);
    }
    HEARTH_CHECK(ready);
    return database;
  };
  auto database = opened();
  if (database) return database;
  std::string context = fmt::format("opening {} in {}", schema.what, path.string());
  if (database.error().code == ErrorCode::kInvalidFile) context += ", which is damaged";
  return std::unexpected(std::move(database.error()).within(context));
}

}  // namespace hearth::store
