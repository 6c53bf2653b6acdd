#include "nodes/registry.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>

namespace tapeloop {
namespace {

TEST(NodeRegistry, HasTheKindOfEveryFileAndNoOther) {
  std::set<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(TAPELOOP_SOURCE_DIR "/nodes/kinds")) files.insert(entry.path().stem());
  std::set<std::string> kinds;
  const Registry registry = make_registry();
  for (const NodeKind* kind : registry.all()) kinds.insert(std::string(kind->name));
  EXPECT_EQ(kinds, files);
}

TEST(NodeRegistry, EveryRecordIsComplete) {
  const Registry registry = make_registry();
  for (const NodeKind* kind : registry.all()) {
    SCOPED_TRACE(kind->name);
    EXPECT_FALSE(kind->doc.empty());
    const Role role = kind->role;
    if (role == Role::kPoint) {
      EXPECT_TRUE(kind->point.f32.block && kind->point.f64.rest && kind->point.reference && kind->point.reference_complex);
    }
    if (role == Role::kLocal) {
      EXPECT_TRUE(kind->local.f32 && kind->local.f64 && kind->local.reference && kind->local.reference_complex);
    }
    const bool inferred = role == Role::kLocal || role == Role::kAlias || role == Role::kProduct;
    if (inferred) {
      EXPECT_TRUE(static_cast<bool>(kind->infer));
    }
    if (inferred || role == Role::kPoint || role == Role::kComposite) {
      EXPECT_GE(kind->examples.size(), 2U);
    }
    const bool leaf = kind->operands.empty();
    if (kind->differentiable && !leaf && role != Role::kComposite && role != Role::kSugar) {
      EXPECT_TRUE(static_cast<bool>(kind->adjoint));
    }
    if (role == Role::kComposite) {
      EXPECT_FALSE(kind->equation.empty());
    }
  }
}

TEST(NodeRegistry, FindsOperatorsByTheirSymbol) {
  const Registry registry = make_registry();
  for (const char* symbol : {"+", "-", "*", "/", "@", "**", "neg", "<", "<=", ">", ">=", "==", "!="}) {
    ASSERT_TRUE(registry.find(symbol)) << symbol;
    EXPECT_EQ(registry.at(symbol).symbol, symbol);
  }
}

}  // namespace
}  // namespace tapeloop
