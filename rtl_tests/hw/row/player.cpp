// Plays jobs from rows.bin into a row unit and writes its results to found.bin.
//
// A job: counts of table entries and of vectors, four settings, the entries (address, data), the
// vectors; all of 64 bits. The next job begins when all results of this one are there.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "Vtop.h"
#include "verilated.h"

namespace {

VerilatedContext context;
Vtop top{&context};

void tick() {
    top.aclk = 1;
    top.eval();
    top.aclk = 0;
    top.eval();
}

uint64_t next(FILE* file) {
    uint64_t word = 0;
    if (fread(&word, sizeof word, 1, file) != 1) exit(3);
    return word;
}

}  // namespace

int main() {
    FILE* in = fopen("rows.bin", "rb");
    FILE* out = fopen("found.bin", "wb");
    if (!in || !out) return 3;
    top.rst = 1;
    top.aclk = 0;
    top.write_enable = top.i_valid = 0;
    tick();
    top.rst = 0;
    uint64_t random = 1;
    for (uint64_t jobs = next(in); jobs; --jobs) {
        uint64_t entries = next(in), vectors = next(in);
        for (int k = 0; k < 4; ++k) {
            uint64_t setting = next(in);
            top.settings[2 * k] = static_cast<uint32_t>(setting);
            top.settings[2 * k + 1] = static_cast<uint32_t>(setting >> 32);
        }
        top.write_enable = 1;
        for (; entries; --entries) {
            top.write_address = static_cast<uint16_t>(next(in));
            top.write_data = next(in);
            tick();
        }
        top.write_enable = 0;
        tick();
        tick();
        std::vector<uint64_t> given(vectors);
        for (auto& vector : given) vector = next(in);
        uint64_t sent = 0, idle = 0;
        for (uint64_t got = 0; got < vectors;) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            top.i_valid = sent < vectors && (random >> 62) != 0;
            top.i_payload = sent < vectors ? given[sent] : random;
            top.eval();
            bool taken = top.i_valid && top.i_ready, given_out = top.o_valid;
            if (given_out) {
                uint64_t word = top.o_payload;
                fwrite(&word, sizeof word, 1, out);
                ++got;
            }
            sent += taken;
            idle = taken || given_out ? 0 : idle + 1;
            if (idle > 5000) return 4;
            tick();
        }
    }
    return fclose(out) ? 3 : 0;
}
