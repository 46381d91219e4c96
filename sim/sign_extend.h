// Sign extension as two shifts, which compilers reduce to one instruction. They do not do so with
// Verilator's own sequence (and, negate, or). It is half of the work of a multiplier array.
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
