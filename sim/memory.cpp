// Storage of axi_memory.sv: two files mapped into the process, so that nothing is copied in or out.
// The image holds the bytes, the mask one bit per byte that the accelerator has written.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <deque>

#include "svdpi.h"

namespace {

struct Burst {
    uint64_t first, end;
};

uint8_t *bytes = nullptr;
uint8_t *mask = nullptr;
uint64_t size = 0;
std::deque<Burst> in_flight[2];  // reads, writes: both are answered in order

uint8_t *map(const char *path, uint64_t *length) {
    const int file = open(path, O_RDWR);
    struct stat info;
    if (file < 0 || fstat(file, &info) != 0) return nullptr;
    *length = static_cast<uint64_t>(info.st_size);
    void *start = mmap(nullptr, *length, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    return start == MAP_FAILED ? nullptr : static_cast<uint8_t *>(start);
}

}  // namespace

extern "C" {

// Map the image and the mask (an eighth of its size); returns 0 or an errno.
int maccord_memory_open(const char *image_path, const char *mask_path) {
    uint64_t mask_size = 0;
    bytes = map(image_path, &size);
    if (!bytes) return errno ? errno : EINVAL;
    mask = map(mask_path, &mask_size);
    if (!mask) return errno ? errno : EINVAL;
    return mask_size * 8 >= size ? 0 : EINVAL;
}

uint8_t *maccord_memory() { return bytes; }

uint64_t maccord_memory_size() { return size; }

void memory_read(unsigned long long offset, int count, svBitVecVal *data) {
    if (offset + count > size) return;
    std::memcpy(data, bytes + offset, count);
}

void memory_write(unsigned long long offset, int count, const svBitVecVal *data,
                  unsigned long long strobes) {
    if (offset + count > size) return;
    const uint8_t *from = reinterpret_cast<const uint8_t *>(data);
    const uint64_t all = count == 64 ? ~0ULL : (1ULL << count) - 1;
    if (strobes == all) {
        std::memcpy(bytes + offset, from, count);
    } else {
        for (int i = 0; i < count; ++i)
            if (strobes >> i & 1) bytes[offset + i] = from[i];
    }
    for (int i = 0; i < count; i += 8) mask[(offset + i) / 8] |= strobes >> i & 0xFF;
}

// A burst is accepted: returns 1 if it touches one still open in the other direction.
int memory_open(int writes, unsigned long long first, unsigned long long count) {
    const Burst burst{first, first + count};
    in_flight[writes].push_back(burst);
    for (const Burst &other : in_flight[!writes])
        if (burst.first < other.end && other.first < burst.end) return 1;
    return 0;
}

// The oldest burst of a direction has been answered.
void memory_close(int writes) {
    if (!in_flight[writes].empty()) in_flight[writes].pop_front();
}
}
