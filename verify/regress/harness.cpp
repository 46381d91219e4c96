// Runs many programs on one model, without cocotb, one after the other.
// harness MEMORY MASK STEPS IMAGES AFTER [COVERAGE]
//
// STEPS has a line of numbers for each program (`harness.py` names them). IMAGES holds the memory
// before each, AFTER receives the memory after each, and a bit for each byte that was written.
// Prints one JSON object a line for each.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <vector>

#include "control_port.h"
#include "verilated.h"
#if VM_COVERAGE
#include "verilated_cov.h"
#endif

extern "C" int maccord_memory_open(const char *image_path, const char *mask_path);
extern "C" uint8_t *maccord_memory();
extern "C" uint64_t maccord_memory_size();
extern "C" void maccord_memory_inject(uint64_t first, uint64_t count, int answer);

using namespace control;

namespace {

constexpr int COUNTED = 9;
constexpr uint64_t ANSWER = 2000;  // cycles in which a register access must be answered
constexpr uint64_t ENDS = 20000;   // cycles in which an aborted program must end

std::unique_ptr<Port> port;
Vtop *top = nullptr;  // the port's

struct Step {
    uint64_t reset, size, program, base, latency, jitter, stall, seed, limit, abort, cut;
    uint64_t inject_first, inject_count, inject_answer, meddle, shift;
};

std::istream &operator>>(std::istream &in, Step &s) {
    return in >> s.reset >> s.size >> s.program >> s.base >> s.latency >> s.jitter >> s.stall >>
           s.seed >> s.limit >> s.abort >> s.cut >> s.inject_first >> s.inject_count >>
           s.inject_answer >> s.meddle >> s.shift;
}

void configure(const Step &step) {
    top->memory_base = step.base;
    top->memory_size = step.size;
    top->memory_latency = step.latency;
    top->memory_jitter = step.jitter;
    top->memory_stall = step.stall;
    top->memory_seed = step.seed;
    if (step.reset) port->reset();
    for (int i = 0; i < 2; ++i) port->tick();
}

// A register access that must change nothing: writes while a program runs, to no register, of no
// byte; reads of any. Protection bits and the lowest two address bits do not matter.
void meddle(uint64_t &random) {
    random = random * 6364136223846793005ULL + 1442695040888963407ULL;
    const uint32_t pick = random >> 33, value = random >> 20, low = pick >> 8 & 3;
    top->s_axi_awprot = pick >> 10 & 7;
    top->s_axi_arprot = pick >> 13 & 7;
    switch (pick % 5) {
    case 0: port->write(PROGRAM | low, value); break;
    case 1: port->write((pick & 8 ? BASE_LOW : BASE_HIGH) | low, value); break;
    case 2: port->write(value & 0xFFF, value, 0); break;
    case 3: port->write(0x400 | (value & 0xBFC), value, pick >> 4 & 0xF); break;
    default: port->read(value & (pick & 1 << 16 ? 0xFFF : 0xFF));
    }
}

enum Ending { DONE, HUNG, CUT, UNANSWERED };

struct Found {
    Ending ending = DONE;
    bool aborted = false;
    uint32_t status = 0, interrupts = 0;
    uint64_t cycles = 0, counters[COUNTED] = {};
};

// Whether a program ended within a number of cycles; interrupts of records are acknowledged.
bool ends(uint64_t limit, Found &found, uint64_t meddling) {
    const uint64_t first = port->now;
    while (port->now - first < limit) {
        if (meddling && port->now % 53 == 0) meddle(meddling);
        if (!top->irq) {
            port->tick();
            continue;
        }
        port->tick();
        port->tick();
        found.status = port->read(STATUS);
        if (found.status & ENDED) return true;
        if (found.status & RECORDED) {
            ++found.interrupts;
            port->write(STATUS, RECORDED);
        }
    }
    return false;
}

void run(const Step &step, Found &found) {
    const uint64_t base = (step.base - step.shift) & ((1ULL << 40) - 1);
    port->start(base, static_cast<uint32_t>(step.program + step.shift));
    const uint64_t most = step.cut ? step.cut : step.abort ? step.abort : step.limit;
    if (!ends(most, found, step.meddle)) {
        if (step.cut) {
            found.ending = CUT;
            return;
        }
        found.aborted = true;
        port->write(CTRL, ABORT);
        if (!ends(ENDS, found, 0)) {
            found.ending = HUNG;
            return;
        }
    }
    found.cycles = top->stop_cycle - top->start_cycle;
    for (int i = 0; i < COUNTED; ++i) {
        found.counters[i] = port->read(COUNTERS + 8 * i);
        found.counters[i] |= static_cast<uint64_t>(port->read(COUNTERS + 8 * i + 4)) << 32;
    }
    port->write(STATUS, ENDED | RECORDED);
    for (int i = 0; i < 4; ++i) port->tick();
    if (top->irq) found.ending = HUNG;
}

void print(const Found &found) {
    static const char *const names[] = {"done", "hung", "cut", "unanswered"};
    std::printf("{\"ending\": \"%s\", \"aborted\": %s, \"status\": %u, \"interrupts\": %u, "
                "\"cycles\": %llu, \"irq\": %d, \"protocol_errors\": %u, \"protocol_code\": %u, "
                "\"overlaps\": %llu, \"read_bursts\": %llu, \"write_bursts\": %llu, \"counters\": [",
                names[found.ending], found.aborted ? "true" : "false", found.status,
                found.interrupts, static_cast<unsigned long long>(found.cycles), top->irq,
                top->protocol_errors, top->protocol_code,
                static_cast<unsigned long long>(top->overlaps),
                static_cast<unsigned long long>(top->read_bursts),
                static_cast<unsigned long long>(top->write_bursts));
    for (int i = 0; i < COUNTED; ++i)
        std::printf(i ? ", %llu" : "%llu", static_cast<unsigned long long>(found.counters[i]));
    std::printf("]}\n");
    std::fflush(stdout);
}

}  // namespace

