// The command line as a user meets it: exit status, what goes to stdout and what to stderr.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "tests/models/models_file.h"

namespace tapeloop {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

struct Result {
  int status = -1;
  std::string out, error;
};

std::filesystem::path own_folder() {
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  std::filesystem::path folder = std::filesystem::temp_directory_path() / (std::string("tapeloop_tool_") + test->name());
  std::filesystem::create_directories(folder);
  return folder;
}

// Runs the tool in a folder of the test's own: it must work from anywhere.
Result run(const std::string& arguments) {
  const std::filesystem::path folder = own_folder();
  const std::string command = "cd " + folder.string() + " && " TAPELOOP_BINARY_DIR "/tapeloop " + arguments + " > out 2> error";
  const int status = std::system(command.c_str());  // NOLINT(cert-env33-c): this is a test of a command
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, testing::read_text(folder / "out"), testing::read_text(folder / "error")};
}

void write(const std::string& name, const std::string& text) { std::ofstream(own_folder() / name) << text; }

TEST(Tool, KnowsItsVersionAndHelps) {
  EXPECT_THAT(run("--version").out, AllOf(HasSubstr("tapeloop "), HasSubstr("instruction set"), HasSubstr("threads  ")));
  for (const char* command : {"train", "eval", "predict", "run", "plan", "profile", "gradflow", "explain", "ops", "summary", "check",
                              "verify", "selftest", "quickstart"}) {
    const Result help = run(std::string(command) + " --help");
    EXPECT_EQ(help.status, 0) << command;
    EXPECT_THAT(help.out, HasSubstr("Examples:")) << command;
  }
}

TEST(Tool, ListsTheOpsAndSaysWhatOneIs) {
  EXPECT_THAT(run("ops").out, AllOf(HasSubstr("  a @ b   "), HasSubstr("  lstm(x, units=128, activation=tanh, gate=sigmoid)\n")));
  EXPECT_EQ(run("ops pool").out,
            "pool(x, size, stride=size, how=max|mean|sum|min, along=AXIS)\n"
            "  Windows of positions along an axis, each reduced to one value; the last window may be shorter.\n"
            "  size (must be given): positions of a window\n"
            "  stride (default 0): positions from window to window; 0: the size\n"
            "  how (default max): what becomes of a window: max, mean, sum, min\n");
  EXPECT_THAT(run("ops @").out, HasSubstr("Matrix product"));
  EXPECT_THAT(run("ops argmax").out, HasSubstr("no gradient passes through it"));
  EXPECT_EQ(nlohmann::json::parse(run("ops gru --json").out)["options"][0]["default"], "128");
  EXPECT_GT(nlohmann::json::parse(run("ops --json").out).size(), 90U);
  const Result unknown = run("ops sofmax");
  EXPECT_EQ(unknown.status, 2);
  EXPECT_THAT(unknown.error, HasSubstr("did you mean 'softmax'?"));
}

TEST(Tool, ChunksGiveWhatTheWholeGives) {
  ASSERT_EQ(run("verify streaming options.units=3 --save-feed feed.json").status, 0);
  const Result whole = run("run streaming options.units=3 --feed feed.json --json");
  for (const char* chunks : {"--chunks 1", "--chunks 2 --seed 5", "--chunks 50"}) {
    const Result parts = run(std::string("run streaming options.units=3 --feed feed.json --json ") + chunks);
    EXPECT_EQ(parts.status, 0) << parts.error;
    EXPECT_EQ(nlohmann::json::parse(parts.out)["outputs"], nlohmann::json::parse(whole.out)["outputs"]) << chunks;
  }
  EXPECT_EQ(run("run streaming --feed feed.json --chunks 2 --grad").status, 2);
  EXPECT_EQ(run("run streaming --feed feed.json --chunks 0").status, 2);
  ASSERT_EQ(run("verify bidirectional options.units=3 --save-feed both.json").status, 0);
  const Result refused = run("run bidirectional options.units=3 --feed both.json --chunks 2");
  EXPECT_EQ(refused.status, 3);
  EXPECT_THAT(refused.error, HasSubstr("E0609"));
}

