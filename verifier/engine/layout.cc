// SPDX-License-Identifier: Apache-2.0
#include "verifier/engine/layout.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <variant>

#include "base/overloaded.h"
#include "skep/btf.h"
#include "verifier/engine/log.h"
#include "verifier/transfer/transfer.h"

namespace skep::verifier {
namespace {

constexpr std::uint8_t kClassMask = 0x07, kClassJmp = 0x05, kClassJmp32 = 0x06, kOpMask = 0xf0;
constexpr std::uint8_t kOpJa = 0x00, kOpCall = 0x80, kOpExit = 0x90;

std::int64_t relative(InsnIndex at, std::int64_t offset) { return std::int64_t{at} + 1 + offset; }

/// What an instruction that is not quite right would do: the fault is reported where it is reached.
Successors raw_successors(const isa::RawInsn& raw, InsnIndex at) {
  const std::uint8_t cls = raw.opcode & kClassMask;
  if (cls != kClassJmp && cls != kClassJmp32) return {.falls_through = true};
  const std::uint8_t op = raw.opcode & kOpMask;
  if (op == kOpExit) return {};
  if (op == kOpCall) return {.falls_through = true};
  if (op == kOpJa) return {.target = relative(at, cls == kClassJmp32 ? raw.imm : std::int32_t{raw.offset})};
  return {.falls_through = true, .target = relative(at, raw.offset)};
}

Diagnostic reason(DiagCode code, InsnIndex at, std::vector<DiagArg> args = {}) {
  return {.code = code, .at = at, .args = std::move(args)};
}

}  // namespace

std::optional<std::uint32_t> Layout::find_subprogram(InsnIndex first) const {
  const auto found = std::lower_bound(subprograms.begin(), subprograms.end(), first,
                                      [](const Subprogram& sub, InsnIndex at) { return sub.first < at; });
  if (found == subprograms.end() || found->first != first) return std::nullopt;
  return static_cast<std::uint32_t>(found - subprograms.begin());
}

Successors successors(const isa::Insns& insns, InsnIndex at) {
  const Successors next{.falls_through = true};
  return std::visit(Overloaded{
                        [&](const isa::Branch& insn) {
                          return Successors{.falls_through = true, .target = relative(at, insn.offset)};
                        },
                        [&](const isa::MayGoto& insn) {
                          return Successors{.falls_through = true, .target = relative(at, insn.offset)};
                        },
                        [&](const isa::Jump& insn) { return Successors{.target = relative(at, insn.offset)}; },
                        [&](const isa::Exit&) { return Successors{}; },
                        [&](const isa::LoadImm64&) { return Successors{.falls_through = true, .width = 2}; },
                        [&](const isa::Illegal& insn) { return raw_successors(insn.raw, at); },
                        [&](const auto&) { return next; },
                    },
                    insns[at]);
}

std::optional<std::int64_t> callee(const isa::Insns& insns, InsnIndex at) {
  if (const auto* call = std::get_if<isa::Call>(&insns[at]); call != nullptr && call->kind == isa::CallKind::kLocal)
    return relative(at, call->imm);
  if (const auto* load = std::get_if<isa::LoadImm64>(&insns[at]);
      load != nullptr && load->kind == isa::Imm64Kind::kFunction)
    return relative(at, load->low);
  return std::nullopt;
}

std::optional<std::uint8_t> callback_argument(const isa::Insn& insn, const Platform& platform) {
  const auto* call = std::get_if<isa::Call>(&insn);
  if (call == nullptr || call->kind != isa::CallKind::kHelper) return std::nullopt;
  const HelperProto* proto = platform.helper(call->imm);
  if (proto == nullptr) return std::nullopt;
  for (std::uint8_t i = 0; i < 5; ++i)
    if (proto->args[i].kind == ArgKind::Func) return static_cast<std::uint8_t>(i + 1);
  return std::nullopt;
}

const Kfunc* Layout::find_kfunc(std::int32_t id) const {
  const auto found = std::lower_bound(kfuncs.begin(), kfuncs.end(), id,
                                      [](const Kfunc& kfunc, std::int32_t wanted) { return kfunc.id < wanted; });
  return found == kfuncs.end() || found->id != id ? nullptr : &*found;
}

const Kfunc* Layout::find_kfunc(const isa::Insn& insn) const {
  const auto* call = std::get_if<isa::Call>(&insn);
  return call == nullptr || call->kind != isa::CallKind::kKfunc ? nullptr : find_kfunc(call->imm);
}

/// Programs that were loaded for one device have them; skep loads for none.
bool reads_device_metadata(KfuncId id) {
  return id == KfuncId::bpf_xdp_metadata_rx_hash || id == KfuncId::bpf_xdp_metadata_rx_timestamp ||
         id == KfuncId::bpf_xdp_metadata_rx_vlan_tag;
}

std::optional<Diagnostic> find_kfuncs(const Program& program, Layout& layout) {
  for (InsnIndex at = 0; at < program.insns.size(); ++at) {
    const auto* call = std::get_if<isa::Call>(&program.insns[at]);
    if (call == nullptr || call->kind != isa::CallKind::kKfunc) continue;
    if (call->imm == 0 && call->offset == 0) continue;  // A weak function that the kernel lacks: never to be reached.
    if (!is_gpl_compatible(program.license)) return reason(DiagCode::kKfuncGplOnly, at);
    if (call->offset != 0) return reason(DiagCode::kUnsupported, at, {std::string("kernel functions of modules")});
    if (program.target_btf == nullptr)
      return reason(DiagCode::kUnsupported, at, {std::string("kernel functions without the kernel's types")});
    if (layout.find_kfunc(call->imm) != nullptr) continue;
    auto kfunc = resolve_kfunc(*program.target_btf, call->imm, program.type);
    if (!kfunc) return reason(DiagCode::kKfuncNotFunction, at, {std::int64_t{call->imm}});
    if (kfunc->row != nullptr && reads_device_metadata(kfunc->row->id)) return reason(DiagCode::kKfuncMetadata, at);
    const auto place = std::upper_bound(layout.kfuncs.begin(), layout.kfuncs.end(), call->imm,
                                        [](std::int32_t id, const Kfunc& other) { return id < other.id; });
    layout.kfuncs.insert(place, *std::move(kfunc));
  }
  return std::nullopt;
}

CallbackUse callback_use(const isa::Insn& insn, const Platform& platform, const Layout& layout) {
  if (const Kfunc* const kfunc = layout.find_kfunc(insn); kfunc != nullptr && kfunc->row != nullptr) {
    for (const KfuncParameter& parameter : kfunc->parameters)
      if (parameter.kind == KfuncParameterKind::kCallback)
        return kfunc->row->id == KfuncId::bpf_rbtree_add_impl ? CallbackUse::kNow : CallbackUse::kLater;
    return CallbackUse::kNone;
  }
  if (!callback_argument(insn, platform)) return CallbackUse::kNone;
  constexpr auto kTimer = static_cast<std::int32_t>(HelperId::timer_set_callback);
  return std::get<isa::Call>(insn).imm == kTimer ? CallbackUse::kLater : CallbackUse::kNow;
}

/// Linux's limit, main included.
constexpr std::size_t kMaxSubprograms = 256;

namespace {
/// What may return 0 out of the middle of a subprogram needs one that is known to return a number.
std::optional<Diagnostic> check_early_return(const Program& program, const Subprogram& sub) {
  if (!sub.has_legacy_load && !sub.has_tail_call) return std::nullopt;
  const std::string what = sub.has_legacy_load ? "LD_ABS" : "tail_call";
  const auto info = std::ranges::find(program.functions, sub.first, &FunctionInfo::first);
  const auto* function = program.btf == nullptr || info == program.functions.end()
                             ? nullptr
                             : program.btf->find<btf::Func>(info->btf_type_id);
  if (function == nullptr) return reason(DiagCode::kSubprogramWithoutBtf, sub.first, {what});
  constexpr std::uint32_t kRegisterBytes = 8;
  const auto* prototype = program.btf->find<btf::FuncProto>(function->prototype);
  const TypeId type = prototype == nullptr ? 0 : program.btf->resolve(prototype->returns);
  const auto* number = program.btf->find<btf::Int>(type);
  if (number != nullptr && number->size <= kRegisterBytes) return std::nullopt;
  if (program.btf->find<btf::Enum>(type) != nullptr) return std::nullopt;
  return reason(DiagCode::kReturnsNoNumber, sub.first, {what});
}
}  // namespace

std::optional<Diagnostic> find_subprograms(const Program& program, Layout& layout) {
  const auto size = static_cast<std::int64_t>(program.insns.size());
  std::vector<InsnIndex> starts{0};
  for (InsnIndex at = 0; at < program.insns.size(); ++at) {
    const auto target = callee(program.insns, at);
    if (!target) continue;
    if (*target < 0 || *target >= size) return reason(DiagCode::kInvalidCallee, at);
    starts.push_back(static_cast<InsnIndex>(*target));
  }
  auto callback = find_exception_callback(program);
  if (auto* const fault = std::get_if<Diagnostic>(&callback)) return std::move(*fault);
  const auto exception_callback = std::get<std::optional<InsnIndex>>(callback);
  if (exception_callback) starts.push_back(*exception_callback);
  std::sort(starts.begin(), starts.end());
  starts.erase(std::unique(starts.begin(), starts.end()), starts.end());
  if (starts.size() > kMaxSubprograms) return reason(DiagCode::kTooManySubprograms, starts[kMaxSubprograms]);
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const InsnIndex end = i + 1 < starts.size() ? starts[i + 1] : static_cast<InsnIndex>(size);
    const auto info = std::find_if(program.functions.begin(), program.functions.end(),
                                   [&](const FunctionInfo& function) { return function.first == starts[i]; });
    layout.subprograms.push_back(
        {.first = starts[i], .end = end, .global = i != 0 && info != program.functions.end() && info->global});
  }
  if (exception_callback) {
    layout.exception_callback = layout.find_subprogram(*exception_callback);
    layout.subprograms[*layout.exception_callback].callback = true;
  }
  for (std::size_t i = 0; i < layout.subprograms.size(); ++i) {
    Subprogram& sub = layout.subprograms[i];
    for (InsnIndex at = sub.first; at < sub.end; ++at) {
      layout.insns[at].subprogram = static_cast<std::uint16_t>(i);
      const Successors next = successors(program.insns, at);
      if (const auto* call = std::get_if<isa::Call>(&program.insns[at]))
        sub.has_tail_call |= call->kind == isa::CallKind::kHelper && call->imm == 12;
      sub.has_legacy_load |= std::holds_alternative<isa::LoadPacket>(program.insns[at]);
      if (next.target && (*next.target < sub.first || *next.target >= sub.end))
        return reason(DiagCode::kJumpOutOfRange, at, {std::uint64_t{at}, *next.target});
      const bool last = at + 1 == sub.end;
      if (last && next.falls_through) return reason(DiagCode::kFallsOffEnd, at);
    }
    if (i == 0) continue;
    if (auto refused = check_early_return(program, sub)) return refused;
  }
  return std::nullopt;
}

