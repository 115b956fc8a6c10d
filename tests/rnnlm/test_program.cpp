// Training by the program rnnlm: what it reports and logs, and that its numbers are the published ones.
#include <algorithm>
#include <cmath>

#include <xgrad/autograd/config.hpp>
#include <xgrad/autograd/random.hpp>
#include <xgrad/layers/any_cell.hpp>

#include "rnnlm/program.hpp"

using checks::repeated;
using checks::rnnlm;
using checks::RunFolder;
using checks::small;

namespace {

namespace fs = std::filesystem;

// The perplexities of a log's epochs.
std::vector<double> perplexities(const RunFolder& folder, const std::string& log, const char* loss) {
  std::vector<double> result;
  for (const auto& line : folder.log(log))
    if (line.at("event") == "epoch") result.push_back(std::exp(line.at(loss).get<double>()));
  return result;
}

}  // namespace

TEST_CASE("rnnlm: the built-in corpus shows the model beside counting models and the floor") {
  const RunFolder folder;
  const auto run = folder.rnnlm("--epochs 1 --tokens 20000 --nhid 16 --emsize 16 --log log");
  REQUIRE_MESSAGE(run.status == 0, run.out);
  CHECK(run.says("built-in corpus"));
  CHECK_FALSE(run.says("<unk>"));  // the model knows every word, however short the training text
  const auto read = [&](const std::string& before, const char* format, auto... to) {
    const auto at = run.out.find(before);
    REQUIRE(at != std::string::npos);
    return std::sscanf(run.out.c_str() + at + before.size(), format, to...);
  };
  double unigram = 0, three = 0, five = 0, floor = 0, heldout = 0, last = 0, last_floor = 0, ratio = 0;
  CHECK(read("held-out text: ", "unigram %lf, KN-3 %lf, KN-5 %lf, floor %lf", &unigram, &three, &five,
             &floor) == 4);
  CHECK(floor >= 12);
  CHECK(floor <= 40);
  CHECK(unigram >= 6 * floor);
  CHECK(three >= 1.3 * floor);
  CHECK(five >= 1.3 * floor);
  CHECK(read("epoch  1/1: ", "held-out %lf", &heldout) == 1);
  CHECK(heldout > floor);
  CHECK(heldout < unigram);
  CHECK(std::sscanf(run.last_line().c_str(), "held-out perplexity %lf, floor %lf, ratio %lf", &last,
                    &last_floor, &ratio) == 3);
  CHECK(last == doctest::Approx(heldout).epsilon(1e-3));
  CHECK(last_floor == doctest::Approx(floor));
  CHECK(ratio == doctest::Approx(last / floor).epsilon(1e-2));
  const auto logged = perplexities(folder, "log", "valid_loss");
  REQUIRE(logged.size() == 1);
  CHECK(logged[0] == doctest::Approx(last).epsilon(1e-3));
  const auto log = folder.log("log");
  CHECK(log.front().at("event") == "settings");
  CHECK(log.front().at("settings").at("nhid") == "16");
  CHECK(log.back().at("event") == "end");
}

TEST_CASE("rnnlm: trains with every cell, stacked, tied and with dropout, the same way each time") {
  const RunFolder folder;
  folder.write("text", checks::sentences(1000));
  const std::string options =
      " --data text --lr 2 --epochs 1 --nhid 12 --emsize 12 --nlayers 2 --tied --dropout 0.1 --sentences 0";
  for (const std::string& cell : xgrad::cell_names()) {
    CAPTURE(cell);
    const auto run = folder.rnnlm("--cell " + cell + options);
    CHECK_MESSAGE(run.status == 0, run.out);
    CHECK(run.says(cell + " of 12 units, 2 layers"));
    double perplexity = 0;
    CHECK(std::sscanf(run.last_line().c_str(), "held-out perplexity %lf", &perplexity) == 1);
    CHECK(perplexity < 26);  // of 25 words and the end of a sentence
    // As in PyTorch's program.
    if (cell == "lstm") CHECK(folder.rnnlm("--model LSTM" + options).last_line() == run.last_line());
  }
}