TEST(Tool, MistakesAreShownWithTheirLines) {
  write("bad.yaml", "tapeloop: 1\ninputs: {x: {}}\nnodes:\n  h: tanh(x) + \"größe\" + tahn(x)\n  g: sigmoid(x + wrong)\noutputs: [h, g]\n");
  const Result text = run("check bad.yaml");
  EXPECT_THAT(text.error, HasSubstr("  | "));
  EXPECT_THAT(text.error, HasSubstr("  g: sigmoid(x + wrong)\n  |                  ^~~~~\n"));
  const Result json = run("check bad.yaml --diagnostics=json");
  EXPECT_EQ(json.status, 3);
  const auto report = nlohmann::json::parse(json.error);
  EXPECT_EQ(report["errors"], report["diagnostics"].size());
  EXPECT_EQ(report["diagnostics"].back()["code"], "E0301");
  EXPECT_EQ(report["diagnostics"].back()["line"], 5);
  EXPECT_EQ(report["diagnostics"].back()["column"], 18);
  EXPECT_EQ(report["diagnostics"].back()["end_column"], 23);
  const auto missing = nlohmann::json::parse(run("--diagnostics=json plan nothing.yaml").error);
  EXPECT_EQ(missing["diagnostics"][0]["code"], "E0910");
  EXPECT_EQ(missing["diagnostics"][0]["line"], nullptr);
  EXPECT_EQ(run("check bad.yaml --diagnostics=xml").status, 2);
}

TEST(Tool, TwentyMistakesAreShownAndTheRestCounted) {
  std::string yaml = "tapeloop: 1\ninputs: {x: {}}\nnodes:\n";
  for (int k = 0; k < 50; ++k) yaml += "  h" + std::to_string(k) + ": x + wrong" + std::to_string(k) + "\n";
  write("many.yaml", yaml + "outputs: [h0]\n");
  const std::string some = run("check many.yaml").error;
  EXPECT_THAT(some, AllOf(HasSubstr("many.yaml:4:"), HasSubstr("many.yaml:23:"), Not(HasSubstr("many.yaml:24:"))));
  EXPECT_THAT(some, AllOf(HasSubstr(".. and 30 more: --all shows them\n"), HasSubstr("50 errors")));
  EXPECT_THAT(run("check many.yaml --all").error, HasSubstr("many.yaml:53:"));
  const auto json = nlohmann::json::parse(run("check many.yaml --diagnostics=json").error);
  EXPECT_EQ(json["not_shown"], 30);
  EXPECT_EQ(json["errors"], 50);
}

TEST(Tool, ExplainHasAPageForEachCode) {
  EXPECT_THAT(run("explain").out, AllOf(HasSubstr("E0301  an unknown name\n"), HasSubstr("\nW0301  ")));
  EXPECT_THAT(run("explain e0312").out,
              AllOf(HasSubstr("E0312: linear reads the same operand twice"), HasSubstr("wrong:"), HasSubstr("right:")));
  EXPECT_EQ(nlohmann::json::parse(run("explain E0301 --json").out)["code"], "E0301");
  const Result unknown = run("explain E0300");
  EXPECT_EQ(unknown.status, 2);
  EXPECT_THAT(unknown.error, HasSubstr("did you mean"));
}

TEST(Tool, GradflowAnswersAndDraws) {
  const Result link = run("gradflow sunspots options.units=4 --to 'h[t=17]'");
  EXPECT_EQ(link.status, 0) << link.error;
  EXPECT_THAT(link.out,
              AllOf(HasSubstr("a gradient flows from loss to h[t=17]: norm "), HasSubstr("<- h[t=18] via h_tm1 <- h[t=17] via h_tm1")));
  EXPECT_EQ(run("gradflow gru options.units=4 --csv n.csv --svg n.svg").status, 0);
  EXPECT_THAT(testing::read_text(own_folder() / "n.csv"), AllOf(HasSubstr("value,axis,position,norm\nh,t,0,"), HasSubstr("\nh,t,19,2\n")));
  EXPECT_THAT(testing::read_text(own_folder() / "n.svg"),
              AllOf(HasSubstr("<svg"), HasSubstr("prefers-color-scheme: dark"), HasSubstr("</svg>")));
  const auto json = nlohmann::json::parse(run("gradflow gru options.units=4 --from 'h[t=2]' --to 'x[t=5]' --json").out);
  EXPECT_FALSE(json["link"]["flows"]);
  EXPECT_EQ(json["values"][0]["norms"].size(), 20U);
  EXPECT_EQ(run("gradflow gru --to nothing").status, 3);
  EXPECT_EQ(run("gradflow gru --rows 0").status, 2);
}

