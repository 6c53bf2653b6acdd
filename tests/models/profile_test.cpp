#include "models/facade/profile.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <numeric>

namespace tapeloop {
namespace {

using ::testing::HasSubstr;

const ProfiledInstruction& line_with(const Profile& profile, const std::string& text) {
  const auto found = std::find_if(profile.instructions.begin(), profile.instructions.end(),
                                  [&](const ProfiledInstruction& line) { return line.text.find(text) != std::string::npos; });
  if (found == profile.instructions.end()) throw std::runtime_error("no instruction has '" + text + "'");
  return *found;
}

// One product in bulk, one in the scan: h = tanh(x @ W + h_tm1 @ U + b), 8 units, x [5].
Profile profile_of_simple_rnn(bool gradients) {
  ProfileOptions options;
  options.without = {"fuse_products"};
  options.rows = 3;
  options.length = 7;
  options.free_sizes = 5;
  options.gradients = gradients;
  options.seconds = 0;
  return profile_model(Model::load("simple_rnn", {"options.units=8"}), options);
}

TEST(Profile, CountsTheWorkOfARun) {
  const Profile profile = profile_of_simple_rnn(false);
  EXPECT_GE(profile.runs, 3);
  const ProfiledInstruction& input = line_with(profile, "x @ h.linear.x");
  EXPECT_EQ(input.where, "forward");
  EXPECT_EQ(input.points, 3 * 7);
  EXPECT_DOUBLE_EQ(input.mflops, 1e-6 * 2 * 5 * 8 * 3 * 7);
  const ProfiledInstruction& recurrent = line_with(profile, "h_tm1 @ h.linear.h_tm1");
  EXPECT_EQ(recurrent.where, "forward, scan t");
  EXPECT_EQ(recurrent.op, "product");
  EXPECT_EQ(recurrent.points, 3 * 7);
  EXPECT_DOUBLE_EQ(recurrent.mflops, 1e-6 * 2 * 8 * 8 * 3 * 7);
  EXPECT_DOUBLE_EQ(recurrent.calls / input.calls, 7);  // once a step, of as many parts of the batch
  EXPECT_GT(recurrent.gflops, 0);
  EXPECT_GT(recurrent.peak, 0);
}

TEST(Profile, SharesAreOfEverythingAndTheMostExpensiveComesFirst) {
  const Profile profile = profile_of_simple_rnn(true);
  double shares = 0, ms = 0;
  for (const ProfiledInstruction& line : profile.instructions) shares += line.share, ms += line.ms;
  EXPECT_NEAR(shares, 1, 1e-9);
  EXPECT_LE(ms, profile.forward_ms + profile.backward_ms);
  EXPECT_TRUE(std::is_sorted(profile.instructions.begin(), profile.instructions.end(),
                             [](const ProfiledInstruction& a, const ProfiledInstruction& b) { return a.ms > b.ms; }));
  EXPECT_TRUE(std::any_of(profile.instructions.begin(), profile.instructions.end(),
                          [](const ProfiledInstruction& line) { return line.where == "backward, scan t"; }));
  for (const ProfiledInstruction& line : profile.instructions) EXPECT_EQ(line.advice.empty(), line.share < 0.05) << line.text;
}

TEST(Profile, AFeedSaysTheSizes) {
  ProfileOptions options;
  options.feed = parse_feed(R"({"inputs": {}, "lengths": {"t": [4, 2]}})", "feed.json");
  options.seconds = 0;
  const Profile profile = profile_model(Model::load("fibonacci"), options);
  double steps = 0;
  for (const ProfiledInstruction& line : profile.instructions) {
    if (line.where == "forward, scan t") steps = std::max(steps, line.points);
  }
  EXPECT_EQ(steps, 4 + 2);  // real positions only
}

TEST(Profile, AMistakeInTheModelIsReported) {
  ProfileOptions options;
  options.feed = parse_feed(R"({"inputs": {}})", "feed.json");
  EXPECT_THROW(profile_model(Model::load("gru"), options), ModelError);
}

TEST(ProfileAdvice, FollowsFromTheFigures) {
  const Machine machine{100, 10};
  ProfiledInstruction line;
  line.op = "product";
  line.where = "forward, scan t";
  line.calls = 10;
  line.ms = 1;
  line.k = line.n = 256;

  line.points = 320, line.gflops = 90;
  EXPECT_THAT(advice_for(line, machine), HasSubstr("90% of this machine's peak"));
  line.points = 10, line.gflops = 20;
  EXPECT_THAT(advice_for(line, machine), HasSubstr("20% of peak with 1 row at a time"));
  line.points = 6400, line.k = 250;
  EXPECT_THAT(advice_for(line, machine), HasSubstr("250 x 256 is rounded up"));

  line.op = "point";
  line.calls = 1000, line.points = 32000, line.mflops = 1, line.mbytes = 1;
  EXPECT_THAT(advice_for(line, machine), HasSubstr("1000 calls of 1.0 us each for 32 points"));
  line.calls = 1, line.gbytes = 9;
  EXPECT_THAT(advice_for(line, machine), HasSubstr("90% of a copy's rate"));
  line.mflops = 100;
  EXPECT_THAT(advice_for(line, machine), HasSubstr("bound by its functions"));
}

}  // namespace
}  // namespace tapeloop
