// Blocks with a family's multipliers beside the plain ones, with the same random inputs: bits for
// those that have differed, and for those that have given anything, since the start.
/*verilator public_flat_rw_on*/
module tb #(
    parameter int D = 16
) (
    input  logic         aclk,
    input  logic         wakeup,
    output logic         irq,
    input  logic [127:0] random,
    output logic [7:0]   wrong,
    output logic [7:0]   given
);
    /*verilator public_off*/
    assign irq = 0;
    logic rst = 1;
    always_ff @(posedge aclk) rst <= 0;
    pairs all (.clk(aclk), .*);
endmodule
