// SPDX-License-Identifier: Apache-2.0
// The task on whose behalf a program runs.
#include <algorithm>
#include <cstring>

#include "helpers/helpers.h"
#include "helpers/words.h"

namespace skep::helpers {

Word get_current_pid_tgid(Word, Word, Word, Word, Word, Env& env) {
  const Task task = env.host->current_task();
  return Word{task.tgid} << 32 | task.pid;
}

Word get_current_uid_gid(Word, Word, Word, Word, Word, Env& env) {
  const Task task = env.host->current_task();
  return Word{task.gid} << 32 | task.uid;
}

Word get_current_comm(Word to, Word size, Word, Word, Word, Env& env) {
  const Task task = env.host->current_task();
  const Word length = std::min<Word>({size - 1, strnlen(task.comm.data(), task.comm.size()), task.comm.size() - 1});
  std::memcpy(bytes_at(to), task.comm.data(), length);
  std::memset(bytes_at(to) + length, 0, size - length);
  return 0;
}

// There is no task_struct here. Reads through a null one fail with -EFAULT, as they would for any wrong address.
Word get_current_task(Word, Word, Word, Word, Word, Env&) { return 0; }

}  // namespace skep::helpers
