// SPDX-License-Identifier: Apache-2.0
// Packets from captures, contexts made from packets, captures written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/address.h"
#include "hooks/frame.h"
#include "hooks/pcap.h"

namespace skep::hooks {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

std::string capture(const std::string& name) { return std::string(SKEP_SOURCE_DIR "/examples/captures/") + name; }

/// A folder of this test's own, gone at its end.
class Folder {
 public:
  Folder() {
    std::string name = fs::temp_directory_path() / "skep-hooks-XXXXXX";
    path_ = mkdtemp(name.data());
  }
  ~Folder() { fs::remove_all(path_); }
  [[nodiscard]] std::string file(const std::string& name) const { return path_ / name; }
  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(path_), {}));
  }

 private:
  fs::path path_;
};

std::vector<std::byte> bytes(std::initializer_list<int> values) {
  std::vector<std::byte> all;
  for (const int value : values) all.push_back(static_cast<std::byte>(value));
  return all;
}
/// An Ethernet frame to `destination` with what follows its addresses.
std::vector<std::byte> frame_to(int first_octet, std::initializer_list<int> rest) {
  std::vector<std::byte> all = bytes({first_octet, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2});
  const std::vector<std::byte> tail = bytes(rest);
  all.insert(all.end(), tail.begin(), tail.end());
  return all;
}
Packet packet_of(const std::vector<std::byte>& data) {
  return {.bytes = data, .wire_length = static_cast<std::uint32_t>(data.size()), .time_ns = 5};
}
std::vector<std::byte> copy(std::span<const std::byte> from) { return {from.begin(), from.end()}; }

struct CaptureCase {
  const char* file;
  std::uint64_t packets;
  std::uint64_t cut;
};
class Capture : public testing::TestWithParam<CaptureCase> {};
TEST_P(Capture, IsReadToItsEnd) {
  Result<PcapReader> reader = PcapReader::open(capture(GetParam().file));
  ASSERT_TRUE(reader) << reader.error().message;
  std::uint64_t last_time = 0;
  for (;;) {
    const Result<std::optional<Packet>> packet = reader->next();
    ASSERT_TRUE(packet) << packet.error().message;
    if (!packet->has_value()) break;
    EXPECT_GE((*packet)->bytes.size(), 14u);
    EXPECT_GE((*packet)->wire_length, (*packet)->bytes.size());
    EXPECT_GE((*packet)->time_ns, last_time);
    last_time = (*packet)->time_ns;
  }
  EXPECT_EQ(reader->packets(), GetParam().packets);
  EXPECT_EQ(reader->cut_packets(), GetParam().cut);
}
INSTANTIATE_TEST_SUITE_P(Files, Capture,
                         testing::Values(CaptureCase{"http4.pcap", 47, 0}, CaptureCase{"http6.pcapng", 30, 0},
                                         CaptureCase{"dns.pcap", 18, 0}, CaptureCase{"icmp.pcap", 18, 0},
                                         CaptureCase{"vlan.pcap", 34, 0}, CaptureCase{"fragments.pcap", 28, 0},
                                         CaptureCase{"mixed.pcapng", 133, 0}, CaptureCase{"snaplen96.pcap", 49, 15}));

struct BadFile {
  const char* name;
  std::string contents;
  const char* reason;
};
class BadCapture : public testing::TestWithParam<BadFile> {};
TEST_P(BadCapture, IsAnErrorWithFileAndReason) {
  const Folder folder;
  const std::string path = folder.file(GetParam().name);
  std::ofstream(path, std::ios::binary) << GetParam().contents;
  Result<PcapReader> reader = PcapReader::open(path);
  std::string message;
  if (!reader) {
    message = reader.error().message;
  } else {
    Result<std::optional<Packet>> packet = reader->next();
    while (packet && packet->has_value()) packet = reader->next();
    ASSERT_FALSE(packet);
    message = packet.error().message;
  }
  EXPECT_THAT(message, AllOf(HasSubstr(path), HasSubstr(GetParam().reason)));
}
std::string read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
std::string with_link_type(int type) {
  std::string all = read_all(capture("icmp.pcap"));
  all[20] = static_cast<char>(type);
  return all;
}
INSTANTIATE_TEST_SUITE_P(
    Files, BadCapture,
    testing::Values(BadFile{"empty.pcap", "", "pcap or pcapng"},
                    BadFile{"text.pcap", std::string(100, 'x'), "pcap or pcapng"},
                    BadFile{"cut.pcap", read_all(capture("icmp.pcap")).substr(0, 500), "packet "},
                    BadFile{"cut.pcapng", read_all(capture("http6.pcapng")).substr(0, 1500), "packet "},
                    BadFile{"cooked.pcap", with_link_type(113), "LINUX_SLL (Linux cooked v1); only Ethernet"}));

