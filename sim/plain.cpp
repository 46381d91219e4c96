// Runs the same model without cocotb, as the reference for its speed. Prints one JSON object.
// plain IMAGE MASK BASE PROGRAM LATENCY JITTER STALL SEED LIMIT
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "control_port.h"
#include "verilated.h"

extern "C" int maccord_memory_open(const char *image_path, const char *mask_path);
extern "C" uint64_t maccord_memory_size();

using namespace control;

double sc_time_stamp() { return 0; }

int main(int argc, char **argv) {
    if (argc != 10 || maccord_memory_open(argv[1], argv[2]) != 0) {
        std::fprintf(stderr, "plain: cannot open the memory's files\n");
        return 2;
    }
    const auto number = [&](int i) { return std::strtoull(argv[i], nullptr, 0); };
    const uint64_t base = number(3), limit = number(9);
    Verilated::commandArgs(argc, argv);
    Port port(UINT64_MAX);
    Vtop *const top = port.top.get();
    top->memory_base = base;
    top->memory_size = maccord_memory_size();
    top->memory_latency = number(5);
    top->memory_jitter = number(6);
    top->memory_stall = number(7);
    top->memory_seed = number(8);
    port.reset();
    port.start(base, static_cast<uint32_t>(number(4)));
    const uint64_t first = port.now;
    const auto start = std::chrono::steady_clock::now();
    uint32_t status = 0;
    do {
        if (status & RECORDED) port.write(STATUS, RECORDED);
        while (!top->irq && port.now - first < limit) port.tick();
        port.tick();
        port.tick();
        status = top->irq ? port.read(STATUS) : 0;
    } while ((status & RECORDED) && !(status & ENDED));
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
    const uint64_t timed = port.now - first;
    const bool finished = top->irq;
    std::printf("{\"finished\": %s, \"cycles\": %llu, \"status\": %u, \"timed_cycles\": %llu, "
                "\"seconds\": %.9f}\n",
                finished ? "true" : "false",
                static_cast<unsigned long long>(top->stop_cycle - top->start_cycle), status,
                static_cast<unsigned long long>(timed), spent.count());
    top->final();
    port.top.reset();  // before Verilator's static objects are destroyed
    return 0;
}
