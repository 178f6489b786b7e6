// Tables in their formats, and personal data in text.
#include "formats/table.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/limits/data.h"
#include "formats/json_rows.h"
#include "formats/personal.h"

namespace sallyport::formats {
namespace {

Bytes bytes_of(std::initializer_list<int> values) {
  Bytes out;
  for (const int value : values) out.push_back(static_cast<std::uint8_t>(value));
  return out;
}

// Two images of two by two pixels.
const Bytes kIdx = bytes_of({0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 255});

TEST(table, of_idx_images_has_a_column_a_pixel) {
  const auto data = read_table(kIdx, "images");
  ASSERT_TRUE(data) << data.error().message;
  EXPECT_EQ(data->columns.size(), 4u);
  EXPECT_EQ(data->columns[3].numbers, (std::vector<double>{4, 255}));
  EXPECT_EQ(data->image.height, 2);
  EXPECT_EQ(data->image.max_value, 255);
}

TEST(table, survives_every_truncation_and_every_changed_byte) {
  const std::string json = "{\"a\": 1, \"b\": [1, 2], \"c\": \"x\"}\n{\"a\": null, \"c\": {\"d\": true}}\n";
  std::string npy("\x93NUMPY\x01\x00", 8);
  std::string header = "{'descr': '>i2', 'fortran_order': True, 'shape': (2, 3), }";
  header.resize(118, ' ');
  header.back() = '\n';
  npy += std::string("\x76\x00", 2) + header + std::string("\0\1\0\2\0\3\0\4\0\5\0\6", 12);
  const auto array = read_table(as_bytes(npy), "array");
  ASSERT_TRUE(array) << array.error().message;
  EXPECT_EQ(array->columns[1].numbers, (std::vector<double>{3, 4}));  // stored column after column
  for (const Bytes& whole : {kIdx, to_bytes(json), to_bytes(npy)}) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const auto cut = read_table(BytesView(whole).first(size), "cut");
      if (cut) {
        EXPECT_LE(cut->rows(), 2u);
      }
    }
    for (std::size_t at = 0; at < whole.size(); ++at) {
      for (const int bit : {0, 3, 7}) {
        Bytes changed = whole;
        changed[at] = static_cast<std::uint8_t>(changed[at] ^ (1 << bit));
        const auto read = read_table(changed, "changed");
        if (!read) {
          EXPECT_TRUE(read.error().message.starts_with("changed: ")) << read.error().message;
        }
      }
    }
  }
}

// In parts of any size a table is what it is whole.
TEST(table, is_the_same_in_parts) {
  std::string csv = "n,word,mixed\n";
  std::string lines;
  std::string array = "[";
  for (int i = 0; i < 300; ++i) {
    const std::string number = std::to_string(i * 7 % 11);
    const std::string word = i % 3 == 0 ? "\"two\nlines, \"\"quoted\"\"\"" : "w" + std::to_string(i);
    csv += number + "," + word + "," + (i == 250 ? "late" : number) + "\n";
    const std::string object = "{\"n\": " + number + ", \"word\": \"}, {[" + number + "\\\"\", \"mixed\": " +
                               (i == 250     ? "\"late\""
                                : i % 5 == 0 ? "null"
                                             : number) +
                               (i > 100 ? ", \"new\": true" : "") + "}";
    lines += object + "\n";
    array += (i > 0 ? ", " : "") + object;
  }
  array += "]\n";
  std::string npy("\x93NUMPY\x01\x00", 8);
  std::string header = "{'descr': '|u1', 'fortran_order': True, 'shape': (50, 4), }";
  header.resize(118, ' ');
  header.back() = '\n';
  npy += std::string("\x76\x00", 2) + header;
  for (int i = 0; i < 200; ++i) npy += static_cast<char>(i);
  for (const std::string& text : {csv, lines, array, npy}) {
    const auto whole = read_table(as_bytes(text), "whole");
    ASSERT_TRUE(whole) << whole.error().message;
    const auto reader = open_table(as_bytes(text), {});
    ASSERT_TRUE(reader) << reader.error().message;
    EXPECT_EQ((*reader)->shape().rows, whole->rows());
    for (const std::size_t bytes : {1U, 100U, 5000U, 1U << 20}) {
      (*reader)->rewind();
      Dataset all = *whole;
      for (Column& column : all.columns) column = {.name = column.name, .numeric = column.numeric};
      std::size_t rows = 0;
      for (auto part = (*reader)->next(bytes); part && part->rows() > 0; part = (*reader)->next(bytes)) {
        EXPECT_EQ(part->first_row, rows);
        rows += part->rows();
        ASSERT_EQ(part->columns.size(), all.columns.size());
        for (std::size_t j = 0; j < all.columns.size(); ++j) {
          EXPECT_EQ(part->columns[j].numeric, all.columns[j].numeric);
          for (const double x : part->columns[j].numbers) all.columns[j].numbers.push_back(x);
          for (const std::string& x : part->columns[j].texts) all.columns[j].texts.push_back(x);
        }
      }
      ASSERT_EQ(rows, whole->rows());
      for (std::size_t j = 0; j < all.columns.size(); ++j) {
        EXPECT_EQ(all.columns[j].texts, whole->columns[j].texts);
        for (std::size_t r = 0; r < all.columns[j].numbers.size(); ++r) {
          const double x = whole->columns[j].numbers[r];
          const double here = all.columns[j].numbers[r];
          EXPECT_TRUE(here == x || (std::isnan(here) && std::isnan(x))) << r;
        }
      }
    }
  }
}

