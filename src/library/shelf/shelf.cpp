// The index: who is who, in SQLite.
#include "library/shelf/shelf.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "base/file.h"
#include "library/fetch/fetch.h"

#include <fmt/format.h>

namespace hearth::library {

namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 1> kShelfVersions = {R"(
CREATE TABLE blobs (
  sha256 TEXT NOT NULL,
  place TEXT NOT NULL DEFAULT '',       -- empty: blobs/SHA256; else the path of a file that somebody else owns
  owner TEXT NOT NULL DEFAULT '',
  n_bytes INTEGER NOT NULL,
  PRIMARY KEY (sha256, place)
);
CREATE TABLE models (
  id INTEGER PRIMARY KEY,
  source TEXT NOT NULL,
  commit_id TEXT NOT NULL DEFAULT '',
  format TEXT NOT NULL DEFAULT '',
  quant TEXT NOT NULL DEFAULT '',
  licence TEXT NOT NULL DEFAULT '',
  added TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M', 'now'))
);
CREATE TABLE files (
  model INTEGER NOT NULL REFERENCES models(id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  name TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  place TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (model, position)
);
CREATE INDEX files_by_digest ON files (sha256, place);
CREATE TABLE names (
  name TEXT PRIMARY KEY,
  model INTEGER NOT NULL REFERENCES models(id) ON DELETE CASCADE
);
)"};
constexpr store::Schema kShelfSchema{.what = "the library's index", .versions = kShelfVersions};
constexpr std::string_view kNameIt = "INSERT OR REPLACE INTO names (name, model) VALUES (?1, ?2)";

std::string place_of(const ShelfFile& file) {
  return file.owner.empty() ? "" : file.path.string();
}

bool same_content(const ShelfModel& model, const NewModel& other) {
  return model.source == other.source &&
         std::ranges::equal(model.files, other.files, {}, &ShelfFile::sha256, &ShelfFile::sha256);
}

std::string upper_case(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return text;
}

}  // namespace

std::uint64_t ShelfModel::n_bytes() const {
  return std::accumulate(files.begin(), files.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const ShelfFile& file) { return sum + file.n_bytes; });
}

Result<Shelf> Shelf::open(const fs::path& folder) {
  if (folder.empty()) return fail(ErrorCode::kInvalidArgument, "there is no folder for models; set HEARTH_HOME to one");
  std::error_code code;
  for (const char* part : {"blobs", "parts"}) {
    fs::create_directories(folder / part, code);
    if (code) return std::unexpected(system_error_at("making the folder", folder / part, code.value()));
  }
  return open_index(folder);
}

Result<Shelf> Shelf::open_index(const fs::path& folder) {
  const fs::path index = folder / "index.db";
  std::string notice;
  auto database = store::Database::open(index, kShelfSchema);
  if (!database && database.error().code == ErrorCode::kInvalidFile) {
    auto salvaged = store::salvage_database(index, kShelfSchema);
    if (!salvaged)
      return std::unexpected(std::move(salvaged.error()).within("saving the library's index, which is damaged"));
    const store::Salvage& salvage = *salvaged;
    if (!salvage.copy.empty()) {
      notice = fmt::format(
          "the library's index was damaged; {} entries were saved{}, and the damaged file is kept as {}",
          salvage.n_rows, salvage.lost.empty() ? "" : ", some of " + salvage.lost + " are lost", salvage.copy.string());
    }
    database = store::Database::open(index, kShelfSchema);
  }
  if (!database) return std::unexpected(std::move(database.error()));
  Shelf shelf(folder, std::move(*database));
  shelf.notice_ = std::move(notice);
  return shelf;
}

Result<std::optional<Shelf>> Shelf::open_existing(const fs::path& folder) {
  std::error_code ignored;
  if (folder.empty() || !fs::exists(folder / "index.db", ignored)) return std::optional<Shelf>();
  HEARTH_TRY(Shelf shelf, open_index(folder));
  return std::optional(std::move(shelf));
}

