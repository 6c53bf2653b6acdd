#include "runtime/training/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "runtime/training/atomic_file.h"

namespace tapeloop {
namespace {

using testing::HasSubstr;

std::string with_header(const std::string& header, const std::string& data = "") {
  const std::uint64_t length = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + data;
}

// The message that reading these bytes ends with, or "" if they are accepted.
std::string refusal(const std::string& bytes) {
  try {
    decode_safetensors(bytes, "w.safetensors");
  } catch (const FileError& error) {
    EXPECT_EQ(error.code(), "E0905");
    return error.what();
  }
  return "";
}

TEST(Safetensors, EmptyFileHasTheGoldenBytes) {
  const std::string golden("\x08\0\0\0\0\0\0\0{}      ", 16);
  EXPECT_EQ(encode_safetensors({}), golden);
  EXPECT_TRUE(decode_safetensors(golden, "w").tensors.empty());
}

TEST(Safetensors, OneArrayHasTheBytesThatTheFormatSays) {
  const std::vector<float> values{1, -2};
  TensorFile file;
  file.tensors.push_back(make_tensor<float>("w", {2, 1}, values));
  const std::string header = R"({"w":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}} )";
  std::string padded = header.substr(0, header.size() - 1);
  padded.resize((padded.size() + 7) / 8 * 8, ' ');
  EXPECT_EQ(encode_safetensors(file), with_header(padded, std::string("\0\0\x80\x3f\0\0\0\xc0", 8)));
}

TEST(Safetensors, WiderTypesComeFirstThenNames) {
  const std::vector<float> f{1};
  const std::vector<double> d{2};
  TensorFile file;
  file.tensors = {make_tensor<float>("b", {1}, f), make_tensor<float>("a", {1}, f), make_tensor<double>("z", {1}, d)};
  const TensorFile back = decode_safetensors(encode_safetensors(file), "w");
  ASSERT_EQ(back.tensors.size(), 3U);
  EXPECT_EQ(back.tensors[0].name, "z");
  EXPECT_EQ(back.tensors[1].name, "a");
  EXPECT_EQ(back.tensors[2].name, "b");
}

TEST(Safetensors, EverythingComesBackAsItWas) {
  const std::vector<double> values{std::nan(""), std::numeric_limits<double>::infinity(), -0.0, 1e-310};
  TensorFile file;
  file.metadata = {{"step", "12"}, {"quote\"", "line\n\xc3\xa9"}};
  file.tensors = {make_tensor<double>("scalar", {}, std::span(values).first(1)),
                  make_tensor<double>("none", {3, 0}, std::span(values).first(0)), make_tensor<double>("all \"x\"", {2, 2}, values)};
  const TensorFile back = decode_safetensors(encode_safetensors(file), "w");
  EXPECT_EQ(back.metadata, file.metadata);
  for (const Tensor& tensor : file.tensors) {
    ASSERT_NE(back.find(tensor.name), nullptr) << tensor.name;
    EXPECT_EQ(back.find(tensor.name)->dims, tensor.dims);
    EXPECT_EQ(back.find(tensor.name)->bytes, tensor.bytes);
  }
}

TEST(Safetensors, NamesThatDifferInLengthDoNotMoveTheData) {
  for (std::size_t length = 1; length < 20; ++length) {
    const std::vector<float> values{3};
    TensorFile file;
    file.tensors = {make_tensor<float>(std::string(length, 'n'), {1}, values)};
    const std::string bytes = encode_safetensors(file);
    EXPECT_EQ(bytes.size() % 4, 0U);
    EXPECT_EQ(tensor_values<double>(decode_safetensors(bytes, "w").tensors[0]), std::vector<double>{3});
  }
}

struct Hostile {
  const char* name;
  std::string bytes;
  const char* says;
};

std::string entry(const std::string& shape, const std::string& offsets, const std::string& dtype = "F32") {
  return R"({"w":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
}

std::vector<Hostile> hostile_files() {
  const std::string eight(8, 'x');
  return {
      {"empty", "", "too short"},
      {"seven bytes", "1234567", "too short"},
      {"header of 2^64 - 1 bytes", std::string(8, '\xff') + "{}", "header has"},
      {"header just over the cap", std::string("\x01\0\0\x01\0\0\0\0", 8) + "{}", "at most 16 MiB"},
      {"header longer than the file", std::string("\x03\0\0\0\0\0\0\0{}", 10), "more than the file"},
      {"no header", with_header(""), "does not start"},
      {"header starts with a blank", with_header(" {}"), "does not start"},
      {"not UTF-8", with_header("{\"\xff\":1}"), "UTF-8"},
      {"overlong UTF-8", with_header("{\"\xc0\xaf\":1}"), "UTF-8"},
      {"surrogate", with_header("{\"\xed\xa0\x80\":1}"), "UTF-8"},
      {"cut UTF-8", with_header("{\xe2\x82"), "UTF-8"},
      {"not JSON", with_header("{w}"), "not JSON"},
      {"text after the object", with_header("{} {}"), "not JSON"},
      {"zero byte", with_header(std::string("{}\0{}", 5)), "zero byte"},
      {"same name twice",
       with_header(R"({"w":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"w":{"dtype":"U8","shape":[],"data_offsets":[0,1]}})", "x"),
       "twice"},
      {"same key twice", with_header(R"({"w":{"dtype":"U8","dtype":"U8","shape":[],"data_offsets":[0,1]}})", "x"), "twice"},
      {"metadata twice", with_header(R"({"__metadata__":{},"__metadata__":{}})"), "twice"},
      {"metadata that is no text", with_header(R"({"__metadata__":{"a":1}})"), "number"},
      {"metadata that is a list", with_header(R"({"__metadata__":["a"]})"), "list"},
      {"entry that is no object", with_header(R"({"w":"x"})"), "string"},
      {"entry too deep", with_header(R"({"w":{"dtype":{}}})"), "deep"},
      {"object in a list", with_header(R"({"w":{"shape":[{}]}})"), "deep"},
      {"unknown key", with_header(R"({"w":{"dtype":"U8","shape":[],"data_offsets":[0,1],"x":"y"}})", "x"), "unknown key 'x'"},
      {"unknown dtype", with_header(entry("[2]", "[0,8]", "C64"), eight), "unknown dtype"},
      {"no dtype", with_header(R"({"w":{"shape":[2],"data_offsets":[0,8]}})", eight), "needs dtype"},
      {"no shape", with_header(R"({"w":{"dtype":"F32","data_offsets":[0,8]}})", eight), "needs dtype"},
      {"no offsets", with_header(R"({"w":{"dtype":"F32","shape":[2]}})", eight), "needs dtype"},
      {"one offset", with_header(entry("[2]", "[0]"), eight), "two numbers"},
      {"three offsets", with_header(entry("[2]", "[0,8,8]"), eight), "two numbers"},
      {"negative dimension", with_header(entry("[-2]", "[0,8]"), eight), "negative"},
      {"fraction", with_header(entry("[2.0]", "[0,8]"), eight), "not whole"},
      {"null", with_header(entry("null", "[0,8]"), eight), "null"},
      {"hole at the start", with_header(entry("[1]", "[4,8]"), eight), "do not start"},
      {"end before start", with_header(entry("[1]", "[8,4]"), eight), "do not start"},
      {"overlap",
       with_header(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", eight),
       "do not start"},
      {"hole between",
       with_header(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[1],"data_offsets":[7,8]}})", eight),
       "do not start"},
      {"shape of another size", with_header(entry("[3]", "[0,8]"), eight), "its shape needs 12"},
      {"shape that overflows to the right size", with_header(entry("[4611686018427387905,4,2]", "[0,8]"), eight), "too large"},
      {"dtype that overflows", with_header(entry("[4611686018427387906]", "[0,8]"), eight), "too large"},
      {"dimension above 2^63", with_header(entry("[0,18446744073709551615]", "[0,0]")), "too large"},
      {"data missing", with_header(entry("[2]", "[0,8]"), "xxxx"), "its arrays need 8"},
      {"trailing bytes", with_header(entry("[2]", "[0,8]"), eight + "PK"), "has 10 bytes"},
      {"trailing bytes without arrays", with_header("{}", "PK"), "has 2 bytes"},
  };
}

TEST(Safetensors, HostileHeadersAreRefusedWithTheReason) {
  for (const Hostile& hostile : hostile_files()) EXPECT_THAT(refusal(hostile.bytes), HasSubstr(hostile.says)) << hostile.name;
}

TEST(Safetensors, EveryCutOfAFileIsRefused) {
  const std::vector<float> values{1, 2, 3};
  TensorFile file;
  file.tensors = {make_tensor<float>("w", {3}, values)};
  const std::string bytes = encode_safetensors(file);
  for (std::size_t length = 0; length < bytes.size(); ++length) EXPECT_NE(refusal(bytes.substr(0, length)), "") << length;
}

// Whatever one byte of the header becomes, the file is refused or gives arrays of the size that they say: never a crash.
TEST(Safetensors, AChangedByteNeverGivesArraysOfAnotherSize) {
  const std::vector<float> values{1, 2};
  TensorFile file;
  file.metadata = {{"a", "b"}};
  file.tensors = {make_tensor<float>("w", {2}, values), make_tensor<float>("v", {1, 2}, values)};
  const std::string bytes = encode_safetensors(file);
  for (std::size_t at = 0; at < bytes.size() - 16; ++at) {
    for (int value = 0; value < 256; ++value) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(value);
      try {
        for (const Tensor& tensor : decode_safetensors(changed, "w").tensors) {
          EXPECT_TRUE(tensor.dtype != "F32" || tensor.bytes.size() == 8U);
        }
      } catch (const FileError&) {
      }
    }
  }
}

}  // namespace
}  // namespace tapeloop
