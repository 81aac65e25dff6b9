// As much of JSON as a client of the gate needs: a member of an object, wherever it stands. Nothing is built, nothing
// is copied until it is asked for, and an object that is cut off gives what stands before the cut.
#pragma once

#include "text.h"

// Is it one object, whole, with nothing behind it but spaces?
bool rg_json_is_object(struct rg_span json);

// The JSON of the member at a path like "phase.what". False: there is none.
bool rg_json_find(struct rg_span json, const char* path, struct rg_span* found);

// A string's own text, else the JSON as it is. Without control characters: what the gate says may reach a terminal.
void rg_put_json(struct rg_text* text, struct rg_span json);

// Of the member at that path; false where there is none. `text` is not touched then.
bool rg_put_member(struct rg_text* text, struct rg_span json, const char* path);