Result<std::optional<std::int64_t>> Shelf::id_of(std::string_view name) {
  HEARTH_TRY(store::Statement row, database_.prepare("SELECT model FROM names WHERE name = ?1"));
  HEARTH_CHECK(row.bind(name));
  HEARTH_TRY(const bool found, row.step());
  return found ? std::optional(row.integer(0)) : std::nullopt;
}

/// The newest that fits; an empty wish fits everything.
Result<std::optional<std::int64_t>> Shelf::id_by_source(const HubName& name) {
  HEARTH_TRY(store::Statement row,
             database_.prepare("SELECT id FROM models m WHERE source = ?1 AND (?2 = '' OR quant = ?2) AND (?3 = '' OR "
                               "substr(commit_id, 1, length(?3)) = ?3) AND (?4 = '' OR EXISTS (SELECT 1 FROM files f "
                               "WHERE f.model = m.id AND f.name = ?4)) ORDER BY id DESC LIMIT 1"));
  HEARTH_CHECK(row.bind("hf:" + name.repository(), upper_case(name.quant), name.revision == "main" ? "" : name.revision,
                        name.file));
  HEARTH_TRY(const bool found, row.step());
  return found ? std::optional(row.integer(0)) : std::nullopt;
}

Result<ShelfModel> Shelf::read_model(std::int64_t id) {
  ShelfModel model{.id = id};
  HEARTH_TRY(store::Statement row, database_.prepare("SELECT source, commit_id, format, quant, licence, added FROM "
                                                     "models WHERE id = ?1"));
  HEARTH_CHECK(row.bind(id));
  HEARTH_TRY(const bool found, row.step());
  if (!found) return fail(ErrorCode::kFileNotFound, "the model was removed meanwhile");
  std::string* const texts[] = {&model.source, &model.commit,  &model.format,
                                &model.quant,  &model.licence, &model.added};
  for (int column = 0; std::string * text : texts) *text = row.text(column++);
  HEARTH_TRY(store::Statement names, database_.prepare("SELECT name FROM names WHERE model = ?1 ORDER BY name"));
  HEARTH_CHECK(names.bind(id));
  for (;;) {
    HEARTH_TRY(const bool more, names.step());
    if (!more) break;
    model.names.push_back(names.text(0));
  }
  HEARTH_TRY(store::Statement files,
             database_.prepare("SELECT f.name, f.sha256, f.place, b.owner, b.n_bytes FROM files f LEFT JOIN blobs b ON "
                               "b.sha256 = f.sha256 AND b.place = f.place WHERE f.model = ?1 ORDER BY f.position"));
  HEARTH_CHECK(files.bind(id));
  for (;;) {
    HEARTH_TRY(const bool more, files.step());
    if (!more) break;
    ShelfFile file{.name = files.text(0), .sha256 = files.text(1), .owner = files.text(3)};
    file.n_bytes = static_cast<std::uint64_t>(files.integer(4));
    file.path = files.text(2).empty() ? blob_path(file.sha256) : fs::path(files.text(2));
    model.files.push_back(std::move(file));
  }
  return model;
}

Result<std::vector<ShelfModel>> Shelf::list() {
  std::vector<std::int64_t> ids;
  HEARTH_TRY(store::Statement rows, database_.prepare("SELECT id FROM models ORDER BY id"));
  for (;;) {
    HEARTH_TRY(const bool more, rows.step());
    if (!more) break;
    ids.push_back(rows.integer(0));
  }
  std::vector<ShelfModel> models;
  for (const std::int64_t id : ids) {
    HEARTH_TRY(ShelfModel model, read_model(id));
    models.push_back(std::move(model));
  }
  return models;
}

Result<std::vector<std::string>> Shelf::names() {
  HEARTH_TRY(store::Statement rows, database_.prepare("SELECT name FROM names ORDER BY name"));
  std::vector<std::string> names;
  for (;;) {
    HEARTH_TRY(const bool more, rows.step());
    if (!more) return names;
    names.push_back(rows.text(0));
  }
}

