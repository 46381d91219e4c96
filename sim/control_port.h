// Clock and control port of a model, for main programs without cocotb.
#pragma once
#include <cstdint>
#include <memory>

#include "Vtop.h"

namespace control {

constexpr uint32_t CTRL = 0x008, STATUS = 0x00C, IRQ_ENABLE = 0x010, PROGRAM = 0x014;
constexpr uint32_t BASE_LOW = 0x018, BASE_HIGH = 0x01C, COUNTERS = 0x080;
constexpr uint32_t START = 1, ABORT = 2;         // bits of CTRL
constexpr uint32_t ENDED = 0x6, RECORDED = 0x8;  // bits of STATUS
constexpr int RESET_CYCLES = 16;

struct Unanswered {};

class Port {
public:
    // `patience`: cycles in which an access must be answered, or else it throws Unanswered.
    explicit Port(uint64_t patience) : patience_(patience) {}

    std::unique_ptr<Vtop> top = std::make_unique<Vtop>("");
    uint64_t now = 0;  // cycles

    void tick() {
        top->aclk = 1;
        top->eval();
        top->aclk = 0;
        top->eval();
        ++now;
    }

    void reset() {
        top->aresetn = 0;
        top->s_axi_awvalid = top->s_axi_wvalid = top->s_axi_bready = 0;
        top->s_axi_arvalid = top->s_axi_rready = 0;
        for (int i = 0; i < RESET_CYCLES; ++i) tick();
        top->aresetn = 1;
        for (int i = 0; i < 2; ++i) tick();
    }

    void write(uint32_t address, uint32_t value, uint32_t strobes = 0xF) {
        top->s_axi_awaddr = address;
        top->s_axi_wdata = value;
        top->s_axi_wstrb = strobes;
        // Address and data together: a slave may wait for both
        top->s_axi_awvalid = top->s_axi_wvalid = 1;
        top->eval();
        for (uint64_t waited = 0; top->s_axi_awvalid || top->s_axi_wvalid; ++waited) {
            if (waited == patience_) throw Unanswered{};
            const bool address_taken = top->s_axi_awready, data_taken = top->s_axi_wready;
            tick();
            if (address_taken) top->s_axi_awvalid = 0;
            if (data_taken) top->s_axi_wvalid = 0;
            top->eval();
        }
        hand_over(top->s_axi_bready, top->s_axi_bvalid);
    }

    uint32_t read(uint32_t address) {
        top->s_axi_araddr = address;
        hand_over(top->s_axi_arvalid, top->s_axi_arready);
        top->s_axi_rready = 1;
        top->eval();
        until(top->s_axi_rvalid);
        const uint32_t value = top->s_axi_rdata;
        tick();
        top->s_axi_rready = 0;
        top->eval();
        return value;
    }

    // Enable the interrupt, and start a program at an offset from a base.
    void start(uint64_t base, uint32_t program) {
        write(IRQ_ENABLE, 1);
        write(BASE_LOW, static_cast<uint32_t>(base));
        write(BASE_HIGH, static_cast<uint32_t>(base >> 32));
        write(PROGRAM, program);
        write(CTRL, START);
    }

private:
    uint64_t patience_;

    // Tick until a signal is high.
    template <typename Ready> void until(const Ready &ready) {
        for (uint64_t waited = 0; !ready; ++waited) {
            if (waited == patience_) throw Unanswered{};
            tick();
        }
    }

    // Hold VALID until READY is high at a rising edge.
    template <typename Valid, typename Ready> void hand_over(Valid &valid, const Ready &ready) {
        valid = 1;
        top->eval();
        until(ready);
        tick();
        valid = 0;
        top->eval();
    }
};

}  // namespace control
