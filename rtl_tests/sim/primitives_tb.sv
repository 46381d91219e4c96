// Models of the ECP5's primitives beside equivalent plain Verilog. Both get the same random inputs;
// `wrong` has one sticky bit per pair, set if the pair ever differed.
/*verilator public_flat_rw_on*/
module tb #(
    parameter int D = 16
) (
    input  logic         aclk,
    input  logic         wakeup,
    output logic         irq,
    input  logic [71:0]  operands,
    input  logic [15:0]  controls,
    input  logic [113:0] accesses,
    output logic [20:0]  wrong,
    output logic [20:0]  collided
);
    /*verilator public_off*/
    assign irq = 0;
    logic [20:0] differs, collides;
    assign collides[3:0] = 0;
    assign collides[18:13] = 0;
    initial {wrong, collided} = 0;
    always_ff @(posedge aclk) begin
        wrong <= wrong | differs;
        collided <= collided | collides;
    end

    // Operands with their own enables and resets; three have a random sign mode
    multiplier_pair #("NONE", "NONE", "NONE", "NONE") plain (.*, .wrong(differs[0]));
    multiplier_pair #("CLK0", "CLK0", "NONE", "CLK0") element (.*, .wrong(differs[1]));
    multiplier_pair #("CLK3", "CLK1", "CLK2", "CLK0") deep (.*, .wrong(differs[2]));
    multiplier_pair #("NONE", "CLK0", "CLK0", "NONE", "ASYNC") uneven (.*, .wrong(differs[3]));

    // Configured as scratchpads, accumulators, wide memories with byte enables, and others
    memory_pair #(9, 9, "READBEFOREWRITE", "READBEFOREWRITE", 0) bank (.*, .wrong(differs[4]), .collides(collides[4]));
    memory_pair #(36, 36, "NORMAL", "NORMAL", 0) wide (.*, .wrong(differs[5]), .collides(collides[5]));
    memory_pair #(36, 18, "NORMAL", "NORMAL", 0) narrowing (.*, .wrong(differs[6]), .collides(collides[6]));
    memory_pair #(9, 36, "NORMAL", "NORMAL", 0) widening (.*, .wrong(differs[7]), .collides(collides[7]));
    memory_pair #(18, 18, "NORMAL", "WRITETHROUGH", 1) both (.*, .wrong(differs[8]), .collides(collides[8]));
    memory_pair #(9, 18, "READBEFOREWRITE", "NORMAL", 1) unequal (.*, .wrong(differs[9]), .collides(collides[9]));
    memory_pair #(4, 2, "WRITETHROUGH", "READBEFOREWRITE", 1) nibbles (.*, .wrong(differs[10]), .collides(collides[10]));
    memory_pair #(1, 4, "NORMAL", "NORMAL", 1) single (.*, .wrong(differs[11]), .collides(collides[11]));
    memory_pair #(1, 36, "NORMAL", "NORMAL", 0) serial (.*, .wrong(differs[12]), .collides(collides[12]));

    // With output registers and their own enables: as in the accelerator, and on both ports
    memory_pair #(18, 18, "NORMAL", "NORMAL", 0, 1) behind (.*, .wrong(differs[19]), .collides(collides[19]));
    memory_pair #(9, 4, "READBEFOREWRITE", "WRITETHROUGH", 1, 1) deepest (.*, .wrong(differs[20]), .collides(collides[20]));

    fabric_pairs fabric (.*, .wrong(differs[18:13]));
endmodule

