#include "core/applier.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "base/json.h"
#include "schema/fields.h"

namespace readygate::core {
namespace {

// Another actor may change the catalog while we apply. Past this many rounds somebody undoes our work as fast as we do
// it.
constexpr int kMostRounds = 5;

// A part of a reading has two commands of its own (hello, listCollections), and one or more for each collection.
constexpr std::size_t kLeastToRead = 4;

// So many readings, or steps that work through no documents, count as one step that does: they cost the server next to
// nothing, and take the network's time.
constexpr int kLightForAStep = 2;

std::string identity(const schema::Step& step) {
  return fmt::format("{}\n{}\n{}", name(step.kind), step.collection, step.command.to_canonical_json());
}

std::string shown(const schema::Step& step) { return fmt::format("{}: {}", step.collection, step.what); }

std::string fields_of(const schema::Finding& finding) {
  JsonWriter json;
  json.begin_object().field("finding", name(finding.kind)).field("collection", std::string_view(finding.collection));
  if (!finding.object.empty()) json.field("object", std::string_view(finding.object));
  if (!finding.option.empty()) json.field("option", std::string_view(finding.option));
  if (!finding.asked.empty()) json.field("asked", std::string_view(finding.asked));
  if (!finding.reported.empty()) json.field("reported", std::string_view(finding.reported));
  json.end_object();
  const std::string& text = json.text();
  return text.substr(1, text.size() - 2);
}

LogLevel level_of(schema::FindingKind kind) {
  switch (kind) {
    // True of such a server whatever happens: an apply says which indexes it waits for, and a failure why.
    case schema::FindingKind::kUnproven: return LogLevel::kDebug;
    case schema::FindingKind::kOtherName:
    case schema::FindingKind::kBuilding: return LogLevel::kInfo;
    default: return LogLevel::kWarn;
  }
}

bool builds(const schema::Step& step) {
  return step.kind == schema::StepKind::kCreateIndexes || step.kind == schema::StepKind::kAwaitIndexes;
}

bool has_index(const std::vector<Owns>& of, const std::string& collection, const std::string& index) {
  const Owns* found = schema::find_owned(of, collection);
  return found != nullptr && std::find(found->indexes.begin(), found->indexes.end(), index) != found->indexes.end();
}

// A collection without options needs no command of its own: building its indexes creates it (manual, "createIndexes").
bool comes_with_its_indexes(const schema::Step& step, const schema::Step& next) {
  return step.kind == schema::StepKind::kCreateCollection && next.kind == schema::StepKind::kCreateIndexes &&
         schema::fields(step.command).size() == 1;
}

}  // namespace

Applier::Applier(const schema::Schema& schema, int parallelism, std::vector<Owns> owns, Mode mode)
    : schema_(schema), parallelism_(std::max(1, parallelism)), mode_(mode), owns_(std::move(owns)) {}

int Applier::tasks_at_once(int parallelism) { return kLightForAStep * parallelism + 1; }

void Applier::begin(Commands& commands) {
  if (!earlier_) {
    read_first(commands);
    return;
  }
  stage_ = Stage::kReading;
  current_ = "waiting for an earlier operation";
  awaiting_ = commands.start(*std::exchange(earlier_, std::nullopt));
}

bool Applier::on(Commands& commands, TaskId id, const Outcome& outcome) {
  if (awaiting_ == id) {
    awaiting_.reset();
    on_earlier(commands, outcome);
    return true;
  }
  const auto reading =
      std::find_if(readings_.begin(), readings_.end(), [&](const Reading& one) { return one.id == id; });
  if (reading != readings_.end()) {
    on_reading(commands, *reading, outcome);
    return true;
  }
  if (const auto sent = in_flight_.find(id); sent != in_flight_.end()) {
    unsettled_ = unsettled_ || unsettles(sent->second.destructive, outcome);
    in_flight_.erase(sent);
  }
  const auto found = running_.find(id);
  if (found == running_.end()) return false;
  const std::size_t lane = found->second;
  running_.erase(found);
  if (stage_ == Stage::kApplying) on_step(commands, lane, outcome);
  return true;
}

// Whoever may not look, or cannot, goes on: what a late command does is found by the look a period after the takeover.
void Applier::on_earlier(Commands& commands, const Outcome& outcome) {
  if (const auto* gone = outcome ? std::get_if<EarlierGone>(&*outcome) : nullptr) {
    if (gone->ended > 0) {
      commands.say(LogLevel::kWarn, fmt::format("Ended {} operation{} of the holder of the lease before", gone->ended,
                                                gone->ended == 1 ? "" : "s"));
    }
    if (gone->left > 0) {
      commands.say(LogLevel::kWarn,
                   fmt::format("Going on beside {} operation{} of the holder of the lease before, which did not end in "
                               "time",
                               gone->left, gone->left == 1 ? "" : "s"));
    }
  }
  read_first(commands);
}

void Applier::read_first(Commands& commands) {
  read_catalog(commands, Stage::kReading, mode_ == Mode::kLook ? Count::kNo : Count::kYes);
}

void Applier::read_catalog(Commands& commands, Stage stage, Count count) {
  stage_ = stage;
  counted_ = count;
  current_ = "read the catalog";
  const std::vector<std::string> names = schema::declared_names(schema_);
  readings_.clear();  // answers of an earlier reading are not ours any more
  if (names.size() < 2 * kLeastToRead) {
    asks_names_ = false;
    read_part(commands, names, ReadCatalog::Part::kAll);
  } else if (asks_names_) {
    read_part(commands, names, ReadCatalog::Part::kRest);
    read_part(commands, names, ReadCatalog::Part::kNames);
    // So many steps will be sent at once: their connections are made meanwhile. Why one cannot be, its step will tell.
    for (int i = 0; i < kLightForAStep * parallelism_; ++i) commands.start(Connect{});
  } else {
    read_part(commands, names, ReadCatalog::Part::kRest);
    read_in_parts(commands, names);
  }
}

void Applier::read_in_parts(Commands& commands, const std::vector<std::string>& names) {
  // Looking is what every replica does, and nobody waits for it.
  const auto most = static_cast<std::size_t>(mode_ == Mode::kLook ? parallelism_ : kLightForAStep * parallelism_);
  const std::size_t parts = std::clamp<std::size_t>(names.size() / kLeastToRead, 1, most);
  const auto at = [&](std::size_t part) {
    return names.begin() + static_cast<std::ptrdiff_t>(names.size() * part / parts);
  };
  for (std::size_t i = 0; i < parts; ++i) {
    read_part(commands, std::vector<std::string>(at(i), at(i + 1)), ReadCatalog::Part::kCollections);
  }
}

void Applier::read_part(Commands& commands, std::vector<std::string> collections, ReadCatalog::Part part) {
  // Who applies has the majority's word by renewing the lease; who only looks writes nothing, and must ask for it.
  ReadCatalog work{std::move(collections), counted_ == Count::kYes, mode_ == Mode::kLook, part};
  readings_.push_back({commands.start(std::move(work)), std::nullopt});
}

void Applier::on_reading(Commands& commands, Reading& reading, const Outcome& outcome) {
  if (!outcome) {
    readings_.clear();
    broke(judge(outcome.error()));
    return;
  }
  if (const auto* read = std::get_if<CatalogRead>(&*outcome)) reading.answer = *read;
  if (!std::all_of(readings_.begin(), readings_.end(), [](const Reading& one) { return one.answer.has_value(); })) {
    return;
  }
  if (std::exchange(asks_names_, false)) {
    const std::vector<std::string> names = readings_.back().answer->names;
    if (!names.empty()) return read_in_parts(commands, names);
  }
  const std::vector<Reading> parts = std::exchange(readings_, {});
  schema::Catalog catalog = parts.front().answer->catalog;
  const std::string& primary = parts.front().answer->primary;
  if (primary != primary_) proven_.clear();  // what one has built another may still be building
  primary_ = primary;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    if (parts[i].answer->primary != primary_) {
      read_again(commands, stage_);
      return;
    }
    const auto& found = parts[i].answer->catalog.collections;
    catalog.collections.insert(catalog.collections.end(), found.begin(), found.end());
    const auto& foreign = parts[i].answer->catalog.owned_elsewhere;
    catalog.owned_elsewhere.insert(catalog.owned_elsewhere.end(), foreign.begin(), foreign.end());
  }
  on_catalog(commands, std::move(catalog));
}

