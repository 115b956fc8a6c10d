// Writing by the system's own calls, since streams say neither why they failed nor what they wrote till then;
// reading as of a text that somebody else may have written. See log.hpp.
#include "log.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include <xgrad/autograd/parameters/quote.hpp>
#include <xgrad/training/corpus.hpp>

namespace xgrad {

namespace {

using nlohmann::json;
using nlohmann::ordered_json;
using Status = struct stat;

bool same_device(const Status& status, const char* device) {
  Status other{};
  return ::stat(device, &other) == 0 && S_ISCHR(other.st_mode) && status.st_rdev == other.st_rdev;
}

// Why a file of that kind is no log, or nullptr.
const char* misfit(const Status& status) {
  if (S_ISREG(status.st_mode)) return nullptr;
  if (S_ISDIR(status.st_mode)) return "it is a directory";
  if (S_ISFIFO(status.st_mode)) return "it is a pipe, expected a regular file";
  if (S_ISSOCK(status.st_mode)) return "it is a socket, expected a regular file";
  if (S_ISCHR(status.st_mode) && (same_device(status, "/dev/null") || same_device(status, "/dev/full")))
    return nullptr;
  return "it is a device, expected a regular file";
}

constexpr std::size_t longest_line = std::size_t{1} << 20;
constexpr int deepest = 32;

struct TooDeep {};

// Where a line stands, for errors.
struct Place {
  const std::string& name;
  std::size_t number;

  [[noreturn]] void refuse(const std::string& what) const {
    throw BadData("read_log", fmt::format("line {} of {} {}", number, quote_file(name), what));
  }
};

// One line as JSON, or nothing if it is cut off.
std::optional<json> parse(std::string_view line, bool may_be_cut, const Place& place) {
  if (line.size() > longest_line)
    place.refuse(fmt::format("has {} bytes, expected a JSON object", line.size()));
  try {
    return json::parse(line, [](int depth, json::parse_event_t, const json&) {
      if (depth > deepest) throw TooDeep();  // the destructors would need as deep a stack
      return true;
    });
  } catch (const json::parse_error& error) {
    if (may_be_cut && line.starts_with('{') && error.byte > line.size()) return std::nullopt;
  } catch (const json::exception&) {
    place.refuse(fmt::format("has a number beyond the largest double: {}", quote(line)));
  } catch (const TooDeep&) {
    place.refuse(fmt::format("is nested more than {} deep: {}", deepest, quote(line)));
  }
  place.refuse(fmt::format("is {}, expected a JSON object", quote(line)));
}

// What one line says.
class Fields {
 public:
  Fields(const json& object, const Place& place) : object_(object), place_(place) {}

  bool has(const char* key) const { return object_.contains(key); }

  std::uint64_t whole(const char* key) const {
    const json& value = at(key);
    if (!value.is_number_unsigned()) wrong(key, value, "a whole number");
    return value.get<std::uint64_t>();
  }
  double number(const char* key) const {
    const json& value = at(key);
    if (value.is_null()) return std::numeric_limits<double>::quiet_NaN();
    if (!value.is_number()) wrong(key, value, "a number or null");
    return value.get<double>();
  }
  std::string event() const {
    const json& value = at("event");
    if (!value.is_string()) wrong("event", value, "a text");
    return value.get<std::string>();
  }
  double loss_of_perplexity() const {
    const double perplexity = number("perplexity");
    if (!(perplexity > 0)) wrong("perplexity", at("perplexity"), "a number above 0");
    return std::log(perplexity);
  }

 private:
  const json& at(const char* key) const {
    const auto found = object_.find(key);
    if (found == object_.end()) place_.refuse(fmt::format("has no '{}'", key));
    return *found;
  }
  [[noreturn]] void wrong(const char* key, const json& value, const char* expected) const {
    place_.refuse(fmt::format("has the {} {}, expected {}", key, quote(value.dump()), expected));
  }

