// Any estimator, held by value: deep copies, ==, options by name, text form.
//
//   Estimator e = Ridge{.alpha = 0.1};
//   ModelPtr model = e.fit(X, y);
//
// An estimator is a plain struct with `name`, `doc`, `describe`, and one of
//   fit(const MatrixView& X, const MatrixView& y, const Context&) const    regressor
//   fit(const MatrixView& X, const Labels& y, const Context&) const        classifier
//   fit(const MatrixView& X, const Context&) const                         transformer, clusterer
//   fit(const MatrixView& X, const Target& y, const Context&) const        any
// It may also have `statistics` and `fit_statistics` (ml/core/statistics.h), which make its
// cross-validation cheap.
#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/ml/core/model.h"
#include "lathe/ml/core/options.h"
#include "lathe/ml/core/statistics.h"
#include "lathe/ml/core/target.h"

namespace lathe {

// What an estimator can take; `static constexpr Tags tags{...}` in its struct.
struct Tags {
  bool missing = false;       // NaN in X
  bool categorical = false;   // categorical columns, as codes
  bool encodes = false;       // and gives numbers for them
  bool weights = false;       // Context.weight
  bool multi_target = false;  // several targets at once
};

namespace detail {

template <class E>
concept FitsNumbers = requires(const E& e, const MatrixView& X, const Context& c) {
  e.fit(X, X, c);
};
template <class E>
concept FitsLabels = requires(const E& e, const MatrixView& X, const Labels& y, const Context& c) {
  e.fit(X, y, c);
};
template <class E>
concept FitsTarget = requires(const E& e, const MatrixView& X, const Target& y, const Context& c) {
  e.fit(X, y, c);
};
template <class E>
concept Described = requires(const E& e) {
  E::describe(e, [](auto&&...) {});
};

template <class E>
concept FitsStatistics = requires(const E& e, const Statistics& rows, const TrainingRows* source) {
  e.fit_statistics(rows, source);
};

// Whether sums of the rows say what a fit does: every column is numeric, and weights are heeded.
bool can_sum(const Tags& tags, const Context& context);

template <class M>
constexpr Role role_of() {
  if constexpr (std::derived_from<M, Regressor>)
    return Role::regressor;
  else if constexpr (std::derived_from<M, Classifier>)
    return Role::classifier;
  else if constexpr (std::derived_from<M, Clusterer>)
    return Role::clusterer;
  else {
    static_assert(std::derived_from<M, Transformer>, "fit returns a model of no role: add role()");
    return Role::transformer;
  }
}

// The numbers or labels of a target, or InvalidArgument saying what `name` needs.
Target::Numbers need_numbers(std::string_view name, const Target& y);
Labels need_labels(std::string_view name, const Target& y);  // whole numbers become labels

}  // namespace detail

template <class E>
concept IsEstimator = requires(const E& e) {
  { E::name } -> std::convertible_to<std::string_view>;
}
&&std::copyable<E>&& std::equality_comparable<E>;

class Estimator {
 public:
  Estimator();  // passes its input through
  template <class E>
  requires(IsEstimator<E> && !std::same_as<E, Estimator>) Estimator(E estimator)
      : self_(std::make_unique<Holder<E>>(std::move(estimator))) {}
  Estimator(const Estimator& other) : self_(other.self_->clone()) {}
  Estimator& operator=(const Estimator& other) {
    self_ = other.self_->clone();
    return *this;
  }
  Estimator(Estimator&&) noexcept = default;
  Estimator& operator=(Estimator&&) noexcept = default;
  ~Estimator() = default;

  std::string_view name() const { return self_->name(); }
  Role role() const { return self_->role(); }
  Tags tags() const { return self_->tags(); }
  std::vector<OptionInfo> options() const { return self_->options(); }
  void set(std::string_view option, const Value& value, const Registry& registry) {
    self_->set(option, value, registry);
  }
  // `selector: pipe` arguments; InvalidArgument where the estimator takes none.
  void add_branch(const Value& selector, Estimator branch) {
    self_->add_branch(selector, std::move(branch));
  }
  Pipe to_pipe() const { return self_->to_pipe(); }
  std::string text() const { return to_text(to_pipe()); }

  // Throws InvalidArgument for options, data or targets that cannot be; the model is never null.
  ModelPtr fit(const MatrixView& X, const Target& y = {}, const Context& context = {}) const {
    return self_->fit(X, y, context);
  }

  // The sums that it can be fitted from (ml/core/statistics.h); null where it needs the rows.
  const StatisticsKind* statistics(const Context& context) const {
    return self_->statistics(context);
  }
  // From sums of the kind that statistics() names. With `source`, corrected by its rows.
  std::unique_ptr<StatisticsFit> fit_statistics(const Statistics& rows,
                                                const TrainingRows* source = nullptr) const {
    return self_->fit_statistics(rows, source);
  }

  template <class E>
  const E* get_if() const {
    const auto* holder = dynamic_cast<const Holder<E>*>(self_.get());
    return holder ? &holder->estimator : nullptr;
  }

  friend bool operator==(const Estimator& a, const Estimator& b) {
    return a.self_->equals(*b.self_);
  }