void Applier::prove(schema::Catalog& catalog) const {
  for (schema::CatalogCollection& collection : catalog.collections) {
    for (schema::CatalogIndex& index : collection.indexes) {
      if (index.build == schema::Build::kUnknown && has_index(proven_, collection.name, index.index.name)) {
        index.build = schema::Build::kDone;
      }
    }
  }
}

void Applier::on_catalog(Commands& commands, schema::Catalog catalog) {
  server_ = catalog.server;
  // What it is treated as may not be what it is.
  if (!server_.mongodb_version.empty() && first_time("server")) {
    commands.say(LogLevel::kInfo, fmt::format("The server is no product that is known here: {}.", shown(server_)));
  }
  prove(catalog);
  schema::Plan plan = schema::diff(schema_, catalog, owns());
  if (stage_ == Stage::kVerifying) unmask(plan);
  if (counted_ == Count::kNo && (!plan.empty() || !plan.withheld.empty())) {
    // What a step breaks and costs depends on whether there are documents.
    read_catalog(commands, stage_, Count::kYes);
    return;
  }
  withheld_ = static_cast<int>(plan.withheld.size());
  say_findings(commands, plan);
  if (!accept(plan)) return;
  if (mode_ == Mode::kApply) {
    // First: while an index is being built, its collection can hardly be changed.
    plan.steps.insert(plan.steps.begin(), std::make_move_iterator(plan.unproven.begin()),
                      std::make_move_iterator(plan.unproven.end()));
    resolve(plan);
  } else if (doubts_ && plan.empty() && !plan.unproven.empty()) {
    broke({Verdict::kSlow, Reason::kDrift, plan.first(schema::FindingKind::kUnproven)->message + "."});
    return;
  }
  if (plan.empty() && documents_follow_) {
    stage_ = Stage::kConfirming;
  } else if (plan.empty()) {
    stage_ = Stage::kMatched;
  } else if (mode_ == Mode::kLook) {
    drifted_ = true;
    broke({Verdict::kSlow, Reason::kDrift,
           fmt::format("The database lacks what the schema declares. First difference: {}: {}.",
                       plan.steps.front().collection, plan.steps.front().what)});
  } else {
    drifted_ = true;
    apply(commands, std::move(plan));
  }
}

