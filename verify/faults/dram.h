// Memory behind the master port of a fault campaign. The golden run logs every access; each faulty
// run is compared with the log write by write, and undone afterwards.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <unordered_map>
#include <vector>

constexpr int WIDEST = 64;  // bytes of a beat

struct Beat {
    uint64_t offset = 0, strobes = 0;
    uint8_t data[WIDEST] = {};

    void apply(uint8_t *line, int width) const {
        for (int i = 0; i < width; ++i)
            if (strobes >> i & 1) line[i] = data[i];
    }
    bool equals(const Beat &other, int width) const {
        if (offset != other.offset || strobes != other.strobes) return false;
        for (int i = 0; i < width; ++i)
            if (strobes >> i & 1 && data[i] != other.data[i]) return false;
        return true;
    }
};

// Rows of a tensor, in the order in which tensors are written.
struct Area {
    uint64_t base, rows, row_bytes, pitch;

    bool holds(uint64_t offset) const {
        if (offset < base || offset >= base + rows * pitch) return false;
        return (offset - base) % pitch < row_bytes;
    }
};

class Dram {
public:
    enum class Mode { LOG, FOLLOW, FAULTY };

    std::vector<uint8_t> bytes;
    std::vector<Area> areas;
    int width = 16;
    Mode mode = Mode::LOG;
    uint64_t now = 0;       // cycles since the start
    uint64_t last = 0;      // cycle of the last access
    uint64_t quiet = 0;     // longest time without access in the golden run
    uint64_t writes = 0;    // so far

    // Of the faulty run
    uint64_t wrong = 0;       // writes that differ from the golden run's write of the same number
    uint64_t first_wrong = 0;
    uint64_t strays = 0;      // writes to lines that the golden run never writes
    std::vector<bool> touched;  // areas of the golden writes that were replaced

    void read(uint64_t offset, uint8_t *data) {
        std::memcpy(data, &bytes[offset], width);
        enter(offset, READ);
    }

    void write(const Beat &beat) {
        const uint64_t all = width == 64 ? ~0ULL : (1ULL << width) - 1;
        enter(beat.offset, beat.strobes == all ? WHOLE : PART);
        if (mode == Mode::LOG) log_.push_back(beat);
        if (mode == Mode::FAULTY) compare(beat);
        else beat.apply(&bytes[beat.offset], width);
        ++writes;
    }

    // The golden run is complete.
    void sort() {
        quiet = std::max(quiet, now - last);
        std::stable_sort(events_.begin(), events_.end(),
                         [](const Event &a, const Event &b) { return a.line < b.line; });
        written_.assign(bytes.size() / width, false);
        size_t area = 0;
        uint64_t entered = 0;
        for (const Beat &beat : log_) {
            written_[beat.offset / width] = true;
            for (int i = 0; i < width; ++i)
                if (beat.strobes >> i & 1 && area < areas.size()
                    && areas[area].holds(beat.offset + i))
                    ++entered;
            area_of_.push_back(area);
            if (area < areas.size() && entered == areas[area].rows * areas[area].row_bytes) {
                ++area;
                entered = 0;
            }
        }
    }

    void begin_fault() {
        mode = Mode::FAULTY;
        wrong = strays = 0;
        undo_.clear();
        differing_.clear();
        touched.assign(areas.size() + 1, false);
    }

    // The faulty run is over: writes that it lacks are wrong, too.
    void finish() {
        if (writes < log_.size()) {
            if (!wrong) first_wrong = writes;
            wrong += log_.size() - writes;
            for (uint64_t number = writes; number < log_.size(); ++number)
                touched[area_of(number)] = true;
        }
    }

    // Return to the golden run's bytes at the fault.
    void undo() {
        for (auto entry = undo_.rbegin(); entry != undo_.rend(); ++entry)
            std::memcpy(&bytes[entry->offset], entry->data, width);
        undo_.clear();
    }

