// What names a destination, and what only looks like it.
#include "formats/authority.h"

#include <gtest/gtest.h>

namespace sallyport::formats {
namespace {

TEST(Authority, HasOneSpelling) {
  for (const char* text :
       {"files.example.org:443", "a:1", "10.0.0.1:65535", "[2001:db8::1]:443", "x_y-z.org:8080"}) {
    const auto read = parse_authority(text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(text_of(*read), text);
  }
  EXPECT_EQ(parse_authority("Files.Example.ORG:443")->host, "files.example.org");
}

TEST(Authority, RefusesWhatResolversReadInTheirOwnWays) {
  for (const char* text : {"",
                           ":443",
                           "host",
                           "host:",
                           "host:0",
                           "host:0443",
                           "host:65536",
                           "host:+1",
                           "host:4 3",
                           "host: 443",
                           "127.1:80",
                           "0x7f.0.0.1:80",
                           "010.0.0.1:80",
                           "2130706433:80",
                           "1.2.3.4.5:80",
                           "host.0x7f:80",
                           "::1:80",
                           "[::1:80",
                           "[::1]",
                           "[::0001]:80",
                           "[::1%lo]:80",
                           "a..b:80",
                           ".a:80",
                           "a.:80",
                           "-a.b:80",
                           "a-.b:80",
                           "a b:80",
                           "a@b:80",
                           "a/b:80",
                           "a%2eb:80",
                           "host\r\n:80",
                           "\xc3\xa9.org:80"}) {
    EXPECT_FALSE(parse_authority(text)) << text;
  }
  EXPECT_FALSE(parse_authority(std::string(64, 'a') + ".org:80"));
  EXPECT_FALSE(parse_authority(std::string(300, 'a') + ":80"));
}

TEST(ConnectRequest, NamesItsTarget) {
  const auto read = parse_connect(
      "CONNECT files.example.org:443 HTTP/1.1\r\nHost: Files.example.org:443\r\nUser-Agent: pip\r\n\r\n");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(text_of(*read), "files.example.org:443");
  EXPECT_TRUE(parse_connect("CONNECT a:1 HTTP/1.0\r\n\r\n"));
}

TEST(ConnectRequest, IsNothingElse) {
  for (const char* text :
       {"", "\r\n\r\n", "CONNECT a:1 HTTP/1.1\r\n", "CONNECT a:1\r\n\r\n", "connect a:1 HTTP/1.1\r\n\r\n",
        "GET http://a/ HTTP/1.1\r\n\r\n", "CONNECT a:1 HTTP/2\r\n\r\n", "CONNECT  a:1 HTTP/1.1\r\n\r\n",
        "CONNECT a:1 HTTP/1.1\r\nHost: b:1\r\n\r\n", "CONNECT a:1 HTTP/1.1\r\nHost : a:1\r\n\r\n",
        "CONNECT a:1 HTTP/1.1\r\nContent-Length: 5\r\n\r\n", "CONNECT a:1 HTTP/1.1\r\n folded\r\n\r\n",
        "CONNECT a:1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "CONNECT a:1 HTTP/1.1\nHost: a:1\n\n",
        "CONNECT a:1 HTTP/1.1\r\nX: a\nb\r\n\r\n", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\r\n\r\n",
        "CONNECT a:1 HTTP/1.1\r\nX: a\n\r\n\r\n", "CONNECT a:1 HTTP/1.1\r\nHost:\ra:1\r\n\r\n"}) {
    EXPECT_FALSE(parse_connect(text)) << text;
  }
  EXPECT_FALSE(parse_connect("CONNECT a:1 HTTP/1.1\r\nX: " + std::string(9000, 'x') + "\r\n\r\n"));
}

}  // namespace
}  // namespace sallyport::formats
