// What the environment says: where the gate is, and whether it is to be left out.
#pragma once

#include "text.h"

// The argument, else READYGATE_GATE_SOCKET, else the default. Whether it can be one is for rg_is_path() to say.
struct rg_span rg_socket(const char* given);
