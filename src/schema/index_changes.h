// The steps that change an index that is there, in place: its time, its visibility, its uniqueness. Part of diff().
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "schema/draft.h"

namespace readygate::schema {

class IndexChanges {
 public:
  explicit IndexChanges(Draft& draft) : draft_(draft) {}

  // Whether the server can change this option in place, from what is there to what is wanted. Both normalised.
  bool possible(std::string_view option, const Index& wanted, const Index& present) const;
  // All options that differ, each of them possible.
  void change(const Index& wanted, const Index& present, const std::vector<std::string>& differing);

  enum class Visibility { kHidden, kShown };
  Step visibility(const Index& present, Visibility visibility) const;
  Step drop(const Index& present, std::string what) const;
  // Before anything is done for an index that is to be unique, in a step of its own, however long it takes: the one
  // that it is for is sent under a deadline. No step for a collection that is empty.
  void find_duplicates(const Index& unique, Effect effect);

  // Moves what was collected to the two halves of the draft.
  void finish();

 private:
  Step step(StepKind kind, const Index& present, std::string what, Document command, std::vector<Change> changes) const;
  void expire(const Index& wanted, const Index& present);
  void make_unique(const Index& present);
  bool may_make_unique() const;

  Draft& draft_;
  std::vector<Step> gains_;   // that take nothing away
  std::vector<Step> losses_;  // those that do, and what can only follow them
};

}  // namespace readygate::schema
