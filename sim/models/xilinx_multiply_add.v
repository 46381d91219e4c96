// Xilinx's DSP48E1 and DSP48E2 as signed multiply-accumulators: one register on A, two on B, one
// on the product and one on the sum, to which what comes down the column may be added. The
// DSP48E2 multiplies B, of one register, by a registered sum of A and D, too. Refused: what is not
// modelled.
module DSP48E1 #(
    parameter AREG = 1,
    parameter ACASCREG = 1,
    parameter BREG = 1,
    parameter BCASCREG = 1,
    parameter MREG = 1,
    parameter PREG = 1,
    parameter OPMODEREG = 1,
    parameter ALUMODEREG = 1,
    parameter INMODEREG = 1,
    parameter CARRYINREG = 1,
    parameter CARRYINSELREG = 1,
    parameter USE_DPORT = "FALSE",
    parameter USE_MULT = "MULTIPLY",
    parameter USE_SIMD = "ONE48",
    parameter A_INPUT = "DIRECT",
    parameter B_INPUT = "DIRECT"
) (
    input CLK,
    input [29:0] A,
    input [17:0] B,
    input [47:0] C,
    input [24:0] D,
    input [47:0] PCIN,
    input [6:0] OPMODE,
    input [3:0] ALUMODE,
    input [4:0] INMODE,
    input [2:0] CARRYINSEL,
    input CARRYIN,
    input CEA1, CEA2, CEAD, CEALUMODE, CEB1, CEB2, CEC, CECARRYIN, CECTRL, CED, CEINMODE, CEM, CEP,
    input RSTA, RSTALLCARRYIN, RSTALUMODE, RSTB, RSTC, RSTCTRL, RSTD, RSTINMODE, RSTM, RSTP,
    output [47:0] P, PCOUT
);
    generate
        if (AREG != 1 || BREG != 2 || MREG != 1 || PREG != 1 || OPMODEREG != 0 || ALUMODEREG != 0
                || INMODEREG != 0 || CARRYINREG != 0 || CARRYINSELREG != 0 || USE_DPORT != "FALSE"
                || USE_MULT != "MULTIPLY" || USE_SIMD != "ONE48" || A_INPUT != "DIRECT"
                || B_INPUT != "DIRECT")
            DSP48E1_of_a_mode_without_a_model refused();
    endgenerate
    DSP48_multiply_add #(25) block (
        .clk(CLK), .a(A[24:0]), .b(B), .pcin(PCIN), .opmode({2'b00, OPMODE}),
        .others({ALUMODE, INMODE, CARRYINSEL, CARRYIN}), .cea(CEA2), .ceb({CEB2, CEB1}),
        .cem(CEM), .cep(CEP), .rsta(RSTA), .rstb(RSTB), .rstm(RSTM), .rstp(RSTP), .p(P)
    );
    assign PCOUT = P;
endmodule

module DSP48E2 #(
    parameter AREG = 1,
    parameter ACASCREG = 1,
    parameter BREG = 1,
    parameter BCASCREG = 1,
    parameter MREG = 1,
    parameter PREG = 1,
    parameter OPMODEREG = 1,
    parameter ALUMODEREG = 1,
    parameter INMODEREG = 1,
    parameter CARRYINREG = 1,
    parameter CARRYINSELREG = 1,
    parameter DREG = 1,
    parameter ADREG = 1,
    parameter PREADDINSEL = "A",
    parameter AMULTSEL = "A",
    parameter BMULTSEL = "B",
    parameter USE_MULT = "MULTIPLY",
    parameter USE_SIMD = "ONE48",
    parameter A_INPUT = "DIRECT",
    parameter B_INPUT = "DIRECT"
) (
    input CLK,
    input [29:0] A,
    input [17:0] B,
    input [47:0] C,
    input [26:0] D,
    input [47:0] PCIN,
    input [8:0] OPMODE,
    input [3:0] ALUMODE,
    input [4:0] INMODE,
    input [2:0] CARRYINSEL,
    input CARRYIN,
    input CEA1, CEA2, CEAD, CEALUMODE, CEB1, CEB2, CEC, CECARRYIN, CECTRL, CED, CEINMODE, CEM, CEP,
    input RSTA, RSTALLCARRYIN, RSTALUMODE, RSTB, RSTC, RSTCTRL, RSTD, RSTINMODE, RSTM, RSTP,
    output [47:0] P, PCOUT
);
    generate
        if (AREG != 1 || MREG != 1 || PREG != 1 || OPMODEREG != 0 || ALUMODEREG != 0
                || INMODEREG != 0 || CARRYINREG != 0 || CARRYINSELREG != 0 || BMULTSEL != "B"
                || USE_MULT != "MULTIPLY" || USE_SIMD != "ONE48" || A_INPUT != "DIRECT"
                || B_INPUT != "DIRECT")
            DSP48E2_of_a_mode_without_a_model refused();
        else if (AMULTSEL == "A" && BREG == 2)
            DSP48_multiply_add #(27) block (
                .clk(CLK), .a(A[26:0]), .b(B), .pcin(PCIN), .opmode(OPMODE),
                .others({ALUMODE, INMODE, CARRYINSEL, CARRYIN}), .cea(CEA2), .ceb({CEB2, CEB1}),
                .cem(CEM), .cep(CEP), .rsta(RSTA), .rstb(RSTB), .rstm(RSTM), .rstp(RSTP), .p(P)
            );
        else if (AMULTSEL == "AD" && PREADDINSEL == "A" && BREG == 1 && DREG == 1 && ADREG == 1)
            DSP48E2_add_multiply_add block (
                .clk(CLK), .a(A[26:0]), .b(B), .d(D), .pcin(PCIN), .opmode(OPMODE),
                .inmode(INMODE), .others({ALUMODE, CARRYINSEL, CARRYIN}), .cea(CEA2), .ceb(CEB2),
                .ced(CED), .cead(CEAD), .cem(CEM), .cep(CEP), .rsta(RSTA), .rstb(RSTB),
                .rstd(RSTD), .rstm(RSTM), .rstp(RSTP), .p(P)
            );
        else
            DSP48E2_of_a_mode_without_a_model refused();
    endgenerate
    assign PCOUT = P;
