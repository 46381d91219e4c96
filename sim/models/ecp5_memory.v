// Lattice ECP5's block RAM: 18 kbit, two ports, each 1, 2, 4, 9 or 18 bits wide; or one port that
// writes (A) and one that reads (B), up to 36. Where one port reads bits that the other writes at
// the same edge, hardware promises nothing: here they come out inverted, so that nobody relies on
// them. Both ports have one clock. Refused: what is not modelled.
module DP16KD #(
    parameter DATA_WIDTH_A = 18,
    parameter DATA_WIDTH_B = 18,
    parameter REGMODE_A = "NOREG",
    parameter REGMODE_B = "NOREG",
    parameter CSDECODE_A = "0b000",
    parameter CSDECODE_B = "0b000",
    parameter WRITEMODE_A = "NORMAL",
    parameter WRITEMODE_B = "NORMAL",
    parameter CLKAMUX = "CLKA",
    parameter CLKBMUX = "CLKB",
    parameter RESETMODE = "SYNC",
    parameter ASYNC_RESET_RELEASE = "SYNC",
    parameter GSR = "ENABLED",
    parameter [319:0] INITVAL_00 = 320'h0,
    parameter [319:0] INITVAL_01 = 320'h0,
    parameter [319:0] INITVAL_02 = 320'h0,
    parameter [319:0] INITVAL_03 = 320'h0,
    parameter [319:0] INITVAL_04 = 320'h0,
    parameter [319:0] INITVAL_05 = 320'h0,
    parameter [319:0] INITVAL_06 = 320'h0,
    parameter [319:0] INITVAL_07 = 320'h0,
    parameter [319:0] INITVAL_08 = 320'h0,
    parameter [319:0] INITVAL_09 = 320'h0,
    parameter [319:0] INITVAL_0A = 320'h0,
    parameter [319:0] INITVAL_0B = 320'h0,
    parameter [319:0] INITVAL_0C = 320'h0,
    parameter [319:0] INITVAL_0D = 320'h0,
    parameter [319:0] INITVAL_0E = 320'h0,
    parameter [319:0] INITVAL_0F = 320'h0,
    parameter [319:0] INITVAL_10 = 320'h0,
    parameter [319:0] INITVAL_11 = 320'h0,
    parameter [319:0] INITVAL_12 = 320'h0,
    parameter [319:0] INITVAL_13 = 320'h0,
    parameter [319:0] INITVAL_14 = 320'h0,
    parameter [319:0] INITVAL_15 = 320'h0,
    parameter [319:0] INITVAL_16 = 320'h0,
    parameter [319:0] INITVAL_17 = 320'h0,
    parameter [319:0] INITVAL_18 = 320'h0,
    parameter [319:0] INITVAL_19 = 320'h0,
    parameter [319:0] INITVAL_1A = 320'h0,
    parameter [319:0] INITVAL_1B = 320'h0,
    parameter [319:0] INITVAL_1C = 320'h0,
    parameter [319:0] INITVAL_1D = 320'h0,
    parameter [319:0] INITVAL_1E = 320'h0,
    parameter [319:0] INITVAL_1F = 320'h0,
    parameter [319:0] INITVAL_20 = 320'h0,
    parameter [319:0] INITVAL_21 = 320'h0,
    parameter [319:0] INITVAL_22 = 320'h0,
    parameter [319:0] INITVAL_23 = 320'h0,
    parameter [319:0] INITVAL_24 = 320'h0,
    parameter [319:0] INITVAL_25 = 320'h0,
    parameter [319:0] INITVAL_26 = 320'h0,
    parameter [319:0] INITVAL_27 = 320'h0,
    parameter [319:0] INITVAL_28 = 320'h0,
    parameter [319:0] INITVAL_29 = 320'h0,
    parameter [319:0] INITVAL_2A = 320'h0,
    parameter [319:0] INITVAL_2B = 320'h0,
    parameter [319:0] INITVAL_2C = 320'h0,
    parameter [319:0] INITVAL_2D = 320'h0,
    parameter [319:0] INITVAL_2E = 320'h0,
    parameter [319:0] INITVAL_2F = 320'h0,
    parameter [319:0] INITVAL_30 = 320'h0,
    parameter [319:0] INITVAL_31 = 320'h0,
    parameter [319:0] INITVAL_32 = 320'h0,
    parameter [319:0] INITVAL_33 = 320'h0,
    parameter [319:0] INITVAL_34 = 320'h0,
    parameter [319:0] INITVAL_35 = 320'h0,
    parameter [319:0] INITVAL_36 = 320'h0,
    parameter [319:0] INITVAL_37 = 320'h0,
    parameter [319:0] INITVAL_38 = 320'h0,
    parameter [319:0] INITVAL_39 = 320'h0,
    parameter [319:0] INITVAL_3A = 320'h0,
    parameter [319:0] INITVAL_3B = 320'h0,
    parameter [319:0] INITVAL_3C = 320'h0,
    parameter [319:0] INITVAL_3D = 320'h0,
    parameter [319:0] INITVAL_3E = 320'h0,
    parameter [319:0] INITVAL_3F = 320'h0
) (
    input DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5,
    DIA4, DIA3, DIA2, DIA1, DIA0,
    input ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0,
    input CEA, OCEA, CLKA, WEA, RSTA, CSA2, CSA1, CSA0,
    output DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5,
    DOA4, DOA3, DOA2, DOA1, DOA0,
    input DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5,
    DIB4, DIB3, DIB2, DIB1, DIB0,
    input ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0,
    input CEB, OCEB, CLKB, WEB, RSTB, CSB2, CSB1, CSB0,
    output DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5,
    DOB4, DOB3, DOB2, DOB1, DOB0
);
    generate
        if (CSDECODE_A != "0b000" || CSDECODE_B != "0b000"
                || ((REGMODE_A != "NOREG" || REGMODE_B != "NOREG")
                    && (DATA_WIDTH_A == 36 || DATA_WIDTH_B == 36)))
            DP16KD_of_a_mode_without_a_model refused();
    endgenerate

    // Lines of two words of two bytes of nine bits
    reg [35:0] memory [0:511];
    localparam [20479:0] INITIAL = {
        INITVAL_3F, INITVAL_3E, INITVAL_3D, INITVAL_3C, INITVAL_3B, INITVAL_3A, INITVAL_39,
        INITVAL_38, INITVAL_37, INITVAL_36, INITVAL_35, INITVAL_34, INITVAL_33, INITVAL_32,
        INITVAL_31, INITVAL_30, INITVAL_2F, INITVAL_2E, INITVAL_2D, INITVAL_2C, INITVAL_2B,
        INITVAL_2A, INITVAL_29, INITVAL_28, INITVAL_27, INITVAL_26, INITVAL_25, INITVAL_24,
        INITVAL_23, INITVAL_22, INITVAL_21, INITVAL_20, INITVAL_1F, INITVAL_1E, INITVAL_1D,
        INITVAL_1C, INITVAL_1B, INITVAL_1A, INITVAL_19, INITVAL_18, INITVAL_17, INITVAL_16,
        INITVAL_15, INITVAL_14, INITVAL_13, INITVAL_12, INITVAL_11, INITVAL_10, INITVAL_0F,
        INITVAL_0E, INITVAL_0D, INITVAL_0C, INITVAL_0B, INITVAL_0A, INITVAL_09, INITVAL_08,
        INITVAL_07, INITVAL_06, INITVAL_05, INITVAL_04, INITVAL_03, INITVAL_02, INITVAL_01,
        INITVAL_00
    };
    integer word;
    initial
        for (word = 0; word < 1024; word = word + 1)
            memory[word / 2][18 * (word % 2) +: 18] = INITIAL[20 * word +: 18];

    wire [17:0] di_a = {
        DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5,
        DIA4, DIA3, DIA2, DIA1, DIA0
    };
    wire [17:0] di_b = {
        DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5,
        DIB4, DIB3, DIB2, DIB1, DIB0
    };
    wire [13:0] ad_a = {
        ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0
    };
    wire [13:0] ad_b = {
        ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0
    };
    wire clock_a = CLKAMUX == "INV" ? ~CLKA : CLKA;
    wire clock_b = CLKBMUX == "INV" ? ~CLKB : CLKB;
    wire enable_a = CEA & ~|{CSA2, CSA1, CSA0};
    wire enable_b = CEB & ~|{CSB2, CSB1, CSB0};
    wire reset_now_a = RESETMODE == "ASYNC" && RSTA;
    wire reset_now_b = RESETMODE == "ASYNC" && RSTB;

    wire [35:0] mask_a, data_a, mask_b, data_b;
    wire [5:0] offset_a, offset_b;
    DP16KD_lanes #(DATA_WIDTH_A) lanes_a (
        .write(enable_a & WEA & ~RSTA), .address(ad_a[4:0]), .d({di_b, di_a}), .mask(mask_a),
        .data(data_a), .offset(offset_a)
    );
    DP16KD_lanes #(DATA_WIDTH_B) lanes_b (
        .write(enable_b & WEB & ~RSTB), .address(ad_b[4:0]), .d({18'd0, di_b}), .mask(mask_b),
        .data(data_b), .offset(offset_b)
    );

    // What the line becomes: both ports write the whole of it, and thus the same
    wire same = ad_a[13:5] == ad_b[13:5];
    wire [35:0] old_a = memory[ad_a[13:5]];
    wire [35:0] old_b = memory[ad_b[13:5]];
    wire [35:0] own_a = old_a & ~mask_a | data_a & mask_a;
    wire [35:0] own_b = old_b & ~mask_b | data_b & mask_b;
    wire [35:0] new_a = same ? own_a & ~mask_b | data_b & mask_b : own_a;
    wire [35:0] new_b = same ? new_a : own_b;
    always @(posedge clock_a) if (|mask_a) memory[ad_a[13:5]] <= new_a;
    always @(posedge clock_b) if (|mask_b) memory[ad_b[13:5]] <= new_b;

    // What is read
    wire [35:0] read_a = WRITEMODE_A == "WRITETHROUGH" ? own_a : old_a;
    wire [35:0] read_b = WRITEMODE_B == "WRITETHROUGH" ? own_b : old_b;
    reg [35:0] q_a = 0;
    reg [35:0] q_b = 0;
    always @(posedge clock_a or posedge reset_now_a)
        if (reset_now_a || RSTA) q_a <= 0;
        else if (enable_a && !(WEA && WRITEMODE_A == "NORMAL"))
            q_a <= (read_a ^ (same ? mask_b : 36'd0)) >> offset_a;
    always @(posedge clock_b or posedge reset_now_b)
        if (reset_now_b || RSTB) q_b <= 0;
        else if (enable_b && !(WEB && WRITEMODE_B == "NORMAL"))
            q_b <= (read_b ^ (same ? mask_a : 36'd0)) >> offset_b;

    // The register behind: enabled on its own
    reg [35:0] held_a = 0;
    reg [35:0] held_b = 0;
    always @(posedge clock_a or posedge reset_now_a)
        if (reset_now_a || RSTA) held_a <= 0;
        else if (OCEA) held_a <= q_a;
    always @(posedge clock_b or posedge reset_now_b)
        if (reset_now_b || RSTB) held_b <= 0;
        else if (OCEB) held_b <= q_b;
    wire [35:0] shown_a = REGMODE_A == "OUTREG" ? held_a : q_a;
    wire [35:0] shown_b = REGMODE_B == "OUTREG" ? held_b : q_b;

    assign {
        DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5,
        DOA4, DOA3, DOA2, DOA1, DOA0
    } = DATA_WIDTH_B == 36 ? q_b[17:0] : shown_a[17:0];
    assign {
        DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5,
        DOB4, DOB3, DOB2, DOB1, DOB0
    } = DATA_WIDTH_B == 36 ? q_b[35:18] : shown_b[17:0];
endmodule

// Where a port's data lie in a line, and which of its bits are written.
module DP16KD_lanes #(parameter WIDTH = 18) (
    input write,
    input [4:0] address,
    input [35:0] d,
    output [35:0] mask, data,
    output [5:0] offset
);
    // Below nine bits, the ninth of each byte is out of reach; from 18 bits on, the lowest
    // addresses enable bytes
    wire [5:0] nine = 6'd9 * {4'd0, address[4:3]};
    assign offset = WIDTH == 36 ? 6'd0
        : WIDTH == 18 ? (address[4] ? 6'd18 : 6'd0)
        : WIDTH == 9 ? nine
        : WIDTH == 4 ? nine + {3'd0, address[2], 2'd0}
        : WIDTH == 2 ? nine + {3'd0, address[2:1], 1'd0}
        : nine + {3'd0, address[2:0]};
    wire [35:0] lanes = WIDTH == 36 || WIDTH == 18
        ? {{9{address[3]}}, {9{address[2]}}, {9{address[1]}}, {9{address[0]}}}
        : 36'hfffffffff;
    wire [35:0] width = WIDTH == 36 ? 36'hfffffffff : (36'd1 << WIDTH) - 36'd1;
    assign mask = write ? (lanes & width) << offset : 36'd0;
    assign data = d << offset;
endmodule