 private:
  struct Interface {
    virtual ~Interface();
    virtual std::unique_ptr<Interface> clone() const = 0;
    virtual std::string_view name() const = 0;
    virtual Role role() const = 0;
    virtual Tags tags() const = 0;
    virtual std::vector<OptionInfo> options() const = 0;
    virtual void set(std::string_view option, const Value& value, const Registry& registry) = 0;
    virtual void add_branch(const Value& selector, Estimator branch) = 0;
    virtual Pipe to_pipe() const = 0;
    virtual ModelPtr fit(const MatrixView& X, const Target& y, const Context& context) const = 0;
    virtual const StatisticsKind* statistics(const Context& context) const = 0;
    virtual std::unique_ptr<StatisticsFit> fit_statistics(const Statistics& rows,
                                                          const TrainingRows* source) const = 0;
    virtual bool equals(const Interface& other) const = 0;
  };

  template <class E>
  struct Holder final : Interface {
    explicit Holder(E e) : estimator(std::move(e)) {}
    std::unique_ptr<Interface> clone() const override { return std::make_unique<Holder>(*this); }
    std::string_view name() const override { return E::name; }
    Role role() const override;
    Tags tags() const override;
    std::vector<OptionInfo> options() const override;
    void set(std::string_view option, const Value& value, const Registry& registry) override;
    void add_branch(const Value& selector, Estimator branch) override;
    Pipe to_pipe() const override;
    ModelPtr fit(const MatrixView& X, const Target& y, const Context& context) const override;
    const StatisticsKind* statistics(const Context& context) const override;
    std::unique_ptr<StatisticsFit> fit_statistics(const Statistics& rows,
                                                  const TrainingRows* source) const override;
    bool equals(const Interface& other) const override {
      const auto* same = dynamic_cast<const Holder*>(&other);
      return same != nullptr && same->estimator == estimator;
    }

    E estimator;
  };

  [[noreturn]] static void refuse_branch(std::string_view name);

  std::unique_ptr<Interface> self_;
};

template <class E>
Role Estimator::Holder<E>::role() const {
  if constexpr (requires { estimator.role(); }) {
    return estimator.role();
  } else if constexpr (detail::FitsTarget<E>) {
    return detail::role_of<decltype(estimator.fit(MatrixView(Matrix()), Target(), Context()))>();
  } else if constexpr (detail::FitsNumbers<E>) {
    return detail::role_of<decltype(estimator.fit(MatrixView(Matrix()), MatrixView(Matrix()),
                                                  Context()))>();
  } else if constexpr (detail::FitsLabels<E>) {
    return detail::role_of<decltype(estimator.fit(MatrixView(Matrix()), Labels(), Context()))>();
  } else {
    return detail::role_of<decltype(estimator.fit(MatrixView(Matrix()), Context()))>();
  }
}

template <class E>
Tags Estimator::Holder<E>::tags() const {
  if constexpr (requires {
                  { estimator.tags() } -> std::same_as<Tags>;
                }) {
    return estimator.tags();
  } else if constexpr (requires {
                         { E::tags } -> std::convertible_to<Tags>;
                       }) {
    return E::tags;
  } else {
    return {};
  }
}

template <class E>
std::vector<OptionInfo> Estimator::Holder<E>::options() const {
  if constexpr (detail::Described<E>) {
    return list_options(estimator);
  } else {
    return {};
  }
}

template <class E>
void Estimator::Holder<E>::set(std::string_view option, const Value& value,
                               const Registry& registry) {
  if constexpr (detail::Described<E>) {
    set_option(estimator, option, value, registry);
  } else {
    options::refuse_option(E::name, option, {});
  }
}

template <class E>
void Estimator::Holder<E>::add_branch(const Value& selector, Estimator branch) {
  if constexpr (requires { estimator.add_branch(selector, std::move(branch)); }) {
    estimator.add_branch(selector, std::move(branch));
  } else {
    refuse_branch(E::name);
  }
}

template <class E>
Pipe Estimator::Holder<E>::to_pipe() const {
  if constexpr (requires { estimator.to_pipe(); }) {
    return estimator.to_pipe();
  } else {
    return Pipe{{to_step(estimator)}};
  }
}

template <class E>
ModelPtr Estimator::Holder<E>::fit(const MatrixView& X, const Target& y,
                                   const Context& context) const {
  const auto shared = []<class M>(M model) -> ModelPtr {
    if constexpr (std::convertible_to<M, ModelPtr>)
      return model;
    else
      return std::make_shared<const M>(std::move(model));
  };
  if constexpr (detail::FitsTarget<E>) {
    return shared(estimator.fit(X, y, context));
  } else if constexpr (detail::FitsNumbers<E>) {
    return shared(estimator.fit(X, detail::need_numbers(E::name, y), context));
  } else if constexpr (detail::FitsLabels<E>) {
    return shared(estimator.fit(X, detail::need_labels(E::name, y), context));
  } else {
    return shared(estimator.fit(X, context));
  }
}

template <class E>
const StatisticsKind* Estimator::Holder<E>::statistics(const Context& context) const {
  if constexpr (!detail::FitsStatistics<E>) {
    return nullptr;
  } else if constexpr (requires { estimator.statistics(context); }) {
    return estimator.statistics(context);
  } else {
    return detail::can_sum(tags(), context) ? estimator.statistics() : nullptr;
  }
}

template <class E>
std::unique_ptr<StatisticsFit> Estimator::Holder<E>::fit_statistics(
    const Statistics& rows, const TrainingRows* source) const {
  if constexpr (detail::FitsStatistics<E>) {
    return estimator.fit_statistics(rows, source);
  } else {
    return nullptr;
  }
}

}  // namespace lathe