// The mask that memory.cpp maps from the same file.
static uint8_t *map_mask(const char *path, uint64_t size) {
    const int file = open(path, O_RDWR);
    if (file < 0) return nullptr;
    void *start = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    return start == MAP_FAILED ? nullptr : static_cast<uint8_t *>(start);
}

double sc_time_stamp() { return 0; }

int main(int argc, char **argv) {
    if (argc < 6 || maccord_memory_open(argv[1], argv[2]) != 0) {
        std::fprintf(stderr, "harness: cannot open the memory's files\n");
        return 2;
    }
    Verilated::commandArgs(argc, argv);
    std::ifstream steps(argv[3]), images(argv[4], std::ios::binary);
    std::ofstream after(argv[5], std::ios::binary);
    port = std::make_unique<Port>(ANSWER);
    top = port->top.get();
    uint8_t *const memory = maccord_memory();
    uint8_t *const mask = map_mask(argv[2], maccord_memory_size() / 8);
    if (!mask) return 2;
    Step step{};
    bool dead = false;
    while (steps >> step) {
        if (step.size > maccord_memory_size()) return 2;
        images.read(reinterpret_cast<char *>(memory), static_cast<std::streamsize>(step.size));
        std::memset(mask, 0, step.size / 8);
        if (dead) step.reset = 1;  // nothing can be said of what follows a hang but for a reset
        configure(step);
        maccord_memory_inject(step.inject_first, step.inject_count,
                              static_cast<int>(step.inject_answer));
        Found found;
        try {
            run(step, found);
        } catch (const Unanswered &) {
            found.ending = UNANSWERED;
        }
        print(found);
        dead = found.ending != DONE;
        if (found.ending == CUT) port->reset();
        after.write(reinterpret_cast<const char *>(memory),
                    static_cast<std::streamsize>(step.size));
        after.write(reinterpret_cast<const char *>(mask),
                    static_cast<std::streamsize>(step.size / 8));
    }
    after.flush();
#if VM_COVERAGE
    if (argc > 6) Verilated::threadContextp()->coveragep()->write(argv[6]);
#endif
    top->final();
    port.reset();  // before Verilator's static objects are destroyed
    return after ? 0 : 2;
}
