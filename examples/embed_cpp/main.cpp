// Scans files with safepickle.ts and no Python: one line of JSON for each.
//
//   safepickle_embed safepickle.ts [--raw] FILE...
//
// A torch zip is opened and its pickles are scanned; anything else, and everything with --raw, is taken for a raw pickle.
// Exit code: 0 nothing found, 1 something malicious, 2 something could not be scanned.

#include <ATen/Parallel.h>
#include <torch/script.h>
#include <torch/csrc/jit/runtime/graph_executor.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "zip.hpp"

namespace {

using Bytes = std::vector<uint8_t>;

const std::array<std::string, 5> kVerdicts = {"benign", "suspicious", "malicious", "error", "skipped"};
const std::array<int, 5> kWeights = {1, 3, 4, 2, 0};  // which verdict of several regions stands for the file

struct Result {
  int verdict = 4;
  double score = 0;
  int64_t packed = 0;    // containers and compressed data that stay closed
  std::string findings;  // JSON objects
  std::string error;
};

std::string quoted(const std::string& text) {
  std::ostringstream out;
  out << '"';
  for (const unsigned char letter : text) {
    if (letter == '"' || letter == '\\') {
      out << '\\' << letter;
    } else if (letter < 32 || letter > 126) {
      char code[8];
      std::snprintf(code, sizeof code, "\\u%04x", letter);
      out << code;
    } else {
      out << letter;
    }
  }
  out << '"';
  return out.str();
}

// Adds what the module says of one region to a file's result.
void scan(torch::jit::Module& module, const Bytes& data, size_t offset, size_t size, const std::string& name,
          Result& result) {
  const auto bytes = torch::from_blob(const_cast<uint8_t*>(data.data() + offset), {static_cast<int64_t>(size)},
                                      torch::kUInt8);
  const auto found = module.forward({bytes}).toGenericDict();
  const auto tensor = [&](const char* key) { return found.at(key).toTensor(); };
  const int verdict = tensor("verdict").item<int>();
  const double score = tensor("score").item<double>();
  if (kWeights[verdict] > kWeights[result.verdict]) result.verdict = verdict;
  result.score = std::max(result.score, score);
  result.packed += tensor("packed").item<int64_t>();
  const auto scores = tensor("finding_score"), offsets = tensor("finding_offset"), opcodes = tensor("finding_opcode");
  for (int64_t i = 0; i < scores.numel(); ++i) {
    std::ostringstream out;
    out.precision(6);
    out << "{\"stream\": " << quoted(name) << ", \"offset\": " << offset + offsets[i].item<int64_t>()
        << ", \"opcode\": " << opcodes[i].item<int64_t>() << ", \"score\": " << scores[i].item<double>() << "}";
    result.findings += (result.findings.empty() ? "" : ", ") + out.str();
  }
}

Result scan_file(torch::jit::Module& module, const std::string& path, bool raw) {
  Result result;
  try {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("cannot be read");
    const Bytes data((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    const bool opened = !raw && is_zip(data);
    if (!opened || data[0] != 'P') scan(module, data, 0, data.size(), "", result);  // a zip may stand behind a pickle
    if (opened) {
      for (const auto& member : pickles(data)) scan(module, data, member.offset, member.size, member.name, result);
    }
  } catch (const std::exception& error) {
    result.error = error.what();
    if (kWeights[3] > kWeights[result.verdict]) result.verdict = 3;
  }
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: safepickle_embed safepickle.ts [--raw] FILE...\n";
    return 2;
  }
  // Without this, TorchScript spends half a minute on optimizing a program that it then runs once.
  torch::jit::setGraphExecutorOptimize(false);
  at::set_num_threads(1);
  c10::InferenceMode guard;
  torch::jit::Module module;
  try {
    module = torch::jit::load(argv[1]);
  } catch (const c10::Error& error) {
    std::cerr << argv[1] << ": " << error.what_without_backtrace() << "\n";
    return 2;
  }
  int code = 0;
  bool raw = false;
  for (int i = 2; i < argc; ++i) {
    const std::string path = argv[i];
    if (path == "--raw") {
      raw = true;
      continue;
    }
    const Result result = scan_file(module, path, raw);
    std::cout.precision(8);
    std::cout << "{\"path\": " << quoted(path) << ", \"verdict\": \"" << kVerdicts[result.verdict]
              << "\", \"score\": " << result.score << ", \"packed\": " << result.packed << ", \"findings\": ["
              << result.findings << "], \"error\": "
              << (result.error.empty() ? "null" : quoted(result.error)) << "}" << std::endl;
    if (result.verdict == 2) code = 1;
    if (result.verdict == 3 && code == 0) code = 2;
  }
  return code;
}