/// As the kernel's log writes an opcode.
std::string two_digits(std::uint8_t byte) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  return {kDigits[byte >> 4], kDigits[byte & 15]};
}

/// Of what is checked in code that is never reached.
bool is_malformed_load(const isa::RawInsn& raw) {
  constexpr std::uint8_t kClassLdx = 0x01, kModeMask = 0xe0, kModeMem = 0x60, kModeMemSx = 0x80;
  const std::uint8_t mode = raw.opcode & kModeMask;
  return (raw.opcode & kClassMask) == kClassLdx && ((mode != kModeMem && mode != kModeMemSx) || raw.imm != 0);
}

std::optional<Diagnostic> check_encodings(const Program& program) {
  for (InsnIndex at = 0; at < program.insns.size(); ++at) {
    const isa::Insn& insn = program.insns[at];
    if (const auto* illegal = std::get_if<isa::Illegal>(&insn); illegal != nullptr) {
      if (is_malformed_load(illegal->raw)) return reason(DiagCode::kReservedFields, at, {std::string("BPF_LDX")});
      if (illegal->field == isa::Field::kOpcode)
        return reason(DiagCode::kUnknownOpcode, at, {two_digits(illegal->raw.opcode)});
      // Linux looks at this field of loads while it looks for maps, whether or not they can be reached.
      if ((illegal->raw.opcode & 7) == 1 && illegal->field == isa::Field::kImm)
        return reason(DiagCode::kReservedFields, at, {std::string("BPF_LDX")});
      if (illegal->raw.opcode == 0x18) return reason(DiagCode::kInvalidLoadImm64, at);
    }
    if (const auto* load = std::get_if<isa::LoadImm64>(&insn); load != nullptr) {
      if (at + 1 == program.insns.size() || !std::holds_alternative<isa::Continuation>(program.insns[at + 1]))
        return reason(DiagCode::kInvalidLoadImm64, at);
      const bool names_map = load->kind == isa::Imm64Kind::kMapIndex || load->kind == isa::Imm64Kind::kMapValueIndex;
      if (names_map && (load->low < 0 || static_cast<std::size_t>(load->low) >= program.maps.size()))
        return reason(DiagCode::kUnknownMap, at, {std::int64_t{load->low}});
      ++at;
    }
  }
  return std::nullopt;
}

