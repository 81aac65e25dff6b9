// The pure parts that the C client and readygate-wait share: text, JSON, what an answer means, the command line.
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <doctest/doctest.h>

extern "C" {
#include "arguments.h"
#include "protocol.h"
}

namespace {

rg_span span(const std::string& text) { return {text.data(), text.size()}; }

std::string member(const std::string& json, const char* path) {
  std::array<char, 128> buffer;
  rg_text text = rg_text_in(buffer.data(), buffer.size());
  return rg_put_member(&text, span(json), path) ? buffer.data() : "(none)";
}

bool whole(const std::string& json) { return rg_json_is_object(span(json)); }

struct Judged {
  int result;
  std::string message;
  std::string state;
  std::string code;
};
Judged judge(const std::string& line) {
  readygate_why why{};
  const int result = rg_judge(span(line), &why);
  return {result, why.message, why.state, why.code};
}

std::string duration(std::int64_t ms) {
  std::array<char, 32> buffer;
  rg_text text = rg_text_in(buffer.data(), buffer.size());
  rg_put_duration(&text, ms);
  return buffer.data();
}

// A command line in the form in which the kernel hands it over.
struct Line {
  explicit Line(std::vector<std::string> given, std::vector<std::string> variables = {})
      : words(std::move(given)), environment(std::move(variables)) {
    words.insert(words.begin(), "readygate-wait");
    for (std::string& word : words) argv.push_back(word.data());
    for (std::string& variable : environment) envp.push_back(variable.data());
    argv.push_back(nullptr);
    envp.push_back(nullptr);
    rg_text text = rg_text_in(problem.data(), problem.size());
    read = read_arguments(static_cast<int>(words.size()), argv.data(), envp.data(), &text);
  }
  std::vector<std::string> words;
  std::vector<std::string> environment;
  std::vector<char*> argv;
  std::vector<char*> envp;
  std::array<char, 512> problem{};
  arguments read{};
};

std::vector<std::string> places_for(const char* name, std::vector<std::string> variables) {
  std::vector<char*> envp;
  for (std::string& variable : variables) envp.push_back(variable.data());
  envp.push_back(nullptr);
  std::array<char, 32> buffer;
  rg_text path = rg_text_in(buffer.data(), buffer.size());
  places left = places_of(name, envp.data());
  std::vector<std::string> all;
  while (next_place(&left, &path)) all.emplace_back(buffer.data());
  return all;
}

}  // namespace

TEST_CASE("clients: a buffer is written to its end and no further") {
  std::array<char, 6> buffer{'x', 'x', 'x', 'x', 'x', 'x'};
  rg_text text = rg_text_in(buffer.data(), 5);
  rg_put(&text, "abc");
  CHECK(!text.cut);
  rg_put(&text, "def");
  CHECK(text.cut);
  CHECK(std::string(buffer.data()) == "abcd");
  CHECK(buffer[5] == 'x');
  std::array<char, 32> wide;
  text = rg_text_in(wide.data(), wide.size());
  rg_put_number(&text, INT64_MIN);
  CHECK(std::string(wide.data()) == "-9223372036854775808");
}

