// What the sandbox's tests share. For one test at a time.
#pragma once

#include <gtest/gtest.h>

#include "services/sandbox/testdata/setting.h"
