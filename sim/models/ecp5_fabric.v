// Lattice ECP5's lookup tables, carry chains, flip-flops and small memories, without delays.
// Refused: what is not modelled.

module LUT4 (input A, B, C, D, output Z);
    parameter [15:0] INIT = 16'h0000;
    wire [3:0] index = {D, C, B, A};
    assign Z = INIT[index];
endmodule

module PFUMX (input ALUT, BLUT, C0, output Z);
    assign Z = C0 ? ALUT : BLUT;
endmodule

module L6MUX21 (input D0, D1, SD, output Z);
    assign Z = SD ? D1 : D0;
endmodule

// Two bits of a carry chain. A table says whether a bit hands on the carry; if not, the table's
// first four entries say which carry leaves it.
module CCU2C (
    input CIN, A0, B0, C0, D0, A1, B1, C1, D1,
    output S0, S1, COUT
);
    parameter [15:0] INIT0 = 16'h0000;
    parameter [15:0] INIT1 = 16'h0000;
    parameter INJECT1_0 = "YES";
    parameter INJECT1_1 = "YES";
    wire [3:0] index_0 = {D0, C0, B0, A0};
    wire [3:0] index_1 = {D1, C1, B1, A1};
    wire hands_on_0 = INIT0[index_0];
    wire hands_on_1 = INIT1[index_1];
    wire made_0 = INJECT1_0 != "YES" && INIT0[{2'b00, B0, A0}];
    wire made_1 = INJECT1_1 != "YES" && INIT1[{2'b00, B1, A1}];
    wire carry = hands_on_0 ? CIN : made_0;
    assign S0 = hands_on_0 ^ (INJECT1_0 != "YES" && CIN);
    assign S1 = hands_on_1 ^ (INJECT1_1 != "YES" && carry);
    assign COUT = hands_on_1 ? carry : made_1;
endmodule

module TRELLIS_FF (input CLK, LSR, CE, DI, M, output Q);
    parameter GSR = "ENABLED";
    parameter CEMUX = "1";
    parameter CLKMUX = "CLK";
    parameter LSRMUX = "LSR";
    parameter SRMODE = "LSR_OVER_CE";
    parameter REGSET = "RESET";
    parameter LSRMODE = "LSR";
    localparam VALUE = REGSET == "SET";
    wire clock = CLKMUX == "INV" ? ~CLK : CLK;
    wire enable = CEMUX == "1" ? 1'b1 : CEMUX == "0" ? 1'b0 : CEMUX == "INV" ? ~CE : CE;
    wire reset = LSRMUX == "INV" ? ~LSR : LSR;
    reg state = VALUE;
    assign Q = state;
    generate
        if (LSRMODE != "LSR" || SRMODE != "ASYNC" && SRMODE != "LSR_OVER_CE")
            TRELLIS_FF_of_a_mode_without_a_model refused();
        if (SRMODE == "ASYNC") begin : asynchronous
            always @(posedge clock or posedge reset)
                if (reset) state <= VALUE;
                else if (enable) state <= DI;
        end else begin : synchronous
            always @(posedge clock)
                if (reset) state <= VALUE;
                else if (enable) state <= DI;
        end
    endgenerate
endmodule

module TRELLIS_DPR16X4 (
    input [3:0] DI, WAD, RAD,
    input WRE, WCK,
    output [3:0] DO
);
    parameter WCKMUX = "WCK";
    parameter WREMUX = "WRE";
    parameter [63:0] INITVAL = 64'h0;
    wire clock = WCKMUX == "INV" ? ~WCK : WCK;
    wire write = WREMUX == "1" ? 1'b1 : WREMUX == "0" ? 1'b0 : WREMUX == "INV" ? ~WRE : WRE;
    reg [3:0] memory [0:15];
    integer word;
    initial for (word = 0; word < 16; word = word + 1) memory[word] = INITVAL[4 * word +: 4];
    always @(posedge clock) if (write) memory[WAD] <= DI;
    assign DO = memory[RAD];
endmodule