TEST(PcapReader, MissingFile) {
  const Result<PcapReader> reader = PcapReader::open("/nowhere/x.pcap");
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().message, "/nowhere/x.pcap: cannot open: No such file or directory");
}

TEST(PcapWriter, WhatWasReadIsWritten) {
  const Folder folder;
  const std::string path = folder.file("out.pcap");
  Result<PcapReader> reader = PcapReader::open(capture("mixed.pcapng"));
  Result<PcapWriter> writer = PcapWriter::create(path);
  ASSERT_TRUE(reader && writer);
  for (auto packet = reader->next(); packet->has_value(); packet = reader->next()) ASSERT_TRUE(writer->write(**packet));
  EXPECT_FALSE(fs::exists(path)) << "the file appears before it is finished";
  ASSERT_TRUE(writer->commit());
  EXPECT_EQ(folder.files(), 1u);

  Result<PcapReader> original = PcapReader::open(capture("mixed.pcapng")), written = PcapReader::open(path);
  ASSERT_TRUE(original && written);
  for (;;) {
    const auto left = original->next(), right = written->next();
    ASSERT_TRUE(left && right);
    ASSERT_EQ(left->has_value(), right->has_value());
    if (!left->has_value()) break;
    EXPECT_EQ(copy((*left)->bytes), copy((*right)->bytes));
    EXPECT_EQ((*left)->time_ns, (*right)->time_ns);
    EXPECT_EQ((*left)->wire_length, (*right)->wire_length);
  }
  EXPECT_EQ(written->packets(), 133u);
}

TEST(PcapWriter, WithoutCommitTheOldFileStays) {
  const Folder folder;
  const std::string path = folder.file("out.pcap");
  std::ofstream(path) << "old";
  {
    Result<PcapWriter> writer = PcapWriter::create(path);
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer->write(packet_of(frame_to(2, {8, 0}))));
  }
  EXPECT_EQ(read_all(path), "old");
  EXPECT_EQ(folder.files(), 1u);
}

TEST(PcapWriter, FullDiskIsAnError) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  Result<PcapWriter> writer = PcapWriter::create("/dev/full");
  ASSERT_TRUE(writer);
  ASSERT_TRUE(writer->write(packet_of(frame_to(2, {8, 0}))));
  const Status status = writer->commit();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message, "/dev/full: cannot write: No space left on device");
}

TEST(PcapWriter, MissingFolderIsAnError) {
  const Result<PcapWriter> writer = PcapWriter::create("/nowhere/out.pcap");
  ASSERT_FALSE(writer);
  EXPECT_THAT(writer.error().message, AllOf(HasSubstr("/nowhere/out.pcap"), HasSubstr("No such file or directory")));
}

TEST(XdpContext, DescribesThePacket) {
  Frame frame;
  const std::vector<std::byte> data = frame_to(2, {8, 0, 1, 2, 3});
  const XdpContext context = make_xdp_context(frame, packet_of(data), {.ifindex = 7, .rx_queue = 3});
  EXPECT_EQ(copy(packet_after(context)), data);
  EXPECT_EQ(context.data - context.frame_start, kHeadroom);
  EXPECT_EQ(context.data_meta, context.data);
  EXPECT_EQ(context.frame_end - context.frame_start, kPageSize - kSharedInfo);
  EXPECT_EQ(context.ingress_ifindex, 7u);
  EXPECT_EQ(context.rx_queue_index, 3u);
}

TEST(XdpContext, LargePacketsHaveTailroomToo) {
  Frame frame;
  const std::vector<std::byte> data(65000, std::byte{1});
  const XdpContext context = make_xdp_context(frame, packet_of(data), {});
  EXPECT_EQ(copy(packet_after(context)), data);
  EXPECT_EQ(context.frame_end - context.data_end, kSharedInfo);
}

TEST(Frame, NothingOfThePacketBeforeIsLeft) {
  Frame frame;
  const std::vector<std::byte> large(3000, std::byte{0xaa}), small(60, std::byte{0xbb});
  frame.load(large);
  std::memset(frame.memory().data(), 0xcc, frame.memory().size());  // A program may write all of it.
  frame.load(small);
  const std::span<std::byte> memory = frame.memory();
  for (std::size_t i = 0; i < memory.size(); ++i) {
    const bool packet = i >= kHeadroom && i < kHeadroom + small.size();
    ASSERT_EQ(memory[i], packet ? std::byte{0xbb} : std::byte{0}) << i;
  }
}

