// Storage of axi_memory.sv: memory-mapped files, without copies. The image holds the bytes; the
// mask has one bit per byte, set when the accelerator writes it.
//
// A ledger lists areas that must be written one after the other, or in groups, each byte once.
// Memory of dead tensors is reused, so a group is copied out as soon as it is complete. Then the
// rows of the next group are poisoned, and cleared in the mask. What the last beats before that were
// is kept as a hash, by which two runs tell whether they came there in the same way.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <deque>

#include "svdpi.h"

namespace {

struct Burst {
    uint64_t first, end;
};

struct Area {
    uint64_t base, rows, row_bytes, pitch, together;
};

// Region whose accesses are answered with an error.
struct Injected {
    uint64_t first, end;
    int response;
};

// Bytes written at a wrong address or time.
struct Fault {
    uint64_t count, first;
};

uint8_t *bytes = nullptr;
uint8_t *mask = nullptr;
uint64_t size = 0;
std::deque<Burst> in_flight[2];  // reads, writes: both are answered in order

Injected injected{};

const uint64_t *ledger = nullptr;  // poison, number of areas and of free regions, then both
uint8_t *tensors = nullptr;        // destination of the next complete area
uint64_t complete = 0;             // areas
uint64_t entered = 0;              // bytes of the group that comes next
Fault strays, doubles;

constexpr uint64_t TRACED = 64, WRITTEN = 1ULL << 63;
uint64_t beats[TRACED];  // offsets of the last ones, in order
uint64_t beat = 0;
uint64_t *traces = nullptr;  // hash of them at the end of the next complete area

uint8_t *map(const char *path, uint64_t *length) {
    const int file = open(path, O_RDWR);
    struct stat info;
    if (file < 0 || fstat(file, &info) != 0) return nullptr;
    *length = static_cast<uint64_t>(info.st_size);
    void *start = mmap(nullptr, *length, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    return start == MAP_FAILED ? nullptr : static_cast<uint8_t *>(start);
}

struct Group {
    const Area *first, *last;
    const Area *begin() const { return first; }
    const Area *end() const { return last; }
};

Group active() {
    const Area *areas = reinterpret_cast<const Area *>(ledger + 3), *first = areas + complete;
    if (complete == ledger[1]) return {first, first};
    return {first, areas + std::min(complete + first->together, ledger[1])};
}

// Byte lanes of a beat that lie in a region.
uint64_t lanes(const Burst &region, uint64_t offset, uint64_t count) {
    const uint64_t first = std::max(region.first, offset);
    const uint64_t end = std::min(region.end, offset + count);
    return first < end ? ~0ULL >> (64 - (end - first)) << (first - offset) : 0;
}

uint64_t lanes_of(const Area &area, uint64_t offset, uint64_t count) {
    uint64_t row = offset > area.base ? std::min((offset - area.base) / area.pitch, area.rows) : 0;
    uint64_t found = 0;
    for (; row < area.rows; ++row) {
        const uint64_t first = area.base + row * area.pitch;
        if (first >= offset + count) break;
        found |= lanes({first, first + area.row_bytes}, offset, count);
    }
    return found;
}

uint64_t active_lanes(uint64_t offset, uint64_t count) {
    uint64_t found = 0;
    for (const Area &area : active()) found |= lanes_of(area, offset, count);
    return found;
}

uint64_t free_lanes(uint64_t offset, uint64_t count) {
    const auto *regions = reinterpret_cast<const Burst *>(ledger + 3 + 5 * ledger[1]);
    uint64_t found = 0;
    for (uint64_t i = 0; i < ledger[2]; ++i) found |= lanes(regions[i], offset, count);
    return found;
}

void forget(uint64_t first, uint64_t end) {
    for (; first < end && first % 8; ++first) mask[first / 8] &= ~(1 << first % 8);
    for (; first < end && end % 8; --end) mask[(end - 1) / 8] &= ~(1 << (end - 1) % 8);
    if (first < end) std::memset(mask + first / 8, 0, (end - first) / 8);
}

// The rows of the next group hold no valid data before they are written.
void expect() {
    entered = 0;
    for (const Area &area : active()) {
        for (uint64_t i = 0; i < area.rows; ++i) {
            const uint64_t first = area.base + i * area.pitch;
            std::memset(bytes + first, static_cast<int>(ledger[0]), area.row_bytes);
            forget(first, first + area.row_bytes);
        }
    }
}

void copy_out() {
    for (const Area &area : active())
        for (uint64_t i = 0; i < area.rows; ++i, tensors += area.row_bytes)
            std::memcpy(tensors, bytes + area.base + i * area.pitch, area.row_bytes);
}

uint64_t group_size() {
    uint64_t found = 0;
    for (const Area &area : active()) found += area.rows * area.row_bytes;
    return found;
}

void trace(uint64_t areas) {
    if (!traces) return;
    uint64_t hash = 0xCBF29CE484222325;  // FNV-1a, by words
    for (uint64_t i = 0; i < TRACED; ++i) hash = (hash ^ beats[(beat + i) % TRACED]) * 0x100000001B3;
    traces = std::fill_n(traces, areas, hash);
}

int response(uint64_t offset, uint64_t count) {
    return offset < injected.end && injected.first < offset + count ? injected.response : 0;
}

void blame(Fault &fault, uint64_t offset, uint64_t found) {
    if (!found) return;
    if (!fault.count) fault.first = offset + std::countr_zero(found);
    fault.count += std::popcount(found);
}

// Check a written beat, already in the mask; `before`: its byte lanes that had been written before.
void enter(uint64_t offset, uint64_t count, uint64_t strobes, uint64_t before) {
    const uint64_t inside = strobes & active_lanes(offset, count);
    const uint64_t outside = strobes & ~inside;
    if (outside) blame(strays, offset, outside & ~free_lanes(offset, count));
    blame(doubles, offset, inside & before);
    entered += std::popcount(inside & ~before);
    if (inside && entered == group_size()) {
        copy_out();
        trace(active().last - active().first);
        complete += active().last - active().first;
        expect();
    }
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

// Map the ledger and the file that receives complete areas in sequence and, if it has room for
// them, the hash of each; returns 0 or an errno.
int maccord_ledger_open(const char *ledger_path, const char *tensors_path) {
    uint64_t length = 0;
    ledger = reinterpret_cast<const uint64_t *>(map(ledger_path, &length));
    if (!ledger) return errno ? errno : EINVAL;
    tensors = map(tensors_path, &length);
    if (!tensors) return errno ? errno : EINVAL;
    uint64_t total = 0;
    const Area *areas = reinterpret_cast<const Area *>(ledger + 3);
    for (uint64_t i = 0; i < ledger[1]; ++i) total += areas[i].rows * areas[i].row_bytes;
    total = (total + 7) / 8 * 8;
    const bool room = total + 8 * ledger[1] <= length;
    traces = room ? reinterpret_cast<uint64_t *>(tensors + total) : nullptr;
    std::fill(std::begin(beats), std::end(beats), 0);
    beat = 0;
    complete = 0;
    strays = doubles = {};
    expect();
    return 0;
}

// Number of complete areas, bytes of the next group, and strays and doubles with their first offset.
void maccord_ledger_state(uint64_t *state) {
    const uint64_t values[] = {complete,     entered,       strays.count,
                               strays.first, doubles.count, doubles.first};
    std::copy(std::begin(values), std::end(values), state);
}

uint8_t *maccord_memory() { return bytes; }

uint64_t maccord_memory_size() { return size; }

// Answer accesses to a region with an error (2: SLVERR, 3: DECERR); a size of 0 disables it.
void maccord_memory_inject(uint64_t first, uint64_t count, int answer) {
    injected = {first, first + count, answer};
}

int memory_read(unsigned long long offset, int count, svBitVecVal *data) {
    if (offset + count > size) return 0;
    std::memcpy(data, bytes + offset, count);
    beats[beat++ % TRACED] = offset;
    return response(offset, count);
}

// Bytes are written despite an error response: AXI permits either.
int memory_write(unsigned long long offset, int count, const svBitVecVal *data,
                 unsigned long long strobes) {
    if (offset + count > size) return 0;
    const int answer = response(offset, count);
    beats[beat++ % TRACED] = offset | WRITTEN;
    const uint8_t *from = reinterpret_cast<const uint8_t *>(data);
    const uint64_t all = count == 64 ? ~0ULL : (1ULL << count) - 1;
    if (strobes == all) {
        std::memcpy(bytes + offset, from, count);
    } else {
        for (int i = 0; i < count; ++i)
            if (strobes >> i & 1) bytes[offset + i] = from[i];
    }
    uint64_t before = 0;
    std::memcpy(&before, mask + offset / 8, count / 8);
    const uint64_t after = before | strobes;
    std::memcpy(mask + offset / 8, &after, count / 8);
    if (ledger) enter(offset, count, strobes, before);
    return answer;
}

// Accept a burst; returns 1 if it overlaps an outstanding one of the other direction.
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

// Reset: nothing is in flight.
void memory_forget() {
    for (auto &bursts : in_flight) bursts.clear();
}
}