  const json& object_;
  const Place& place_;
};

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

// Adds what the line says to `run`.
void add_line(Run& run, json object, const Place& place) {
  if (!object.is_object()) place.refuse(fmt::format("is {}, expected a JSON object", quote(object.dump())));
  const Fields line(object, place);
  if (!line.has("event") && line.has("perplexity")) {
    run.epochs.push_back({line.whole("epoch"), 0, 0, unknown, line.loss_of_perplexity(), unknown, unknown});
    return;
  }
  const std::string event = line.event();
  if (event == "interval") {
    run.intervals.push_back({line.whole("epoch"), line.whole("step"), line.whole("tokens"),
                             line.number("loss"), line.number("norm"), line.number("rate"),
                             line.number("seconds")});
  } else if (event == "epoch") {
    run.epochs.push_back({line.whole("epoch"), line.whole("step"), line.whole("tokens"), line.number("loss"),
                          line.number("valid_loss"), line.number("rate"), line.number("seconds")});
  } else if (event == "end") {
    run.ended = true;
    if (line.has("test_loss")) run.test_loss = line.number("test_loss");
  } else if (event == "settings") {
    if (place.number != 1) place.refuse("has the event 'settings', which is of the first line alone");
    run.settings = std::move(object);
  } else {
    place.refuse(fmt::format("has the event {}, expected settings, interval, epoch or end", quote(event)));
  }
}

}  // namespace

Log Log::create(const std::filesystem::path& file, bool replace) {
  Log log;
  log.file_ = file;
  log.open(O_WRONLY | O_CREAT);
  if (log.size_ > 0 && !replace)
    throw FileExists{fmt::format("there is a log {} already; --force replaces it", quote_file(file))};
  if (log.regular_ && ::ftruncate(log.descriptor_, 0) != 0) log.fail(std::strerror(errno));
  log.size_ = 0;
  return log;
}

Log Log::resume(const std::filesystem::path& file, std::uint64_t size) {
  Log log;
  log.file_ = file;
  log.open(O_RDWR);
  if (!log.regular_) log.fail("it is a device, expected the log that the run wrote so far");
  if (log.size_ < size)
    log.fail(fmt::format("it has {} bytes, but had {} when the checkpoint was saved", log.size_, size));
  char last = '\n';
  if (size > 0 && ::pread(log.descriptor_, &last, 1, static_cast<off_t>(size - 1)) < 0)
    log.fail(std::strerror(errno));
  if (last != '\n')
    log.fail(fmt::format("no line ends after {} bytes, as one did when the checkpoint was saved", size));
  if (::ftruncate(log.descriptor_, static_cast<off_t>(size)) != 0) log.fail(std::strerror(errno));
  log.size_ = size;
  return log;
}

Log::~Log() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

// Opens and locks the file, and finds out what it is. To open a device may be to use it, so that is looked at
// before; and after, since by then it may be another.
void Log::open(int flags) {
  if (file_ == "-") fail("a log needs a file of its own; ./- is one of that name");
  if (file_.native().find('\0') != std::string::npos) fail("a NUL is in its name");
  Status status{};
  if (::stat(file_.c_str(), &status) != 0) {
    if (errno != ENOENT) fail(std::strerror(errno));
  } else if (const char* const reason = misfit(status)) {
    fail(reason);
  }
  descriptor_ = ::open(file_.c_str(), flags | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0666);
  if (descriptor_ < 0 || ::fstat(descriptor_, &status) != 0) fail(std::strerror(errno));
  if (const char* const reason = misfit(status)) fail(reason);
  regular_ = S_ISREG(status.st_mode);
  if (regular_) lock();
  // Another run may have written until it was locked.
  if (::fstat(descriptor_, &status) != 0) fail(std::strerror(errno));
  size_ = regular_ ? static_cast<std::uint64_t>(status.st_size) : 0;
}

void Log::lock() const {
  while (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) fail("another run is writing it");
    if (errno != EINTR) return;  // this file system has no locks
  }
}

void Log::swap(Log& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(regular_, other.regular_);
  std::swap(size_, other.size_);
}

void Log::fail(const std::string& reason) const {
  throw OutputError{fmt::format("cannot write the log {}: {}", quote_file(file_), reason)};
}

void Log::line(const ordered_json& object) {
  if (descriptor_ < 0) return;
  const std::string text = object.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + '\n';
  // One write is enough, unless the disk is full or the file as long as it may be: why, a second one says.
  for (std::size_t written = 0; written < text.size();) {
    const ssize_t n = ::write(descriptor_, text.data() + written, text.size() - written);
    if (n > 0) {
      written += static_cast<std::size_t>(n);
    } else if (errno != EINTR) {
      const std::string reason = std::strerror(errno);
      if (written > 0 && ::ftruncate(descriptor_, static_cast<off_t>(size_)) != 0)
        fail(reason + ", and its last line is not whole");
      fail(reason);
    }
  }
  size_ += text.size();
}

void Log::settings(const ordered_json& facts) {
  ordered_json object = {{"event", "settings"}};
  object.update(facts);
  line(object);
}

void Log::write(const Interval& interval) {
  line({{"event", "interval"},
        {"epoch", interval.epoch},
        {"step", interval.step},
        {"tokens", interval.tokens},
        {"loss", interval.loss},
        {"norm", interval.norm},
        {"rate", interval.rate},
        {"seconds", interval.seconds}});
}

void Log::write(const Epoch& epoch) {
  line({{"event", "epoch"},
        {"epoch", epoch.epoch},
        {"step", epoch.step},
        {"tokens", epoch.tokens},
        {"loss", epoch.loss},
        {"valid_loss", epoch.valid_loss},
        {"rate", epoch.rate},
        {"seconds", epoch.seconds}});
}

void Log::end(std::optional<double> test_loss) {
  ordered_json object = {{"event", "end"}};
  if (test_loss) object["test_loss"] = *test_loss;
  line(object);
  synchronize();
}

void Log::synchronize() const {
  if (regular_ && ::fsync(descriptor_) != 0) fail(std::strerror(errno));
}

Run read_log(std::string_view text, const std::string& name) {
  Run run;
  run.name = name;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const Place place{name, number};
    const std::size_t end = text.find('\n');
    const bool last = end == std::string_view::npos;
    if (auto object = parse(text.substr(0, end), last, place)) add_line(run, std::move(*object), place);
    text.remove_prefix(last ? text.size() : end + 1);
  }
  return run;
}

}  // namespace xgrad