struct SkbCase {
  const char* name;
  std::vector<std::byte> data;
  SkbStart start;
  VlanTag vlan;
  std::uint32_t len, pkt_type, protocol, vlan_present, vlan_tci, vlan_proto;
};
void PrintTo(const SkbCase& test, std::ostream* out) { *out << test.name; }
constexpr auto kL2 = SkbStart::kEthernetHeader;
constexpr auto kL3 = SkbStart::kNetworkHeader;
constexpr auto kOut = VlanTag::kOutOfFrame;
constexpr auto kIn = VlanTag::kInFrame;
class Skb : public testing::TestWithParam<SkbCase> {};
TEST_P(Skb, Fields) {
  const SkbCase& want = GetParam();
  Frame frame;
  const SkbContext skb = make_skb_context(frame, packet_of(want.data), want.start, {.vlan = want.vlan});
  EXPECT_EQ(skb.len, want.len);
  EXPECT_EQ(skb.data_end - skb.data, want.len);
  EXPECT_EQ(skb.wire_len, want.len);
  EXPECT_EQ(skb.pkt_type, want.pkt_type);
  EXPECT_EQ(skb.protocol, want.protocol);
  EXPECT_EQ(skb.vlan_present, want.vlan_present);
  EXPECT_EQ(skb.vlan_tci, want.vlan_tci);
  EXPECT_EQ(skb.vlan_proto, want.vlan_proto);
  EXPECT_EQ(skb.tstamp, 5u);
  const std::byte last = want.data.back();
  EXPECT_EQ(*from_address<std::byte>(skb.data_end - 1), last);
  std::vector<std::byte> room;
  EXPECT_EQ(copy(packet_after(skb, want.start, room)), want.data) << "the frame comes out as it went in";
}
INSTANTIATE_TEST_SUITE_P(
    Packets, Skb,
    testing::Values(
        SkbCase{"ip", frame_to(2, {8, 0, 9, 9}), kL2, kOut, 16, 0, 0x0008, 0, 0, 0},
        SkbCase{"ip_l3", frame_to(2, {8, 0, 9, 9}), kL3, kOut, 2, 0, 0x0008, 0, 0, 0},
        SkbCase{"multicast", frame_to(1, {0x86, 0xdd, 9}), kL2, kOut, 15, 2, 0xdd86, 0, 0, 0},
        SkbCase{"length_802_3", frame_to(2, {0, 3, 1, 2, 3}), kL2, kOut, 17, 0, 0x0400, 0, 0, 0},
        SkbCase{"tag", frame_to(2, {0x81, 0, 0x20, 100, 8, 0, 9}), kL2, kOut, 15, 0, 0x0008, 1, 0x2064, 0x0081},
        SkbCase{"tag_l3", frame_to(2, {0x81, 0, 0x20, 100, 8, 0, 9}), kL3, kOut, 1, 0, 0x0008, 1, 0x2064, 0x0081},
        SkbCase{"tag_in", frame_to(2, {0x81, 0, 0x20, 100, 8, 0, 9}), kL2, kIn, 19, 0, 0x0081, 0, 0, 0},
        SkbCase{"double_tag", frame_to(2, {0x88, 0xa8, 0, 200, 0x81, 0, 0, 30, 8, 0, 9}), kL2, kOut, 19, 0, 0x0081, 1,
                200, 0xa888},
        SkbCase{"cut_tag", frame_to(2, {0x81, 0, 0}), kL2, kOut, 15, 0, 0x0081, 0, 0, 0}),
    [](const auto& test) { return test.param.name; });

TEST(Skb, BroadcastIsNotMulticast) {
  Frame frame;
  std::vector<std::byte> data = frame_to(0xff, {8, 6});
  std::fill_n(data.begin(), 6, std::byte{0xff});
  EXPECT_EQ(make_skb_context(frame, packet_of(data), kL2, {}).pkt_type, 1u);
}
TEST(Skb, ShortPacketsAreFilledUpToAHeader) {
  Frame frame;
  const SkbContext skb = make_skb_context(frame, packet_of(bytes({2, 0, 0})), kL3, {});
  EXPECT_EQ(skb.len, 0u);
  EXPECT_EQ(skb.data, skb.data_end);
}
TEST(Skb, CutPacketsKeepTheirLengthOnTheWire) {
  Frame frame;
  const std::vector<std::byte> data = frame_to(2, {8, 0, 1, 2});
  const SkbContext skb = make_skb_context(frame, {.bytes = data, .wire_length = 1500}, kL3, {});
  EXPECT_EQ(skb.len, 2u);
  EXPECT_EQ(skb.wire_len, 1486u);
}

}  // namespace
}  // namespace skep::hooks