    uint64_t area_of(uint64_t number) const {
        return number < area_of_.size() ? area_of_[number] : areas.size();
    }
    uint64_t golden_writes() const { return log_.size(); }

    // Whether the golden run reads a byte that differs now, from cycle `time` on.
    bool matters(uint64_t time) const {
        for (const auto &[offset, golden] : differing_)
            if (read_later(offset / width, time)) return true;
        return false;
    }

    // The golden run's final bytes of an area, where they differ now the faulty run's.
    std::vector<uint8_t> patched(const Area &area, const std::vector<uint8_t> &golden) const {
        std::vector<uint8_t> found = golden;
        uint64_t index = 0;
        for (uint64_t row = 0; row < area.rows; ++row)
            for (uint64_t i = 0; i < area.row_bytes; ++i, ++index) {
                const uint64_t offset = area.base + row * area.pitch + i;
                if (differing_.count(offset / width * width)) found[index] = bytes[offset];
            }
        return found;
    }

    std::vector<uint8_t> content(const Area &area) const {
        std::vector<uint8_t> found;
        for (uint64_t row = 0; row < area.rows; ++row) {
            const auto first = bytes.begin() + area.base + row * area.pitch;
            found.insert(found.end(), first, first + area.row_bytes);
        }
        return found;
    }

private:
    enum Kind : uint8_t { READ, PART, WHOLE };
    struct Event {
        uint64_t time;
        uint32_t line;
        Kind kind;
    };
    struct Line {
        uint8_t data[WIDEST];
    };

    std::vector<Beat> log_;
    std::vector<Event> events_;  // of the golden run
    std::vector<uint64_t> area_of_;
    std::vector<bool> written_;
    std::vector<Beat> undo_;
    std::unordered_map<uint64_t, Line> differing_;  // lines that differ, as the golden run has them

    void enter(uint64_t offset, Kind kind) {
        if (mode == Mode::LOG) {
            quiet = std::max(quiet, now - last);
            events_.push_back({now, static_cast<uint32_t>(offset / width), kind});
        }
        last = now;
    }

    bool read_later(uint64_t line, uint64_t time) const {
        auto event = std::lower_bound(events_.begin(), events_.end(), Event{time, 0, READ},
                                      [line](const Event &a, const Event &b) {
                                          if (a.line != line) return a.line < line;
                                          return a.time < b.time;
                                      });
        for (; event != events_.end() && event->line == line; ++event) {
            if (event->kind == READ) return true;
            if (event->kind == WHOLE) return false;
        }
        return false;
    }

    Line at(uint64_t offset) const {
        Line line;
        std::memcpy(line.data, &bytes[offset], width);
        return line;
    }

    void settle(uint64_t offset) {
        const auto found = differing_.find(offset);
        if (found != differing_.end()
            && !std::memcmp(found->second.data, &bytes[offset], width))
            differing_.erase(found);
    }

    void keep(uint64_t offset) {
        Beat before{offset, 0, {}};
        std::memcpy(before.data, &bytes[offset], width);
        undo_.push_back(before);
    }

    void compare(const Beat &beat) {
        const bool there = writes < log_.size();
        const Beat &golden = there ? log_[writes] : beat;
        if (!there || !beat.equals(golden, width)) {
            if (!wrong++) first_wrong = writes;
            touched[area_of(writes)] = true;
            if (!written_[beat.offset / width]) ++strays;
        }
        if (wrong == 0) {  // as the golden run so far
            keep(beat.offset);
            beat.apply(&bytes[beat.offset], width);
            return;
        }
        if (there) differing_.try_emplace(golden.offset, at(golden.offset));
        differing_.try_emplace(beat.offset, at(beat.offset));
        if (there) golden.apply(differing_[golden.offset].data, width);
        keep(beat.offset);
        beat.apply(&bytes[beat.offset], width);
        if (there) settle(golden.offset);
        settle(beat.offset);
    }
};

inline Dram dram;
