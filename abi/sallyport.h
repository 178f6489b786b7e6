// libsallyport: ask before you load.
//
// The C interface of the scanner, for loaders in any language. A model is scanned where it lies or in memory,
// in the caller's process, without Python, a framework or the network; nothing of it is executed.
//
//   char* json = NULL;
//   if (sallyport_scan_path("model.bin", NULL, &json) != SALLYPORT_CLEAN) refuse(json);
//   sallyport_free(json);
//
// From Python:
//
//   from ctypes import CDLL, byref, c_char_p, c_void_p, string_at
//   library = CDLL("libsallyport.so.1")
//   answer = c_void_p()
//   verdict = library.sallyport_scan_path(b"model.bin", None, byref(answer))
//   print(verdict, string_at(answer).decode())
//   library.sallyport_free(answer)
//
// All functions may be called from any thread. The library installs a handler of SIGBUS when it maps its
// first file, passes on what is not its own, and changes nothing else of the process.
#pragma once

#include <stddef.h>

#if defined(__GNUC__)
#define SALLYPORT_API __attribute__((visibility("default")))
#else
#define SALLYPORT_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Grows when a function is added. A function that is here never changes its meaning. */
#define SALLYPORT_ABI_VERSION 1

/* The same numbers as the exit codes of `sallyport scan`. */
enum {
  SALLYPORT_CLEAN = 0,       /* read whole, and nothing found of what the answer says was looked for */
  SALLYPORT_FINDINGS = 1,    /* loading it would do what it should not */
  SALLYPORT_CANNOT_TELL = 2, /* it could not be read, or bytes of it belong to nothing that is known */
  SALLYPORT_USAGE = 64       /* an argument makes no sense */
};

/* "0.1.0"; never freed. */
SALLYPORT_API const char* sallyport_version(void);

SALLYPORT_API int sallyport_abi_version(void);

/* Scans a file or a folder. `settings` is NULL or JSON:
 *   {"policy": FILE, "packs": DIR, "packs_key": PEM, "explain": BOOL, "threads": N, "max_depth": N,
 *    "max_layers": N, "max_unpacked_mb": N, "max_file_mb": N}
 * When `answer` is not NULL it gets the JSON of `sallyport scan --format json`, or {"error","hint"}, to be
 * freed by sallyport_free; NULL when memory ran out. */
SALLYPORT_API int sallyport_scan_path(const char* path, const char* settings, char** answer);

/* Scans `size` bytes that are in memory already. `name` is what the answer calls them; no verdict depends on
 * it. */
SALLYPORT_API int sallyport_scan_bytes(const void* bytes, size_t size, const char* name, const char* settings,
                                       char** answer);

SALLYPORT_API void sallyport_free(char* answer);

#ifdef __cplusplus
}
#endif
