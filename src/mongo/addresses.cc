#include "mongo/addresses.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace readygate::mongo {

namespace {

using core::Failure;

constexpr std::size_t kMostNamed = 5;  // addresses in a sentence

std::string text_of(const bson_iter_t& value) {
  return BSON_ITER_HOLDS_UTF8(&value) ? bson_iter_utf8(&value, nullptr) : "";
}

void add_members(const bson_iter_t& list, std::vector<std::string>& members) {
  bson_iter_t each;
  if (!BSON_ITER_HOLDS_ARRAY(&list) || !bson_iter_recurse(&list, &each)) return;
  while (bson_iter_next(&each)) {
    if (BSON_ITER_HOLDS_UTF8(&each)) members.emplace_back(text_of(each));
  }
}

bool holds(const std::vector<std::string>& list, const std::string& host) {
  return std::find(list.begin(), list.end(), host) != list.end();
}

Failure failure(std::string message, std::string advice) {
  return {core::Domain::kSelection, 0, core::Doing::kConnect, std::move(message), {}, std::move(advice)};
}

// A server in another replica set than the URI says, or in none.
std::optional<Failure> wrong_set(const std::string& wanted, const Answers& answers) {
  const auto good = [&](const auto& each) { return each.second.set == wanted || each.second.ghost; };
  if (answers.empty() || std::any_of(answers.begin(), answers.end(), good)) return std::nullopt;
  const auto named =
      std::find_if(answers.begin(), answers.end(), [](const auto& each) { return !each.second.set.empty(); });
  if (named != answers.end()) {
    return failure(fmt::format("{} answers as a member of the replica set \"{}\", and the URI says replicaSet={}",
                               named->first, named->second.set, wanted),
                   fmt::format("Write replicaSet={} into the URI, or the hosts of \"{}\".", named->second.set, wanted));
  }
  const auto& [host, answer] = *answers.begin();
  if (answer.mongos) {
    return failure(
        fmt::format("{} is a mongos, which belongs to no replica set, and the URI says replicaSet={}", host, wanted),
        "Take replicaSet out of the URI.");
  }
  return failure(fmt::format("{} is a standalone server, and the URI says replicaSet={}", host, wanted),
                 fmt::format("Take replicaSet out of the URI, or start the server with --replSet {} and initiate the "
                             "set (rs.initiate()).",
                             wanted));
}

// The host of the URI answers, and everything that it advertises does not.
std::optional<Failure> elsewhere(const Answers& answers, const Unreachable& unreachable) {
  for (const auto& [host, answer] : answers) {
    if (answer.set.empty() || answer.members.empty() || holds(answer.members, host)) continue;
    const auto reached = [&](const std::string& member) { return answers.contains(member); };
    const auto failed = [&](const std::string& member) { return unreachable.contains(member); };
    if (std::any_of(answer.members.begin(), answer.members.end(), reached)) continue;
    if (std::none_of(answer.members.begin(), answer.members.end(), failed)) continue;
    std::string members;
    for (std::size_t i = 0; i < answer.members.size() && i < kMostNamed; ++i) {
      const std::string& member = answer.members[i];
      members += fmt::format("{}{}", i == 0 ? "" : ", ", member);
      if (failed(member)) members += fmt::format(" ({})", unreachable.at(member));
    }
    if (answer.members.size() > kMostNamed) members += ", …";
    return failure(
        fmt::format("{} of the URI answers, but its replica set \"{}\" advertises {} instead, where nothing "
                    "is reached: {}",
                    host, answer.set, answer.members.size() == 1 ? "another address" : "other addresses", members),
        answer.writable ? "For a tunnel or port-forward to this one server, set directConnection=true in "
                          "the URI; else make the addresses that the replica set advertises (rs.conf()) "
                          "resolve and answer from here."
                        : reach_advertised());
  }
  return std::nullopt;
}

}  // namespace

std::string reach_advertised() {
  return "Make the addresses that the replica set advertises (rs.conf()) resolve and answer from here; or, through a "
         "tunnel or port-forward, name its primary alone and set directConnection=true in the URI.";
}

Answer answer_of(const bson_t& hello) {
  Answer answer;
  bson_iter_t field;
  if (!bson_iter_init(&field, &hello)) return answer;
  while (bson_iter_next(&field)) {
    const std::string_view key = bson_iter_key(&field);
    if (key == "setName") answer.set = text_of(field);
    if (key == "msg") answer.mongos = text_of(field) == "isdbgrid";
    if (key == "isreplicaset") answer.ghost = bson_iter_as_bool(&field);
    if (key == "isWritablePrimary" || key == "ismaster") answer.writable = bson_iter_as_bool(&field);
    if (key == "primary") answer.primary = text_of(field);
    if (key == "hosts" || key == "passives") add_members(field, answer.members);
  }
  return answer;
}

std::optional<Failure> misaddressed(const Target& target, const Answers& answers, const Unreachable& unreachable) {
  if (!target.replica_set.empty()) {
    if (auto wrong = wrong_set(target.replica_set, answers)) return wrong;
  }
  return elsewhere(answers, unreachable);
}

bool advertised(const Target& target, const Answers& answers, const std::string& host) {
  if (holds(target.hosts, host)) return false;
  return std::any_of(answers.begin(), answers.end(),
                     [&](const auto& each) { return holds(each.second.members, host); });
}

}  // namespace readygate::mongo