// Tables and multiplexers; adders; flip-flops of four kinds, two of them at the falling edge; memory
module fabric_pairs (
    input aclk,
    input [71:0] operands,
    input [15:0] controls,
    output [5:0] wrong
);
    logic a, b, c, d, e, f, en, lsr;
    assign {lsr, en, f, e, d, c, b, a} = controls[7:0];
    localparam logic [63:0] TABLE = 64'h9d3b_62f0_e417_c5a8;
    logic [3:0] z;
    logic [1:0] five;
    logic six;
    for (genvar i = 0; i < 4; i++) begin : tables
        LUT4 #(.INIT(TABLE[16 * i +: 16])) lut (.A(a), .B(b), .C(c), .D(d), .Z(z[i]));
    end
    PFUMX low (.ALUT(z[1]), .BLUT(z[0]), .C0(e), .Z(five[0]));
    PFUMX high (.ALUT(z[3]), .BLUT(z[2]), .C0(e), .Z(five[1]));
    L6MUX21 last (.D0(five[0]), .D1(five[1]), .SD(f), .Z(six));
    assign wrong[0] = six != TABLE[controls[5:0]];

    // As Yosys uses the chain to add, and with C to subtract; another begins with a carry of 1
    logic [3:0] x, y, sum;
    logic [1:0] carry;
    assign {y, x} = operands[7:0];
    for (genvar i = 0; i < 2; i++) begin : chain
        CCU2C #(.INIT0(16'h96aa), .INIT1(16'h96aa), .INJECT1_0("NO"), .INJECT1_1("NO")) bits (
            .CIN(i == 0 ? en : carry[0]), .COUT(carry[i]), .S0(sum[2 * i]), .S1(sum[2 * i + 1]),
            .A0(x[2 * i]), .B0(y[2 * i]), .C0(c), .D0(1'b1),
            .A1(x[2 * i + 1]), .B1(y[2 * i + 1]), .C1(c), .D1(1'b1)
        );
    end
    assign wrong[1] = {carry[1], sum} != 5'(x) + {1'b0, y ^ {4{c}}} + 5'(en);
    logic s0, s1, on;
    CCU2C #(.INIT0(16'hffff), .INIT1(16'h0000)) alone (
        .CIN(a), .COUT(on), .S0(s0), .S1(s1), .A0(a), .B0(b), .C0(c), .D0(d), .A1(a), .B1(b),
        .C1(c), .D1(d)
    );
    assign wrong[2] = {on, s1, s0} != 3'b001;

    logic [3:0] q, held = 4'b0010;
    TRELLIS_FF #(.CEMUX("CE")) resets (.CLK(aclk), .LSR(lsr), .CE(en), .DI(d), .Q(q[0]));
    TRELLIS_FF #(.CEMUX("INV"), .REGSET("SET"), .LSRMUX("INV")) sets (
        .CLK(aclk), .LSR(lsr), .CE(en), .DI(d), .Q(q[1])
    );
    TRELLIS_FF #(.CLKMUX("INV")) falling (.CLK(aclk), .LSR(1'b0), .DI(d), .Q(q[2]));
    TRELLIS_FF #(.SRMODE("ASYNC"), .CEMUX("CE")) at_once (
        .CLK(aclk), .LSR(lsr), .CE(en), .DI(d), .Q(q[3])
    );
    always_ff @(posedge aclk) if (lsr) held[0] <= 0; else if (en) held[0] <= d;
    always_ff @(posedge aclk) if (!lsr) held[1] <= 1; else if (!en) held[1] <= d;
    always_ff @(negedge aclk) held[2] <= d;
    always_ff @(posedge aclk or posedge lsr) if (lsr) held[3] <= 0; else if (en) held[3] <= d;
    assign wrong[3] = q != held;

    // Asynchronous read; a write is visible from the next cycle on
    logic [3:0] store [16], data;
    initial for (int i = 0; i < 16; i++) store[i] = TABLE[4 * i +: 4];
    always_ff @(posedge aclk) if (en) store[operands[11:8]] <= operands[15:12];
    TRELLIS_DPR16X4 #(.INITVAL(TABLE)) small_memory (
        .DI(operands[15:12]), .WAD(operands[11:8]), .RAD(operands[3:0]), .WRE(en), .WCK(aclk),
        .DO(data)
    );
    assign wrong[4] = data != store[operands[3:0]];
    logic [3:0] kept;
    TRELLIS_DPR16X4 #(.INITVAL(TABLE), .WREMUX("0")) read_only (
        .DI(operands[15:12]), .WAD(operands[11:8]), .RAD(operands[3:0]), .WRE(en), .WCK(aclk),
        .DO(kept)
    );
    assign wrong[5] = kept != TABLE[4 * operands[3:0] +: 4];
endmodule

