// Main program of the model under cocotb, after cocotb's own share/lib/verilator/verilator.cpp.
// It toggles the clock. Python may request a free run: cycles without callbacks until the interrupt
// changes or a limit is reached.
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "Vtop.h"
#include "verilated.h"
#include "verilated_vpi.h"

#if VM_TRACE_FST
#include "verilated_fst_c.h"
using WavesFile = VerilatedFstC;
#elif VM_TRACE
#include "verilated_vcd_c.h"
using WavesFile = VerilatedVcdC;
#endif

extern "C" void vlog_startup_routines_bootstrap(void);
extern "C" void maccord_ledger_state(uint64_t *state);

namespace {

// Waveforms of a time window: +waves=FILE +from=TIME +to=TIME, in the model's time unit, counted
// from the completion of the ledger's first +after=AREAS areas, if given.
class Waves {
public:
#if VM_TRACE
    void open(Vtop *model, int argc, char **argv) {
        const char *path = nullptr;
        for (int i = 1; i < argc; ++i) {
            if (!std::strncmp(argv[i], "+waves=", 7)) path = argv[i] + 7;
            if (!std::strncmp(argv[i], "+from=", 6)) from_ = std::strtoull(argv[i] + 6, nullptr, 10);
            if (!std::strncmp(argv[i], "+after=", 7))
                after_ = std::strtoull(argv[i] + 7, nullptr, 10);
            if (!std::strncmp(argv[i], "+to=", 4)) to_ = std::strtoull(argv[i] + 4, nullptr, 10);
        }
        if (!path) return;
        Verilated::traceEverOn(true);
        file_ = std::make_unique<WavesFile>();
        model->trace(file_.get(), 99);
        file_->open(path);
    }

    void dump(uint64_t time) {
        if (file_ && after_ && complete() >= after_) {
            from_ += time;
            to_ += time;
            after_ = 0;
        }
        if (file_ && !after_ && time >= from_ && time <= to_) file_->dump(time);
    }

    void close() {
        if (file_) file_->close();
        file_.reset();  // before the model
    }

private:
    static uint64_t complete() {
        uint64_t state[6];
        maccord_ledger_state(state);
        return state[0];
    }

    std::unique_ptr<WavesFile> file_;
    uint64_t after_ = 0;
    uint64_t from_ = 0;
    uint64_t to_ = ~0ULL;
#else
    void open(Vtop *, int, char **) {}
    void dump(uint64_t) {}
    void close() {}
#endif
};

constexpr uint64_t HALF_PERIOD = 5;  // ns

uint64_t now = 0;
uint64_t next_edge = HALF_PERIOD;
uint64_t free_cycles = 0;  // requested by Python, 0 if none
std::unique_ptr<Vtop> top;
Waves waves;

void settle() {
    while (VerilatedVpi::callValueCbs()) {
    }
}

void toggle_clock() {
    top->aclk = !top->aclk;
    next_edge += HALF_PERIOD;
}

// Evaluate one time step in the order that cocotb expects.
void evaluate() {
    do {
        do {
            top->eval_step();
            VerilatedVpi::clearEvalNeeded();
            VerilatedVpi::doInertialPuts();
            settle();
        } while (VerilatedVpi::evalNeeded());
        VerilatedVpi::callCbs(cbReadWriteSynch);
        VerilatedVpi::doInertialPuts();
        settle();
    } while (VerilatedVpi::evalNeeded());
    top->eval_end_step();
    VerilatedVpi::callCbs(cbReadOnlySynch);
    waves.dump(now);
}

void advance() {
    now = std::min(next_edge, static_cast<uint64_t>(VerilatedVpi::cbNextDeadline()));
    VerilatedVpi::callCbs(cbNextSimTime);
    settle();
    // Callbacks run between the clock edge and its evaluation: Python sees values before the edge
    if (now == next_edge) toggle_clock();
    settle();
    VerilatedVpi::callTimedCbs();
    settle();
}

bool rose() { return top->aclk && next_edge == now + HALF_PERIOD; }

// Run cycles without callbacks; stop before `deadline` or when the interrupt changes.
void run_blind(uint64_t deadline, CData irq) {
    while (free_cycles > 0 && top->irq == irq && next_edge < deadline) {
        now = next_edge;
        toggle_clock();
        top->eval();
        waves.dump(now);
        free_cycles -= top->aclk;
    }
}

// Run without Python except for its timers, then toggle `wakeup`, which Python waits for.
void run_free() {
    const CData irq = top->irq;
    while (free_cycles > 0 && top->irq == irq && !Verilated::gotFinish()) {
        run_blind(VerilatedVpi::cbNextDeadline(), irq);
        if (free_cycles == 0 || top->irq != irq) break;
        advance();
        evaluate();
        if (rose()) --free_cycles;
    }
    free_cycles = 0;
    top->wakeup = !top->wakeup;
}

void die_with_parent() {
    const char *parent = std::getenv("MACCORD_PARENT");
    if (!parent) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != std::atoi(parent)) std::exit(1);
}

}  // namespace

extern "C" void maccord_free_run(uint64_t cycles) { free_cycles = cycles; }

double sc_time_stamp() { return static_cast<double>(now); }

int main(int argc, char **argv) {
    die_with_parent();
    Verilated::commandArgs(argc, argv);
    top = std::make_unique<Vtop>("");
    Verilated::fatalOnVpiError(false);
    waves.open(top.get(), argc, argv);
    vlog_startup_routines_bootstrap();
    Verilated::addExitCb([](void *) { VerilatedVpi::callCbs(cbEndOfSimulation); }, nullptr);
    VerilatedVpi::callCbs(cbStartOfSimulation);
    settle();
    while (!Verilated::gotFinish()) {
        evaluate();
        if (free_cycles > 0) {
            run_free();
        } else {
            advance();
        }
    }
    top->final();
    VerilatedVpi::callCbs(cbEndOfSimulation);
    waves.close();
    top.reset();  // before Verilator's static objects are destroyed
    return Verilated::threadContextp()->errorCount() > 0 ? 1 : 0;
}
