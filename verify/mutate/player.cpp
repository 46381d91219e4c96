// Plays scripts on a model that holds many mutants, one at a time, and compares what it observes
// with what the design without a mutant gave. A model is made anew for each script, so that nothing
// of one run reaches another.
//
//   player record SCRIPTS IMAGES MEMORY MASK EXPECTED SNAPSHOTS
//   player play   SCRIPTS IMAGES MEMORY MASK EXPECTED MUTANT...
//
// SCRIPTS: 64-bit words: number of scripts; of each its number of words, then steps. IMAGES: number
// of images; size of each; their bytes. EXPECTED: of each script its number of values, then these.
// The first word of a step is its kind, see `Step`; script.py writes them. `play` prints a line for
// each mutant, when it is done: mutant, script, step, value, expected, found, cycles. Script -1: no
// difference in any.
#include <sys/mman.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "Vtop.h"
#include "verilated.h"

extern "C" int maccord_memory_open(const char *image_path, const char *mask_path);
extern "C" uint8_t *maccord_memory();
extern "C" uint64_t maccord_memory_size();
extern "C" void maccord_memory_inject(uint64_t first, uint64_t count, int answer);

namespace {

enum Step : uint64_t {
    RESET, TIMING, IMAGE, WRITE, READ, TICKS, RUN, OBSERVE, BYTES, INJECT, PRESET, BOTH
};
constexpr int WORDS[] = {1, 4, 2, 6, 2, 1, 1, 0, 2, 3, 1, 4};  // of each step, without its kind
constexpr uint32_t STATUS = 0x00C;
constexpr uint32_t ENDED = 0x6, RECORDED = 0x8;  // bits of STATUS
constexpr int ACCESS = 2000;     // cycles of a register access
constexpr uint64_t SLACK = 64;   // cycles more than expected until a script counts as hung

uint64_t selected = 0;
uint64_t cycles = 0;  // of this script
uint64_t most = 0;
uint64_t pending = 0;  // registers still to be preset, a bit each
uint64_t preset = 0;   // what they are preset with
std::unique_ptr<VerilatedContext> context;
std::unique_ptr<Vtop> top;

struct Differs {
    uint64_t value, expected, found;  // number of the value
};

// What a script observes: recorded, or compared with what was.
class Log {
public:
    void add(uint64_t value) {
        if (expected_ && (count_ >= length_ || expected_[count_] != value))
            throw Differs{count_, count_ < length_ ? expected_[count_] : 0, value};
        ++count_;
        if (!expected_) values.push_back(value);
    }
    void expect(const uint64_t *values, uint64_t length) { expected_ = values, length_ = length; }

