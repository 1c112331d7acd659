// SPDX-License-Identifier: Apache-2.0
// What both syntaxes write alike: branch targets, symbolic addresses, calls.
#include <limits>

#include "base/try.h"
#include "isa/assemble.h"
#include "skep/helper.h"

namespace skep::isa::detail {

Result<Target> parse_target(Cursor& cursor, std::int32_t low, std::int32_t high) {
  static_cast<void>(cursor.at_end());  // Skips space, so that the column is that of the label.
  Target target;
  const std::size_t start = cursor.position();
  const auto name = cursor.name();
  if (name && *name != "pc") {
    target.label = LabelUse{std::string(*name), cursor.line_number(), start + 1};
    return target;
  }
  TRY(const std::int64_t offset, cursor.integer(low, high, "a label or a distance such as +2"));
  target.offset = static_cast<std::int32_t>(offset);
  if (cursor.accept("<"))
    while (!cursor.accept(">"))
      if (!cursor.name() && !cursor.number() && !cursor.accept("+")) return cursor.expected("'>'");
  return target;
}
Result<Target> parse_short_target(Cursor& cursor) {
  return parse_target(cursor, std::numeric_limits<std::int16_t>::min(), std::numeric_limits<std::int16_t>::max());
}
Result<Target> parse_long_target(Cursor& cursor) {
  return parse_target(cursor, std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max());
}

namespace {

/// `map[` was read: `fd:3]`, `idx:3]`, and `[0]+8` for the address of a value.
Result<Statement> parse_map(Cursor& cursor, Reg dst) {
  const bool by_fd = cursor.accept_word("fd");
  if (!by_fd && !cursor.accept_word("idx")) return cursor.expected("'fd' or 'idx'");
  TRY_OK(cursor.expect(":"));
  TRY(const std::int32_t low, cursor.imm32());
  TRY_OK(cursor.expect("]"));
  if (!cursor.accept("[0]"))
    return Statement{LoadImm64{by_fd ? Imm64Kind::kMapFd : Imm64Kind::kMapIndex, dst, low, 0}, {}};
  TRY(const std::int32_t high, cursor.imm32());
  return Statement{LoadImm64{by_fd ? Imm64Kind::kMapValueFd : Imm64Kind::kMapValueIndex, dst, low, high}, {}};
}

/// `variable[` was read.
Result<Statement> parse_variable(Cursor& cursor, Reg dst) {
  TRY_OK(cursor.expect("id:"));
  TRY(const std::int32_t low, cursor.imm32());
  TRY_OK(cursor.expect(",module:"));
  TRY(const std::int32_t high, cursor.imm32());
  TRY_OK(cursor.expect("]"));
  return Statement{LoadImm64{Imm64Kind::kVariable, dst, low, high}, {}};
}

/// `kfunc` was read: `#12`, ` 12`, each with `,3` for the module.
Result<Statement> parse_kfunc(Cursor& cursor) {
  static_cast<void>(cursor.accept_adjacent("#"));
  TRY(const std::int32_t id, cursor.imm32());
  std::int16_t module = 0;
  if (cursor.accept(",")) {
    TRY(module, cursor.offset16());
  }
  return Statement{Call{CallKind::kKfunc, id, module}, {}};
}

Statement local_call(Target target) { return {Call{CallKind::kLocal, target.offset, 0}, std::move(target.label)}; }

/// The helper named `name`, with or without "bpf_".
const HelperProto* find_helper(std::string_view name) {
  if (name.starts_with("bpf_")) name.remove_prefix(4);
  for (const HelperProto& row : kHelpers)
    if (row.name == name) return &row;
  return nullptr;
}

}  // namespace

Result<std::optional<Statement>> parse_symbol(Cursor& cursor, Reg dst) {
  if (cursor.accept("map[")) {
    TRY(Statement statement, parse_map(cursor, dst));
    return std::optional{std::move(statement)};
  }
  if (cursor.accept("variable[")) {
    TRY(Statement statement, parse_variable(cursor, dst));
    return std::optional{std::move(statement)};
  }
  if (!cursor.accept("subprog[")) return std::optional<Statement>{};
  TRY(Target target, parse_long_target(cursor));
  TRY_OK(cursor.expect("]"));
  return std::optional{Statement{LoadImm64{Imm64Kind::kFunction, dst, target.offset, 0}, std::move(target.label)}};
}

Result<Statement> parse_call(Cursor& cursor) {
  if (cursor.accept_word("kfunc")) return parse_kfunc(cursor);
  const std::size_t start = cursor.position();
  const bool local = cursor.accept_word("local");
  const auto name = cursor.name();
  if (!local && !name) {
    TRY(const std::int32_t id, cursor.imm32());
    return Statement{Call{CallKind::kHelper, id, 0}, {}};
  }
  if (!local && name && cursor.accept_adjacent("#")) {
    TRY(const std::int32_t id, cursor.imm32());
    return Statement{Call{CallKind::kHelper, id, 0}, {}};
  }
  if (const HelperProto* helper = local || !name ? nullptr : find_helper(*name))
    return Statement{Call{CallKind::kHelper, helper->id, 0}, {}};
  cursor.move_to(start);
  static_cast<void>(cursor.accept_word("local"));
  TRY(Target target, parse_long_target(cursor));
  return local_call(std::move(target));
}

}  // namespace skep::isa::detail
