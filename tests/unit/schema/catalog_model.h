// A catalog in memory that the commands of a plan change, and that reports as a server does: with defaults filled in,
// text keys and weights in the server's form, and numbers of other types than were sent.
#pragma once

#include <string>
#include <vector>

#include "schema/catalog.h"
#include "schema/plan.h"

namespace readygate::schema {

enum class Product { kMongodb, kFerretdb };

class CatalogModel {
 public:
  explicit CatalogModel(Product product) : product_(product) {}

  // Fails the test on a command that the server would refuse: what exists is created, what is missing is changed.
  void apply(const Step& step);

  Catalog read() const;

 private:
  struct Stored {
    std::string name;
    Document options;
    std::vector<Document> indexes;  // as they were asked for
  };

  Stored* find(const std::string& name);
  void modify(Stored& collection, const Document& command);
  Document reported(const Document& spec) const;

  Product product_;
  std::vector<Stored> stored_;
};

}  // namespace readygate::schema