endmodule

// What both have in common: B1, then B2; X and Y take the product, Z nothing or what comes down.
module DSP48_multiply_add #(parameter A_BITS = 25) (
    input clk,
    input [A_BITS-1:0] a,
    input [17:0] b,
    input [47:0] pcin,
    input [8:0] opmode,
    input [12:0] others,
    input cea, cem, cep, rsta, rstb, rstm, rstp,
    input [1:0] ceb,
    output reg [47:0] p
);
    reg signed [A_BITS-1:0] a2 = 0;
    reg signed [17:0] b1 = 0;
    reg signed [17:0] b2 = 0;
    reg signed [A_BITS+17:0] m = 0;
    wire cascade = opmode == 9'b000010101;
    wire signed [47:0] product = m;
    initial p = 0;
    always @(posedge clk) begin
        if (!cascade && opmode != 9'b000000101 || |others) begin
            $display("DSP48 in a mode without a model");
            $finish;
        end
        if (rsta) a2 <= 0;
        else if (cea) a2 <= a;
        if (rstb) b1 <= 0;
        else if (ceb[0]) b1 <= b;
        if (rstb) b2 <= 0;
        else if (ceb[1]) b2 <= b1;
        if (rstm) m <= 0;
        else if (cem) m <= a2 * b2;
        if (rstp) p <= 0;
        else if (cep) p <= (cascade ? pcin : 48'd0) + product;
    end
endmodule

// A and D, then their sum, times B.
module DSP48E2_add_multiply_add (
    input clk,
    input [26:0] a, d,
    input [17:0] b,
    input [47:0] pcin,
    input [8:0] opmode,
    input [4:0] inmode,
    input [7:0] others,
    input cea, ceb, ced, cead, cem, cep, rsta, rstb, rstd, rstm, rstp,
    output reg [47:0] p
);
    reg signed [26:0] a2 = 0;
    reg signed [26:0] d1 = 0;
    reg signed [26:0] ad = 0;
    reg signed [17:0] b2 = 0;
    reg signed [44:0] m = 0;
    wire cascade = opmode == 9'b000010101;
    wire signed [47:0] product = m;
    initial p = 0;
    always @(posedge clk) begin
        if (!cascade && opmode != 9'b000000101 || |others || inmode != 5'b00100) begin
            $display("DSP48 in a mode without a model");
            $finish;
        end
        if (rsta) a2 <= 0;
        else if (cea) a2 <= a;
        if (rstd) d1 <= 0;
        else if (ced) d1 <= d;
        if (rstd) ad <= 0;
        else if (cead) ad <= a2 + d1;
        if (rstb) b2 <= 0;
        else if (ceb) b2 <= b;
        if (rstm) m <= 0;
        else if (cem) m <= ad * b2;
        if (rstp) p <= 0;
        else if (cep) p <= (cascade ? pcin : 48'd0) + product;
    end
endmodule