TEST_CASE("rnnlm: a folder of texts is trained on and the last line has no floor") {
  const RunFolder folder;
  folder.write("ptb.train.txt", repeated(" the cat sat \n the dog ran \n", 40));
  folder.write("ptb.valid.txt", repeated(" the cat ran \n", 10));
  folder.write("ptb.test.txt", repeated(" the bird ran \n", 10));
  const auto run = folder.rnnlm("--data . " + small);
  CHECK(run.status == 0);
  // Its model is kept without --save, and reads the text as it was evaluated: in float there, in double here.
  CHECK(run.says(" is in 'rnnlm.safetensors'\n"));
  const auto evaluated = folder.rnnlm("eval rnnlm.safetensors --data .");
  CHECK_MESSAGE(evaluated.status == 0, evaluated.out);
  const auto test = [](const std::string& text, const std::string& before) {
    const auto at = text.find(before);
    REQUIRE(at != std::string::npos);
    return std::stod(text.substr(at + before.size()));
  };
  CHECK(test(run.out, "test perplexity ") ==
        doctest::Approx(test(evaluated.out, "perplexity ")).epsilon(1e-3));
  folder.remove("ptb.test.txt");
  const auto without = folder.rnnlm("--data . " + small);
  CHECK_MESSAGE(without.status == 0, without.out);
  CHECK_FALSE(without.says("test perplexity"));
  CHECK(run.says("10 of 40 test tokens are not in the vocabulary and count as <unk>"));
  CHECK_FALSE(run.says("held-out tokens are not"));
  double heldout = 0, unigram = 0, three = 0, five = 0;
  CHECK(std::sscanf(run.last_line().c_str(), "held-out perplexity %lf, unigram %lf, KN-3 %lf, KN-5 %lf",
                    &heldout, &unigram, &three, &five) == 4);
  CHECK_FALSE(run.says("floor"));
  CHECK(run.says("test perplexity"));
}

TEST_CASE("rnnlm: the same seed logs the same numbers and another seed others") {
  const RunFolder folder;
  folder.write("text", checks::sentences(500));
  const auto train = [&](const std::string& seed, const std::string& log) {
    const auto run = folder.rnnlm(small + "--data text --seed " + seed + " --log " + log);
    REQUIRE(run.status == 0);
    return perplexities(folder, log, "loss");
  };
  const auto first = train("3", "a"), again = train("3", "b"), other = train("4", "c");
  CHECK(first.size() == 2);
  CHECK(first == again);
  CHECK(first != other);
}

TEST_CASE("rnnlm: the reference protocol needs the training file alone and logs its training perplexity") {
  const RunFolder folder;
  folder.write("train.txt", repeated(" a b c d \n a c b d \n", 12));
  const auto run = rnnlm(folder.data() + "--protocol reference --dtype double --epochs 3 --log '" +
                         (folder / "log") + "'");
  CHECK(run.status == 0);
  const auto log = perplexities(folder, "log", "loss");
  REQUIRE(log.size() == 3);
  CHECK(log[0] == doctest::Approx(5).epsilon(0.05));  // five words, not yet learned
}

TEST_CASE("rnnlm: the reference protocol logs the published curve where the text is at hand") {
  const fs::path data = fs::path(XGRAD_TEST_DATA) / "../../shared/data/ptb";
  if (!fs::exists(data / "ptb.train.txt")) {
    MESSAGE("the Penn Treebank is not here: not compared");
    return;
  }
  std::ifstream in(XGRAD_TEST_DATA "/golden/word_model.json");
  const auto golden = nlohmann::json::parse(in).at("arrays");
  const auto compare = [&](const std::string& options, const nlohmann::json& curve, std::size_t offset,
                           double tolerance) {
    const RunFolder folder;
    const auto run = rnnlm("--data '" + data.string() + "' --protocol reference --tokens 1000 --epochs 10 " +
                           options + " --log '" + (folder / "log") + "'");
    REQUIRE(run.status == 0);
    const auto log = perplexities(folder, "log", "loss");
    REQUIRE(log.size() == 10);
    for (std::size_t i = 0; i < log.size(); ++i)
      CHECK(log[i] == doctest::Approx(curve.at("data")[offset + i].get<double>()).epsilon(tolerance));
  };
  compare("--dtype double --seed 0", golden.at("ppl_f64"), 0, 1e-12);
  for (const std::size_t seed : {1, 7, 11})
    compare(fmt::format("--dtype float --seed {}", seed), golden.at("ppl_seeds_0_11_f32"), 100 * seed, 1e-5);
}