module multiplier_pair #(
    parameter CLOCK_A, CLOCK_B, CLOCK_P, CLOCK_OUT,
    parameter RESETMODE = "SYNC"
) (
    input aclk,
    input [71:0] operands,
    input [15:0] controls,
    output wrong
);
    logic [17:0] a, b, shifted_a, shifted_b;
    logic signed_a, signed_b, source_a, source_b;
    logic [3:0] ce, rst;
    assign {shifted_b, shifted_a, b, a} = operands[71:0];
    assign {source_b, source_a, signed_b, signed_a} = controls[3:0];
    assign ce = controls[7:4];
    assign rst = controls[11:8] & controls[15:12];
    logic [35:0] p;
    logic [17:0] shifted_on;
    wrapped_MULT18X18D #(
        .REG_INPUTA_CLK(CLOCK_A), .REG_INPUTB_CLK(CLOCK_B), .REG_PIPELINE_CLK(CLOCK_P),
        .REG_OUTPUT_CLK(CLOCK_OUT), .REG_INPUTA_CE("CE0"), .REG_INPUTB_CE("CE1"),
        .REG_PIPELINE_CE("CE2"), .REG_OUTPUT_CE("CE3"), .REG_INPUTA_RST("RST0"),
        .REG_INPUTB_RST("RST1"), .REG_PIPELINE_RST("RST2"), .REG_OUTPUT_RST("RST3"),
        .RESETMODE(RESETMODE)
    ) model (
        .A(a), .B(b), .C(18'd0), .SIGNEDA(signed_a), .SIGNEDB(signed_b), .SOURCEA(source_a),
        .SOURCEB(source_b), .CLK({4{aclk}}), .CE(ce), .RST(rst), .SRIA(shifted_a),
        .SRIB(shifted_b), .SROA(shifted_on), .P(p)
    );

    // Operands are extended to the product's width, so the product is right for all signs
    logic [35:0] wide_a, wide_b, held_a, held_b, product, held_p, held_out;
    logic [17:0] chosen_a, chosen_b;
    assign chosen_a = source_a ? shifted_a : a;
    assign chosen_b = source_b ? shifted_b : b;
    assign wide_a = signed_a ? 36'($signed(chosen_a)) : 36'(chosen_a);
    assign wide_b = signed_b ? 36'($signed(chosen_b)) : 36'(chosen_b);
    stage #(CLOCK_A, RESETMODE) stage_a (aclk, ce[0], rst[0], wide_a, held_a);
    stage #(CLOCK_B, RESETMODE) stage_b (aclk, ce[1], rst[1], wide_b, held_b);
    assign product = held_a * held_b;
    stage #(CLOCK_P, RESETMODE) stage_p (aclk, ce[2], rst[2], product, held_p);
    stage #(CLOCK_OUT, RESETMODE) stage_out (aclk, ce[3], rst[3], held_p, held_out);
    assign wrong = p != held_out || shifted_on != held_a[17:0];
endmodule

// A register, or a wire
module stage #(
    parameter CLOCK, RESETMODE
) (
    input clk, ce, rst,
    input [35:0] d,
    output [35:0] q
);
    generate
        if (CLOCK == "NONE") assign q = d;
        else if (RESETMODE == "SYNC") begin : synchronous
            logic [35:0] value = 0;
            always_ff @(posedge clk) if (rst) value <= 0; else if (ce) value <= d;
            assign q = value;
        end else begin : asynchronous
            logic [35:0] value = 0;
            always_ff @(posedge clk or posedge rst) if (rst) value <= 0; else if (ce) value <= d;
            assign q = value;
        end
    endgenerate
endmodule

