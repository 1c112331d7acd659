// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace skep::vm_tests {

/// Whether the build is watched by the thread sanitizer, which sees only what it compiled.
#if defined(__SANITIZE_THREAD__)
inline constexpr bool kThreadSanitizer = true;
#elif defined(__has_feature)
inline constexpr bool kThreadSanitizer = __has_feature(thread_sanitizer);
#else
inline constexpr bool kThreadSanitizer = false;
#endif

}  // namespace skep::vm_tests
