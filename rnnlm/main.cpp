// rnnlm: trains a recurrent language model and lets it write. Exit codes follow sysexits.h: 2 a wrong command
// line, 65 a text that cannot be used, 66 one that cannot be read, 74 output that cannot be written, 75
// training that diverged.
#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <system_error>

#include "report.hpp"
#include "settings.hpp"
#include "text.hpp"
#include "train.hpp"

namespace {

int fail(int code, const std::string& message) {
  std::fputs(("rnnlm: " + message + "\n").c_str(),
             stderr);  // not fmt, which throws where stderr cannot be written
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace xgrad;
  try {
    const auto settings = parse(argc, argv);
    if (settings) run(*settings, load_text(*settings));
    if (std::fflush(stdout) != 0) return fail(74, "cannot write to standard output");
    return 0;
  } catch (const UsageError& error) {
    return fail(2, error.message + "; see rnnlm --help");
  } catch (const NoInput& error) {
    return fail(66, error.what());
  } catch (const BadData& error) {
    return fail(65, error.what());
  } catch (const OutputError& error) {
    return fail(74, error.message);
  } catch (const Diverged& error) {
    return fail(75, error.message);
  } catch (const std::system_error& error) {  // fmt's word for standard output that cannot be written
    return fail(74, error.what());
  } catch (const std::bad_alloc&) {
    return fail(2, "there is not enough memory for this model; lower --nhid, --emsize or --batch-size");
  } catch (const std::exception& error) {
    return fail(70, error.what());
  }
}