TEST_CASE("rnnlm: training that diverged is status 75") {
  const RunFolder folder;
  for (const std::string rate : {"--lr 1000000 --clip 1000000", "--lr 100000 --clip 0"}) {
    const auto diverged = folder.rnnlm(small + "--tokens 2000 " + rate);
    CHECK(diverged.status == 75);
    CHECK_MESSAGE(diverged.says("try a smaller --lr than 100000"), diverged.out);
  }
  const auto diverged = folder.rnnlm(small + "--tokens 2000 --lr 1000000 --clip 1000000 --save model");
  CHECK(diverged.says("the perplexity after epoch 1 is "));  // though every loss was finite
  CHECK(diverged.says(", where guessing among the 350 tokens of the vocabulary has 350"));
  CHECK_FALSE(folder.has("model"));
}

TEST_CASE("rnnlm: a rate beyond all reason ends with what was not finite first, and status 75") {
  const RunFolder folder;
  const auto run = folder.rnnlm(small + "--tokens 2000 --lr 1e37 --clip 1e37 --log log");
  CAPTURE(run.out);
  CHECK(run.status == 75);
  CHECK(run.says("built-in corpus: 2000 training"));  // what was printed before is not lost
  CHECK(run.says("rnnlm: [check_finite] step "));
  CHECK(run.says(" of epoch 1, loss "));
  CHECK(run.says(", gradient norm "));
  CHECK(run.says(": the loss is "));  // which op it is, and at what step, hangs on rounding
  CHECK(run.says(" made "));
  CHECK(run.says(", token "));
  CHECK(run.says("try a smaller --lr than 1e+37"));
  CHECK(perplexities(folder, "log", "loss").empty());  // no epoch was finished
  const auto reference = rnnlm("--protocol reference --dtype double --epochs 1 --tokens 2000");
  CHECK(reference.status == 0);  // whose gradients are not clipped, but looked at
}

TEST_CASE("rnnlm: a rate that decays for ever does not become 0") {
  const RunFolder folder;
  folder.write("text", repeated("a b c\n", 40));
  const auto run = folder.rnnlm(
      "--data text --dropout 0 --emsize 2 --nhid 2 --batch-size 2 --bptt 5 --lr 1 --sentences 0 --schedule "
      "decay "
      "--epochs 25 --lr-epochs 1 --lr-decay 0.01");
  CHECK_MESSAGE(run.status == 0, run.out);
  CHECK(run.says("rate 1.175e-38"));
  CHECK(folder.rnnlm(small + "--data text --lr-decay 1e-300").status == 0);
}

