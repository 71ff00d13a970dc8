import Testing

@testable import Activities

@Suite struct XMLTreeTests {
  @Test func `elements, text, references and attributes are read`() throws {
    let text = """
      <?xml version="1.0" encoding="UTF-8"?>
      <List xmlns="http://x/" a='>'><Key>a &lt;&gt;&amp;&quot;&apos;&#65;&#x1F3B5; å</Key><Empty/><Key >two</Key ><Deep><Key>three</Key></Deep></List>

      """
    let tree = try XMLTree(parsing: Array(text.utf8))
    #expect(tree.name == "List" && tree["Key"] == "a <>&\"'A\u{1F3B5} å" && tree["Empty"] == "" && tree["None"] == nil)
    #expect(tree.all("Key").map(\.text) == ["a <>&\"'A\u{1F3B5} å", "two"])
    #expect(tree.all("Deep").first?["Key"] == "three")
  }

  @Test(arguments: [
    "", " ", "text", "<a", "<a>", "<a></b>", "<a/><b/>", "<a/>x", "<a>&b;</a>", "<a>&#0;</a>", "<a>&#xD800;</a>", "<a>&amp</a>",
    "<a b></a>",
    "<a b=c/>", "<a><![CDATA[x]]></a>", "<!-- c --><a/>", "<a><!-- c --></a>", "<?php ?><a/>", "< a/>", "<a>&lt</a>", "<a><?b?></a>",
    #"<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>"#, #"<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>"#, "</a>", "<a></a></a>",
  ])
  func `everything else is refused`(text: String) {
    #expect(throws: XMLTree.Malformed.self) { try XMLTree(parsing: Array(text.utf8)) }
  }

  @Test func `depth and number of elements are bounded, and bytes that are no text are refused`() {
    func nested(_ depth: Int) -> [UInt8] {
      Array((String(repeating: "<a>", count: depth) + String(repeating: "</a>", count: depth)).utf8)
    }
    #expect(throws: Never.self) { try XMLTree(parsing: nested(XMLTree.deepest)) }
    #expect(throws: XMLTree.Malformed.self) { try XMLTree(parsing: nested(XMLTree.deepest + 1)) }
    #expect(throws: XMLTree.Malformed.self) { try XMLTree(parsing: nested(1_000_000)) }
    let many = "<a>" + String(repeating: "<b/>", count: XMLTree.mostElements) + "</a>"
    #expect(throws: XMLTree.Malformed.self) { try XMLTree(parsing: Array(many.utf8)) }
    #expect(throws: XMLTree.Malformed.self) { try XMLTree(parsing: Array("<a>".utf8) + [0xFF] + Array("</a>".utf8)) }
  }
}
