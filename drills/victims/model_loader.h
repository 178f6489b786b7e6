// A script that loads model files as users do: with CPython's own unpickler, through gzip, zipfile and
// tarfile, in the way of torch.load (data.pkl in a zip, with persistent ids) and of numpy.load (a pickle
// behind the header).
//
// Frameworks are not needed: what runs the payload is the unpickler, and that is the real one.
#pragma once

#include <string_view>

namespace sallyport::drills::victims {

// To be run by run_python with the names of the files to load.
std::string_view model_loader_script();

}  // namespace sallyport::drills::victims
