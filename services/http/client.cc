#include "services/http/http.h"

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

namespace sallyport::services::http {

Result<Exchange> ask(std::uint16_t port, const Question& question) {
  namespace asio = boost::asio;
  namespace beast = boost::beast;
  namespace bhttp = beast::http;
  using tcp = asio::ip::tcp;
  try {
    asio::io_context context;
    beast::tcp_stream stream(context);
    stream.connect(tcp::endpoint(asio::ip::make_address("127.0.0.1"), port));
    stream.socket().set_option(tcp::no_delay(true));
    bhttp::request<bhttp::string_body> request(bhttp::verb::get, question.target, 11);
    request.method_string(question.method);
    request.set(bhttp::field::host, "127.0.0.1");
    request.set(bhttp::field::content_type, question.content_type);
    for (const auto& [name, value] : question.headers) request.set(name, value);
    request.keep_alive(false);
    request.body() = question.body;
    request.prepare_payload();
    bhttp::write(stream, request);
    beast::flat_buffer buffer;
    bhttp::response_parser<bhttp::string_body> response;
    response.body_limit(limits::kFileBytesMax);
    bhttp::read(stream, buffer, response);
    return Exchange{static_cast<int>(response.get().result_int()), std::move(response.get().body())};
  } catch (const boost::system::system_error& error) {
    return fail(ErrorKind::kIo, "request to 127.0.0.1:" + std::to_string(port) + ": " + error.what());
  }
}

}  // namespace sallyport::services::http