// What the server said yes to and its catalog shows otherwise, or not at all, is not a conflict and not drift: it is
// not honoured. Asking again would give the same answer, so such steps leave the plan.
void Applier::unmask(schema::Plan& plan) const {
  for (schema::Finding& finding : plan.findings) {
    if (finding.kind == schema::FindingKind::kConflict && made_here(finding.collection, finding.object)) {
      finding.kind = schema::FindingKind::kNotHonoured;
      finding.message = fmt::format("The server acknowledged it and shows it otherwise: {}", finding.message);
    }
  }
  if (plan.first(schema::FindingKind::kBuilding) != nullptr) return;  // not there yet; asking again waits for it
  std::erase_if(plan.steps, [&](const schema::Step& step) {
    if (!acknowledged(step)) return false;
    plan.findings.push_back(
        schema::Finding{schema::FindingKind::kNotHonoured,
                        step.collection,
                        {},
                        {},
                        step.command.to_json(),
                        {},
                        fmt::format("{}: the server acknowledged \"{}\" and its catalog does not show it",
                                    step.collection, step.what)});
    return true;
  });
}

bool Applier::made_here(const std::string& collection, const std::string& index) const {
  if (!index.empty()) return has_index(made_, collection, index);
  const Owns* found = schema::find_owned(made_, collection);
  return found != nullptr && found->created;
}

bool Applier::acknowledged(const schema::Step& step) const {
  switch (step.kind) {
    case schema::StepKind::kCreateCollection:
    case schema::StepKind::kCreateView: return made_here(step.collection, {});
    case schema::StepKind::kCreateIndexes:
      return std::all_of(step.indexes.begin(), step.indexes.end(),
                         [&](const std::string& index) { return made_here(step.collection, index); });
    default: return std::find(acknowledged_.begin(), acknowledged_.end(), identity(step)) != acknowledged_.end();
  }
}

bool Applier::accept(const schema::Plan& plan) {
  if (const schema::Finding* foreign = plan.first(schema::FindingKind::kOwnedElsewhere)) {
    broke({Verdict::kPermanent, Reason::kOwnedElsewhere, foreign->message + "."});
    return false;
  }
  if (const schema::Finding* conflict = plan.first(schema::FindingKind::kConflict)) {
    broke({Verdict::kPermanent, Reason::kConflict, conflict->message});
    return false;
  }
  const schema::Finding* refused = plan.first(schema::FindingKind::kNotHonoured);
  if (refused != nullptr && schema_.policy.not_honoured == schema::Policy::NotHonoured::kFail) {
    broke({Verdict::kPermanent, Reason::kNotHonoured, refused->message});
    return false;
  }
  return true;
}

