// The hook that `sallyport hook install` leaves: a commit with a finding is not made, one without is, and a
// hook of somebody else's stays.
#include <gtest/gtest.h>

#include "tests/shell.h"

namespace sallyport {
namespace {

using testing_shell::Ran;
using testing_shell::Shell;

TEST(Hook, HoldsACommitBackAndLetsTheNextOneThrough) {
  const Shell shell;
  const std::string git = "git -C r -c user.name=t -c user.email=t@plant.example ";
  ASSERT_EQ(shell.run("git init -q r").exit, 0);
  const Ran installed = shell.run("sallyport hook install r");
  ASSERT_EQ(installed.exit, 0) << installed.err;
  EXPECT_EQ(installed.out, "commits are searched by r/.git/hooks/pre-commit\n");
  EXPECT_EQ(shell.run("sallyport hook install r").exit, 0) << "its own may be written anew";

  ASSERT_EQ(shell.run("printf 'rate = 1\\n' >r/a.py; " + git + "add -A").exit, 0);
  EXPECT_EQ(shell.run(git + "commit -q -m first").exit, 0) << "before the first commit all is new";
  const std::string shell_call = "printf 'import os\\n\\n\\ndef go(x):\\n    os.system(x)\\n' >r/b.py; ";
  ASSERT_EQ(shell.run(shell_call + git + "add -A").exit, 0);
  EXPECT_NE(shell.run(git + "commit -q -m second").exit, 0);
  // What is staged counts, not what the folder says by now.
  ASSERT_EQ(shell.run("printf 'rate = 1\\n' >r/b.py").exit, 0);
  EXPECT_NE(shell.run(git + "commit -q -m second").exit, 0);
  const Ran unsearched = shell.run("PATH=/usr/bin:/bin " + git + "commit -q -a -m second");
  EXPECT_NE(unsearched.exit, 0);
  EXPECT_NE(unsearched.err.find("sallyport is not on PATH"), std::string::npos) << unsearched.err;
  EXPECT_EQ(shell.run(git + "commit -q -a -m second").exit, 0);

  ASSERT_EQ(shell.run("printf '#!/bin/sh\\nexit 0\\n' >r/.git/hooks/pre-commit").exit, 0);
  const Ran refused = shell.run("sallyport hook install r");
  EXPECT_EQ(refused.exit, 2);
  EXPECT_NE(refused.err.find("another hook"), std::string::npos) << refused.err;
  EXPECT_EQ(shell.run("sallyport hook install .").exit, 2) << "no repository";
}

}  // namespace
}  // namespace sallyport
