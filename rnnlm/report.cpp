// See report.hpp.
#include "report.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include <xgrad/autograd/parameters/quote.hpp>
#include <xgrad/training/corpus.hpp>

#include "plot.hpp"

namespace xgrad {

namespace {

// Steps of colour, of two bits each, from what was sure to what nobody expected.
constexpr int steps = 8;

constexpr const char* style = R"(
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2rem; }
.scroll { overflow-x: auto; } svg { width: 100%; min-width: 34rem; height: auto; }
table { border-collapse: collapse; }
td, th { padding: .1rem 1rem .1rem 0; text-align: left; font-weight: normal; }
td { font-variant-numeric: tabular-nums; }
.columns { columns: 18rem; }
.columns div { break-inside: avoid; display: flex; justify-content: space-between; gap: 1rem; }
.columns div span:last-child { overflow-wrap: anywhere; text-align: right; }
.text { line-height: 1.9; overflow-wrap: anywhere; }
.text span, .key span { padding: .1rem .15rem; border-radius: .2rem; }
)";

std::string html(std::string_view text) {
  std::string result;
  for (const char c : escaped(text)) {
    switch (c) {
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '&':
        result += "&amp;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

int step_of(double nats) {
  if (!std::isfinite(nats)) return steps - 1;
  return std::clamp(static_cast<int>(nats / std::log(2) / 2), 0, steps - 1);
}

std::string coloured(const Report& report) {
  std::string result;
  for (const auto& [token, loss] : report.text) {
    const bool ends = token == end_of_sentence || token == "\n";
    result +=
        fmt::format("<span class=\"s{}\" title=\"p = {:.3g}\">{}</span>{}", step_of(loss), std::exp(-loss),
                    ends           ? "&#8629;"
                    : token == " " ? "&nbsp;"
                                   : html(token),
                    report.words || ends ? " " : "<wbr>");
    if (ends) result += "<br>\n";
  }
  return result;
}

}  // namespace

std::string html_page(const Report& report) {
  std::string page = "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n";
  page += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
  page += fmt::format("<title>rnnlm: {}</title>\n<style>{}", html(report.run.name), style);
  for (int i = 0; i < steps; ++i)  // readable on a light and on a dark ground
    page += fmt::format(".s{} {{ background: hsl({} 90% 55% / {:.2f}); }}\n", i, 120 - 120 * i / (steps - 1),
                        0.08 + 0.06 * i);
  page += "</style>\n<body>\n<h1>" + html(report.run.name) + "</h1>\n<table>\n";
  for (const auto& [name, value] : report.results)
    page += fmt::format("<tr><th>{}</th><td>{}</td></tr>\n", html(name), html(value));
  page += "</table>\n<h2>Curves</h2>\n<div class=\"scroll\">" + svg({report.run}) + "</div>";
  if (!report.samples.empty()) page += "\n<h2>What it writes</h2>\n<ol>\n";
  for (const std::string& sample : report.samples) page += "<li>" + html(sample) + "</li>\n";
  if (!report.samples.empty()) page += "</ol>\n";
  if (!report.text.empty()) {
    page +=
        "<h2>How the held-out text surprised it</h2>\n<p class=\"key\">probability of each token after all "
        "before it: ";
    for (int i = 0; i < steps; ++i)
      page += fmt::format("<span class=\"s{}\">{:.2g}</span> ", i, std::pow(4, -i));
    page += "and less</p>\n<p class=\"text\">" + coloured(report) + "</p>\n";
  }
  page += "<h2>Settings</h2>\n<div class=\"columns\">\n";
  for (const auto& [name, value] : report.settings)
    page += fmt::format("<div><span>{}</span><span>{}</span></div>\n", html(name), html(value));
  return page + "</div>\n</body>\n</html>\n";
}

}  // namespace xgrad
