// SPDX-License-Identifier: Apache-2.0
// Capture files: pcap and pcapng in, pcap (nanoseconds) out. The only place that knows libpcap.
#pragma once
#include <cstdio>
#include <memory>
#include <string>

#include "hooks/packet.h"

struct pcap;
struct pcap_dumper;

namespace skep::hooks {

class PcapReader final : public PacketSource {
 public:
  /// "-" is standard input. Error: the file cannot be opened, is neither pcap nor pcapng, or does not hold Ethernet
  /// frames.
  static Result<PcapReader> open(const std::string& path);
  /// Error: the file ends within a packet or contradicts its format; the message has the number of the packet.
  Result<std::optional<Packet>> next() override;

  [[nodiscard]] std::uint64_t packets() const { return packets_; }
  /// Packets so far of which the capture holds only the beginning.
  [[nodiscard]] std::uint64_t cut_packets() const { return cut_packets_; }

 private:
  struct Close {
    void operator()(pcap* handle) const;
  };
  using Handle = std::unique_ptr<pcap, Close>;
  PcapReader(std::string path, Handle handle) : path_(std::move(path)), handle_(std::move(handle)) {}

  std::string path_;
  Handle handle_;
  std::uint64_t packets_ = 0;
  std::uint64_t cut_packets_ = 0;
};

/// Writes beside the wanted file and renames at the end, so that nobody ever sees half of it. What exists already and
/// is no regular file (a pipe, a device) is written directly.
class PcapWriter {
 public:
  /// "-" is standard output.
  static Result<PcapWriter> create(const std::string& path);
  PcapWriter(PcapWriter&& other) noexcept;
  PcapWriter& operator=(PcapWriter&&) = delete;
  /// Without commit() before it, nothing is left behind.
  ~PcapWriter();

  Status write(const Packet& packet);
  /// Everything is in the file when this succeeds. Call it once, at the end.
  Status commit();

 private:
  struct CloseHandle {
    void operator()(pcap* handle) const;
  };
  struct CloseDumper {
    void operator()(pcap_dumper* dumper) const;
  };
  PcapWriter() = default;
  Status open_dumper(std::FILE* file);
  [[nodiscard]] Error system_error(const char* what) const;

  std::string path_;
  std::string temporary_;  // Empty: written directly, or committed.
  std::unique_ptr<pcap, CloseHandle> handle_;
  std::unique_ptr<pcap_dumper, CloseDumper> dumper_;
};

}  // namespace skep::hooks
