// Flips bits of the model's state while a program runs, and reports what becomes of the run.
// inject JOB FAULTS: both are text files, see `numbers` below; one line per fault goes to stdout.
//
// One golden run logs every memory access, and a hash of the state every few cycles. A second one
// walks from fault to fault. Each faulty run starts from its state, and ends when nothing that
// the golden run reads later differs from it any more, or at the end of the program.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>

#include "clock.h"
#include "ports.h"
#include "state.h"
#include "registers.h"

namespace {

// As in the file of the job, in this order.
struct Settings {
    uint64_t base, program, latency, jitter, stall, seed, width, limit, interval, window, early;
};

struct Fault {
    uint64_t id, number, word, bit, cycle;
};

struct Check {
    uint64_t hash, writes;
};

enum class End { EQUAL, DONE, ERROR, HANG, UNREAD, OVERWRITTEN };
const char *const NAMES[] = {"equal", "done", "error", "hang", "unread", "overwritten"};

class Campaign {
public:
    Campaign(const Settings &s, size_t output) : s_(s), output_(output),
          state_(*clock_.top->rootp, REGISTERS) {
        tabulate(*clock_.top->rootp, state_);
        tabulate_ports(*clock_.top->rootp, ports_);
    }

    State &state() { return state_; }
    void report_golden(bool ran, double seconds) const {
        std::printf("%d,%llu,%llu,%.6f,", ran, static_cast<unsigned long long>(cycles_),
                    static_cast<unsigned long long>(dram.golden_writes()), seconds);
        print(expected_);
    }

    // Run without faults; note what happens to the words of `faults`.
    bool golden(const std::vector<Fault> &faults) {
        if (s_.early)
            for (const Fault &fault : faults) ports_.watch(fault.number, fault.word);
        start();
        state_.save(begin_);
        for (; !clock_.top->irq && dram.now < s_.limit; clock_.tick()) {
            if (dram.now % s_.interval == 0) checks_.push_back({state_.hash(), dram.writes});
            ports_.note(dram.now);
        }
        cycles_ = dram.now;
        final_ = {state_.hash(), dram.writes};
        dram.sort();
        uint32_t status = 0;
        const bool answered = clock_.top->irq && clock_.read(port::STATUS, status);
        expected_ = dram.content(dram.areas[output_]);
        return answered && status & port::DONE && !(status & port::ERROR);
    }

    // Go back to the start.
    void rewind(const std::vector<uint8_t> &image) {
        dram.bytes = image;
        dram.mode = Dram::Mode::FOLLOW;
        dram.now = dram.last = dram.writes = 0;
        state_.restore(begin_);
    }

    void walk(uint64_t cycle) {
        while (dram.now < cycle) clock_.tick();
    }

    void inject(const Fault &fault) {
        walk(fault.cycle);
        state_.save(at_);
        const uint64_t writes = dram.writes, last = dram.last;
        const uint64_t window = std::min(s_.window, cycles_ - fault.cycle - 1);
        dram.begin_fault();
        if (rows_.size() < window + 1) rows_.resize(window + 1);
        for (uint64_t i = 0; i <= window; ++i) {
            if (i) clock_.tick();
            state_.gather(rows_[i]);
        }
        const Check after{state_.hash(), dram.writes};
        reset(fault.cycle, writes, last);
        dram.begin_fault();
        const Register &where = state_.registers.at(fault.number);
        const bool before = state_.bit(where, fault.word, fault.bit);
        state_.flip(where, fault.word, fault.bit);
        state_.settle();
        const bool held = state_.bit(where, fault.word, fault.bit) != before;
        trace(window);
        const End end = run(after, fault);
        report(fault, end, held);
        reset(fault.cycle, writes, last);
        dram.mode = Dram::Mode::FOLLOW;
    }

