// The catalog that a schema describes, as a server would show it: what `plan --against` compares with.
#pragma once

#include "schema/catalog.h"
#include "schema/schema.h"

namespace readygate::schema {

// A plan of the same schema against it is empty. Of the server nothing is known, nor how many documents there are.
Catalog catalog_of(const Schema& schema);

}  // namespace readygate::schema
