/* SPDX-License-Identifier: Apache-2.0 */
/* The C API from C: the firewall example on one crafted packet, with a rule put into its map, in both engines; and what
 * goes wrong. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "skep/skep.h"

static int failures;
#define EXPECT(condition)                                            \
  do {                                                               \
    if (!(condition)) {                                              \
      printf("%s:%d: failed: %s\n", __FILE__, __LINE__, #condition); \
      ++failures;                                                    \
    }                                                                \
  } while (0)

enum { kXdpDrop = 1, kXdpPass = 2, kDropId = 5 };

static char* read_file(const char* path, size_t* size) {
  FILE* file = fopen(path, "rb");
  if (file == NULL) return NULL;
  char* bytes = malloc(1 << 20);
  *size = bytes == NULL ? 0 : fread(bytes, 1, 1 << 20, file);
  fclose(file);
  return bytes;
}

/* Ethernet, IPv4, UDP to port 53. */
static const unsigned char kPacket[] = {2, 0,  0,  0, 0, 1,  2, 0, 0, 0,  0, 2, 8, 0,    0x45, 0, 0,  28, 0, 0, 0,
                                        0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x30, 0x39, 0, 53, 0,  8, 0, 0};

/* Through the runner, or without one through the image. */
static uint64_t run_packet(const skep_image* image, skep_runner* runner) {
  unsigned char frame[512];
  memset(frame, 0, sizeof frame);
  memcpy(frame + 256, kPacket, sizeof kPacket);
  skep_xdp_context context;
  memset(&context, 0, sizeof context);
  context.frame_start = (uint64_t)(uintptr_t)frame;
  context.frame_end = context.frame_start + sizeof frame;
  context.data = context.data_meta = context.frame_start + 256;
  context.data_end = context.data + sizeof kPacket;
  const skep_result result = runner == NULL ? skep_image_run(image, &context, sizeof context, 0)
                                            : skep_runner_run(runner, &context, sizeof context);
  EXPECT(result.trap == SKEP_TRAP_NONE);
  return result.r0;
}

static void test_engine(const skep_object* object, skep_engine engine) {
  skep_error error;
  memset(&error, 0, sizeof error);
  const skep_vm_options options = {engine, 1, 0};
  skep_vm* vm = skep_vm_open(&options, &error);
  EXPECT(vm != NULL);
  skep_image* image = skep_vm_load(vm, object, "firewall", &error);
  if (image == NULL) {
    printf("not loaded: %s\n", error.message);
    ++failures;
    skep_vm_close(vm);
    return;
  }
  skep_map* rules = skep_vm_find_map(vm, "port_rules");
  skep_map* hits = skep_vm_find_map(vm, "hits");
  EXPECT(rules != NULL && hits != NULL);
  EXPECT(skep_map_key_size(rules) == 4 && skep_map_value_size(rules) == 8);
  EXPECT(run_packet(image, NULL) == kXdpPass);
  skep_runner* runner = skep_runner_open(image, 0, &error);
  EXPECT(runner != NULL);
  EXPECT(run_packet(image, runner) == kXdpPass);

  const uint16_t key[2] = {53, 17};
  const uint32_t rule[2] = {kDropId, kXdpDrop};
  EXPECT(skep_map_put(rules, key, rule, 1) == 0);
  EXPECT(skep_map_put(rules, key, rule, 1) == -EEXIST);
  EXPECT(run_packet(image, NULL) == kXdpDrop);
  EXPECT(run_packet(image, runner) == kXdpDrop);

  const uint32_t id = kDropId;
  uint64_t hit[2] = {0, 0};
  EXPECT(skep_map_get(hits, &id, hit) == 0);
  EXPECT(hit[0] == 2 && hit[1] == 2 * sizeof kPacket);
  uint16_t found[2] = {0, 0};
  EXPECT(skep_map_next_key(rules, NULL, found) == 0 && found[0] == 53);
  EXPECT(skep_map_next_key(rules, key, found) == -ENOENT);
  EXPECT(skep_map_delete(rules, key) == 0);
  skep_vm_close(vm); /* Image and maps outlive it. */
  EXPECT(run_packet(image, NULL) == kXdpPass);
  skep_image_close(image); /* The runner outlives it. */
  EXPECT(run_packet(NULL, runner) == kXdpPass);
  skep_runner_close(runner);
  skep_map_close(rules);
  skep_map_close(hits);
}

static void test_errors(const skep_object* object) {
  skep_error error;
  memset(&error, 0, sizeof error);
  EXPECT(skep_object_open("no ELF", 6, "text", &error) == NULL && error.code == SKEP_BAD_INPUT &&
         error.message[0] != '\0');
  EXPECT(skep_object_open(NULL, 0, NULL, NULL) == NULL);
  skep_vm* vm = skep_vm_open(NULL, &error);
  EXPECT(vm != NULL);
  EXPECT(skep_vm_load(vm, object, "none", &error) == NULL && strstr(error.message, "firewall") != NULL);
  EXPECT(skep_vm_find_map(vm, "none") == NULL);
  skep_vm_close(vm);
  skep_object_close(NULL);
  skep_image_close(NULL);
  skep_runner_close(NULL);
  skep_map_close(NULL);
}

int main(int argc, char** argv) {
  if (argc != 2) {
    printf("usage: capi_test firewall.bpf.o\n");
    return 2;
  }
  size_t size = 0;
  char* bytes = read_file(argv[1], &size);
  skep_error error;
  memset(&error, 0, sizeof error);
  skep_object* object = skep_object_open(bytes, size, "firewall", &error);
  if (object == NULL) {
    printf("%s: %s\n", argv[1], error.message);
    return 1;
  }
  free(bytes);
  EXPECT(skep_object_program_count(object) == 1);
  EXPECT(strcmp(skep_object_program_name(object, 0), "firewall") == 0);
  EXPECT(skep_object_program_name(object, 1) == NULL);
  test_engine(object, SKEP_INTERPRETER);
  test_engine(object, SKEP_JIT);
  test_errors(object);
  skep_object_close(object);
  printf("%d failures\n", failures);
  return failures == 0 ? 0 : 1;
}