void Applier::say_findings(Commands& commands, const schema::Plan& plan) {
  for (const schema::Finding& finding : plan.findings) {
    if (!first_time(fmt::format("{} {} {}", name(finding.kind), finding.collection, finding.message))) continue;
    commands.say(level_of(finding.kind), finding.message, fields_of(finding));
  }
  for (const schema::Step& step : plan.withheld) {
    if (!first_time(fmt::format("withheld {}", identity(step)))) continue;
    commands.say(LogLevel::kWarn,
                 fmt::format("Held back, because it can break the version before and policy.contract is \"report\": "
                             "{}: {}",
                             step.collection, step.what));
  }
}

bool Applier::first_time(std::string words) {
  if (std::find(said_.begin(), said_.end(), words) != said_.end()) return false;
  said_.push_back(std::move(words));
  return true;
}

bool Applier::next_round(Judgement otherwise) {
  if (++rounds_ <= kMostRounds) return true;
  broke(std::move(otherwise));
  return false;
}

void Applier::apply(Commands& commands, schema::Plan plan) {
  if (!next_round({Verdict::kTransient, Reason::kDrift,
                   fmt::format("The database differs from the schema again after {} rounds; something else changes "
                               "it. First difference: {}",
                               kMostRounds, plan.steps.front().what)})) {
    return;
  }
  plan_ = std::move(plan);
  stage_ = Stage::kApplying;
  steps_done_ = 0;
  confirmed_ = false;
  lanes_.clear();
  running_.clear();  // answers of an earlier round are not ours any more
  std::map<std::string, std::size_t> lane_of;
  for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
    const auto [found, fresh] = lane_of.try_emplace(plan_.steps[i].lane(), lanes_.size());
    if (fresh) lanes_.emplace_back();
    Lane& lane = lanes_[found->second];
    if (lane.safe == lane.steps.size() && !plan_.steps[i].destructive) ++lane.safe;
    lane.steps.push_back(i);
  }
  for (Lane& lane : lanes_) {
    if (lane.safe < 2 || !comes_with_its_indexes(plan_.steps[lane.steps[0]], plan_.steps[lane.steps[1]])) continue;
    lane.next = 1;
    lane.implied = true;
  }
  feed(commands);
}

void Applier::feed(Commands& commands) {
  bool waiting = false;
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    Lane& lane = lanes_[i];
    const bool held_back = !confirmed_ && lane.next >= lane.safe;
    if (lane.next == lane.steps.size() || lane.busy) continue;
    waiting = true;
    const schema::Step& step = plan_.steps[lane.steps[lane.next]];
    if (held_back || load() + weight(step) > kLightForAStep * parallelism_) continue;
    lane.busy = true;
    current_ = shown(step);
    const TaskId id = commands.start(RunStep{step, grant_.token, grant_.not_after});
    running_.emplace(id, i);
    in_flight_.emplace(id, sent(lane));
  }
  if (!running_.empty()) return;
  if (waiting || documents_follow_) {
    stage_ = Stage::kConfirming;
    current_ = "confirm the lease";
  } else {
    read_catalog(commands, Stage::kVerifying, Count::kNo);
  }
}

int Applier::load() const {
  int sum = 0;
  for (const auto& [task, lane] : running_) sum += weight(plan_.steps[lanes_[lane].steps[lanes_[lane].next]]);
  return sum;
}

int Applier::weight(const schema::Step& step) { return step.cost == schema::Cost::kInstant ? 1 : kLightForAStep; }

std::vector<std::string> Applier::building() const {
  std::vector<std::string> collections;
  for (const auto& [task, lane] : running_) {
    const schema::Step& step = plan_.steps[lanes_[lane].steps[lanes_[lane].next]];
    if (builds(step)) collections.push_back(step.collection);
  }
  return stage_ == Stage::kApplying ? collections : std::vector<std::string>();
}

std::string Applier::running_on(const std::string& collection) const {
  for (const auto& [task, lane] : running_) {
    const schema::Step& step = plan_.steps[lanes_[lane].steps[lanes_[lane].next]];
    if (step.collection == collection) return shown(step);
  }
  return {};
}

