#include "runtime/batch_feed.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

namespace tapeloop {
namespace {

std::string text_of(const std::vector<std::int64_t>& dims) {
  std::string text = "[";
  for (const std::int64_t dim : dims) text += (text.size() > 1 ? ", " : "") + std::to_string(dim);
  return text + "]";
}

// "[3 rows, t, 128]": what an array of this value has to be.
std::string expected_text(const Plan& plan, const PlanValue& value, std::int64_t rows) {
  std::string text = "[";
  if (value.space.on_batch()) text += std::to_string(rows) + (rows == 1 ? " row" : " rows");
  for (const AxisId axis : value.space.axes()) text += ", " + plan.axes[static_cast<std::size_t>(axis)].name;
  for (const Dim& dim : value.shape) text += (text.size() > 1 ? ", " : "") + plan.sizes.text(dim);
  return text + "]";
}

std::vector<std::string> names_of(const Plan& plan, const std::vector<NodeId>& nodes) {
  std::vector<std::string> names;
  for (const NodeId id : nodes) names.push_back(plan.value(id).name);
  return names;
}

template <class T>
const Array<T>* find(const std::map<std::string, Array<T>>& arrays, const std::string& name) {
  const auto at = arrays.find(name);
  return at == arrays.end() ? nullptr : &at->second;
}

}  // namespace

template <class T>
BatchFeed<T>::BatchFeed(const Plan& plan) : plan_(plan) {
  for (const NodeId id : plan.inputs) feeds_.push_back({id, "", plan.value(id).space.axes(), nullptr, false});
  for (std::size_t k = 0; k < plan.seeds.size(); ++k) {
    const NodeId id = plan.seeds[k];
    if (id != kNone) feeds_.push_back({id, plan.outputs[k].name, plan.value(id).space.axes(), nullptr, false});
  }
}

template <class T>
void BatchFeed<T>::raise(std::string_view code, NodeId node, std::string message, std::string help) const {
  Diagnostics diagnostics;
  diagnostics.error(code, node == kNone ? Source() : plan_.value(node).source, std::move(message), std::move(help));
  throw ModelError(diagnostics.sorted());
}

template <class T>
void BatchFeed<T>::start(const Batch<T>& batch) {
  batch_ = &batch;
  Diagnostics diagnostics;
  if (batch.rows < 0) diagnostics.error("E0703", {}, "a batch of " + std::to_string(batch.rows) + " rows");
  if (!batch.example_ids.empty() && static_cast<std::int64_t>(batch.example_ids.size()) != batch.rows) {
    diagnostics.error(
        "E0703", {},
        "expected an id for each of " + std::to_string(batch.rows) + " rows, found " + std::to_string(batch.example_ids.size()));
  }
  for (const auto& [axis, first] : batch.first_positions) {
    if (first.size() <= 1 || static_cast<std::int64_t>(first.size()) == batch.rows) continue;
    diagnostics.error("E0703", {},
                      "expected a first position on " + axis + " for each of " + std::to_string(batch.rows) + " rows, or one, found " +
                          std::to_string(first.size()));
  }
  check_names(batch, diagnostics);
  rows_ = batch.rows;
  for (Feed& feed : feeds_) {
    feed.array = find(batch.inputs, plan_.value(feed.node).name);
    feed.given = false;
    if (feed.array) {
      check_shape(feed, diagnostics);
    } else if (!feed.seed() && plan_.value(feed.node).buffer != kNone) {
      const PlanValue& value = plan_.value(feed.node);
      diagnostics.error("E0701", value.source,
                        "input '" + value.name + "' is missing; expected " + expected_text(plan_, value, batch.rows));
    }
  }
  raise_errors(diagnostics);
  example_ids_.assign(batch.example_ids.begin(), batch.example_ids.end());
  for (auto row = static_cast<std::int64_t>(example_ids_.size()); row < batch.rows; ++row) example_ids_.push_back(row);
  first_positions_.resize(plan_.axes.size());
  for (std::size_t k = 0; k < plan_.axes.size(); ++k) {
    const auto at = batch.first_positions.find(plan_.axes[k].name);
    first_positions_[k].clear();
    if (at != batch.first_positions.end()) first_positions_[k].assign(at->second.begin(), at->second.end());
  }
}

template <class T>
void BatchFeed<T>::check_names(const Batch<T>& batch, Diagnostics& diagnostics) const {
  for (const auto& [name, array] : batch.inputs) {
    const auto is = [&, &wanted = name](const Feed& feed) { return plan_.value(feed.node).name == wanted; };
    if (std::any_of(feeds_.begin(), feeds_.end(), is)) continue;
    diagnostics.error("E0702", {}, "there is no input '" + name + "'" + did_you_mean(name, names_of(plan_, plan_.inputs)));
  }
  for (const auto& [name, lengths] : batch.lengths) {
    const auto axis = std::find_if(plan_.axes.begin(), plan_.axes.end(), [&, &wanted = name](const Axis& a) { return a.name == wanted; });
    if (axis == plan_.axes.end()) {
      std::vector<std::string> names;
      for (const Axis& known : plan_.axes) names.push_back(known.name);
      diagnostics.error("E0702", {}, "lengths of '" + name + "': there is no such axis" + did_you_mean(name, names));
    } else if (axis->length != kNone) {
      diagnostics.error("E0707", axis->source,
                        "lengths of " + name + " are given, but they are computed: length: " + plan_.value(axis->length).name);
    }
  }
}

template <class T>
void BatchFeed<T>::check_shape(const Feed& feed, Diagnostics& diagnostics) const {
  const PlanValue& value = plan_.value(feed.node);
  const std::vector<std::int64_t>& dims = feed.array->dims;
  const std::size_t lead = value.space.on_batch() ? 1 + feed.axes.size() : 0;
  bool fits = dims.size() == lead + value.shape.size() && (lead == 0 || dims[0] == rows_);
  for (std::size_t k = 0; fits && k < value.shape.size(); ++k) fits = dims[lead + k] == value.shape[k].number();
  std::int64_t count = 1;
  for (const std::int64_t dim : dims) fits = fits && dim >= 0 && !__builtin_mul_overflow(count, dim, &count);
  if (!fits) {
    diagnostics.error("E0703", value.source,
                      "input '" + value.name + "': expected " + expected_text(plan_, value, rows_) + ", found " + text_of(dims));
  } else if (count != static_cast<std::int64_t>(feed.array->data.size())) {
    diagnostics.error(
        "E0703", value.source,
        "input '" + value.name + "': an array " + text_of(dims) + " with " + std::to_string(feed.array->data.size()) + " numbers");
  }
}

template <class T>
bool BatchFeed<T>::axis_is_used(AxisId axis) const {
  return std::any_of(plan_.layouts.begin(), plan_.layouts.end(), [&](const Layout& layout) { return layout.space.has(axis); });
}

// The first input on the axis, whose array says how long each run is if nothing else does.
template <class T>
const Array<T>* BatchFeed<T>::sized_by(AxisId axis, std::int64_t& size) const {
  for (const Feed& feed : feeds_) {
    const Space space = plan_.value(feed.node).space;
    if (feed.seed() || !feed.array || !space.has(axis)) continue;
    std::size_t column = 1;
    for (AxisId outer = 0; outer < axis; ++outer) column += space.has(outer);
    size = feed.array->dims[column];
    return feed.array;
  }
  return nullptr;
}

template <class T>
bool BatchFeed<T>::lengths_missing(AxisId id, const Extents& extents) const {
  const Axis& axis = plan_.axes[static_cast<std::size_t>(id)];
  if (!axis.fed() || extents.known(id)) return false;
  for (AxisId outer = axis.within; outer != kNone; outer = plan_.axes[static_cast<std::size_t>(outer)].within) {
    if (!extents.known(outer)) return false;
  }
  return true;
}

template <class T>
void BatchFeed<T>::check_given(AxisId axis, std::span<const std::int32_t> lengths, std::int64_t runs) const {
  const std::string& name = plan_.axes[static_cast<std::size_t>(axis)].name;
  if (static_cast<std::int64_t>(lengths.size()) != runs) {
    raise("E0705", kNone,
          "lengths of " + name + ": expected " + std::to_string(runs) + ", one for each run, found " + std::to_string(lengths.size()));
  }
  const auto negative = std::find_if(lengths.begin(), lengths.end(), [](std::int32_t length) { return length < 0; });
  if (negative != lengths.end()) raise("E0705", kNone, "lengths of " + name + ": " + std::to_string(*negative));
}

template <class T>
bool BatchFeed<T>::give_lengths(std::span<Extents* const> shards) const {
  bool any = false;
  for (AxisId id = 0; id < static_cast<AxisId>(plan_.axes.size()); ++id) {
    if (!lengths_missing(id, *shards.front())) continue;
    std::int64_t runs = 0;
    for (const Extents* shard : shards) runs += shard->within(id).points;
    const std::string& name = plan_.axes[static_cast<std::size_t>(id)].name;
    const auto given = batch_->lengths.find(name);
    std::int64_t size = 0;
    if (given != batch_->lengths.end()) {
      check_given(id, given->second, runs);
    } else if (sized_by(id, size)) {
      lengths_.assign(static_cast<std::size_t>(runs), static_cast<std::int32_t>(std::min<std::int64_t>(size, INT32_MAX)));
    } else if (axis_is_used(id)) {
      raise("E0706", kNone, "nothing gives the lengths of axis " + name, "feed them, or add length: to the axis");
    } else {
      continue;
    }
    std::span<const std::int32_t> left = given != batch_->lengths.end() ? given->second : lengths_;
    for (Extents* shard : shards) {
      const auto own = static_cast<std::size_t>(shard->within(id).points);
      shard->set_lengths(id, left.first(own));
      left = left.subspan(own);
    }
    any = true;
  }
  return any;
}

// Whether a feed is packed into these buffers, and can be by now. extents null: the buffers of P.
template <class T>
bool BatchFeed<T>::belongs(const Feed& feed, const Extents* extents) const {
  const PlanValue& value = plan_.value(feed.node);
  if (value.buffer == kNone || value.space.on_batch() != (extents != nullptr)) return false;
  return !extents || extents->ready(value.space);
}

template <class T>
void BatchFeed<T>::pack(FeedWindow& window, const Extents& extents, Buffers<T>& buffers) const {
  pack_all(window, &extents, buffers);
}

template <class T>
void BatchFeed<T>::pack_all(FeedWindow& window, const Extents* extents, Buffers<T>& buffers) const {
  for (std::size_t k = 0; k < feeds_.size(); ++k) {
    if (!feeds_[k].array || window.packed[k] || !belongs(feeds_[k], extents)) continue;
    pack(feeds_[k], window.first, extents, buffers);
    window.packed[k] = 1;
  }
}

// Checked here, as only now the longest runs are known. What lies past a run's end is not looked at.
template <class T>
void BatchFeed<T>::check_extents(const Feed& feed, const Extents& extents) const {
  const PlanValue& value = plan_.value(feed.node);
  std::size_t column = 1;
  for (const AxisId axis : feed.axes) {
    const std::int64_t positions = feed.array->dims[column++];
    if (positions >= extents.longest(axis)) continue;
    raise("E0705", feed.node,
          "input '" + value.name + "' has " + std::to_string(positions) + " positions along " +
              plan_.axes[static_cast<std::size_t>(axis)].name + ", and a length is " + std::to_string(extents.longest(axis)));
  }
}

template <class T>
void BatchFeed<T>::pack(const Feed& feed, std::int64_t first_row, const Extents* extents, Buffers<T>& buffers) const {
  const PlanValue& value = plan_.value(feed.node);
  const Buffer& buffer = buffers.of(value.buffer);
  const T* from = feed.array->data.data();
  T* out = buffers.data(value.buffer);
  if (buffer.layout == kNone) {
    std::copy_n(from, buffer.elements, out);
  } else {
    check_extents(feed, *extents);
    const LayoutExtent& layout = extents->layout(buffer.layout);
    const SpaceExtent& points = extents->points(layout);
    for (std::int32_t point = 0; point < layout.points(); ++point, out += buffer.elements) {
      const std::int32_t* place = points.at(layout.canonical[static_cast<std::size_t>(point)]);
      std::int64_t row = first_row + place[0];
      for (std::size_t k = 1; k < points.width(); ++k) row = row * feed.array->dims[k] + place[k];
      std::copy_n(from + row * buffer.elements, buffer.elements, out);
    }
  }
  if (value.type != Type::kFloat) check_whole(feed, first_row, extents, buffers);
}

// Where a point is: " at t=3 of example 12 in feed.json".
template <class T>
std::string BatchFeed<T>::place_text(const Feed& feed, std::int64_t first_row, const Extents* extents, std::int32_t point) const {
  std::string text;
  const LayoutId id = plan_.buffers[static_cast<std::size_t>(plan_.value(feed.node).buffer)].layout;
  if (id != kNone) {
    const LayoutExtent& layout = extents->layout(id);
    const std::int32_t* place = extents->points(layout).at(layout.canonical[static_cast<std::size_t>(point)]);
    const std::int64_t row = first_row + place[0];
    for (std::size_t k = 0; k < feed.axes.size(); ++k) {
      const std::int32_t position = first_position(feed.axes[k], row) + place[k + 1];
      text += (k == 0 ? " at " : ", ") + plan_.axes[static_cast<std::size_t>(feed.axes[k])].name + "=" + std::to_string(position);
    }
    text += " of example " + std::to_string(example_id(row));
  }
  return batch_->file.empty() ? text : text + " in " + batch_->file;
}

template <class T>
void BatchFeed<T>::check_whole(const Feed& feed, std::int64_t first_row, const Extents* extents, const Buffers<T>& buffers) const {
  constexpr double kLargest = std::is_same_v<T, float> ? kLargestFloat : kLargestDouble;
  const PlanValue& value = plan_.value(feed.node);
  const T* numbers = buffers.data(value.buffer);
  const std::int64_t elements = buffers.of(value.buffer).elements;
  const std::int64_t count = buffers.rows(value.buffer) * elements;
  for (std::int64_t k = 0; k < count; ++k) {
    const double number = numbers[k];
    if (value.whole.hold(number, kLargest)) continue;
    raise("E0704", feed.node,
          "input " + value.whole.mismatch(value.name, number, kLargest) +
              place_text(feed, first_row, extents, static_cast<std::int32_t>(k / elements)),
          value.whole.help());
  }
}

template <class T>
void BatchFeed<T>::start_seeds(const std::map<std::string, Array<T>>& cotangents) {
  Diagnostics diagnostics;
  for (const auto& [name, array] : cotangents) {
    const auto is = [&, &wanted = name](const Feed& feed) {
      return feed.seed() && (feed.output == wanted || plan_.value(feed.node).name == wanted);
    };
    if (std::none_of(feeds_.begin(), feeds_.end(), is)) {
      std::vector<std::string> names;
      for (const Feed& feed : feeds_) {
        if (feed.seed()) names.push_back(feed.output);
      }
      diagnostics.error("E0702", {}, "a cotangent for '" + name + "': there is no such output" + did_you_mean(name, names));
    }
  }
  for (Feed& feed : feeds_) {
    if (!feed.seed()) continue;
    const Array<T>* array = find(cotangents, plan_.value(feed.node).name);
    if (!array) array = find(cotangents, feed.output);
    feed.given = array != nullptr;
    if (!array) continue;
    feed.array = array;
    check_shape(feed, diagnostics);
  }
  raise_errors(diagnostics);
}

template <class T>
void BatchFeed<T>::pack_seeds(FeedWindow& window, const Extents& extents, Buffers<T>& buffers) const {
  pack_all_seeds(window, &extents, buffers);
}

template <class T>
void BatchFeed<T>::pack_all_seeds(FeedWindow& window, const Extents* extents, Buffers<T>& buffers) const {
  for (std::size_t k = 0; k < feeds_.size(); ++k) {
    const Feed& feed = feeds_[k];
    if (!feed.seed() || !belongs(feed, extents)) continue;
    const BufferId id = plan_.value(feed.node).buffer;
    if (feed.given) {
      pack(feed, window.first, extents, buffers);
      window.packed[k] = 1;
    } else if (!window.packed[k]) {
      std::fill_n(buffers.data(id), buffers.rows(id) * buffers.of(id).elements, T(0));
    }
  }
}

template class BatchFeed<float>;
template class BatchFeed<double>;

}  // namespace tapeloop