// TWO: both ports read and write; else A writes and B reads. BEHIND: with output registers.
module memory_pair #(
    parameter int WIDTH_A, WIDTH_B,
    parameter MODE_A, MODE_B,
    parameter bit TWO,
    parameter bit BEHIND = 0
) (
    input aclk,
    input [113:0] accesses,
    output wrong,
    output logic collides
);
    logic [35:0] data_a, data_b;
    logic [13:0] address_a, address_b;
    logic enable_a, enable_b, write_a, write_b, reset_a, reset_b;
    assign {data_b, data_a} = accesses[71:0];
    assign {address_b, address_a} = accesses[99:72];
    assign {write_b, write_a, enable_b, enable_a} = {
        TWO & accesses[103], !TWO | accesses[102], accesses[101:100]
    };
    logic shows_a, shows_b;
    assign {shows_b, shows_a} = accesses[71:70];
    assign {reset_b, reset_a} = {&accesses[108:104], TWO & &accesses[113:109]};
    logic [17:0] out_a, out_b;
    wrapped_DP16KD #(
        .DATA_WIDTH_A(WIDTH_A), .DATA_WIDTH_B(WIDTH_B), .WRITEMODE_A(MODE_A), .WRITEMODE_B(MODE_B),
        .REGMODE_A(BEHIND ? "OUTREG" : "NOREG"), .REGMODE_B(BEHIND ? "OUTREG" : "NOREG")
    ) model (
        .DIA(data_a[17:0]), .DIB(WIDTH_A == 36 ? data_a[35:18] : data_b[17:0]), .ADA(address_a),
        .ADB(address_b), .CEA(enable_a), .CEB(enable_b), .OCEA(shows_a), .OCEB(shows_b), .CLKA(aclk),
        .CLKB(aclk), .WEA(write_a), .WEB(write_b), .RSTA(reset_a), .RSTB(reset_b), .CSA(3'd0),
        .CSB(3'd0), .DOA(out_a), .DOB(out_b)
    );

    // For each bit: its place in the memory, and whether it is written
    function automatic int place(int width, bit [13:0] address, int lane);
        int word, first;
        word = int'(address) / (width == 36 ? 32 : width == 18 ? 16 : width == 9 ? 8 : width);
        first = width * word;
        return width < 9 ? 9 * (first / 8) + first % 8 + lane : first + lane;
    endfunction
    function automatic bit written(int width, bit [13:0] address, int lane);
        return width < 18 || address[lane / 9];
    endfunction

    logic store [18432];
    int cycle = 1, stamp_a [18432], stamp_b [18432];  // when each port has written each bit
    logic [35:0] due_a = 0, due_b = 0;
    initial begin
        /*verilator unroll_disable*/
        for (int i = 0; i < 18432; i++) begin
            store[i] = 0;
            stamp_a[i] = 0;
            stamp_b[i] = 0;
        end
    end
    always_ff @(posedge aclk) begin
        bit writes_a, writes_b, touched;
        bit [35:0] before_a, before_b;
        int at;
        writes_a = enable_a && write_a && !reset_a;
        writes_b = enable_b && write_b && !reset_b;
        cycle <= cycle + 1;
        /*verilator unroll_disable*/
        for (int i = 0; i < WIDTH_A; i++) begin
            at = place(WIDTH_A, address_a, i);
            before_a[i] = store[at];
            if (writes_a && written(WIDTH_A, address_a, i)) stamp_a[at] = cycle;
        end
        /*verilator unroll_disable*/
        for (int i = 0; i < WIDTH_B; i++) begin
            at = place(WIDTH_B, address_b, i);
            before_b[i] = store[at];
            if (writes_b && written(WIDTH_B, address_b, i)) begin
                stamp_b[at] = cycle;
                store[at] = data_b[i];
            end
        end
        collides <= 0;
        /*verilator unroll_disable*/
        for (int i = 0; i < WIDTH_A; i++) begin
            at = place(WIDTH_A, address_a, i);
            touched = stamp_b[at] == cycle;
            if (reset_a) due_a[i] <= 0;
            else if (enable_a && !(write_a && MODE_A == "NORMAL"))
                due_a[i] <= touched
                    ^ (MODE_A == "WRITETHROUGH" && stamp_a[at] == cycle ? data_a[i] : before_a[i]);
            if (stamp_a[at] == cycle && !touched) store[at] = data_a[i];
        end
        /*verilator unroll_disable*/
        for (int i = 0; i < WIDTH_B; i++) begin
            at = place(WIDTH_B, address_b, i);
            touched = stamp_a[at] == cycle;
            if (enable_b && touched) collides <= 1;
            if (reset_b) due_b[i] <= 0;
            else if (enable_b && !(write_b && MODE_B == "NORMAL"))
                due_b[i] <= touched
                    ^ (MODE_B == "WRITETHROUGH" && stamp_b[at] == cycle ? data_b[i] : before_b[i]);
        end
    end

    localparam bit [35:0] MASK_A = 36'((64'd1 << WIDTH_A) - 1);
    localparam bit [35:0] MASK_B = 36'((64'd1 << WIDTH_B) - 1);
    logic [35:0] got_b;
    assign got_b = WIDTH_B == 36 ? {out_b, out_a} : {18'd0, out_b};
    logic [35:0] held_a = 0, held_b = 0, last_a, last_b;
    always_ff @(posedge aclk) begin
        if (reset_a) held_a <= 0; else if (shows_a) held_a <= due_a;
        if (reset_b) held_b <= 0; else if (shows_b) held_b <= due_b;
    end
    assign {last_b, last_a} = BEHIND ? {held_b, held_a} : {due_b, due_a};
    assign wrong = |((got_b ^ last_b) & MASK_B) || TWO && |(({18'd0, out_a} ^ last_a) & MASK_A);
endmodule
