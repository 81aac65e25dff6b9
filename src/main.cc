#include "cli/main.h"

int main(int argc, char** argv) { return readygate::cli::run(argc, argv); }
