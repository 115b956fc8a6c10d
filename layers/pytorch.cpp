// See pytorch.hpp.
#include <xgrad/layers/pytorch.hpp>

#include <fmt/format.h>

namespace xgrad {

namespace {

template <class T>
Array<T> transposed(const Array<T>& W) {
  const std::size_t rows = W.shape()[0], columns = W.shape()[1];
  auto result = Array<T>::uninitialized({columns, rows});
  T* const to = result.mutable_data();
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < columns; ++j) to[j * rows + i] = W.data()[i * columns + j];
  return result;
}

template <class T>
class StateDict {
 public:
  StateDict(const std::map<std::string, Array<T>>& arrays, std::string suffix)
      : arrays_(arrays), suffix_(std::move(suffix)) {}

  bool has(const std::string& name) const { return arrays_.count(name + suffix_) > 0; }

  const Array<T>& get(const std::string& name, const Shape& shape) const {
    const auto found = arrays_.find(name + suffix_);
    if (found == arrays_.end()) {
      std::string known;
      for (const auto& [key, array] : arrays_) known += (known.empty() ? "'" : ", '") + key + "'";
      throw Error("import_pytorch", fmt::format("there is no '{}'; there are: {}", name + suffix_,
                                                known.empty() ? "none" : known));
    }
    if (found->second.shape() != shape)
      throw Error("import_pytorch", fmt::format("'{}' has shape {}, expected {}", name + suffix_,
                                                to_string(found->second.shape()), to_string(shape)));
    return found->second;
  }

 private:
  const std::map<std::string, Array<T>>& arrays_;
  std::string suffix_;
};

}  // namespace

template <class T>
void import_pytorch(const Parameters<T>& p, const std::map<std::string, Array<T>>& state_dict,
                    const std::string& suffix) {
  const StateDict<T> from(state_dict, suffix);
  const Shape x = p["Wx"].shape(), h = p["Wh"].shape();
  const auto Wx = transposed(from.get("weight_ih", {x[1], x[0]}));
  const auto Wh = transposed(from.get("weight_hh", {h[1], h[0]}));

  std::vector<T> b(x[1], T(0)), bh(h[0], T(0));
  const bool inner = p.contains("bh");
  if (from.has("bias_ih") || from.has("bias_hh")) {
    const auto& ih = from.get("bias_ih", {x[1]});
    const auto& hh = from.get("bias_hh", {x[1]});
    const std::size_t folded = inner ? x[1] - h[0] : x[1];
    for (std::size_t i = 0; i < x[1]; ++i) b[i] = ih.data()[i] + (i < folded ? hh.data()[i] : T(0));
    for (std::size_t i = folded; i < x[1]; ++i) bh[i - folded] = hh.data()[i];
  }
  const auto check = [&](const char* name, std::size_t n) {  // the matrices have fitted above
    if (p[name].shape() != Shape{n})
      throw Error("import_pytorch",
                  fmt::format("the cell's '{}' has shape {}, expected {} beside its matrices", name,
                              to_string(p[name].shape()), to_string(Shape{n})));
  };
  check("b", x[1]);
  if (inner) check("bh", h[0]);
  p.assign("Wx", Wx);
  p.assign("Wh", Wh);
  p.assign("b", Array<T>({x[1]}, b));
  if (inner) p.assign("bh", Array<T>({h[0]}, bh));
}

template void import_pytorch(const Parameters<float>&, const std::map<std::string, Array<float>>&,
                             const std::string&);
template void import_pytorch(const Parameters<double>&, const std::map<std::string, Array<double>>&,
                             const std::string&);

}  // namespace xgrad