    // Report the faults that the golden run never reads, and move the others to the cycle in which
    // it does; return these, in the order of their cycles.
    std::vector<Fault> sift(const std::vector<Fault> &faults) {
        std::vector<Fault> left;
        for (Fault fault : faults) {
            const Touch touch = ports_.next(fault.number, fault.word, fault.cycle);
            if (touch.kind == Touch::READ || touch.kind == Touch::UNKNOWN) {
                fault.cycle = touch.cycle;
                left.push_back(fault);
                continue;
            }
            dram.begin_fault();
            result_ = expected_;
            last_ = -1;
            dram.now = fault.cycle;
            report(fault, touch.kind == Touch::WRITTEN ? End::OVERWRITTEN : End::UNREAD, true);
        }
        std::stable_sort(left.begin(), left.end(),
                         [](const Fault &a, const Fault &b) { return a.cycle < b.cycle; });
        return left;
    }

    // Move the state of `cycle` alone into the model at the start, and run to the end; returns
    // whether the run is the golden one.
    bool transplant(uint64_t cycle) {
        walk(cycle);
        const uint64_t writes = dram.writes, last = dram.last;
        state_.save(at_);
        state_.restore(begin_);
        state_.transplant(at_);
        state_.settle();
        dram.begin_fault();
        for (; !clock_.top->irq && dram.now < 2 * cycles_; clock_.tick()) {
            const uint64_t index = dram.now / s_.interval;
            if (dram.now % s_.interval || index >= checks_.size()) continue;
            if (state_.hash() != checks_[index].hash) break;
        }
        const bool same = dram.now == cycles_ && !dram.wrong
                          && dram.writes == dram.golden_writes();
        reset(cycle, writes, last);
        dram.mode = Dram::Mode::FOLLOW;
        return same;
    }

private:
    Settings s_;
    size_t output_;
    Clock clock_;
    State state_;
    Ports ports_;
    uint64_t cycles_ = 0;
    std::vector<uint8_t> begin_, at_, expected_;
    std::vector<std::vector<uint8_t>> rows_;
    std::vector<Check> checks_;
    Check final_{};
    int last_ = -1, alive_ = 0;  // register that differed last in the window; how many at its end
    uint64_t age_ = 0;           // cycles from the flip to that difference
    std::vector<uint8_t> result_;

    void start() {
        Vtop *top = clock_.top.get();
        top->memory_base = s_.base;
        top->memory_size = dram.bytes.size();
        top->memory_latency = s_.latency;
        top->memory_jitter = s_.jitter;
        top->memory_stall = s_.stall;
        top->memory_seed = s_.seed;
        for (int i = 0; i < 16; ++i) clock_.tick();
        top->aresetn = 1;
        for (int i = 0; i < 2; ++i) clock_.tick();
        clock_.write(port::IRQ_ENABLE, 1);
        clock_.write(port::BASE_LOW, static_cast<uint32_t>(s_.base));
        clock_.write(port::BASE_HIGH, static_cast<uint32_t>(s_.base >> 32));
        clock_.write(port::PROGRAM, static_cast<uint32_t>(s_.program));
        clock_.write(port::CTRL, 1);
        dram.now = dram.last = 0;
    }

    void reset(uint64_t cycle, uint64_t writes, uint64_t last) {
        dram.undo();
        dram.now = cycle;
        dram.writes = writes;
        dram.last = last;
        state_.restore(at_);
    }

    // Compare the registers with the golden run's, cycle by cycle.
    void trace(uint64_t window) {
        last_ = -1;
        age_ = 0;
        for (uint64_t i = 0; i <= window; ++i) {
            if (i) clock_.tick();
            const int found = state_.last_difference(rows_[i], alive_);
            if (found < 0) continue;
            last_ = found;
            age_ = i;
        }
    }

    bool converged(const Check &golden) {
        return s_.early && dram.writes == golden.writes && state_.hash() == golden.hash
               && !dram.matters(dram.now);
    }

