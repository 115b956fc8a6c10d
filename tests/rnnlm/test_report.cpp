// The page of a run that --report writes.
#include <cmath>

#include "report.hpp"
#include "rnnlm/program.hpp"

using xgrad::html_page;
using xgrad::Report;

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("html_page: names, texts and numbers are shown, and what they hold is escaped") {
  Report report;
  report.run.name = "<script>alert(1)</script>";
  report.settings = {{"cell", "lstm"}, {"data", "a&b\"c"}};
  report.results = {{"held-out perplexity", "17.76"}};
  report.samples = {"the <b>cat</b>", "a\x1b[31m"};
  report.text = {{"sure", 0.0}, {"<b>", 3 * std::log(4)}, {"never", INFINITY}, {"<eos>", 0.1}};
  const std::string page = html_page(report);
  CHECK(page.starts_with("<!DOCTYPE html>"));
  CHECK_FALSE(contains(page, "<script"));
  CHECK_FALSE(contains(page, "<b>"));
  CHECK_FALSE(contains(page, "\x1b"));
  CHECK(contains(page, "&lt;script&gt;"));
  CHECK(contains(page, "a&amp;b&quot;c"));
  CHECK(contains(page, "the &lt;b&gt;cat&lt;/b&gt;"));
  CHECK(contains(page, "<span class=\"s0\" title=\"p = 1\">sure</span>"));
  CHECK(contains(page, "<span class=\"s3\" title=\"p = 0.0156\">&lt;b&gt;</span>"));
  CHECK(contains(page, "<span class=\"s7\" title=\"p = 0\">never</span>"));
  CHECK(contains(page, "<svg"));
  CHECK_FALSE(contains(page, "http://localhost"));
}

TEST_CASE("html_page: needs nothing but itself") {
  const std::string page = html_page(Report{});
  for (const char* part : {"src=", "href=", "@import", "url("}) CHECK_FALSE(contains(page, part));
}

TEST_CASE("rnnlm --report: the page of a run, words or characters") {
  const checks::RunFolder folder;
  folder.write("text", checks::repeated("the cat sat\nthe dog ran\n", 100));
  for (const std::string level : {"word", "char"}) {
    const auto run = folder.rnnlm("--data text --dropout 0 --lr 1 --level " + level + " " + checks::small +
                                  "--log log --report page.html --force");
    REQUIRE_MESSAGE(run.status == 0, run.out);
    CHECK(run.says("the report is in 'page.html'"));
    const std::string page = folder.read("page.html");
    CHECK(contains(page, "<span>level</span><span>" + level + "</span>"));
    CHECK(contains(page, level == "word" ? ">cat</span>" : ">c</span>"));
    CHECK(contains(page, "KN-5"));
    CHECK(contains(page, "&#8629;</span>"));
  }
  CHECK(
      folder.rnnlm("--report page2.html " + checks::small).says("--report means something only with --log"));
  CHECK(folder.rnnlm("--log l --report page.html " + checks::small).status == 73);
}