void Applier::confirm(Commands& commands) {
  if (stage_ != Stage::kConfirming) return;
  stage_ = Stage::kApplying;
  confirmed_ = true;
  documents_follow_ = false;
  feed(commands);
}

void Applier::verify_again(Commands& commands) { read_again(commands, Stage::kVerifying); }

void Applier::read_again(Commands& commands, Stage stage) {
  if (next_round({Verdict::kTransient, Reason::kNoPrimary,
                  "The primary changes faster than its catalog can be verified."
                  " This is retried."})) {
    read_catalog(commands, stage, counted_);
  }
}

void Applier::on_step(Commands& commands, std::size_t lane_index, const Outcome& outcome) {
  Lane& lane = lanes_.at(lane_index);
  const schema::Step& step = plan_.steps[lane.steps[lane.next]];
  if (!outcome) {
    Judgement verdict = judge(outcome.error());
    const std::string answer = fmt::format("{} code {}", identity(step), outcome.error().code);
    if (verdict.verdict == Verdict::kReread) {
      // Answers of steps in flight find stage kReading and are not needed: the next reading shows what they did.
      // The same answer in every round of two attempts is no race any more.
      if (next_round({Verdict::kOnceMore, Reason::kDrift, verdict.sentence, Origin::kDeclaration, answer})) {
        read_catalog(commands, Stage::kReading, Count::kYes);
      }
      return;
    }
    verdict.answer = answer;
    if (verdict.verdict != Verdict::kPermanent) unresolved_.push_back(sent(lane));
    verdict.sentence = fmt::format("{}: {} failed: {}", step.collection, step.what, verdict.sentence);
    broke(std::move(verdict));
    return;
  }
  if (std::exchange(lane.implied, false)) done(commands, plan_.steps[lane.steps[0]]);
  done(commands, step);
  ++lane.next;
  lane.busy = false;
  feed(commands);
}

void Applier::done(Commands& commands, const schema::Step& step) {
  record(step);
  ++steps_done_;
  ++steps_of_all_rounds_;
  commands.say(LogLevel::kInfo, fmt::format("Applied to {}: {}", step.collection, step.what),
               fmt::format("\"step\":{},\"of\":{}", steps_done_, steps()));
}

Applier::Sent Applier::sent(const Lane& lane) const {
  const schema::Step& step = plan_.steps[lane.steps[lane.next]];
  Sent what{step.destructive, step.collection, {identity(step)}};
  if (lane.implied) what.steps.push_back(identity(plan_.steps[lane.steps[0]]));
  return what;
}

// A build that goes on is a step of this plan, which awaits it.
void Applier::resolve(const schema::Plan& plan) {
  for (const Sent& before : std::exchange(unresolved_, {})) {
    for (const std::string& step : before.steps) {
      const bool asked_again = std::any_of(plan.steps.begin(), plan.steps.end(), [&](const schema::Step& each) {
        return identity(each) == step ||
               (each.kind == schema::StepKind::kAwaitIndexes && each.collection == before.collection);
      });
      if (!asked_again) ++steps_of_all_rounds_;
    }
  }
}

void Applier::broke(Judgement judgement) {
  stage_ = Stage::kBroken;
  judgement_ = std::move(judgement);
}

void Applier::record(const schema::Step& step) {
  const auto of = [&](std::vector<Owns>& all) -> Owns& {
    Owns* found = schema::find_owned(all, step.collection);
    return found != nullptr ? *found : all.emplace_back(Owns{step.collection, {}, false});
  };
  if (builds(step)) {
    Owns& proven = of(proven_);
    proven.indexes.insert(proven.indexes.end(), step.indexes.begin(), step.indexes.end());
  }
  if (step.kind == schema::StepKind::kDropIndex) {
    std::erase(of(made_).indexes, step.object);
    of(gone_).indexes.push_back(step.object);
  } else if (step.kind == schema::StepKind::kCreateCollection || step.kind == schema::StepKind::kCreateView ||
             step.kind == schema::StepKind::kCreateIndexes) {
    Owns& made = of(made_);
    if (step.kind != schema::StepKind::kCreateIndexes) made.created = true;
    made.indexes.insert(made.indexes.end(), step.indexes.begin(), step.indexes.end());
  } else {
    acknowledged_.push_back(identity(step));
  }
}

}  // namespace readygate::core
