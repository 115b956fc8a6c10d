// See pages.hpp.
#include "pages.hpp"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <xgrad/autograd/config.hpp>

#include "options.hpp"

namespace xgrad {

namespace {

constexpr std::size_t width = 100, text_column = 30;

// `text` in lines of at most `width` columns, all but the first indented by `indent`; `column` is where the
// first begins.
std::string wrapped(std::string_view text, std::size_t indent, std::size_t column) {
  std::string result;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (column + word.size() > width && column > indent) {
      while (result.ends_with(' ')) result.pop_back();
      result.append(1, '\n').append(indent, ' ');
      column = indent;
    }
    result += word;
    column += word.size();
    if (!text.empty()) result += ' ', ++column;
  }
  return result;
}

std::string item(const std::string& name, const std::string& text) {
  std::string line = "  " + name;
  if (line.size() + 2 > text_column)
    line += "\n" + std::string(text_column, ' ');
  else
    line.resize(text_column, ' ');
  return line + wrapped(text, text_column, text_column) + "\n";
}

std::string spelt(const Option& option) {
  return "--" + option.name + (option.is_switch() ? "" : " " + option.symbol);
}

// What the option does, and its defaults.
std::string meaning(const Option& option, Command command) {
  Settings with_text;
  with_text.train = with_data();
  std::string text = option.help;
  if (option.symbol == "NAME") text += fmt::format(": {}", fmt::join(option.choices, ", "));
  if (option.is_switch()) return text;
  const std::string standard = option.get(Settings{}), other = option.get(with_text);
  if (standard.empty()) return text;
  text += " (default " + standard;
  if (command == Command::train && other != standard) text += ", with --data " + other;
  return text + ")";
}

template <class Visit>
void for_each_option(Command command, Visit visit) {
  for (const Option& option : options())
    if (option.is_of(command)) visit(option);
}

std::string option_list(Command command) {
  std::string result, section;
  for_each_option(command, [&](const Option& option) {
    if (option.section != section) result += "\n" + (section = option.section) + ":\n";
    result += item(spelt(option), meaning(option, command));
  });
  if (command == Command::train)
    result += item("--config FILE",
                   "read options from lines 'name = value', '#' begins a comment; the command "
                   "line goes first");
  return result;
}

std::string example_list(const CommandPage& page) {
  std::string result = "\nExamples:\n";
  for (const auto& [line, text] : page.examples)
    result += text.empty() ? "  " + line + "\n" : wrapped("  " + line + "   # " + text, 6, 0) + "\n";
  return result;
}

std::string status_list() {
  std::string result = "\nExit status:\n";
  for (const auto& [status, text] : exit_statuses()) result += fmt::format("  {:3}  {}\n", status, text);
  return result;
}

std::string usage(const CommandPage& page) {
  return "rnnlm " + page.name + (page.arguments.empty() ? "" : " " + page.arguments) + " [OPTIONS]";
}

// A text for man(7).
std::string roff(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '\\')
      result += "\\e";
    else if (c == '-')
      result += "\\-";
    else if (c == '\'' || c == '"')
      result += c == '"' ? "\\(dq" : "\\(aq";
    else
      result += c;
  }
  return result;
}

}  // namespace

std::string help_page() {
  std::string result =
      "rnnlm: recurrent language models, whose cells are written forward-only\n\nCommands:\n";
  for (const CommandPage& page : commands())
    result += item(page.name + (page.arguments.empty() ? "" : " " + page.arguments), page.summary);
  result += "\n'rnnlm COMMAND --help' is the page of a command. Options without a command mean train:\n";
  result += option_list(Command::train);
  result += '\n';
  result += item("-h, --help", "print this page") + item("--version", "print version, BLAS and kernels");
  return result + example_list(page_of(Command::train)) + status_list();
}

std::string help_page(Command command) {
  const CommandPage& page = page_of(command);
  std::string result = "usage: " + usage(page) + "\n\n";
  std::string summary = page.summary;
  summary[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(summary[0])));
  result += wrapped(summary + ". " + page.text, 0, 0) + "\n";
  return result + option_list(command) + example_list(page) + status_list();
}

std::string man_page() {
  std::string result = fmt::format(".TH RNNLM 1 \"\" \"xgrad {}\" \"User Commands\"\n", config().version);
  result += ".SH NAME\nrnnlm \\- train, evaluate and use recurrent language models\n.SH SYNOPSIS\n";
  for (const CommandPage& page : commands()) result += ".B " + roff(usage(page)) + "\n.br\n";
  result += ".SH COMMANDS\n";
  for (const CommandPage& page : commands()) {
    result += fmt::format(".SS {}\n{}.\n", roff(page.name + " " + page.arguments), roff(page.summary));
    if (!page.text.empty()) result += ".PP\n" + roff(page.text) + "\n";
    for_each_option(page.command, [&](const Option& option) {
      result += fmt::format(".TP\n.B {}\n{}.\n", roff(spelt(option)), roff(meaning(option, page.command)));
    });
    if (page.command == Command::train)
      result +=
          ".TP\n.B \\-\\-config FILE\nread options from lines \\(aqname = value\\(aq; # begins a comment.\n";
  }
  result += ".SH EXIT STATUS\n";
  for (const auto& [status, text] : exit_statuses())
    result += fmt::format(".TP\n.B {}\n{}\n", status, roff(text));
  result += ".SH EXAMPLES\n";
  for (const CommandPage& page : commands())
    for (const auto& [line, text] : page.examples)
      result += fmt::format(".TP\n.B {}\n{}\n", roff(line), text.empty() ? roff(page.summary) : roff(text));
  return result;
}

std::string bash_completion() {
  std::string names, by_command, values;
  for (const CommandPage& page : commands()) {
    names += (names.empty() ? "" : " ") + page.name;
    std::string flags = "--help";
    for_each_option(page.command, [&](const Option& option) { flags += " --" + option.name; });
    if (page.command == Command::train) flags += " --config --version";
    by_command += fmt::format("    {}) flags='{}' ;;\n", page.name, flags);
  }
  for (const Option& option : options())
    if (!option.choices.empty())
      values += fmt::format("    --{}) COMPREPLY=($(compgen -W '{}' -- \"$word\")); return ;;\n", option.name,
                            fmt::join(option.choices, " "));
  return fmt::format(R"(# Completion of rnnlm for bash, made by rnnlm --bash-completion.
_rnnlm() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} command=train flags
  case ${{COMP_WORDS[1]-}} in
    {}) command=${{COMP_WORDS[1]}} ;;
  esac
  case $before in
{}  esac
  case $command in
{}  esac
  if [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$word"))
  else
    COMPREPLY=($(compgen -f -- "$word"))
    ((COMP_CWORD > 1)) || COMPREPLY+=($(compgen -W '{}' -- "$word"))
  fi
}}
complete -o filenames -F _rnnlm rnnlm
)",
                     [&] {
                       std::string all = names;
                       std::replace(all.begin(), all.end(), ' ', '|');
                       return all;
                     }(),
                     values, by_command, names);
}

}  // namespace xgrad
