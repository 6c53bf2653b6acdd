// The tool's command line: what can be asked is declared here, what is done stands in one file for each command.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <functional>
#include <new>

#include "core/diagnostics.h"
#include "models/facade/machine.h"
#include "runtime/training/atomic_file.h"
#include "tools/commands.h"
#include "tools/report.h"

namespace tapeloop::tool {
namespace {

using Action = std::function<int()>;

// For every command alike.
DiagnosticsStyle& style() {
  static DiagnosticsStyle one;
  return one;
}

CLI::Option* add_model(CLI::App& command, Request& request) {
  CLI::Option* model = command.add_option("MODEL", request.model, "a YAML file, or the name of a built-in model (gru, lstm, sunspots ..)");
  model->required();
  command.add_option("KEY=VALUE", request.key_values, "options.units=64 sets an option, train.optimizer.lr=1e-3 a key of train:");
  command.add_flag("--json", request.json, "print the result as JSON");
  return model;
}

void add_threads(CLI::App& command, Request& request) {
  command.add_option("--threads", request.threads, "threads at once, 0: as many as there are cores; changes no result")
      ->check(CLI::Range(0, 1024));
}

void add_mode(CLI::App& command, Request& request) {
  command.add_option("--mode", request.mode, "what it is compiled for")
      ->check(CLI::IsMember({"train", "eval", "decode"}))
      ->capture_default_str();
}

CLI::App& add_command(CLI::App& app, const std::string& name, const std::string& what, const std::string& examples) {
  CLI::App* command = app.add_subcommand(name, what);
  command->footer("Examples:\n" + examples);
  return *command;
}

void add_train(CLI::App& app, Action& action) {
  static TrainRequest request;
  CLI::App& command = add_command(app, "train", "train a model on the data that its train: section names",
                                  "  tapeloop train sunspots\n"
                                  "  tapeloop train my_model.yaml train.optimizer.lr=1e-3 options.units=32\n"
                                  "  tapeloop train sunspots train.seeds=[1] --folder runs/first --json\n"
                                  "  tapeloop train --resume runs/first                      where it was stopped\n"
                                  "  tapeloop train --resume runs/first train.epochs=600     and further");
  add_model(command, request)->required(false);
  CLI::Option* folder = command.add_option("--folder", request.folder, "where the run leaves weights, metrics and its configuration");
  CLI::Option* resume = command.add_option(
      "--resume", request.resume, "go on with the run of this folder, to the bit as if it had not been stopped; its MODEL is known");
  resume->excludes(folder);
  command.add_flag("--overwrite", request.overwrite, "write over what another run left in the folder; else that is refused")
      ->excludes(resume);
  add_threads(command, request);
  command.callback([&action] { action = [] { return train_command(request); }; });
}

void add_use(CLI::App& app, Action& action, const std::string& name, const std::string& what, int (*run)(const UseRequest&)) {
  static UseRequest requests[2];
  UseRequest& request = requests[name == "eval" ? 0 : 1];
  CLI::App& command =
      add_command(app, name, what,
                  fmt::format("  tapeloop {0} --weights runs/sunspots/seed_1                          a run knows its model\n"
                              "  tapeloop {0} sunspots --weights w.safetensors --split validation --json",
                              name));
  add_model(command, request)->required(false);
  command
      .add_option("--weights", request.weights,
                  "the folder of a training run, or the weights that it saved; what it was trained with (config.yaml beside them) is taken")
      ->required();
  command.add_option("--split", request.split, "which part of the data")
      ->check(CLI::IsMember({"train", "validation", "test"}))
      ->capture_default_str();
  add_threads(command, request);
  if (name == "predict") {
    request.mode = "eval";
    command.add_option("--mode", request.mode, "decode: the tokens that the model says by itself, as text")
        ->check(CLI::IsMember({"eval", "decode"}))
        ->capture_default_str();
    CLI::Option* texts =
        command.add_option("--text", request.texts, "with --mode decode: what to read instead of the split, such as words");
    command.add_option("--samples", request.samples, "with --mode decode: that many texts of a model that reads nothing in decoding")
        ->check(CLI::Range(1, 1 << 20))
        ->excludes(texts);
    command.add_option("--seed", request.seed, "of random draws")->capture_default_str();
  }
  command.callback([&action, &request, run] { action = [&request, run] { return run(request); }; });
}

void add_run(CLI::App& app, Action& action) {
  static RunRequest request;
  request.mode = "eval";
  CLI::App& command = add_command(app, "run", "evaluate a model on given parameters and inputs: outputs, loss, gradients",
                                  "  tapeloop run fibonacci --feed feed.json                 feed.json: {\"lengths\": {\"t\": [10]}}\n"
                                  "  tapeloop run m.yaml --feed feed.json --grad --f64 --json\n"
                                  "  tapeloop run m.yaml --feed feed.json --grad --loss weighted:y --reference\n"
                                  "  tapeloop run m.yaml --feed feed.json --watch h --watch d.c\n"
                                  "  tapeloop run --weights runs/first --feed feed.json      as it was trained\n"
                                  "  tapeloop run m.yaml --feed feed.json --chunks 5         in pieces, to the bit what the whole gives");
  add_model(command, request)->required(false);
  add_mode(command, request);
  command.add_option("--feed", request.feed, "JSON: {\"parameters\": {..}, \"inputs\": {..}, \"lengths\": {..}, \"cotangents\": {..}}")
      ->required();
  command.add_option("--weights", request.weights,
                     "the folder of a training run, or the weights that it saved, for the parameters that the feed does not have");
  CLI::Option* gradients = command.add_flag("--grad", request.gradients, "gradients of all parameters and float inputs");
  command.add_option("--loss", request.loss, "weighted[:OUTPUT,..] instead of the model's own: every entry has a weight of its own");
  CLI::Option* watch =
      command.add_option("--watch", request.watch, "print this inner value, too (h, d.c); may be repeated")->allow_extra_args(false);
  command.add_flag("--f64", request.f64, "in double; else in float");
  CLI::Option* reference = command.add_flag("--reference", request.reference, "by the reference evaluator (in double)");
  command
      .add_option("--chunks", request.chunks, "the outputs alone, of streams: some examples at a time, up to that many positions of each")
      ->check(CLI::Range(1, 1 << 30))
      ->excludes(gradients)
      ->excludes(watch)
      ->excludes(reference);
  command.add_option("--without", request.without, "leave an optimisation out; may be repeated")->allow_extra_args(false);
  command.add_option("--seed", request.seed, "of random draws")->capture_default_str();
  add_threads(command, request);
  command.callback([&action] { action = [] { return run_command(request); }; });
}

void add_plan(CLI::App& app, Action& action) {
  static PlanRequest request;
  CLI::App& command = add_command(app, "plan", "show what the compiler made of a model, and why",
                                  "  tapeloop plan gru\n"
                                  "  tapeloop plan gf_rnn options.layers=5 --step\n"
                                  "  tapeloop plan my_model.yaml --format dot | dot -Tsvg > plan.svg\n"
                                  "  tapeloop plan my_model.yaml --after differentiate --without simplify");
  add_model(command, request);
  add_mode(command, request);
  command.add_option("--format", request.format, "how it is written")->check(CLI::IsMember({"text", "json", "dot"}))->capture_default_str();
  command.add_option("--after", request.after, "show the graph as it is after this pass, not the plan");
  command.add_option("--without", request.without, "leave an optimisation out; may be repeated")->allow_extra_args(false);
  command.add_flag("--recompute", request.recompute,
                   "with chunks of each scan, as train.memory.checkpoint makes it of a model that is not causal");
  command.add_flag("--step", request.step, "each scan's body as pseudo-code: the generated step function");
  command.add_flag("--no-source", request.no_source, "without files and lines");
  command.callback([&action] { action = [] { return plan_command(request, style()); }; });
}

void add_profile(CLI::App& app, Action& action) {
  static ProfileRequest request;
  CLI::App& command = add_command(app, "profile", "where the time of a run goes, instruction by instruction, and what bounds it",
                                  "  tapeloop profile gru\n"
                                  "  tapeloop profile lstm options.units=256 --rows 64 --length 200 --sizes 256\n"
                                  "  tapeloop profile my_model.yaml --feed feed.json --forward --json");
  add_model(command, request);
  add_mode(command, request);
  command.add_option("--feed", request.feed, "JSON as `run` has it; without it the numbers are drawn");
  command.add_option("--rows", request.rows, "examples in the batch")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  command.add_option("--length", request.length, "positions of each run")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  command.add_option("--sizes", request.sizes, "what the model leaves open, such as the features of its input")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  command.add_flag("--forward", request.forward_only, "without gradients");
  command.add_option("--without", request.without, "leave an optimisation out; may be repeated")->allow_extra_args(false);
  command.callback([&action] { action = [] { return profile_command(request); }; });
}

void add_gradflow(CLI::App& app, Action& action) {
  static GradflowRequest request;
  CLI::App& command =
      add_command(app, "gradflow", "does a gradient flow from one value to another, by which way, how large, and where does it vanish",
                  "  tapeloop gradflow sunspots                                     of the loss by every value, over time\n"
                  "  tapeloop gradflow gru --from 'h[t=-1]' --length 100 --svg h.svg\n"
                  "  tapeloop gradflow my_model.yaml --from loss --to 'x[t=2]'\n"
                  "  tapeloop gradflow my_model.yaml --from 'y[t=5][0]' --to 'h[t=2]' --feed feed.json --json");
  add_model(command, request)->required(false);
  add_mode(command, request);
  command.add_option("--from", request.from, "loss, or a value: NAME[axis=position, ..][index, ..]; negative positions from the end");
  command.add_option("--to", request.to, "likewise; without it the whole picture: every value at every position");
  command.add_option("--along", request.along, "the axis of the picture");
  command.add_option("--csv", request.csv, "write the picture as numbers");
  command.add_option("--svg", request.svg, "write the picture as a heat map");
  command.add_option("--feed", request.feed, "JSON as `run` has it; without it inputs are drawn");
  command.add_option("--weights", request.weights, "the folder of a training run, or its weights; else they are as a training begins");
  command.add_option("--rows", request.rows, "examples that are drawn")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  command.add_option("--length", request.length, "positions of each run that is drawn")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  command.add_option("--seed", request.seed, "of what is drawn")->capture_default_str();
  command.add_flag("--exact", request.exact, "each entry of a large value by itself, not a few random mixtures of them");
  command.callback([&action] { action = [] { return gradflow_command(request); }; });
}

void add_ops(CLI::App& app, Action& action) {
  static OpsRequest request;
  CLI::App& command = add_command(app, "ops", "the ops and cells that an equation may use, or all there is to say about one",
                                  "  tapeloop ops          all of them\n  tapeloop ops pool\n  tapeloop ops gru");
  command.add_option("NAME", request.name, "such as pool, @, gru");
  command.add_flag("--json", request.json, "print the result as JSON");
  command.callback([&action] { action = [] { return ops_command(request); }; });
}

void add_rest(CLI::App& app, Action& action) {
  static Request summary, check;
  static VerifyRequest verify;
  static bool quickstart_json = false;
  CLI::App& summary_app = add_command(app, "summary", "inputs, parameters, outputs and cost of a model",
                                      "  tapeloop summary gru options.units=64\n  tapeloop summary sunspots --json");
  add_model(summary_app, summary);
  add_mode(summary_app, summary);
  summary_app.callback([&action] { action = [] { return summary_command(summary); }; });

  CLI::App& check_app = add_command(app, "check", "print everything that is wrong with a model",
                                    "  tapeloop check my_model.yaml\n  tapeloop check my_model.yaml --json");
  add_model(check_app, check);
  add_mode(check_app, check);
  check_app.callback([&action] { action = [] { return check_command(check, style()); }; });

  CLI::App& verify_app = add_command(app, "verify", "prove a model's plan and gradients against two independent evaluations",
                                     "  tapeloop verify my_model.yaml\n"
                                     "  tapeloop verify gru options.units=8 --seed 7 --json\n"
                                     "  tapeloop verify my_model.yaml --save-feed feed.json");
  add_model(verify_app, verify);
  add_mode(verify_app, verify);
  verify_app.add_option("--feed", verify.feed, "JSON as `run` reads it; else numbers are drawn at random");
  verify_app.add_option("--save-feed", verify.save_feed, "write the numbers that were drawn, for a comparison with another framework");
  verify_app.add_option("--seed", verify.seed, "of what is drawn")->capture_default_str();
  add_threads(verify_app, verify);
  verify_app.callback([&action] { action = [] { return verify_command(verify); }; });

  static ExplainRequest explain;
  CLI::App& explain_app = add_command(app, "explain", "what a code of an error means, with a wrong and a right example",
                                      "  tapeloop explain E0312\n  tapeloop explain          all codes");
  explain_app.add_option("CODE", explain.code, "such as E0312");
  explain_app.add_flag("--json", explain.json, "print the result as JSON");
  explain_app.callback([&action] { action = [] { return explain_command(explain); }; });

  CLI::App& quickstart = add_command(app, "quickstart", "train the sunspot model with three seeds and compare it with classical ones",
                                     "  tapeloop quickstart");
  quickstart.add_flag("--json", quickstart_json, "print the result as JSON");
  quickstart.callback([&action] { action = [] { return quickstart_command(quickstart_json); }; });
}

void add_selftest(CLI::App& app, Action& action) {
  static SelftestRequest request;
  CLI::App& command = add_command(app, "selftest", "prove all shipped models on this machine, for a minute",
                                  "  tapeloop selftest\n  tapeloop selftest --seconds 600 --json");
  command.add_option("--seconds", request.seconds, "no proof begins after that; each model is proven at least once")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
  command.add_option("--threads", request.threads, "threads at once, 0: as many as there are cores")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  command.add_flag("--json", request.json, "print the result as JSON");
  command.callback([&action] { action = [] { return selftest_command(request); }; });
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) names.push_back(command->get_name());
  return names;
}

// The first word, if it is no command; else empty.
std::string unknown_command(const std::vector<std::string>& names, int argc, char** argv) {
  for (int k = 1; k < argc; ++k) {
    const std::string word = argv[k];
    if (word == "--diagnostics") ++k;  // and its value
    if (!word.starts_with("-")) return std::find(names.begin(), names.end(), word) == names.end() ? word : "";
  }
  return "";
}

int guarded(const Action& action) {
  try {
    return action();
  } catch (const ModelError& error) {
    print_diagnostics(error.list(), style());
    return error.list().front().code == "E0920" ? kUsage : kBadModel;  // no KEY=VALUE
  } catch (const FileError& error) {
    print_file_error(error, style());
    return kFileSystem;
  } catch (const std::bad_alloc&) {
    print_note("not enough memory");
    return kFailed;
  } catch (const std::exception& error) {
    print_note(fmt::format("tapeloop failed: {}\n  help: this is a defect of Tapeloop, not of the model; please report it", error.what()));
    return kFailed;
  }
}

int run(int argc, char** argv) {
  CLI::App app("Tapeloop: recurrent networks as equations, compiled.\n");
  app.set_version_flag("--version", "tapeloop " TAPELOOP_VERSION "\n" + machine_text());
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("--diagnostics", style().format, "how mistakes are printed on stderr: as text, or as one JSON document")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  app.add_flag("--all", style().all, "every mistake, not the first 20 only");
  app.footer(
      "Examples:\n"
      "  tapeloop quickstart\n"
      "  tapeloop plan gru\n"
      "  tapeloop verify my_model.yaml\n"
      "  tapeloop COMMAND --help\n\n"
      "Exit status: 0 done, 1 failed, 2 usage, 3 a mistake in the model or the data, 4 the file system, 130 and 143 interrupted.");
  Action action;
  add_train(app, action);
  add_use(app, action, "eval", "the loss and the metrics of trained weights", eval_command);
  add_use(app, action, "predict", "the outputs of trained weights", predict_command);
  add_run(app, action);
  add_plan(app, action);
  add_profile(app, action);
  add_gradflow(app, action);
  add_ops(app, action);
  add_rest(app, action);
  add_selftest(app, action);
  const std::vector<std::string> commands = command_names(app);
  if (const std::string word = unknown_command(commands, argc, argv); !word.empty()) {
    print_note(fmt::format("there is no command '{}'{}\n  help: tapeloop --help lists them", word, did_you_mean(word, commands)));
    return kUsage;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kUsage;
  }
  return guarded(action);
}

}  // namespace
}  // namespace tapeloop::tool

int main(int argc, char** argv) { return tapeloop::tool::run(argc, argv); }
