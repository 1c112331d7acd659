/* SPDX-License-Identifier: Apache-2.0 */
/* A program's machine code with all that a run of it touches, at fixed addresses: made by skep_images for either
 * architecture, run by image_run.c, which is C without anything of skep, so that it builds for both. */
#pragma once
#include <stdint.h>

enum {
  kImageBase = 0x40000000, /* Where the file is mapped; its first bytes are an image_header. */
  kImageSize = 0x100000,
  kImageCode = 0x10000, /* Offset of the code, which nothing else follows. */
};

typedef struct image_header {
  uint64_t entry;         /* Address of the entry function: (context, size of the context, Env). */
  uint64_t context, size; /* Its address and size. */
  uint64_t env;           /* Address of zeros in place of an Env. */
  uint64_t expected;      /* The low 32 bits of r0. */
} image_header;