TEST_CASE("clients: durations") {
  CHECK(rg_duration_ms(rg_span_of("250ms")) == 250);
  CHECK(rg_duration_ms(rg_span_of("0s")) == 0);
  CHECK(rg_duration_ms(rg_span_of("2h")) == 7'200'000);
  CHECK(rg_duration_ms(rg_span_of("10000h")) == 36'000'000'000);
  for (const char* wrong :
       {"", "s", "60", "-1s", "+1s", "1.5s", "1 s", " 1s", "1s ", "1d", "10001h", "1S", "99999999999999999999ms"}) {
    CAPTURE(wrong);
    CHECK(rg_duration_ms(rg_span_of(wrong)) == -1);
  }
  CHECK(duration(0) == "0s");
  CHECK(duration(90'000) == "90s");
  CHECK(duration(120'000) == "2m");
  CHECK(duration(1500) == "1500ms");
  CHECK(duration(7'200'000) == "2h");
}

TEST_CASE("clients: members of an object") {
  const std::string json =
      R"({"v":1, "text":"a \"b\" \\ {","phase":{"what":"index","of":[1,{"what":2}]},"what":"outer","none":null })";
  CHECK(member(json, "v") == "1");
  CHECK(member(json, "text") == R"(a "b" \ {)");
  CHECK(member(json, "phase.what") == "index");
  CHECK(member(json, "what") == "outer");
  CHECK(member(json, "none") == "null");
  CHECK(member(json, "phase.of") == R"([1,{"what":2}])");
  CHECK(member(json, "wha") == "(none)");
  CHECK(member(json, "what.what") == "(none)");
  CHECK(member(json, "") == "(none)");
  CHECK(member("[]", "v") == "(none)");
  CHECK(member("", "v") == "(none)");
  // What stands before the cut is there all the same; what is cut itself is not.
  const std::string cut = json.substr(0, json.find("outer") + 2);
  CHECK(!whole(cut));
  CHECK(member(cut, "phase.what") == "index");
  CHECK(member(cut, "what") == "(none)");
  CHECK(member(R"({"seq":12)", "seq") == "(none)");  // may be 123
}

TEST_CASE("clients: what reaches a terminal controls nothing") {
  CHECK(member("{\"t\":\"a\x1b[2Jb\"}", "t") == "a?[2Jb");
  CHECK(member(R"({"t":"a\u001b[2J\n\u00e9\u20ac\ud83d\ude00\/"})", "t") == "a?[2J \xC3\xA9\xE2\x82\xAC?\?/");
  CHECK(member(R"({"t":"\u12"})", "t") == "?");
  CHECK(member("{\"t\":[1,\n\"\x1b\"]}", "t") == "[1, \" \"]");  // no string, and not to be trusted either
}

TEST_CASE("clients: one whole object, and nothing else") {
  CHECK(whole("{}"));
  CHECK(whole(" {\"a\" : [ ] , \"b\":{\"c\":-1.5e3}} \r"));
  for (const char* wrong : {"", "[]", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1", "{\"a\":1,", "{\"a\":1}x", "{\"a\":\"}",
                            "{\"a\":1]", "{a:1}", "{\"a\":1 \"b\":2}", "HTTP/1.1 400 Bad Request"}) {
    CAPTURE(wrong);
    CHECK(!whole(wrong));
  }
  // Deeper than any answer is refused, so that no stack overflows.
  CHECK(whole("{\"a\":" + std::string(20, '[') + std::string(20, ']') + "}"));
  CHECK(!whole("{\"a\":" + std::string(40, '[') + std::string(40, ']') + "}"));
}

TEST_CASE("clients: what an answer means") {
  CHECK(judge(R"({"ok":true,"why":"something","colour":"green"})").result == READYGATE_OK);
  const Judged failed = judge(R"({"ok":false,"why":"failed","state":"failed","code":"schema_conflict"})");
  CHECK(failed.result == READYGATE_FAILED);
  CHECK(failed.message == "the gate failed (schema_conflict)");
  CHECK(failed.state == "failed");
  CHECK(failed.code == "schema_conflict");
  CHECK(judge(R"({"ok":false,"why":"draining"})").result == READYGATE_DRAINING);
  CHECK(judge(R"({"ok":false,"why":"draining"})").state == "unknown");
  CHECK(judge(R"({"ok":false,"why":"forbidden"})").result == READYGATE_FORBIDDEN);
  CHECK(judge(R"({"ok":false,"why":"busy"})").result == RG_TRY_AGAIN);
  CHECK(judge(R"({"ok":false,"why":"timeout"})").result == RG_TRY_AGAIN);
  const Judged later = judge(R"({"ok":false,"why":"hibernating"})");
  CHECK(later.result == READYGATE_PROTOCOL);
  CHECK(later.message == "the gate answers: hibernating; is it of another version?");
  for (const char* wrong : {"", "{}", R"({"ok":"true"})", R"({"ok":1})", R"({"ok":true)", R"({"ok":true} {})"}) {
    CAPTURE(wrong);
    CHECK(judge(wrong).result == READYGATE_PROTOCOL);
  }
}

TEST_CASE("clients: the gate's account in a sentence") {
  std::array<char, 128> buffer;
  rg_text text = rg_text_in(buffer.data(), buffer.size());
  CHECK(rg_describe(&text, span(R"({"state":"ready","phase":{"what":""},"code":"none","reason":""})")));
  CHECK(std::string(buffer.data()) == "the gate is ready");
  text = rg_text_in(buffer.data(), buffer.size());
  CHECK(rg_describe(
      &text, span(R"({"state":"initializing","phase":{"what":"index a"},"code":"lease_held","reason":"by b"})")));
  CHECK(std::string(buffer.data()) == "the gate is initializing (index a), lease_held: by b");
  CHECK(!rg_describe(&text, span("{}")));
}

TEST_CASE("readygate-wait: its options end where the command begins") {
  const Line plain({});
  CHECK(plain.read.verb == VERB_WAIT);
  CHECK(rg_same(plain.read.socket, "/run/readygate/gate.sock"));
  CHECK(plain.read.timeout_ms == 0);
  CHECK(plain.read.command == 1);

  const Line all({"--socket", "/s", "--for=ready", "--timeout", "60s", "--fail-fast", "--", "run", "--for", "x"});
  CHECK(all.read.verb == VERB_WAIT);
  CHECK(rg_same(all.read.socket, "/s"));
  CHECK(std::string(all.read.fact) == "ready");
  CHECK(all.read.timeout_ms == 60'000);
  CHECK(all.read.fail_fast);
  CHECK(all.argv[static_cast<std::size_t>(all.read.command)] == std::string("run"));

  const Line bare({"run", "--timeout", "soon"});
  CHECK(bare.read.verb == VERB_WAIT);
  CHECK(bare.read.command == 1);
}

TEST_CASE("readygate-wait: a flag beats the environment") {
  const std::vector<std::string> named = {"READYGATE_GATE_SOCKETS=/no", "READYGATE_GATE_SOCKET=/named"};
  CHECK(rg_same(Line({}, named).read.socket, "/named"));
  CHECK(rg_same(Line({"--gate-socket", "/flag"}, named).read.socket, "/flag"));
  CHECK(rg_same(Line({}, {"READYGATE_GATE_SOCKET="}).read.socket, "/run/readygate/gate.sock"));
}

TEST_CASE("readygate-wait: usage") {
  for (const std::vector<std::string>& wrong :
       std::vector<std::vector<std::string>>{{"--for", "opened"},
                                             {"--for"},
                                             {"--timeout", "60"},
                                             {"--timeout"},
                                             {"--socket"},
                                             {"--socket", std::string(108, 'x')},
                                             {"--fail-fast=1"},
                                             {"--forx"},
                                             {"-x"},
                                             {"sleep"},
                                             {"sleep", "1", "2"},
                                             {"sleep", "-1"}}) {
    CAPTURE(wrong.front());
    const Line line(wrong);
    CHECK(line.read.verb == VERB_USAGE);
    CHECK(std::string(line.problem.data())
              .find(wrong.front() == "--socket" && wrong.size() == 2 ? "108 bytes" : wrong.front().substr(0, 5)) !=
          std::string::npos);
  }
  CHECK(Line({"--socket", std::string(107, 'x')}).read.verb == VERB_WAIT);
  CHECK(Line({"-h"}).read.verb == VERB_HELP);
  CHECK(Line({"--version"}).read.verb == VERB_VERSION);
}

TEST_CASE("readygate-wait: sleep is a command of its own only as the first word") {
  CHECK(Line({"sleep", "5"}).read.verb == VERB_SLEEP);
  CHECK(Line({"sleep", "5"}).read.timeout_ms == 5000);
  CHECK(Line({"sleep", "500ms"}).read.timeout_ms == 500);
  CHECK(Line({"--", "sleep", "5"}).read.verb == VERB_WAIT);
}

TEST_CASE("readygate-wait: where a command is looked for") {
  using Places = std::vector<std::string>;
  CHECK(places_for("tool", {"PATH=/a:/b"}) == Places{"/a/tool", "/b/tool"});
  CHECK(places_for("tool", {"PATH=:/b:"}) == Places{"tool", "/b/tool", "tool"});
  CHECK(places_for("tool", {}) == Places{"/bin/tool", "/usr/bin/tool"});
  CHECK(places_for("./tool", {"PATH=/a:/b"}) == Places{"./tool"});
  CHECK(places_for("", {"PATH=/a"}).empty());
  CHECK(places_for("tool", {"PATH=/a:/" + std::string(40, 'x') + ":/b"}) ==
        Places{"/a/tool", "/b/tool"});  // 32 bytes fit
}
