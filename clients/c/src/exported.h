// What of this library a program may link against; readygate.map lists the same names.
#pragma once

#define EXPORTED __attribute__((visibility("default")))
