// Makes a Python of a program that has one in it: loaded before such a program, it puts the command line of CPython in
// the place of its main function. The program exports CPython's functions, for its extension modules.
#include <dlfcn.h>
#include <stddef.h>

typedef int main_function(int, char**, char**);
typedef int start_function(main_function*, int, char**, void (*)(void), void (*)(void), void (*)(void), void*);

int __libc_start_main(main_function* replaced, int argc, char** argv, void (*init)(void), void (*fini)(void),
                      void (*loader_fini)(void), void* stack_end);

int __libc_start_main(main_function* replaced, int argc, char** argv, void (*init)(void), void (*fini)(void),
                      void (*loader_fini)(void), void* stack_end) {
  start_function* const start = (start_function*)dlsym(RTLD_NEXT, "__libc_start_main");
  main_function* const python = (main_function*)dlsym(RTLD_DEFAULT, "Py_BytesMain");
  return start(python != NULL ? python : replaced, argc, argv, init, fini, loader_fini, stack_end);
}