    std::vector<uint64_t> values;

private:
    const uint64_t *expected_ = nullptr;
    uint64_t length_ = 0, count_ = 0;
};

void tick() {
    // The last expected value is the number of cycles
    if (cycles >= most) throw Differs{~0ULL, most, cycles};
    top->aclk = 1;
    top->eval();
    top->aclk = 0;
    top->eval();
    ++cycles;
}

uint64_t write_register(const uint64_t *word) {
    const uint64_t address_delay = word[3], data_delay = word[4], response_delay = word[5];
    top->s_axi_awaddr = word[0];
    top->s_axi_wdata = word[1];
    top->s_axi_wstrb = word[2];
    bool address = false, data = false;
    uint64_t spent = 0;
    for (; !(address && data); ++spent) {
        if (spent > ACCESS) throw Differs{~0ULL, ACCESS, spent};
        top->s_axi_awvalid = !address && spent >= address_delay;
        top->s_axi_wvalid = !data && spent >= data_delay;
        const bool address_now = top->s_axi_awvalid && top->s_axi_awready;
        const bool data_now = top->s_axi_wvalid && top->s_axi_wready;
        tick();
        address |= address_now;
        data |= data_now;
    }
    top->s_axi_awvalid = top->s_axi_wvalid = 0;
    for (uint64_t i = 0; i < response_delay; ++i) tick();
    top->s_axi_bready = 1;
    for (; !top->s_axi_bvalid; ++spent) {
        if (spent > ACCESS) throw Differs{~0ULL, ACCESS, spent};
        tick();
    }
    const uint64_t response = top->s_axi_bresp;
    tick();
    top->s_axi_bready = 0;
    return response;
}

uint64_t read_register(uint64_t address, uint64_t delay = 0) {
    top->s_axi_araddr = address;
    top->s_axi_arvalid = 1;
    for (uint64_t spent = 0;; ++spent) {
        if (spent > ACCESS) throw Differs{~0ULL, ACCESS, spent};
        const bool taken = top->s_axi_arready;
        tick();
        if (taken) break;
    }
    top->s_axi_arvalid = 0;
    for (uint64_t i = 0; i < delay; ++i) tick();
    top->s_axi_rready = 1;
    for (uint64_t spent = 0; !top->s_axi_rvalid; ++spent) {
        if (spent > ACCESS) throw Differs{~0ULL, ACCESS, spent};
        tick();
    }
    const uint64_t value = top->s_axi_rdata | static_cast<uint64_t>(top->s_axi_rresp) << 32;
    tick();
    top->s_axi_rready = 0;
    return value;
}

// Write one register, and read one some cycles later; both channels answer as they can.
uint64_t write_and_read(Log &log, const uint64_t *word) {
    top->s_axi_awaddr = word[0];
    top->s_axi_wdata = word[1];
    top->s_axi_wstrb = 0xF;
    top->s_axi_araddr = word[2];
    top->s_axi_awvalid = top->s_axi_wvalid = top->s_axi_bready = top->s_axi_rready = 1;
    bool written = false, read = false;
    uint64_t value = 0;
    for (uint64_t spent = 0; !(written && read); ++spent) {
        if (spent > ACCESS) throw Differs{~0ULL, ACCESS, spent};
        if (spent == word[3]) top->s_axi_arvalid = 1;
        const bool address = top->s_axi_awvalid && top->s_axi_awready;
        const bool data = top->s_axi_wvalid && top->s_axi_wready;
        const bool asked = top->s_axi_arvalid && top->s_axi_arready;
        if (top->s_axi_rvalid && !read) {
            value = top->s_axi_rdata;
            read = true;
            log.add(spent);
        }
        written |= top->s_axi_bvalid;
        tick();
        if (address) top->s_axi_awvalid = 0;
        if (data) top->s_axi_wvalid = 0;
        if (asked) top->s_axi_arvalid = 0;
    }
    top->s_axi_bready = top->s_axi_rready = 0;
    return value;
}

// Wait for the interrupt, clearing those of records, until the program has ended.
void run(Log &log, uint64_t limit) {
    uint64_t waited = 0, records = 0, status = 0;
    do {
        if (status & RECORDED) {
            const uint64_t clear[] = {STATUS, RECORDED, 0xF, 0, 0, 0};
            write_register(clear);
            tick();
            tick();
            ++records;
        }
        while (!top->irq && waited < limit) {
            tick();
            ++waited;
        }
        tick();
        tick();
        status = top->irq ? read_register(STATUS) : 0;
    } while (!(status & ENDED) && waited < limit);
    log.add(status);
    log.add(records);
}

uint64_t hash(const uint8_t *from, uint64_t count) {
    uint64_t found = count;
    for (uint64_t i = 0; i + 8 <= count; i += 8) {
        uint64_t word;
        std::memcpy(&word, from + i, 8);
        found = (found ^ word) * 0x9E3779B97F4A7C15ULL;
        found ^= found >> 29;
    }
    return found;
}

const uint8_t *map(const std::string &path, uint64_t *length, bool writable = false) {
    const int file = open(path.c_str(), writable ? O_RDWR : O_RDONLY);
    struct stat info;
    if (file < 0 || fstat(file, &info) != 0) {
        std::fprintf(stderr, "player: cannot open %s\n", path.c_str());
        std::exit(2);
    }
    *length = static_cast<uint64_t>(info.st_size);
    void *start = mmap(nullptr, *length, PROT_READ | (writable ? PROT_WRITE : 0),
                       MAP_SHARED, file, 0);
    close(file);
    return static_cast<const uint8_t *>(start);
}

struct Files {
    const uint64_t *scripts, *images;
    uint8_t *mask;
    std::FILE *snapshots = nullptr;
};

void load(const Files &files, uint64_t index, uint64_t base) {
    const uint64_t *sizes = files.images + 1;
    const uint8_t *bytes = reinterpret_cast<const uint8_t *>(sizes + files.images[0]);
    for (uint64_t i = 0; i < index; ++i) bytes += sizes[i];
    std::memcpy(maccord_memory(), bytes, sizes[index]);
    std::memset(files.mask, 0, maccord_memory_size() / 8);
    top->memory_base = base;
    top->memory_size = sizes[index];
}

// One step; `word` are its words behind the kind.
void play(const Files &files, Log &log, uint64_t kind, const uint64_t *word) {
    switch (kind) {
    case RESET:
        top->aresetn = 0;
        for (uint64_t i = 0; i < word[0]; ++i) tick();
        top->aresetn = 1;
        tick();
        tick();
        return;
    case TIMING:
        top->memory_latency = word[0];
        top->memory_jitter = word[1];
        top->memory_stall = word[2];
        top->memory_seed = word[3];
        return;
    case IMAGE:
        return load(files, word[0], word[1]);
    case WRITE:
        return log.add(write_register(word));
    case READ:
        return log.add(read_register(word[0], word[1]));
    case TICKS:
        for (uint64_t i = 0; i < word[0]; ++i) tick();
        return;
    case RUN:
        return run(log, word[0]);
    case OBSERVE:
        for (uint64_t value : {uint64_t(top->protocol_errors), uint64_t(top->overlaps),
                               uint64_t(top->irq), top->stop_cycle - top->start_cycle,
                               uint64_t(top->read_bursts), uint64_t(top->read_beats),
                               uint64_t(top->write_bursts), uint64_t(top->write_beats)})
            log.add(value);
        return;
    case BYTES:  // first, count
        log.add(hash(maccord_memory() + word[0], word[1]));
        log.add(hash(files.mask + word[0] / 8, word[1] / 8));
        if (files.snapshots) {
            std::fwrite(maccord_memory() + word[0], 1, word[1], files.snapshots);
            std::fwrite(files.mask + word[0] / 8, 1, word[1] / 8, files.snapshots);
        }
        return;
    case PRESET:
        pending = ~0ULL;
        preset = word[0];
        return;
    case BOTH:
        return log.add(write_and_read(log, word));
    case INJECT:
        return maccord_memory_inject(word[0], word[1], static_cast<int>(word[2]));
    }
    std::fprintf(stderr, "player: no such step\n");
    std::exit(2);
}

// Play a script; `step` is the one at which it is.
void play_script(const Files &files, Log &log, const uint64_t *words, uint64_t count, int64_t &step) {
    top.reset();  // before its context
    context = std::make_unique<VerilatedContext>();
    top = std::make_unique<Vtop>(context.get(), "");
    maccord_memory_inject(0, 0, 0);
    pending = 0;
    cycles = 0;
    step = 0;
    for (uint64_t i = 0; i < count; i += 1 + WORDS[words[i]], ++step)
        play(files, log, words[i], words + i + 1);
    log.add(cycles);
}

void record(const Files &files, const char *path) {
    std::FILE *out = std::fopen(path, "wb");
    const uint64_t *words = files.scripts + 1;
    most = ~0ULL;
    for (uint64_t script = 0; script < files.scripts[0]; ++script) {
        Log log;
        int64_t step = 0;
        try {
            play_script(files, log, words + 1, words[0], step);
        } catch (const Differs &) {
            std::fprintf(stderr, "player: the control port hangs in script %llu, step %lld\n",
                         static_cast<unsigned long long>(script), static_cast<long long>(step));
            std::exit(3);
        }
        const uint64_t length = log.values.size();
        std::fwrite(&length, 8, 1, out);
        std::fwrite(log.values.data(), 8, length, out);
        words += 1 + words[0];
    }
    std::fclose(out);
}

void compare(const Files &files, const uint64_t *expected, const char *mutant) {
    selected = std::strtoull(mutant, nullptr, 10);
    const uint64_t *words = files.scripts + 1;
    uint64_t total = 0;
    for (uint64_t script = 0; script < files.scripts[0]; ++script) {
        Log log;
        log.expect(expected + 1, expected[0]);
        most = expected[expected[0]] + SLACK;
        int64_t step = 0;
        try {
            play_script(files, log, words + 1, words[0], step);
        } catch (const Differs &differs) {
            std::printf("%s %llu %lld %lld %llu %llu %llu\n", mutant,
                        static_cast<unsigned long long>(script), static_cast<long long>(step),
                        static_cast<long long>(differs.value),
                        static_cast<unsigned long long>(differs.expected),
                        static_cast<unsigned long long>(differs.found),
                        static_cast<unsigned long long>(total + cycles));
            std::fflush(stdout);
            return;
        }
        total += cycles;
        expected += 1 + expected[0];
        words += 1 + words[0];
    }
    std::printf("%s -1 0 0 0 0 %llu\n", mutant, static_cast<unsigned long long>(total));
    std::fflush(stdout);
}

}  // namespace

