#include "drills/victims/device.h"

namespace sallyport::drills::victims {

std::string_view device_script() {
  return R"python(
import sys

package = open(sys.argv[1], "rb").read()
secret = (4).to_bytes(4, "little") + bytes([7] * 4)
memory = package + secret
if package[-4:] == b"HOOK":
    open("mark", "w").close()

def number(at, width=4):
    return int.from_bytes(memory[at:at + width], "little")

def follow(at):
    return at + number(at)

def field(table, slot):
    vtable = table - number(table)
    entry = 4 + 2 * slot
    offset = number(vtable + entry, 2) if entry < number(vtable, 2) else 0
    return table + offset if offset else None

def first(table, slot):
    return follow(follow(field(table, slot)) + 4)

def content(table, slot):
    at = follow(field(table, slot))
    return memory[at + 4:at + 4 + number(at)]

model = follow(0)
registered = {"Touch": lambda: open("mark", "w").close()}
code = first(model, 1)
if number(field(code, 3)) == 32:
    registered[content(code, 1).decode()]()
with open("sum", "w") as file:
    file.write(str(sum(content(first(model, 4), 0))))
)python";
}

}  // namespace sallyport::drills::victims
