// SPDX-License-Identifier: Apache-2.0
#include "hooks/pcap.h"

#include <fcntl.h>
#include <pcap/pcap.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/try.h"

namespace skep::hooks {
namespace {

constexpr int kSnapLength = 262144;  // libpcap's own maximum for Ethernet.
constexpr std::uint64_t kNanoseconds = 1'000'000'000;

std::string shown(const std::string& path, const char* standard) { return path == "-" ? standard : path; }

std::string link_type_name(int type) {
  const char* name = pcap_datalink_val_to_name(type);
  const char* description = pcap_datalink_val_to_description(type);
  std::string text = name != nullptr ? name : std::to_string(type);
  if (description != nullptr) text += std::string(" (") + description + ")";
  return text;
}

/// What a new file may be read and written by.
mode_t default_mode() {
  const mode_t mask = umask(0);
  umask(mask);
  return 0666 & ~mask;
}

}  // namespace

void PcapReader::Close::operator()(pcap* handle) const { pcap_close(handle); }

Result<PcapReader> PcapReader::open(const std::string& path) {
  const std::string name = shown(path, "standard input");
  std::FILE* file = path == "-" ? stdin : std::fopen(path.c_str(), "rb");
  if (file == nullptr) return Error{Errc::kInvalid, name + ": cannot open: " + std::strerror(errno)};
  std::array<char, PCAP_ERRBUF_SIZE> reason{};
  Handle handle(pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, reason.data()));
  if (!handle) {
    const bool unreadable = std::ferror(file) != 0;
    if (file != stdin) std::fclose(file);
    return Error{unreadable ? Errc::kInvalid : Errc::kMalformed,
                 name + ": " + reason.data() + "; expected a capture in pcap or pcapng format"};
  }
  const int type = pcap_datalink(handle.get());
  if (type != DLT_EN10MB)
    return Error{Errc::kUnsupported, name + ": the capture's link type is " + link_type_name(type) +
                                         "; only Ethernet (EN10MB) is supported, record on an Ethernet interface"};
  return PcapReader(path, std::move(handle));
}

Result<std::optional<Packet>> PcapReader::next() {
  pcap_pkthdr* header = nullptr;
  const unsigned char* bytes = nullptr;
  const int got = pcap_next_ex(handle_.get(), &header, &bytes);
  if (got == PCAP_ERROR_BREAK) return std::optional<Packet>();
  if (got != 1)
    return Error{Errc::kMalformed, shown(path_, "standard input") + ": packet " + std::to_string(packets_ + 1) + ": " +
                                       pcap_geterr(handle_.get())};
  ++packets_;
  if (header->caplen < header->len) ++cut_packets_;
  return std::optional(Packet{
      .bytes = std::as_bytes(std::span(bytes, header->caplen)),
      .wire_length = header->len > header->caplen ? header->len : header->caplen,
      .time_ns =
          static_cast<std::uint64_t>(header->ts.tv_sec) * kNanoseconds + static_cast<std::uint64_t>(header->ts.tv_usec),
  });
}

void PcapWriter::CloseHandle::operator()(pcap* handle) const { pcap_close(handle); }
void PcapWriter::CloseDumper::operator()(pcap_dumper* dumper) const { pcap_dump_close(dumper); }

PcapWriter::PcapWriter(PcapWriter&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      handle_(std::move(other.handle_)),
      dumper_(std::move(other.dumper_)) {}

PcapWriter::~PcapWriter() {
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

Error PcapWriter::system_error(const char* what) const {
  return {Errc::kSystem, shown(path_, "standard output") + ": cannot " + what + ": " + std::strerror(errno)};
}

Result<PcapWriter> PcapWriter::create(const std::string& path) {
  PcapWriter writer;
  writer.path_ = path;
  struct stat existing {};
  const bool exists = path != "-" && stat(path.c_str(), &existing) == 0;
  if (path == "-" || (exists && !S_ISREG(existing.st_mode))) {
    // The descriptor is duplicated: closing the dumper must not close the caller's standard output.
    const int fd = path == "-" ? dup(STDOUT_FILENO) : ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    std::FILE* file = fd < 0 ? nullptr : fdopen(fd, "wb");
    if (file == nullptr) return writer.system_error("open for writing");
    TRY_OK(writer.open_dumper(file));
    return writer;
  }
  writer.temporary_ = path + ".XXXXXX";
  const int fd = mkostemp(writer.temporary_.data(), O_CLOEXEC);
  if (fd < 0) {
    writer.temporary_.clear();
    return writer.system_error("create a file beside it");
  }
  fchmod(fd, exists ? existing.st_mode & 0777 : default_mode());
  std::FILE* file = fdopen(fd, "wb");
  if (file == nullptr) return writer.system_error("open for writing");
  TRY_OK(writer.open_dumper(file));
  return writer;
}

Status PcapWriter::open_dumper(std::FILE* file) {
  handle_.reset(pcap_open_dead_with_tstamp_precision(DLT_EN10MB, kSnapLength, PCAP_TSTAMP_PRECISION_NANO));
  if (handle_) dumper_.reset(pcap_dump_fopen(handle_.get(), file));
  if (dumper_) return kOk;
  std::fclose(file);
  return system_error("write");
}

Status PcapWriter::write(const Packet& packet) {
  pcap_pkthdr header{};
  header.ts.tv_sec = static_cast<time_t>(packet.time_ns / kNanoseconds);
  header.ts.tv_usec = static_cast<suseconds_t>(packet.time_ns % kNanoseconds);
  header.caplen = static_cast<bpf_u_int32>(packet.bytes.size());
  header.len = packet.wire_length;
  const void* bytes = packet.bytes.data();
  // pcap_dump takes its own dumper as a "user" pointer (it is a pcap_handler), and reports nothing.
  pcap_dump(static_cast<unsigned char*>(static_cast<void*>(dumper_.get())), &header,
            static_cast<const unsigned char*>(bytes));
  if (std::ferror(pcap_dump_file(dumper_.get())) != 0) return system_error("write");
  return kOk;
}

Status PcapWriter::commit() {
  if (pcap_dump_flush(dumper_.get()) != 0) return system_error("write");
  // A full disk or a broken network file system may say so only here.
  if (!temporary_.empty() && fsync(fileno(pcap_dump_file(dumper_.get()))) != 0) return system_error("write");
  dumper_.reset();
  if (temporary_.empty()) return kOk;
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) return system_error("rename the finished file to it");
  temporary_.clear();
  return kOk;
}

}  // namespace skep::hooks