extern "C" unsigned maccord_selected() { return selected; }

// Whether a register is to be preset now, and with what: random bits, or ones if `preset` is 0.
extern "C" int maccord_preset(int which, unsigned *value) {
    if (!(pending >> which & 1)) return 0;
    pending &= ~(1ULL << which);
    *value = ~0U;
    if (preset) *value = static_cast<unsigned>((preset + which) * 0x9E3779B97F4A7C15ULL >> 32);
    return 1;
}

double sc_time_stamp() { return 0; }

int main(int argc, char **argv) {
    if (argc < 8 || maccord_memory_open(argv[4], argv[5]) != 0) {
        std::fprintf(stderr, "player: wrong arguments\n");
        return 2;
    }
    uint64_t length = 0;
    Files files;
    files.scripts = reinterpret_cast<const uint64_t *>(map(argv[2], &length));
    files.images = reinterpret_cast<const uint64_t *>(map(argv[3], &length));
    files.mask = const_cast<uint8_t *>(map(argv[5], &length, true));
    if (!std::strcmp(argv[1], "record")) {
        files.snapshots = std::fopen(argv[7], "wb");
        record(files, argv[6]);
        std::fclose(files.snapshots);
    } else {
        const auto *expected = reinterpret_cast<const uint64_t *>(map(argv[6], &length));
        for (int i = 7; i < argc; ++i) compare(files, expected, argv[i]);
    }
    top.reset();  // before Verilator's static objects are destroyed
    return 0;
}
