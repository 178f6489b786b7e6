// XML read strictly; models in XML judged; documents that reach out refused.
#include "formats/xml.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "formats/inspect/inspect.h"
#include "tests/paths.h"

namespace sallyport::formats {
namespace {

namespace fs = std::filesystem;

std::string read_all(std::string_view text) {
  XmlReader reader(text);
  std::string out;
  while (true) {
    const Result<std::optional<XmlEvent>> event = reader.next();
    if (!event) return "error";
    if (!*event) return out;
    switch ((*event)->kind) {
      case XmlEvent::Kind::kOpen:
        out += "<" + std::string((*event)->name);
        for (const XmlAttribute& attribute : (*event)->attributes) {
          out += " " + std::string(attribute.name) + "=" + unescaped(attribute.raw);
        }
        break;
      case XmlEvent::Kind::kClose: out += ">"; break;
      case XmlEvent::Kind::kText: out += "'" + unescaped((*event)->text) + "'"; break;
      case XmlEvent::Kind::kInstruction: out += "?" + std::string((*event)->name); break;
    }
  }
}

TEST(Xml, ReadsWhatADocumentSays) {
  EXPECT_EQ(
      read_all("\xEF\xBB\xBF<?xml version='1.0' encoding='UTF-8'?>\n<a x='1' y=\"&lt;&#65;\"><b/>t<!-- c -->"
               "<![CDATA[<&]]></a>\n"),
      "?xml<a x=1 y=<A<b>'t''<&'>");
}

TEST(Xml, RefusesWhatIsNoDocumentOrReachesOut) {
  for (const std::string_view bad : {"",
                                     "text",
                                     "<a>",
                                     "<a></b>",
                                     "<a/><b/>",
                                     "<a x='1' x='2'/>",
                                     "<a x=1/>",
                                     "<a>&unknown;</a>",
                                     "<a>&#0;</a>",
                                     "<a b='<'/>",
                                     "<!DOCTYPE a><a/>",
                                     "<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///x'>]><a>&e;</a>",
                                     "<?xml version='1.0' encoding='UTF-16'?><a/>",
                                     "<a/>text",
                                     "<a><!-- -- --></a>",
                                     "<a",
                                     "<a ",
                                     "<a><![CDATA[",
                                     " <?xml version='1.0'?><a/>",
                                     "<a>&amp</a>",
                                     "<1/>"}) {
    EXPECT_EQ(read_all(bad), "error") << bad;
  }
  std::string deep;
  for (int i = 0; i < 300; ++i) deep += "<a>";
  EXPECT_EQ(read_all(deep), "error");
}

inspect::Inspection look(std::string_view text, const std::string& name = "model.xml") {
  return inspect::inspect(as_bytes(text), {.name = name});
}
std::string rules_of(const inspect::Inspection& inspection) {
  std::string out;
  for (const inspect::Seen& seen : inspection.seen) out += seen.rule + " ";
  return out;
}

std::string ir(const std::string& layers, const std::string& edges = "") {
  return "<?xml version=\"1.0\"?>\n<net name=\"m\" version=\"11\"><layers>" + layers + "</layers><edges>" +
         edges + "</edges></net>\n";
}

TEST(Xml, OpenVinoIsHeldToItsOwnOperationsAndSizes) {
  const std::string plain =
      R"(<layer id="0" name="w" type="Const" version="opset1"><data element_type="f32" shape="3,4")"
      R"( offset="16" size="48"/></layer>)";
  const inspect::Inspection honest =
      look(ir(plain + R"(<layer id="1" name="r" type="Result" version="opset1"/>)",
              R"(<edge from-layer="0" from-port="0" to-layer="1" to-port="0"/>)"));
  EXPECT_EQ(honest.format(), "openvino");
  EXPECT_TRUE(honest.complete());
  EXPECT_EQ(rules_of(honest), "");
  ASSERT_EQ(honest.references.size(), 1U);
  EXPECT_EQ(honest.references[0].path, "model.bin");
  EXPECT_EQ(honest.references[0].bytes_min, 64U);
  EXPECT_EQ(rules_of(look(ir(R"(<layer id="0" name="x" type="Mine" version="extension"/>)"))),
            "openvino-extension-layer ");
  EXPECT_EQ(rules_of(look(ir(plain, R"(<edge from-layer="0" to-layer="9"/>)"))), "openvino-out-of-place ");
  EXPECT_EQ(rules_of(look(ir(plain + plain))), "openvino-out-of-place ");
  std::string lying = plain;
  lying.replace(lying.find("48"), 2, "52");
  EXPECT_EQ(rules_of(look(ir(lying))), "openvino-size-lies ");
  lying = plain;
  lying.replace(lying.find("\"16\""), 4, "\"99999999999999999999\"");
  EXPECT_EQ(rules_of(look(ir(lying))), "openvino-out-of-place ");
}

TEST(Xml, PmmlMayNameNoClassAndNoEntity) {
  const std::string head = "<PMML version=\"4.4\" xmlns=\"http://www.dmg.org/PMML-4_4\">";
  const inspect::Inspection honest =
      look(head + "<Apply function=\"log10\"><Constant>1</Constant></Apply></PMML>");
  EXPECT_EQ(honest.format(), "pmml");
  EXPECT_TRUE(honest.complete());
  EXPECT_EQ(rules_of(honest), "");
  EXPECT_EQ(rules_of(look(head + "<Apply function=\"com.evil.Run\"/></PMML>")), "pmml-named-class ");
  const inspect::Inspection entity =
      look("<!DOCTYPE PMML [<!ENTITY e SYSTEM \"file:///etc/hostname\">]>" + head + "&e;</PMML>");
  EXPECT_EQ(rules_of(entity), "xml-document-type ");
  EXPECT_FALSE(entity.complete());
  EXPECT_EQ(rules_of(look(head + "<xi:include href=\"/etc/hostname\"/></PMML>")), "xml-includes-file ");
}

TEST(Xml, PagesForPeopleStayText) {
  EXPECT_EQ(look("<!DOCTYPE html>\n<html><p>hello<br></html>", "a.html").format(), "text");
  EXPECT_TRUE(look("<!DOCTYPE html>\n<html><p>hello<br></html>", "a.html").complete());
}

// The samples are cut and changed byte by byte.
TEST(Xml, ModelsCutOrChangedEndInAnAnswer) {
  std::size_t samples = 0;
  for (const auto& entry : fs::directory_iterator(tests::source_dir() + "/formats/testdata/xml")) {
    std::ifstream in(entry.path(), std::ios::binary);
    Bytes bytes(std::istreambuf_iterator<char>(in), {});
    const std::string name = entry.path().filename().string();
    const inspect::Inspection whole = inspect::inspect(bytes, {.name = name});
    EXPECT_TRUE(whole.complete()) << name;
    EXPECT_EQ(rules_of(whole), "") << name;
    EXPECT_TRUE(whole.format() == "pmml" || whole.format() == "openvino") << name;
    ++samples;
    const std::size_t end = as_text(bytes).rfind('>');
    for (std::size_t size = 1; size <= end; size += 11) {
      const auto got = inspect::inspect(BytesView(bytes).first(size), {.name = name});
      EXPECT_FALSE(got.format() == whole.format() && got.complete()) << name << " cut at " << size;
    }
    for (std::size_t i = 0; i < bytes.size(); i += 5) {
      const std::uint8_t honest = bytes[i];
      for (const int change : {0x01, 0x80, 0xFF}) {
        bytes[i] = static_cast<std::uint8_t>(honest ^ change);
        EXPECT_LE(inspect::inspect(bytes, {.name = name}).coverage(), 1.0);
      }
      bytes[i] = honest;
    }
  }
  EXPECT_GE(samples, 1U);
}

}  // namespace
}  // namespace sallyport::formats
