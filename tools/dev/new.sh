# shellcheck shell=bash
# ./dev new: makes the files of a new guard and the line that registers it.

command_new() { die 64 "'new' waits for the guard interface"; }