TEST_CASE("rnnlm: every optimizer, schedule and average trains") {
  const RunFolder folder;
  folder.write("text", checks::sentences(2000));
  const std::string run =
      "--data text --emsize 12 --nhid 12 --batch-size 10 --epochs 3 --dropout 0 --sentences 0 ";
  std::vector<double> reached;
  for (const char* options :
       {"--optimizer momentum --lr 0.2", "--optimizer adam", "--optimizer adamw --lr 0.01 --wdecay 0.01",
        "--optimizer rmsprop --lr 0.01", "--optimizer adagrad --lr 0.1", "--schedule constant --lr 1",
        "--schedule plateau --lr 2", "--schedule cosine --warmup 5 --lr 3", "--average exponential --lr 2",
        "--average triggered --lr 2", "--clip 0 --lr 0.5", "--init 0.1 --lr 2", "--wdecay 1e-3 --lr 2",
        "--dropout 0.2 --variational --wdrop 0.2 --cell mgu --lr 2", "--patience 1 --lr 2"}) {
    CAPTURE(options);
    const auto outcome = folder.rnnlm(run + options);
    REQUIRE_MESSAGE(outcome.status == 0, outcome.out);
    double perplexity = 0;
    REQUIRE(std::sscanf(outcome.last_line().c_str(), "held-out perplexity %lf", &perplexity) == 1);
    CHECK(perplexity < 24);  // of 25 words and the end of a sentence
    reached.push_back(perplexity);
  }
  std::sort(reached.begin(), reached.end());
  CHECK(std::unique(reached.begin(), reached.end()) - reached.begin() >= 12);  // they are not all the same
}

TEST_CASE("rnnlm: a run stops early, and keeps and reports the best epoch") {
  const RunFolder folder;
  folder.write("text", repeated("a b c\nb c a\n", 30) + repeated("c b a\n", 3));  // the end differs
  const auto run = folder.rnnlm(
      "--data text --emsize 8 --nhid 8 --batch-size 2 --bptt 5 --dropout 0 --lr 5 --epochs 40 "
      "--patience 2 --schedule constant --save model --log log --sentences 0");
  REQUIRE_MESSAGE(run.status == 0, run.out);
  const auto curve = perplexities(folder, "log", "valid_loss");
  REQUIRE(curve.size() < 40);
  const auto best = std::min_element(curve.begin(), curve.end());
  CHECK(curve.end() - best == 3);  // two epochs after it
  double last = 0;
  REQUIRE(std::sscanf(run.last_line().c_str(), "held-out perplexity %lf", &last) == 1);
  CHECK(last == doctest::Approx(*best).epsilon(1e-3));
  CHECK(run.says(fmt::format("the model of epoch {} is in 'model'", best - curve.begin() + 1)));
  CHECK(folder.rnnlm("info model").says(fmt::format("held-out perplexity: {:.4f}", *best)));
}

TEST_CASE("rnnlm: texts by character and byte, rare words, and words that are limited") {
  const RunFolder folder;
  folder.write("text", repeated("caf\xc3\xa9 au lait\r\nth\xc3\xa9 vert\r\n", 60) + "rare word\n");
  const auto trains = [&](const std::string& options, const std::string& text) {
    const auto run = folder.rnnlm("--data text " + small + options + " --save model --force");
    CHECK_MESSAGE(run.status == 0, run.out);
    CHECK_MESSAGE(run.says(text), run.out);
    return run;
  };
  trains("--level char",
         "a vocabulary of 15 characters");  // 11 letters, one of them with an accent, and <unk>
  trains("--level byte", "a vocabulary of 17 bytes");
  trains("", "a vocabulary of 7 words");
  trains("--lr 1 --vocab 2", "training tokens are rare and count as <unk>");
  trains("--lr 1 --min-count 1000", "a vocabulary of 1 words");
  folder.write("binary", std::string(2000, '\0') + "\xff\xfe" + std::string(500, 'x'));
  const auto run = folder.rnnlm("--data binary --level byte " + small);
  CHECK_MESSAGE(run.status == 0, run.out);
  CHECK(run.out.find('\0') == std::string::npos);
}

