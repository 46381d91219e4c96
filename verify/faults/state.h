// The model's state: registers and memories of the accelerator, and of the memory behind it.
#pragma once
#include <cstdint>
#include <cstring>
#include <vector>

#include "Vtop.h"
#include "Vtop___024root.h"
#include "verilated.h"

void Vtop___024root___eval_settle(Vtop___024root *root);

struct Register {
    size_t offset;  // in the root
    uint32_t word_bytes, words;
};

class State {
public:
    std::vector<Register> registers;  // by number; `words` is 0 for one that the model lacks
    std::vector<Register> bench;      // of axi_memory.sv

    explicit State(Vtop___024root &root, size_t count) : root_(root), registers(count) {}

    template <class T> void add(size_t number, T &member) {
        registers[number] = {offset(&member), sizeof(T), 1};
    }
    template <class T, std::size_t N> void add(size_t number, VlUnpacked<T, N> &member) {
        registers[number] = {offset(&member), sizeof(T), static_cast<uint32_t>(N)};
    }
    template <class T> void add_bench(T &member) {
        bench.push_back({offset(&member), sizeof(T), 1});
    }

    void flip(const Register &where, uint64_t word, uint64_t bit) {
        base()[where.offset + word * where.word_bytes + bit / 8] ^= 1 << bit % 8;
    }
    bool bit(const Register &where, uint64_t word, uint64_t bit) {
        return base()[where.offset + word * where.word_bytes + bit / 8] >> bit % 8 & 1;
    }

    // Evaluate the combinational logic anew after a flip.
    void settle() { Vtop___024root___eval_settle(&root_); }

    void save(std::vector<uint8_t> &to) {
        to.resize(sizeof root_);
        std::memcpy(to.data(), base(), sizeof root_);
    }
    void restore(const std::vector<uint8_t> &from) {
        std::memcpy(base(), from.data(), sizeof root_);
    }
    // Copy the state alone; everything else keeps what it was.
    void transplant(const std::vector<uint8_t> &from) {
        each([&](const Register &r) {
            std::memcpy(base() + r.offset, &from[r.offset], bytes(r));
        });
    }

    uint64_t hash() {
        uint64_t value = 0x9E3779B97F4A7C15;
        each([&](const Register &r) { mix(value, base() + r.offset, bytes(r)); });
        return value;
    }

    // Copy all registers that are no memories, one behind the other.
    void gather(std::vector<uint8_t> &to) {
        to.clear();
        for (const Register &r : registers)
            if (r.words == 1) to.insert(to.end(), base() + r.offset, base() + r.offset + bytes(r));
    }

    // Number of the last of them that differs from gathered ones, or -1; and how many do.
    int last_difference(const std::vector<uint8_t> &golden, int &count) {
        int found = -1;
        count = 0;
        const uint8_t *from = golden.data();
        for (size_t i = 0; i < registers.size(); ++i) {
            const Register &r = registers[i];
            if (r.words != 1) continue;
            if (std::memcmp(base() + r.offset, from, bytes(r))) {
                found = static_cast<int>(i);
                ++count;
            }
            from += bytes(r);
        }
        return found;
    }

private:
    Vtop___024root &root_;

    uint8_t *base() { return reinterpret_cast<uint8_t *>(&root_); }
    size_t offset(void *member) { return static_cast<uint8_t *>(member) - base(); }
    static size_t bytes(const Register &r) { return size_t(r.word_bytes) * r.words; }

    template <class F> void each(F &&f) {
        for (const Register &r : registers) f(r);
        for (const Register &r : bench) f(r);
    }

    static void mix(uint64_t &value, const uint8_t *data, size_t count) {
        constexpr uint64_t PRIME = 0x9FB21C651E98DF25;
        uint64_t lanes[4] = {value, value ^ 1, value ^ 2, value ^ 3};
        for (; count >= 32; count -= 32, data += 32)
            for (int i = 0; i < 4; ++i) {
                uint64_t word;
                std::memcpy(&word, data + 8 * i, 8);
                lanes[i] = (lanes[i] ^ word) * PRIME;
                lanes[i] ^= lanes[i] >> 29;
            }
        for (int i = 0; i < 4; ++i) value = (value ^ lanes[i]) * PRIME;
        for (; count > 0;) {
            uint64_t word = 0;
            const size_t part = count < 8 ? count : 8;
            std::memcpy(&word, data, part);
            value = (value ^ word) * PRIME;
            value ^= value >> 32;
            data += part;
            count -= part;
        }
    }
};
