// The documents' side of the model database: records of migrations, and documents of which it only matters whether they
// match the filter and how often they were changed. It keeps what the real runners promise: nothing without the lease
// and the claim, and with transactions all of a task or nothing.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/work.h"

namespace readygate::test {

class ModelMigrations {
 public:
  struct ModelDocument {
    bool matches = true;
    int changed = 0;  // how often
  };

  core::Outcome answer(const core::ReadMigrations& work);
  core::Outcome answer(const core::ClaimMigration& work);
  core::Outcome answer(const core::WriteMigration& work);
  core::Outcome answer(const core::RunSeed& work);
  core::Outcome answer(const core::RunBatch& work);
  core::Outcome answer(const core::RunCommand& work);

  bool transactions = true;
  bool converges = true;   // a changed document does not match any more
  bool dies_half = false;  // without transactions: the next task changes documents and then fails, its record unwritten
  std::int64_t token = 0;  // what the ledger shows
  std::string owner;

  std::map<std::string, core::MigrationRecord> records;              // by key
  std::map<std::string, std::map<int, ModelDocument>> batch;         // by collection and _id
  std::map<std::string, std::map<std::string, std::string>> seeded;  // by collection and _id, as JSON
  std::vector<std::string> commands;                                 // that ran, as JSON

 private:
  bool held(const core::Fence& fence) const { return fence.token == token && fence.owner == owner; }
  // Null: not under that claim.
  core::MigrationRecord* claimed(const core::MigrationRecord& record);
};

}  // namespace readygate::test