    End run(const Check &after, const Fault &fault) {
        const uint64_t patience = 2 * dram.quiet + 1000;
        if (converged(after)) return equal();
        uint64_t next = dram.now / s_.interval + 1, step = 1;
        int spurious = 16;
        while (dram.now < 2 * cycles_ && dram.now - dram.last <= patience) {
            if (clock_.top->irq) {
                const bool unread = is_unread(fault);
                uint32_t status = 0;
                if (!clock_.read(port::STATUS, status)) return End::HANG;
                if (status & port::ERROR) return End::ERROR;
                if (status & port::DONE) {
                    dram.finish();
                    result_ = dram.content(dram.areas[output_]);
                    return unread ? End::UNREAD : End::DONE;
                }
                if (!spurious-- || !clock_.write(port::STATUS, status)) return End::HANG;
            }
            clock_.tick();
            if (dram.now < next * s_.interval) continue;
            if (dram.now == next * s_.interval && next < checks_.size()
                && converged(checks_[next]))
                return equal();
            next = dram.now / s_.interval + step;
            step = std::min<uint64_t>(step + 1, 16);
        }
        return End::HANG;
    }

    // Whether the flipped bit alone differs at the end of the program.
    bool is_unread(const Fault &fault) {
        if (dram.now != cycles_ || dram.wrong || dram.writes != final_.writes) return false;
        const Register &where = state_.registers.at(fault.number);
        state_.flip(where, fault.word, fault.bit);
        const bool same = state_.hash() == final_.hash;
        state_.flip(where, fault.word, fault.bit);
        return same;
    }

    End equal() {
        result_ = dram.patched(dram.areas[output_], expected_);
        return End::EQUAL;
    }

    void report(const Fault &fault, End end, bool held) {
        uint64_t areas = 0;
        for (bool each : dram.touched) areas += each;
        const bool known = end != End::ERROR && end != End::HANG;
        std::printf("%llu,%s,%llu,%llu,%lld,%llu,%llu,%d,%llu,%d,%u,%d,",
                    static_cast<unsigned long long>(fault.id), NAMES[static_cast<int>(end)],
                    static_cast<unsigned long long>(dram.now - fault.cycle),
                    static_cast<unsigned long long>(dram.wrong),
                    dram.wrong ? static_cast<long long>(dram.area_of(dram.first_wrong)) : -1LL,
                    static_cast<unsigned long long>(areas),
                    static_cast<unsigned long long>(dram.strays), last_,
                    static_cast<unsigned long long>(age_), alive_,
                    clock_.top->protocol_errors, held);
        print(known && result_ != expected_ ? result_ : std::vector<uint8_t>{});
    }

    static void print(const std::vector<uint8_t> &bytes) {
        for (uint8_t byte : bytes) std::printf("%02x", byte);
        std::printf("\n");
    }
};

std::vector<uint8_t> content(const char *path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

double sc_time_stamp() { return static_cast<double>(dram.now); }

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    std::ifstream job(argv[1]), list(argv[2]);
    std::string image_path;
    Settings s{};
    uint64_t areas = 0, output = 0;
    job >> image_path >> s.base >> s.program >> s.latency >> s.jitter >> s.stall >> s.seed
        >> s.width >> s.limit >> s.interval >> s.window >> s.early >> areas >> output;
    for (uint64_t i = 0; i < areas; ++i) {
        Area area{};
        job >> area.base >> area.rows >> area.row_bytes >> area.pitch;
        dram.areas.push_back(area);
    }
    const std::vector<uint8_t> image = content(image_path.c_str());
    if (!job || image.empty()) return 2;
    dram.bytes = image;
    dram.width = static_cast<int>(s.width);
    const std::string what = argv[3];
    Campaign campaign(s, output);
    if (what == "registers") {
        for (const Register &r : campaign.state().registers)
            std::printf("%u %u\n", r.word_bytes, r.words);
        return 0;
    }
    const auto begun = std::chrono::steady_clock::now();
    std::vector<Fault> faults;
    Fault fault{};
    while (list >> fault.id >> fault.number >> fault.word >> fault.bit >> fault.cycle)
        faults.push_back(fault);
    const bool ran = campaign.golden(faults);
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begun;
    campaign.report_golden(ran, spent.count());
    if (!ran) return 0;
    if (what == "transplant") {
        campaign.rewind(image);
        for (const Fault &each : faults)
            std::printf("%d\n", campaign.transplant(each.cycle));
        return 0;
    }
    const std::vector<Fault> left = campaign.sift(faults);
    campaign.rewind(image);
    for (const Fault &each : left) campaign.inject(each);
    return 0;
}