// The rest of a file that is one cell, one row or one element is not read to its end.
TEST(table, of_one_endless_line_is_refused_where_the_limit_is_passed) {
  const std::string endless(limits::kCsvCellBytesMax + 100, 'x');
  const auto says = [](const std::string& text) {
    const auto read = read_table(as_bytes(text), "t");
    return read ? std::string() : read.error().message;
  };
  EXPECT_NE(says("a,b\n1," + endless).find("column b: cell longer"), std::string::npos);
  EXPECT_NE(says("a,b\n1,\"" + endless + endless + endless).find("column b: cell longer"), std::string::npos);
  std::string many = "a,b\n";
  for (std::size_t i = 0; i <= limits::kCsvColumnsMax; ++i) many += ",";
  EXPECT_NE(says(many).find("columns"), std::string::npos);
  const std::string element(limits::kJsonLineBytesMax + 10, ' ');
  EXPECT_NE(says("{\"a\": 1}\n{" + element).find("kJsonLineBytesMax"), std::string::npos);
  EXPECT_NE(says("[{\"a\": 1}, {" + element).find("kJsonLineBytesMax"), std::string::npos);
}

TEST(json_rows, an_array_that_does_not_end_or_goes_on_is_refused) {
  for (const char* bad :
       {"[{\"a\": 1}", "[{\"a\": 1},]", "[{\"a\": 1}] 2", "[{\"a\": 1} {\"a\": 2}]", "[{\"a\": \"x]"})
    EXPECT_FALSE(read_json_rows(bad)) << bad;
  EXPECT_EQ(read_json_rows("[]")->rows(), 0U);
  EXPECT_EQ(read_json_rows("[{\"a\": 1}, {\"a\": 2}]")->rows(), 2U);
}

TEST(json_rows, become_columns_in_the_order_of_their_appearance) {
  const auto data = read_json_rows("{\"a\": 1, \"v\": [1, 2]}\n\n{\"a\": \"x\", \"n\": 7, \"v\": [3, 4]}\n");
  ASSERT_TRUE(data) << data.error().message;
  ASSERT_EQ(data->columns.size(), 4u);
  EXPECT_EQ(data->find("a")->texts, (std::vector<std::string>{"1", "x"}));
  EXPECT_TRUE(std::isnan(data->find("n")->numbers[0]));
  EXPECT_EQ(data->find("v.1")->numbers, (std::vector<double>{2, 4}));
  const auto broken = read_json_rows("{\"a\": 1}\n{\"a\": 1, \"a\": 2}\n");
  ASSERT_FALSE(broken);
  EXPECT_TRUE(broken.error().message.starts_with("json rows: line 2")) << broken.error().message;
}

std::vector<std::string> found_in(std::string_view text) {
  std::vector<std::string> out;
  for (const PersonalSpan& span : find_personal(text))
    out.push_back(std::string(name_of(span.kind)) + ": " +
                  std::string(text.substr(span.begin, span.end - span.begin)));
  return out;
}

TEST(personal, is_told_by_checksum_and_form) {
  using Found = std::vector<std::string>;
  EXPECT_EQ(found_in("mail ana.b+c@example.co.uk."), Found{"e-mail address: ana.b+c@example.co.uk"});
  EXPECT_EQ(found_in("card 4111 1111 1111 1111, or 378282246310005"),
            (Found{"card number: 4111 1111 1111 1111", "card number: 378282246310005"}));
  EXPECT_EQ(found_in("IBAN DE89 3704 0044 0532 0130 00"), Found{"IBAN: DE89 3704 0044 0532 0130 00"});
  EXPECT_EQ(found_in("call +44 20 7946 0958 now"), Found{"telephone number: +44 20 7946 0958"});
  EXPECT_EQ(found_in("(212) 555-0142x17"), Found{"telephone number: (212) 555-0142x17"});
  EXPECT_EQ(found_in("ssn 123-45-6789"), Found{"social security number: 123-45-6789"});
  EXPECT_EQ(found_in("from 192.0.2.17:80"), Found{"IP address: 192.0.2.17"});
}

TEST(personal, is_not_seen_in_what_only_looks_like_it) {
  for (const std::string_view text :
       {"order 4111 1111 1111 1112", "version 10.20.30.400", "on 2026-11-24 11:34:35", "a@b", "@home",
        "DE89 3704 0044 0532 0130 01", "000-12-3456", "0000000000000000", "build 20261124", "zip 3610-114",
        "sum 1.000.000", "x192.0.2.17.5"}) {
    EXPECT_TRUE(found_in(text).empty()) << text << ": " << found_in(text).front();
  }
}

}  // namespace
}  // namespace sallyport::formats
