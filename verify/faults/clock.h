// Clock and control port of the model.
#pragma once
#include <cstdint>
#include <memory>

#include "Vtop.h"
#include "dram.h"

namespace port {
constexpr uint32_t CTRL = 0x008, STATUS = 0x00C, IRQ_ENABLE = 0x010, PROGRAM = 0x014;
constexpr uint32_t BASE_LOW = 0x018, BASE_HIGH = 0x01C;
constexpr uint32_t DONE = 0x2, ERROR = 0x4;  // bits of STATUS
constexpr int PATIENCE = 1000;               // cycles to wait for a handshake
}  // namespace port

class Clock {
public:
    std::unique_ptr<Vtop> top = std::make_unique<Vtop>("");

    void tick() {
        top->aclk = 1;
        top->eval();
        top->aclk = 0;
        top->eval();
        ++dram.now;
    }

    // Both return whether the port answered.
    bool write(uint32_t address, uint32_t value) {
        top->s_axi_awaddr = address;
        top->s_axi_wdata = value;
        top->s_axi_wstrb = 0xF;
        top->s_axi_awvalid = top->s_axi_wvalid = 1;
        top->eval();
        int left = port::PATIENCE;
        while ((top->s_axi_awvalid || top->s_axi_wvalid) && left-- > 0) {
            const bool address_taken = top->s_axi_awready, data_taken = top->s_axi_wready;
            tick();
            if (address_taken) top->s_axi_awvalid = 0;
            if (data_taken) top->s_axi_wvalid = 0;
            top->eval();
        }
        return left > 0 && hand_over(top->s_axi_bready, top->s_axi_bvalid);
    }

    bool read(uint32_t address, uint32_t &value) {
        top->s_axi_araddr = address;
        if (!hand_over(top->s_axi_arvalid, top->s_axi_arready)) return false;
        top->s_axi_rready = 1;
        top->eval();
        int left = port::PATIENCE;
        while (!top->s_axi_rvalid && left-- > 0) tick();
        value = top->s_axi_rdata;
        tick();
        top->s_axi_rready = 0;
        top->eval();
        return left > 0;
    }

private:
    // Hold VALID until READY is high at a rising edge.
    template <typename Valid, typename Ready> bool hand_over(Valid &valid, const Ready &ready) {
        valid = 1;
        top->eval();
        int left = port::PATIENCE;
        while (!ready && left-- > 0) tick();
        tick();
        valid = 0;
        top->eval();
        return left > 0;
    }
};
