#include "zip.hpp"

#include <algorithm>
#include <stdexcept>

namespace {

constexpr size_t kEndSize = 22;
constexpr size_t kEntrySize = 46;
constexpr size_t kHeaderSize = 30;
constexpr size_t kMaxComment = 65535;

// Little-endian unsigned integer at `at`; throws behind the end.
uint32_t uint_at(const std::vector<uint8_t>& data, size_t at, int width) {
  if (at > data.size() || data.size() - at < static_cast<size_t>(width)) throw std::runtime_error("zip: cut off");
  uint32_t value = 0;
  for (int i = width - 1; i >= 0; --i) value = value << 8 | data[at + i];
  return value;
}

// Where the end record begins, or data.size() if there is none.
size_t find_end(const std::vector<uint8_t>& data) {
  if (data.size() < kEndSize) return data.size();
  const size_t last = data.size() - kEndSize;
  const size_t first = last > kMaxComment ? last - kMaxComment : 0;
  for (size_t at = last + 1; at-- > first;) {
    if (uint_at(data, at, 4) == 0x06054b50) return at;
  }
  return data.size();
}

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

}  // namespace

bool is_zip(const std::vector<uint8_t>& data) { return find_end(data) < data.size(); }

std::vector<Member> pickles(const std::vector<uint8_t>& data) {
  const size_t end = find_end(data);
  if (end == data.size()) throw std::runtime_error("zip: no end record");
  const uint32_t count = uint_at(data, end + 10, 2);
  size_t at = uint_at(data, end + 16, 4);
  if (count == 0xffff || at == 0xffffffff) throw std::runtime_error("zip: zip64 is not read by this example");
  std::vector<Member> found;
  for (uint32_t i = 0; i < count; ++i) {
    if (uint_at(data, at, 4) != 0x02014b50) throw std::runtime_error("zip: broken directory");
    const uint32_t method = uint_at(data, at + 10, 2);
    const size_t size = uint_at(data, at + 24, 4);
    const size_t name_size = uint_at(data, at + 28, 2);
    const size_t header = uint_at(data, at + 42, 4);
    const size_t next = at + kEntrySize + name_size + uint_at(data, at + 30, 2) + uint_at(data, at + 32, 2);
    if (next > data.size()) throw std::runtime_error("zip: cut off");
    const std::string name(data.begin() + at + kEntrySize, data.begin() + at + kEntrySize + name_size);
    at = next;
    if (!ends_with(name, ".pkl")) continue;
    if (method != 0) throw std::runtime_error("zip: " + name + " is compressed, which this example does not read");
    const size_t begin = header + kHeaderSize + uint_at(data, header + 26, 2) + uint_at(data, header + 28, 2);
    if (begin > data.size() || size > data.size() - begin) throw std::runtime_error("zip: cut off");
    found.push_back({name, begin, size});
  }
  return found;
}
