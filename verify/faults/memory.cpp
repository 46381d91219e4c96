// The calls of axi_memory.sv, answered by dram.h.
#include "dram.h"
#include "svdpi.h"

extern "C" {

int memory_read(unsigned long long offset, int, svBitVecVal *data) {
    dram.read(offset, reinterpret_cast<uint8_t *>(data));
    return 0;
}

int memory_write(unsigned long long offset, int count, const svBitVecVal *data,
                 unsigned long long strobes) {
    Beat beat{offset, strobes, {}};
    std::memcpy(beat.data, data, count);
    dram.write(beat);
    return 0;
}

// Overlapping bursts are not counted here.
int memory_open(int, unsigned long long, unsigned long long) { return 0; }
void memory_close(int) {}
void memory_forget() {}
}