TEST(Tool, UsageErrorsGiveTwo) {
  EXPECT_EQ(run("").status, 2);
  const Result unknown = run("--diagnostics json trian gru");
  EXPECT_EQ(unknown.status, 2);
  EXPECT_THAT(unknown.error, HasSubstr("there is no command 'trian'; did you mean 'train'?"));
  EXPECT_EQ(run("plan").status, 2);
  EXPECT_EQ(run("plan gru --format svg").status, 2);
  EXPECT_EQ(run("plan gru --without magic").status, 2);
  EXPECT_EQ(run("plan gru units").status, 2);
  EXPECT_EQ(run("plan gru units=3").status, 2);
}

TEST(Tool, BadModelsGiveThreeAndMissingFilesFour) {
  write("bad.yaml", "tapeloop: 1\ninputs: {x: {}}\nnodes:\n  h: tahn(x)\noutputs: [h]\n");
  const Result bad = run("plan bad.yaml");
  EXPECT_EQ(bad.status, 3);
  EXPECT_EQ(bad.out, "");
  EXPECT_THAT(bad.error, HasSubstr("bad.yaml:4:6: error E0"));
  EXPECT_THAT(bad.error, Not(HasSubstr("\x1b")));
  const Result missing = run("plan gruu");
  EXPECT_EQ(missing.status, 4);
  EXPECT_THAT(missing.error, HasSubstr("did you mean 'gru'?"));
  EXPECT_EQ(run("run gru --feed nothing.json").status, 4);
}

TEST(Tool, ProfilePrintsWhereTheTimeGoes) {
  const Result text = run("profile simple_rnn options.units=8 --rows 2 --length 5 --sizes 3");
  EXPECT_EQ(text.status, 0) << text.error;
  EXPECT_THAT(text.out, HasSubstr("x @ h.linear.x"));
  EXPECT_THAT(text.out, HasSubstr("backward, scan t"));
  EXPECT_THAT(text.out, HasSubstr("GFLOP/s"));
  const Result json = run("profile simple_rnn options.units=8 --rows 2 --length 5 --sizes 3 --forward --json");
  EXPECT_EQ(json.status, 0) << json.error;
  const auto profile = nlohmann::json::parse(json.out);
  EXPECT_GT(profile["machine"]["gflops"], 0);
  EXPECT_EQ(profile["backward_ms"], 0);
  ASSERT_FALSE(profile["instructions"].empty());
  for (const char* key : {"text", "where", "calls", "ms", "share", "mflops", "mbytes", "gflops", "peak", "advice"}) {
    EXPECT_TRUE(profile["instructions"][0].contains(key)) << key;
  }
  EXPECT_EQ(run("profile simple_rnn --rows 0").status, 2);
  EXPECT_EQ(run("profile simple_rnn --without magic").status, 2);
}

TEST(Tool, CheckPrintsMistakesAsJson) {
  write("bad.yaml", "tapeloop: 1\ninputs: {x: {}}\nnodes:\n  h: tahn(x)\n  g: tanh(y)\noutputs: [h, g]\n");
  const Result result = run("check bad.yaml --json");
  EXPECT_EQ(result.status, 3);
  const auto report = nlohmann::json::parse(result.out);
  EXPECT_FALSE(report["ok"]);
  EXPECT_EQ(report["diagnostics"].size(), 2U);
  EXPECT_EQ(report["diagnostics"][0]["line"], 4);
  EXPECT_EQ(run("check gru").status, 0);
}