Result<std::optional<ShelfModel>> Shelf::find(const ModelName& name, const Catalogue& catalogue) {
  HEARTH_TRY(std::optional<std::int64_t> id, id_of(canonical_name(name)));
  if (const auto* hub = std::get_if<HubName>(&name); !id && hub) {
    HEARTH_TRY(id, id_by_source(*hub));
  }
  if (const auto* own = std::get_if<CatalogueName>(&name); !id && own) {
    const auto choice = catalogue.find(*own);
    for (std::size_t i = 0; choice && !id && i < choice->model->sources.size(); ++i) {
      HEARTH_TRY(const ModelName source, parse_model_name("hf:" + choice->model->sources[i].repo));
      HubName wanted = std::get<HubName>(source);
      wanted.quant = choice->quant;
      HEARTH_TRY(id, id_by_source(wanted));
    }
  }
  if (!id) return std::optional<ShelfModel>();
  HEARTH_TRY(ShelfModel model, read_model(*id));
  return std::optional(std::move(model));
}

Status Shelf::keep_older(const ShelfModel& old) {
  if (old.commit.empty()) return {};
  const std::string kept = fmt::format("{}{}{}@{}", old.source, old.quant.empty() ? "" : ":", old.quant, old.commit);
  return database_.run(kNameIt, kept, old.id);
}

Status Shelf::insert(const NewModel& model) {
  for (const ShelfFile& file : model.files) {
    std::error_code code;
    const auto size = fs::file_size(file.path, code);
    if (code || size != file.n_bytes) {
      return fail(ErrorCode::kFileNotFound,
                  fmt::format("{} was removed while it was put on the shelf; try again", file.path.string()));
    }
    HEARTH_CHECK(database_.run("INSERT OR REPLACE INTO blobs (sha256, place, owner, n_bytes) VALUES (?1, ?2, ?3, ?4)",
                               file.sha256, place_of(file), file.owner, file.n_bytes));
  }
  HEARTH_CHECK(
      database_.run("INSERT INTO models (source, commit_id, format, quant, licence) VALUES (?1, ?2, ?3, ?4, ?5)",
                    model.source, model.commit, model.format, model.quant, model.licence));
  const std::int64_t id = database_.last_row_id();
  for (int position = 0; const ShelfFile& file : model.files) {
    HEARTH_CHECK(database_.run("INSERT INTO files (model, position, name, sha256, place) VALUES (?1, ?2, ?3, ?4, ?5)",
                               id, position++, file.name, file.sha256, place_of(file)));
  }
  return database_.run(kNameIt, model.name, id);
}

Result<ShelfModel> Shelf::add(const NewModel& model) {
  const Status done = database_.transaction([&]() -> Status {
    HEARTH_TRY(const std::vector<ShelfModel> all, list());
    const auto same = std::ranges::find_if(all, [&](const ShelfModel& other) { return same_content(other, model); });
    HEARTH_TRY(const std::optional<std::int64_t> before, id_of(model.name));
    if (before && (same == all.end() || *before != same->id)) {
      HEARTH_TRY(const ShelfModel old, read_model(*before));
      HEARTH_CHECK(keep_older(old));
    }
    if (same == all.end()) return insert(model);
    // The same weights from the same source under another name or of another commit: one model.
    if (!model.commit.empty())
      HEARTH_CHECK(database_.run("UPDATE models SET commit_id = ?1 WHERE id = ?2", model.commit, same->id));
    return database_.run(kNameIt, model.name, same->id);
  });
  HEARTH_CHECK(done);
  HEARTH_TRY(const std::optional<std::int64_t> id, id_of(model.name));
  if (!id) return fail(ErrorCode::kFileNotFound, "the model was removed meanwhile");
  HEARTH_TRY(ShelfModel added, read_model(*id));
  HEARTH_CHECK(path_to_open(added));  // makes what a model in parts needs, which a reader of the folder may not
  return added;
}

