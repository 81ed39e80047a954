// The members of a torch zip that hold a pickle. Reads the central directory, as torch does.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

struct Member {
  std::string name;
  size_t offset;  // of its content, in the archive
  size_t size;    // in bytes
};

// Whether the bytes end with the directory of a zip archive.
bool is_zip(const std::vector<uint8_t>& data);

// All members whose name ends with ".pkl". Throws std::runtime_error where an archive is broken, compressed or zip64:
// torch.save writes none of these below 4 GB, and what cannot be read must not pass as benign.
std::vector<Member> pickles(const std::vector<uint8_t>& data);
