/* SPDX-License-Identifier: Apache-2.0 */
/* The C API through the installed header: a malformed object is refused with a reason, and a VM opens and closes. */
#include <skep/skep.h>
#include <stdio.h>
#include <string.h>

int main(void) {
  skep_error error;
  memset(&error, 0, sizeof error);
  if (skep_object_open("no ELF", 6, "text", &error) != NULL || error.code == SKEP_OK || error.message[0] == '\0') {
    printf("a text was taken for an object\n");
    return 1;
  }
  skep_vm *vm = skep_vm_open(NULL, &error);
  if (vm == NULL) {
    printf("%s\n", error.message);
    return 1;
  }
  if (skep_vm_find_map(vm, "none") != NULL) return 1;
  skep_vm_close(vm);
  printf("r0 = 42\n");
  return 0;
}