namespace {
Effects effects_of(const Program& program, const Platform& platform, const Layout& layout, InsnIndex at) {
  constexpr std::int32_t kTailCall = 12;
  Effects effects;
  const auto* call = std::get_if<isa::Call>(&program.insns[at]);
  if (call != nullptr && call->kind == isa::CallKind::kHelper) {
    const HelperProto* const proto = platform.helper(call->imm);
    effects.moves_packet = call->imm == kTailCall || moves_packet(platform, call->imm);
    effects.may_sleep = proto != nullptr && proto->has(kMightSleep);
    effects.writes_dynptr = call->imm == static_cast<std::int32_t>(HelperId::dynptr_write);
  }
  const Kfunc* const kfunc = layout.find_kfunc(program.insns[at]);
  if (kfunc != nullptr && kfunc->row != nullptr) {
    effects.moves_packet = kfunc->row->has(KfuncFlag::kChangesPacket);
    effects.may_sleep = kfunc->row->has(KfuncFlag::kSleepable);
    const KfuncId id = kfunc->row->id;
    effects.makes_skb_dynptr = id == KfuncId::bpf_dynptr_from_skb || id == KfuncId::bpf_dynptr_from_skb_meta;
  }
  if (const auto target = callee(program.insns, at); target)
    if (const auto found = layout.find_subprogram(static_cast<InsnIndex>(*target)); found)
      effects = layout.subprograms[*found].effects;
  return effects;
}

void find_effects(const Program& program, const Platform& platform, Layout& layout) {
  for (bool again = true; again;) {
    again = false;
    for (InsnIndex at = 0; at < program.insns.size(); ++at) {
      Effects& effects = layout.subprograms[layout.insns[at].subprogram].effects;
      const Effects before = effects;
      effects.add(effects_of(program, platform, layout, at));
      again = again || effects != before;
    }
  }
}
}  // namespace

LayoutOrReason make_layout(const Program& program, const Platform& platform, Log& log) {
  constexpr std::size_t kMaxInsns = 1'000'000;
  if (program.insns.empty() || program.insns.size() > kMaxInsns)
    return reason(DiagCode::kProgramSize, 0, {std::uint64_t{program.insns.size()}});
  Layout layout;
  layout.insns.resize(program.insns.size());
  if (auto found = find_kfuncs(program, layout)) return std::move(*found);
  if (auto found = find_subprograms(program, layout)) return std::move(*found);
  log.functions(layout);
  if (auto found = check_encodings(program)) return std::move(*found);
  if (auto found = check_control_flow(program, platform, layout)) return std::move(*found);
  compute_loops(program, layout);
  find_effects(program, platform, layout);
  compute_live_registers(program, platform, layout);
  return layout;
}

}  // namespace skep::verifier