TEST(Tool, RunPrintsOutputsLossAndGradients) {
  write("m.yaml", "tapeloop: 1\ninputs: {x: {}}\nparameters: {a: []}\nnodes:\n  y: a * x + y_tm1\noutputs: [y]\n");
  write("feed.json", R"({"parameters": {"a": 2}, "inputs": {"x": [[1, 2], [3]]}, "cotangents": {"y": [[0, 1], [1]]}})");
  const Result result = run("run m.yaml --feed feed.json --grad --f64 --json");
  EXPECT_EQ(result.status, 0) << result.error;
  const auto json = nlohmann::json::parse(result.out);
  EXPECT_EQ(json["outputs"]["y"], nlohmann::json::parse("[[2.0, 6.0], [6.0, 0.0]]"));
  EXPECT_EQ(json["grads"]["a"], 6.0);
  EXPECT_EQ(nlohmann::json::parse(run("run m.yaml --feed feed.json --grad --reference --json").out), json);
}

TEST(Tool, PlansInThreeFormats) {
  EXPECT_THAT(run("plan gru").out, HasSubstr("scan"));
  EXPECT_TRUE(nlohmann::json::accept(run("plan gru --format json").out));
  EXPECT_THAT(run("plan gru --format dot").out, HasSubstr("digraph"));
  EXPECT_EQ(run("plan gru --after differentiate").status, 0);
  EXPECT_EQ(run("plan gru --step --no-source --without hoist").status, 0);
}

TEST(Tool, SummariesAndProofs) {
  const auto summary = nlohmann::json::parse(run("summary gru options.units=4 --json").out);
  EXPECT_EQ(summary["scans"]["forward"], 1);
  EXPECT_EQ(summary["held"]["steps"], 1000);
  const Result proof = run("verify gru options.units=3 --save-feed feed.json");
  EXPECT_EQ(proof.status, 0) << proof.out;
  EXPECT_THAT(proof.out, HasSubstr("all agree"));
  EXPECT_EQ(run("verify gru options.units=3 --feed feed.json").status, 0);
}

TEST(Tool, TrainsEvaluatesAndPredicts) {
  const Result trained = run("train sunspots train.epochs=3 train.seeds=[1] --folder runs --json --overwrite");
  ASSERT_EQ(trained.status, 0) << trained.error;
  EXPECT_EQ(nlohmann::json::parse(trained.out)["seeds"].size(), 1U);
  const Result evaluated = run("eval sunspots --weights runs/best.safetensors --json");
  EXPECT_EQ(evaluated.status, 0) << evaluated.error;
  EXPECT_EQ(nlohmann::json::parse(evaluated.out)["examples"], 35);
  EXPECT_EQ(nlohmann::json::parse(run("predict sunspots --weights runs/best.safetensors --json").out)["values"].size(), 35U);
  EXPECT_TRUE(std::filesystem::exists(own_folder() / "runs/config.yaml"));
}

// Neither the model nor what it was trained with has to be said again.
TEST(Tool, ARunKnowsWhatItWasTrainedWith) {
  ASSERT_EQ(run("train sunspots options.units=3 train.epochs=2 train.seeds=[1] --folder run --overwrite").status, 0);
  const auto loss = [](const std::string& arguments) {
    const Result result = run(arguments);
    EXPECT_EQ(result.status, 0) << arguments << result.error;
    return nlohmann::json::parse(result.out)["numbers"]["loss"];
  };
  const auto expected = loss("eval sunspots --weights run/best.safetensors --json");
  EXPECT_EQ(loss("eval --weights run --json"), expected);
  EXPECT_EQ(loss("eval --weights run train.batch=7 --json"), expected);
  EXPECT_EQ(run("predict --weights run").status, 0);
  const Result other = run("eval sunspots --weights run options.units=4");  // said again, it counts
  EXPECT_EQ(other.status, 4);
  EXPECT_THAT(other.error, HasSubstr("E0906"));
  EXPECT_EQ(run("eval --weights nothing.safetensors").status, 4);
  ASSERT_EQ(run("train sunspots options.units=3 train.epochs=1 --folder seeds --overwrite").status, 0);
  EXPECT_THAT(run("eval --weights seeds").error, AllOf(HasSubstr("of several seeds"), HasSubstr("seeds/seed_")));
}

