// Sign extension as two shifts, which compilers turn into one instruction; Verilator's own, an and,
// a negation and an or, they do not. Half of what an array of multipliers does is this.
#pragma once
#include "verilated.h"

template <int BITS>
static inline IData sign_extend(IData value) {
    static_assert(BITS >= 1 && BITS <= 32);
    return static_cast<IData>(static_cast<int32_t>(value << (32 - BITS)) >> (32 - BITS));
}

#define VL_EXTENDS_II(obits, lbits, lhs) sign_extend<lbits>(lhs)
#define VL_MULS_III(lbits, lhs, rhs) \
    static_cast<IData>(static_cast<int32_t>(sign_extend<lbits>(lhs)) * \
                       static_cast<int32_t>(sign_extend<lbits>(rhs)))
