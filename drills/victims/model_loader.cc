#include "drills/victims/model_loader.h"

namespace sallyport::drills::victims {

std::string_view model_loader_script() {
  return R"python(
import gzip, io, pickle, sys, tarfile, zipfile, zlib

class Unpickler(pickle.Unpickler):
    def persistent_load(self, id):
        return id

def load_pickles(file):
    while file.peek(1) if hasattr(file, "peek") else True:
        Unpickler(file).load()

def load_npy(data):
    length = int.from_bytes(data[8:10], "little")
    Unpickler(io.BytesIO(data[10 + length:])).load()

def load_zip(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            archive.NameToInfo[name].orig_filename = ""
            info = archive.NameToInfo[name]
            archive.fp.seek(info.header_offset + 26)
            local_name, extra = (int.from_bytes(archive.fp.read(2), "little") for _ in range(2))
            archive.fp.seek(info.header_offset + 30 + local_name + extra)
            member = archive.fp.read(info.compress_size)
            load(name, zlib.decompress(member, -15) if info.compress_type == 8 else member)

def load(name, data):
    if data[:2] == b"\x1f\x8b":
        load("x.pkl", gzip.decompress(data))
    elif name.endswith(".zlib"):
        load("x.pkl", zlib.decompress(data))
    elif data[:6] == b"\x93NUMPY":
        load_npy(data)
    elif name.endswith((".zip", ".npz", ".pt")):
        load_zip(data)
    elif name.endswith(".tar"):
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for member in archive:
                load(member.name, archive.extractfile(member).read())
    elif name.endswith((".pkl", ".joblib")):
        load_pickles(io.BufferedReader(io.BytesIO(data)))

for path in sys.argv[1:]:
    try:
        with open(path, "rb") as file:
            load(path, file.read())
    except BaseException as error:
        print(path, type(error).__name__, error)
)python";
}

}  // namespace sallyport::drills::victims
