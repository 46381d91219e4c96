// Runs the same model without cocotb, as the reference for its speed. Prints one JSON object.
// plain IMAGE MASK BASE PROGRAM LATENCY JITTER STALL SEED LIMIT
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "Vtop.h"
#include "verilated.h"

extern "C" int maccord_memory_open(const char *image_path, const char *mask_path);
extern "C" uint64_t maccord_memory_size();

namespace {

constexpr uint32_t CTRL = 0x008, STATUS = 0x00C, IRQ_ENABLE = 0x010, PROGRAM = 0x014;
constexpr uint32_t BASE_LOW = 0x018, BASE_HIGH = 0x01C;
constexpr int RESET_CYCLES = 16;
constexpr uint32_t ENDED = 0x6, RECORDED = 0x8;  // bits of STATUS

std::unique_ptr<Vtop> top;
uint64_t now = 0;

void tick() {
    top->aclk = 1;
    top->eval();
    top->aclk = 0;
    top->eval();
    ++now;
}

// Hold VALID until READY is high at a rising edge.
template <typename Valid, typename Ready> void hand_over(Valid &valid, const Ready &ready) {
    valid = 1;
    top->eval();
    while (!ready) tick();
    tick();
    valid = 0;
    top->eval();
}

void write_register(uint32_t address, uint32_t value) {
    top->s_axi_awaddr = address;
    top->s_axi_wdata = value;
    top->s_axi_wstrb = 0xF;
    // Address and data together: a slave may wait for both
    top->s_axi_awvalid = top->s_axi_wvalid = 1;
    top->eval();
    while (top->s_axi_awvalid || top->s_axi_wvalid) {
        const bool address_taken = top->s_axi_awready, data_taken = top->s_axi_wready;
        tick();
        if (address_taken) top->s_axi_awvalid = 0;
        if (data_taken) top->s_axi_wvalid = 0;
        top->eval();
    }
    hand_over(top->s_axi_bready, top->s_axi_bvalid);
}

uint32_t read_register(uint32_t address) {
    top->s_axi_araddr = address;
    hand_over(top->s_axi_arvalid, top->s_axi_arready);
    top->s_axi_rready = 1;
    top->eval();
    while (!top->s_axi_rvalid) tick();
    const uint32_t value = top->s_axi_rdata;
    tick();
    top->s_axi_rready = 0;
    top->eval();
    return value;
}

}  // namespace

double sc_time_stamp() { return static_cast<double>(now); }

int main(int argc, char **argv) {
    if (argc != 10 || maccord_memory_open(argv[1], argv[2]) != 0) {
        std::fprintf(stderr, "plain: cannot open the memory's files\n");
        return 2;
    }
    const auto number = [&](int i) { return std::strtoull(argv[i], nullptr, 0); };
    const uint64_t base = number(3), limit = number(9);
    Verilated::commandArgs(argc, argv);
    top = std::make_unique<Vtop>("");
    top->memory_base = base;
    top->memory_size = maccord_memory_size();
    top->memory_latency = number(5);
    top->memory_jitter = number(6);
    top->memory_stall = number(7);
    top->memory_seed = number(8);
    for (int i = 0; i < RESET_CYCLES; ++i) tick();
    top->aresetn = 1;
    for (int i = 0; i < 2; ++i) tick();
    write_register(IRQ_ENABLE, 1);
    write_register(BASE_LOW, static_cast<uint32_t>(base));
    write_register(BASE_HIGH, static_cast<uint32_t>(base >> 32));
    write_register(PROGRAM, static_cast<uint32_t>(number(4)));
    write_register(CTRL, 1);
    const uint64_t first = now;
    const auto start = std::chrono::steady_clock::now();
    uint32_t status = 0;
    do {
        if (status & RECORDED) write_register(STATUS, RECORDED);
        while (!top->irq && now - first < limit) tick();
        tick();
        tick();
        status = top->irq ? read_register(STATUS) : 0;
    } while ((status & RECORDED) && !(status & ENDED));
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
    const uint64_t timed = now - first;
    const bool finished = top->irq;
    std::printf("{\"finished\": %s, \"cycles\": %llu, \"status\": %u, \"timed_cycles\": %llu, "
                "\"seconds\": %.9f}\n",
                finished ? "true" : "false",
                static_cast<unsigned long long>(top->stop_cycle - top->start_cycle), status,
                static_cast<unsigned long long>(timed), spent.count());
    top->final();
    top.reset();  // before Verilator's static objects are destroyed
    return 0;
}
