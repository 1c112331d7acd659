// SPDX-License-Identifier: Apache-2.0
// The results of map operations, as negative errno values of Linux. kNotSupported is the kernel's own ENOTSUPP, which
// errno.h does not have.
#pragma once
#include <cerrno>

#include "skep/map.h"

namespace skep::maps {

inline constexpr MapResult kOkResult = 0;
inline constexpr MapResult kPermission = -EPERM, kNoEntry = -ENOENT, kTooBig = -E2BIG, kBusy = -EBUSY,
                           kExists = -EEXIST, kNoDevice = -ENODEV, kInvalid = -EINVAL, kNoSpace = -ENOSPC,
                           kNotSupported = -524, kOverflow = -EOVERFLOW, kNoMemory = -ENOMEM,
                           kOpNotSupported = -EOPNOTSUPP;

}  // namespace skep::maps
