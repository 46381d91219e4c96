// Reading and writing ports of memories: when the golden run next touches a word.
#pragma once
#include <array>
#include <cstdint>
#include <cstring>
#include <unordered_map>
#include <vector>

// Bits of a member of the model; none where `at` is null.
struct Signal {
    const uint8_t *at = nullptr;
    uint32_t low = 0, width = 0;

    uint64_t value() const {
        uint64_t word = 0;
        const uint32_t first = low / 8, last = (low + width - 1) / 8;
        std::memcpy(&word, at + first, last - first + 1);
        word >>= low % 8;
        return width < 64 ? word & ((1ULL << width) - 1) : word;
    }
};

template <class T> Signal signal(const T &member, uint32_t low = 0, uint32_t width = 0) {
    return {reinterpret_cast<const uint8_t *>(&member), low,
            width ? width : static_cast<uint32_t>(8 * sizeof member)};
}

// What the golden run does with a word of a memory from some cycle on.
struct Touch {
    enum Kind { UNKNOWN, UNTOUCHED, WRITTEN, READ } kind;
    uint64_t cycle;
};

class Ports {
public:
    // Enable and address of the reading port, and of the writing port.
    void add(uint64_t number, const std::array<Signal, 4> &signals) {
        for (const Signal &each : signals)
            if (!each.at) return;
        known_[number] = signals;
    }

    // Note the accesses to a word from now on.
    void watch(uint64_t number, uint64_t word) {
        const auto found = known_.find(number);
        if (found == known_.end()) return;
        auto &events = events_[key(number, word)];
        if (watched_.try_emplace(number).second) order_.push_back({number, found->second});
        watched_[number].emplace(word, &events);
    }

    // Before a rising edge of the golden run.
    void note(uint64_t cycle) {
        for (const auto &[number, signals] : order_) {
            if (signals[0].value() & 1) enter(number, signals[1].value(), cycle, Touch::READ);
            if (signals[2].value() & 1) enter(number, signals[3].value(), cycle, Touch::WRITTEN);
        }
    }

    // A read in the cycle of a write sees the old word, so it counts first.
    Touch next(uint64_t number, uint64_t word, uint64_t cycle) const {
        const auto found = events_.find(key(number, word));
        if (found == events_.end()) return {Touch::UNKNOWN, cycle};
        for (const Touch &each : found->second)
            if (each.cycle >= cycle) return each;
        return {Touch::UNTOUCHED, cycle};
    }

private:
    using Events = std::vector<Touch>;

    std::unordered_map<uint64_t, std::array<Signal, 4>> known_;
    std::vector<std::pair<uint64_t, std::array<Signal, 4>>> order_;
    std::unordered_map<uint64_t, std::unordered_map<uint64_t, Events *>> watched_;
    std::unordered_map<uint64_t, Events> events_;

    static uint64_t key(uint64_t number, uint64_t word) { return number << 32 | word; }

    void enter(uint64_t number, uint64_t word, uint64_t cycle, Touch::Kind kind) {
        const auto &words = watched_[number];
        const auto found = words.find(word);
        if (found != words.end()) found->second->push_back({kind, cycle});
    }
};