TEST_CASE("rnnlm --output: adaptive and sampled output layers train, resume, evaluate and write") {
  const RunFolder folder;
  std::string text;  // of 1,500 words, of which the first are frequent
  for (std::uint32_t i = 0, random = 1; i < 6000; ++i) {
    random = random * 1664525 + 1013904223;
    const std::uint32_t word = random >> 16;
    text += fmt::format("w{}{}", i % 4 == 3 ? i / 4 : word % 20, i % 10 == 9 ? "\n" : " ");
  }
  folder.write("text", text);
  for (const std::string output : {"--output adaptive", "--output sampled --samples 50",
                                   "--output sampled --samples 50 --tied", "--output sampled"}) {
    CAPTURE(output);
    const std::string train =
        "--data text --emsize 16 --nhid 16 --batch-size 10 --bptt 10 --lr 5 --sentences 1 " + output;
    const auto run = folder.rnnlm(train + " --epochs 2 --save model --checkpoint ckpt --force");
    REQUIRE_MESSAGE(run.status == 0, run.out);
    CHECK(run.says("output " + output.substr(9, output.find(' ', 9) - 9)));
    // Half of the uniform distribution's perplexity: the frequent words are learned.
    double perplexity = 0;
    REQUIRE(std::sscanf(run.last_line().c_str(), "held-out perplexity %lf", &perplexity) == 1);
    CHECK(perplexity < 750);
    CHECK(folder.rnnlm("generate model --length 5").status == 0);
    const auto one = folder.rnnlm("eval model --data text --window 1"),
               many = folder.rnnlm("eval model --data text --window 700");
    REQUIRE_MESSAGE(one.status == 0, one.out);
    CHECK(std::stod(one.last_line().substr(11)) ==
          doctest::Approx(std::stod(many.last_line().substr(11))).epsilon(1e-9));
    // What is drawn hangs on the step, not on where a run began.
    const auto longer = folder.rnnlm("--resume ckpt --epochs 3");
    REQUIRE_MESSAGE(longer.status == 0, longer.out);
    const auto unbroken = folder.rnnlm(train + " --epochs 3 --save whole --force");
    CHECK(longer.last_line() == unbroken.last_line());
  }
}

TEST_CASE("rnnlm --output adaptive: words seen once or never cost no more than those of a full softmax") {
  // Frequencies as Zipf's law has them: of the words, two in five are in the first 12,000 tokens.
  const RunFolder folder;
  std::vector<double> sums{0};
  for (std::size_t rank = 0; rank < 6000; ++rank) sums.push_back(sums.back() + 1 / (double(rank) + 2));
  xgrad::Random random(1);
  std::string text;
  for (std::size_t i = 0; i < 60'000; ++i) {
    const auto word = std::upper_bound(sums.begin(), sums.end(), random.uniform() * sums.back());
    text += fmt::format("w{}{}", word - sums.begin(), i % 12 == 11 ? "\n" : " ");
  }
  folder.write("text", text);
  const auto prepared = folder.rnnlm("prepare --data text --valid-split 0.3 --save tokens");
  REQUIRE_MESSAGE(prepared.status == 0, prepared.out);
  double of_full = 0, of_adaptive = 0;
  for (const auto& [output, perplexity] :
       {std::pair("full", &of_full), std::pair("adaptive", &of_adaptive)}) {
    const auto run = folder.rnnlm(std::string("train --data tokens --tokens 12000 --emsize 16 --nhid 16 ") +
                                  "--batch-size 10 --bptt 10 --lr 4 --schedule cosine --epochs 3 --dropout 0 "
                                  "--sentences 1 --save model --force --output " +
                                  output);
    REQUIRE_MESSAGE(std::sscanf(run.last_line().c_str(), "held-out perplexity %lf", perplexity) == 1,
                    run.out);
  }
  // Clusters by the counts alone, some of words seen once and others of words never seen, have 1.6 times as
  // much.
  CHECK(of_adaptive < 1.1 * of_full);
}

TEST_CASE("rnnlm --check: the gradient of the very model is proved before training, and judged in float") {
  const RunFolder folder;
  folder.write("text", checks::sentences(500));
  for (const char* model :
       {"--cell lstm --nlayers 2 --tied", "--cell gru --dtype double --dropout 0.3 --wdrop 0.2"}) {
    const auto run = folder.rnnlm(small + "--data text --check " + model);
    CHECK(run.status == 0);
    CHECK_MESSAGE(run.says("gradcheck: right, "), run.out);
    CHECK(run.says("ops in float beside double: the value has "));
    CHECK(run.out.find("gradcheck") < run.out.find("epoch  1/2"));
  }
}
