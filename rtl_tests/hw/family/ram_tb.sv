// Pairs of memories with the same random accesses: bits for those that have differed, and that
// have read a word while it was written, since the start.
/*verilator public_flat_rw_on*/
module tb #(
    parameter int D = 16
) (
    input  logic        aclk,
    input  logic        wakeup,
    output logic        irq,
    input  logic [63:0] random,
    output logic [7:0]  wrong,
    output logic [7:0]  collided
);
    /*verilator public_off*/
    assign irq = 0;
    initial {wrong, collided} = 0;
    logic [7:0] differs, collides;
    always_ff @(posedge aclk) begin
        wrong <= wrong | differs;
        collided <= collided | collides;
    end
    `define PAIR(INDEX) \
        pair``INDEX of_``INDEX ( \
            .clk(aclk), .rst(1'b0), .random, .differs(differs[INDEX]), .collides(collides[INDEX]) \
        );
    `PAIR(0)
    `PAIR(1)
    `PAIR(2)
    `PAIR(3)
    `PAIR(4)
    `PAIR(5)
    `PAIR(6)
    `PAIR(7)
endmodule