Status Shelf::name(std::int64_t model, const std::string& name) {
  return database_.transaction([&]() -> Status {
    HEARTH_TRY(const std::optional<std::int64_t> taken, id_of(name));
    if (taken == model) return {};
    if (taken) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("\"{0}\" is the name of another model; `hearth rm {0}` takes it away", name));
    }
    return database_.run(kNameIt, name, model);
  });
}

/// Under the index's lock, so that nobody takes a blob into use while it goes.
Status Shelf::drop_unused_blobs(std::span<const ShelfFile> files, Removal& removal) {
  for (const ShelfFile& file : files) {
    HEARTH_TRY(store::Statement used, database_.prepare("SELECT 1 FROM files WHERE sha256 = ?1 AND place = ?2"));
    HEARTH_CHECK(used.bind(file.sha256, place_of(file)));
    HEARTH_TRY(const bool needed, used.step());
    if (needed) continue;
    HEARTH_CHECK(database_.run("DELETE FROM blobs WHERE sha256 = ?1 AND place = ?2", file.sha256, place_of(file)));
    std::error_code ignored;
    if (!file.owner.empty()) {
      removal.n_owned_elsewhere += file.n_bytes;
    } else if (fs::remove(blob_path(file.sha256), ignored)) {
      removal.n_freed += file.n_bytes;
    }
    fs::remove_all(folder_ / "views" / file.sha256, ignored);
  }
  return {};
}

Result<Removal> Shelf::remove(const std::string& name) {
  Removal removal;
  const Status done = database_.transaction([&]() -> Status {
    HEARTH_TRY(const std::optional<std::int64_t> id, id_of(name));
    if (!id) {
      return fail(ErrorCode::kFileNotFound,
                  fmt::format("no model is called \"{}\" here; `hearth list` shows what is", harmless(name)));
    }
    HEARTH_TRY(const ShelfModel model, read_model(*id));
    HEARTH_CHECK(database_.run("DELETE FROM names WHERE name = ?1", name));
    removal.names = model.names;
    std::erase(removal.names, name);
    if (!removal.names.empty()) return {};
    HEARTH_CHECK(database_.run("DELETE FROM files WHERE model = ?1", *id));
    HEARTH_CHECK(database_.run("DELETE FROM models WHERE id = ?1", *id));
    return drop_unused_blobs(model.files, removal);
  });
  HEARTH_CHECK(done);
  return removal;
}

Result<std::uint64_t> Shelf::collect(std::chrono::seconds min_age) {
  std::uint64_t n_freed = remove_parts(folder_);
  std::vector<fs::path> blobs;
  std::error_code code;
  for (fs::directory_iterator entry(folder_ / "blobs", code), end; !code && entry != end; entry.increment(code))
    blobs.push_back(entry->path());
  const Status done = database_.transaction([&]() -> Status {
    for (const fs::path& blob : blobs) {
      HEARTH_TRY(store::Statement used, database_.prepare("SELECT 1 FROM files WHERE sha256 = ?1 AND place = ''"));
      HEARTH_CHECK(used.bind(blob.filename().string()));
      HEARTH_TRY(const bool needed, used.step());
      std::error_code ignored;
      // A download that has just ended may be about to enter the index.
      if (needed || fs::file_time_type::clock::now() - fs::last_write_time(blob, ignored) < min_age) continue;
      const auto size = fs::file_size(blob, ignored);
      if (fs::remove(blob, ignored)) n_freed += size;
    }
    return database_.execute(
        "DELETE FROM blobs WHERE NOT EXISTS (SELECT 1 FROM files f WHERE f.sha256 = blobs.sha256 "
        "AND f.place = blobs.place)");
  });
  HEARTH_CHECK(done);
  return n_freed;
}

}  // namespace hearth::library
