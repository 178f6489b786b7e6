// export-archive-bomb enacted: whoever unpacks the file counts, in the sandbox, what it would have cost.
#include "drills/drill.h"
#include "drills/forges/bombs.h"
#include "drills/victims/python.h"

namespace sallyport::production::model_export {
namespace {

using drills::World;
namespace forges = drills::forges;

constexpr std::string_view kModel = "model.bin";
constexpr std::string_view kMark = "exhausted";
constexpr int kBombs = 4;

// Unpacks piece by piece and holds nothing; what passes the cap would have filled the memory of a loader.
constexpr std::string_view kScript = R"python(
import ast, sys, zipfile, zlib

CAP = 1 << 29

class Exhausted(Exception):
    pass

total = 0

def count(data):
    global total
    total += len(data)
    if total > CAP:
        raise Exhausted()

def inflate(data, bits, each):
    stream = zlib.decompressobj(bits)
    while data and not stream.eof:
        piece = stream.decompress(data, 1 << 20)
        each(piece)
        data = stream.unconsumed_tail

def load(path):
    with open(path, "rb") as file:
        head = file.read(6)
        file.seek(0)
        if head == b"\x93NUMPY":
            data = file.read()
            product = 8
            for extent in ast.literal_eval(data[10:].decode("latin1"))["shape"]:
                product *= extent
            if product > CAP:
                raise Exhausted()
        elif head[:2] == b"\x1f\x8b":
            inner = bytearray()
            def keep(piece):
                count(piece)
                if len(inner) < 1 << 24:
                    inner.extend(piece)
            inflate(file.read(), 31, keep)
            if inner[:2] == b"\x1f\x8b":
                inflate(bytes(inner), 31, count)
        else:
            with zipfile.ZipFile(file) as archive:
                for info in archive.infolist():
                    file.seek(info.header_offset + 30 + len(info.filename))
                    inflate(file.read(info.compress_size), -15, count)

try:
    load(sys.argv[1])
except Exhausted:
    open("exhausted", "w").close()
)python";

Result<void> attack(World& world) {
  constexpr std::size_t kMebibytes = 640;
  switch (world.seed() % kBombs) {
    case 0:
      return world.write(kModel, forges::zip({forges::zeros_part("data/0", kMebibytes)}));
    case 1:
      return world.write(kModel, forges::overlapping_zip(100));
    case 2:
      return world.write(kModel, forges::gzip(forges::gzip_of_zeros(kMebibytes)));
    default:
      return world.write(kModel, forges::npy_of_shape("(4611686018427387904, 4611686018427387904)"));
  }
}

// All zeros pack as well as any bomb.
Result<void> honest(World& world) {
  constexpr std::size_t kMebibytes = 100;
  return world.write(kModel, forges::zip({forges::zeros_part("data/0", kMebibytes)}));
}

Result<void> victim(World& world) {
  return drills::victims::run_python(world, kScript, {std::string(kModel)});
}

bool harmed(const World& world) { return world.exists(kMark); }

Result<Subjects> present(World& world) {
  const Bytes& bytes = world.keep(TRY(world.read(kModel)));
  Subjects out;
  out.files.emplace_back(std::string(kModel), FileSubject{.path = std::string(kModel), .bytes = bytes});
  return out;
}

}  // namespace

extern const drills::Drill archive_bomb_drill;
const drills::Drill archive_bomb_drill{
    .threat = "export-archive-bomb",
    .story = "a published checkpoint unpacks, overlaps or declares until its loader has no memory left",
    .honest_story = "a checkpoint of zeros, which packs as well as a bomb and stays within the cap",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .present = present,
    .trials = kBombs,
    .harm = "loading the model needs more memory than there is"};

}  // namespace sallyport::production::model_export
