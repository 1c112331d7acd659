// SPDX-License-Identifier: Apache-2.0
// Helper look-ups: the table's rows by number in constant time, then the embedder's own.
#include "skep/platform.h"

#include <algorithm>
#include <array>
#include <utility>

namespace skep {
namespace {

constexpr std::int32_t kMaxTableId = [] {
  std::int32_t most = 0;
  for (const HelperProto& row : kHelpers) most = std::max(most, row.id);
  return most;
}();

constexpr auto kRowOfId = [] {
  std::array<std::int16_t, kMaxTableId + 1> rows{};
  rows.fill(-1);
  for (std::size_t i = kHelpers.size(); i-- > 0;)  // Of several rows with one number, the first remains.
    rows[static_cast<std::size_t>(kHelpers[i].id)] = static_cast<std::int16_t>(i);
  return rows;
}();

}  // namespace

const Platform& Platform::linux_like() {
  static const Platform platform;
  return platform;
}

const HelperProto* Platform::helper(std::int32_t id) const {
  if (id >= 0 && id <= kMaxTableId && kRowOfId[static_cast<std::size_t>(id)] >= 0)
    return &kHelpers[static_cast<std::size_t>(kRowOfId[static_cast<std::size_t>(id)])];
  for (const auto& own : own_)
    if (own->proto.id == id) return &own->proto;
  return nullptr;
}

const HelperProto* Platform::helper(std::int32_t id, ProgramType type, std::uint32_t attach_type) const {
  const HelperProto* const first = helper(id);
  for (const HelperProto* row = first; row >= kHelpers.data() && row < kHelpers.data() + kHelpers.size(); ++row) {
    if (row->id != id) break;
    if (contains(row->available, type, attach_type)) return row;
  }
  return first;
}

const HelperProto* Platform::helper(std::string_view name) const {
  for (const HelperProto& row : kHelpers)
    if (row.name == name) return &row;
  for (const auto& own : own_)
    if (own->name == name) return &own->proto;
  return nullptr;
}

HelperFn Platform::own_function(std::int32_t id) const {
  for (const auto& own : own_)
    if (own->proto.id == id) return own->fn;
  return nullptr;
}

Result<Platform> Platform::with_helper(HelperProto proto, HelperFn fn) const {
  const std::string label = "helper " + std::to_string(proto.id) + " (" + std::string(proto.name) + ")";
  if (fn == nullptr) return Error{Errc::kInvalid, label + " has no function"};
  if (proto.id <= 0) return Error{Errc::kInvalid, label + ": the number of a helper is positive"};
  if (helper(proto.id) != nullptr) return Error{Errc::kInvalid, label + ": the number is taken"};
  if (helper(proto.name) != nullptr) return Error{Errc::kInvalid, label + ": the name is taken"};
  auto own = std::make_shared<OwnHelper>();
  own->name = std::string(proto.name);
  own->proto = proto;
  own->proto.name = own->name;
  own->fn = fn;
  Platform result = *this;
  result.own_.push_back(std::move(own));
  return result;
}

}  // namespace skep