TEST(Tool, RunsWithTrainedWeights) {
  ASSERT_EQ(run("train sunspots options.units=3 train.epochs=1 train.seeds=[1] --folder run --overwrite").status, 0);
  write("feed.json", R"({"inputs": {"x": [[[1], [2]]], "target": [[0]]}})");
  const Result result = run("run --weights run --feed feed.json --json");
  EXPECT_EQ(result.status, 0) << result.error;
  EXPECT_EQ(nlohmann::json::parse(run("run sunspots --weights run/best.safetensors --feed feed.json --json").out),
            nlohmann::json::parse(result.out));
  EXPECT_EQ(run("run --feed feed.json").status, 2);
  EXPECT_EQ(run("run sunspots options.units=3 --feed feed.json").status, 3);  // no parameters
}

TEST(Tool, PredictsTheTokensOfAText) {
  ::setenv("TAPELOOP_DATA", testing::source_path("models/data/crops").c_str(), 1);
  const Result trained =
      run("train seq2seq options.units=8 options.width=4 train.epochs=1 train.batch.examples=8 --folder spoken --overwrite");
  ASSERT_EQ(trained.status, 0) << trained.error;
  const std::string with = "predict seq2seq options.units=8 options.width=4 --weights spoken/best.safetensors ";
  const Result words = run(with + "--mode decode --text ad tea");
  EXPECT_EQ(words.status, 0) << words.error;
  EXPECT_THAT(words.out, ::testing::ContainsRegex("^ad\t.*\ntea\t"));
  const auto json = nlohmann::json::parse(run(with + "--mode decode --json").out);
  EXPECT_EQ(json["decoded"][0]["read"], "'round");
}

TEST(Tool, MakesTextsOfNothing) {
  ::setenv("TAPELOOP_DATA", testing::source_path("models/data/crops").c_str(), 1);
  ASSERT_EQ(run("train vae options.units=8 train.epochs=1 --folder names --overwrite").status, 0);
  const std::string with = "predict vae options.units=8 --weights names/best.safetensors --mode decode --json --samples 7";
  const Result names = run(with);
  EXPECT_EQ(names.status, 0) << names.error;
  EXPECT_EQ(nlohmann::json::parse(names.out)["samples"].size(), 7U);
  EXPECT_NE(run(with + " --seed 2").out, names.out);
  EXPECT_EQ(run(with + " --text anna").status, 2);
}

// The crop was cut from what the script makes: the same anywhere.
TEST(Scripts, MakeTheSameProgramsAnywhere) {
  if (std::system("python3 --version > /dev/null 2>&1") != 0) GTEST_SKIP() << "no python3";  // NOLINT(cert-env33-c)
  const std::filesystem::path folder = own_folder();
  const std::string command = "python3 " + testing::source_path("tools/prepare_data.py") + " programs 1 " + folder.string();
  ASSERT_EQ(std::system(command.c_str()), 0);  // NOLINT(cert-env33-c)
  const std::string made = testing::read_text(folder / "programs.jsonl");
  std::istringstream crop(testing::read_text(testing::source_path("models/data/crops/programs/programs.jsonl")));
  std::size_t from = 0;
  for (std::string line; std::getline(crop, line);) {
    from = made.find(line + "\n", from);
    ASSERT_NE(from, std::string::npos) << line;
  }
}

TEST(Tool, TheExampleProgramRuns) {
  const std::string command = TAPELOOP_BINARY_DIR "/models/example_cpp_gru > " + (own_folder() / "out").string();
  EXPECT_EQ(std::system(command.c_str()), 0);  // NOLINT(cert-env33-c)
  EXPECT_THAT(testing::read_text(own_folder() / "out"), HasSubstr("gradient of r.linear.x"));
}

}  // namespace
}  // namespace tapeloop
