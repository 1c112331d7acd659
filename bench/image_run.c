/* SPDX-License-Identifier: Apache-2.0 */
/* image_run FILE: runs the machine code of an image once. Exit code 0: it returned what was expected. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "image_layout.h"

int main(int argc, char** argv) {
  const int file = argc == 2 ? open(argv[1], O_RDONLY) : -1;
  if (file < 0) {
    fprintf(stderr, "usage: image_run FILE\n");
    return 2;
  }
  void* const at = (void*)(uintptr_t)kImageBase;
  void* const image = mmap(at, kImageSize, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, file, 0);
  if (image != at) {
    perror("image_run: mmap");
    return 2;
  }
  close(file);
  const image_header* const header = image;
  uint64_t (*const entry)(uint64_t, uint64_t, uint64_t) =
      (uint64_t(*)(uint64_t, uint64_t, uint64_t))(uintptr_t)header->entry;
  const uint64_t r0 = entry(header->context, header->size, header->env);
  if ((uint32_t)r0 == header->expected) return 0;
  fprintf(stderr, "image_run: %s returns %llu, expected %llu\n", argv[1], (unsigned long long)(uint32_t)r0,
          (unsigned long long)header->expected);
  return 1;
}
