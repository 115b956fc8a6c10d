// Headers of safetensors files; see safetensors_header.hpp. nlohmann's parser is laxer than the format: it
// takes the last of two equal keys, stops at a NUL byte, skips a byte order mark, and makes unsigned integers
// of -1 and 1.5 when asked for one. Each of these is checked here. Start with parse_header.
#include <xgrad/autograd/parameters/safetensors_header.hpp>

#include <optional>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace xgrad::safetensors {

namespace {

using nlohmann::json;

constexpr const char* metadata_key = "__metadata__";

// The text as a JSON string, if it is UTF-8.
std::optional<std::string> dump_utf8(std::string_view text) {
  try {
    return json(text).dump();
  } catch (const json::type_error&) {
    return std::nullopt;
  }
}

// A JSON value as messages show it: a number or string as it is, everything else by its kind.
std::string describe(const json& value) {
  if (value.is_string()) return quote(value.get_ref<const std::string&>());
  return value.is_structured() ? fmt::format("an {}", value.type_name()) : value.dump();
}

// A first pass over the text, because the second, which builds the tree, would hide what is refused here:
// equal keys and useless depth. (parse's own callback takes time quadratic in the number of tensors.)
class Strict {
 public:
  explicit Strict(const std::string& file) : file_(file) {}

  bool null() { return true; }
  bool boolean(bool) { return true; }
  bool number_integer(json::number_integer_t) { return true; }
  bool number_unsigned(json::number_unsigned_t) { return true; }
  bool number_float(json::number_float_t, const std::string&) { return true; }
  bool string(const std::string&) { return true; }
  bool binary(const json::binary_t&) { return true; }
  bool start_object(std::size_t) {
    if (keys_.size() == 3) refuse(file_, "the header is nested deeper than the 3 levels of the format");
    keys_.emplace_back();
    return true;
  }
  bool end_object() {
    keys_.pop_back();
    return true;
  }
  bool start_array(std::size_t size) { return start_object(size); }
  bool end_array() { return end_object(); }
  bool key(const std::string& name) {
    if (!keys_.back().insert(name).second) refuse(file_, "the header has the key {} twice", quote(name));
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const json::exception&) {
    refuse(file_, "the header is not JSON from byte {} on", position);
  }

 private:
  const std::string& file_;
  std::vector<std::set<std::string>> keys_;  // one set for each level that is open
};

Entry parse_entry(const std::string& file, const std::string& name, const json& value) {
  const std::string tensor = "tensor " + quote(name);
  const auto expect = [&](const std::string& what, const json& found, bool right, const char* expected) {
    if (!right) refuse(file, "{} is {}, expected {}", what, describe(found), expected);
  };
  expect(tensor, value, value.is_object(), "an object of dtype, shape and data_offsets");
  for (const char* field : {"dtype", "shape", "data_offsets"})
    if (!value.contains(field)) refuse(file, "{} has no {}", tensor, field);
  for (const auto& field : value.items())
    if (field.key() != "dtype" && field.key() != "shape" && field.key() != "data_offsets")
      refuse(file, "{} has a field {}, expected dtype, shape and data_offsets alone", tensor,
             quote(field.key()));
  const json &dtype = value["dtype"], &shape = value["shape"], &offsets = value["data_offsets"];
  expect("dtype of " + tensor, dtype, dtype.is_string(), "a string");
  expect("shape of " + tensor, shape, shape.is_array(), "an array of integers");
  expect("data_offsets of " + tensor, offsets, offsets.is_array(), "an array of 2 integers");
  if (offsets.size() != 2)
    refuse(file, "data_offsets of {} has {} entries, expected 2", tensor, offsets.size());

  const auto integer = [&](const char* what, const json& found) {
    expect(what + tensor, found, found.is_number_unsigned(), "an integer from 0 to 2^64 - 1");
    return found.get<std::uint64_t>();
  };
  for (const json& dim : shape) integer("an axis of ", dim);  // get() would make one of -1
  return {dtype.get<std::string>(), shape.get<std::vector<std::uint64_t>>(),
          integer("a data_offset of ", offsets[0]), integer("a data_offset of ", offsets[1])};
}

Metadata parse_metadata(const std::string& file, const json& value) {
  if (!value.is_object())
    refuse(file, "{} is {}, expected an object of strings", metadata_key, describe(value));
  for (const auto& item : value.items())
    if (!item.value().is_string())
      refuse(file, "{} has {} for {}, expected a string", metadata_key, describe(item.value()),
             quote(item.key()));
  return value.get<Metadata>();
}

}  // namespace

Header parse_header(const std::string& file, std::string_view text) {
  const auto code = [](char c) { return static_cast<unsigned>(static_cast<unsigned char>(c)); };
  if (text.empty()) refuse(file, "the header is empty, expected at least {{}}");
  if (text.front() != '{')
    refuse(file, "the header begins with byte 0x{:02x}, expected a brace, 0x7b", code(text.front()));
  if (!dump_utf8(text)) refuse(file, "the header is not UTF-8");
  if (const auto nul = text.find('\0'); nul != std::string_view::npos)
    refuse(file, "the header has a NUL at byte {}", nul);
  if (const char last = text[text.find_last_not_of(' ')]; last != '}')
    refuse(file, "the header ends with byte 0x{:02x}, expected a brace, 0x7d, and then nothing but spaces",
           code(last));
  Strict strict(file);
  (void)json::sax_parse(text, &strict);

  Header header;
  const json tree = json::parse(text);
  for (const auto& item : tree.items()) {
    if (item.key() == metadata_key)
      header.metadata = parse_metadata(file, item.value());
    else
      header.tensors.emplace_back(item.key(), parse_entry(file, item.key(), item.value()));
  }
  return header;
}

std::string header_text(const std::string& file, const Header& header) {
  const auto dump = [&](const char* what, const std::string& text) {
    if (auto dumped = dump_utf8(text)) return std::move(*dumped);
    refuse(file, "{} {} is not UTF-8", what, quote(text));
  };
  // Put together entry by entry, as an ordered_json would compare each new key with all others.
  std::string text;
  for (const auto& [key, value] : header.metadata)
    text += fmt::format("{}{}:{}", text.empty() ? "" : ",", dump("the metadata's key", key),
                        dump(("the metadata's value of " + quote(key) + ",").c_str(), value));
  if (!header.metadata.empty()) text = fmt::format("\"{}\":{{{}}}", metadata_key, text);
  for (const auto& [name, entry] : header.tensors) {
    if (name == metadata_key) refuse(file, "a tensor cannot be called '{}'", name);
    const nlohmann::ordered_json value = {
        {"dtype", entry.dtype}, {"shape", entry.shape}, {"data_offsets", {entry.begin, entry.end}}};
    text += fmt::format("{}{}:{}", text.empty() ? "" : ",", dump("tensor", name), value.dump());
  }
  text = "{" + text + "}";
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

}  // namespace xgrad::safetensors
