// Each family's elements beside the generic one, and arrays of them: `wrong` has a bit for each
// pair whose sums have differed since the start. Operands are random, and then go through all
// pairs of activation and weight.
/*verilator public_flat_rw_on*/
module tb #(
    parameter int D = 16
) (
    input  logic         aclk,
    input  logic         wakeup,
    output logic         irq,
    input  logic         pairs,
    input  logic [255:0] random,
    output logic [17:0]  pair,
    output logic [15:0]  wrong
);
    /*verilator public_off*/
    assign irq = 0;
    initial {wrong, pair} = 0;
    logic [15:0] differs;
    always_ff @(posedge aclk) begin
        wrong <= wrong | differs;
        pair <= pairs ? pair + 1 : 0;
    end

    // A weight is captured in the last cycle of the one before, and swapped in with the first
    // activation; that of the column to the right is another one of its size, of both signs
    logic signed [7:0] a, w, right;
    assign right = pairs ? {w[7] ^ pair[16], {<<{w[6:0]}}} : random[189:182];
    logic swap, capture;
    assign a = pairs ? pair[7:0] : random[7:0];
    assign w = pairs ? pair[15:8] + 1 : random[15:8];
    assign swap = pairs ? pair[7:0] == 0 : random[16];
    assign capture = pairs ? &pair[7:0] : random[17];
    logic signed [19:0] p, p_later;
    assign p = random[37:18];
    always_ff @(posedge aclk) p_later <= p;

    // P: from above, to the family's element
    `define PAIR(FAMILY, PLACE, P, DUE_P, DUE, INDEX, BITS) \
        logic signed [BITS-1:0] p_``FAMILY``_``PLACE; \
        logic signed [19:0] due_``FAMILY``_``PLACE, later_``FAMILY``_``PLACE; \
        always_ff @(posedge aclk) later_``FAMILY``_``PLACE <= due_``FAMILY``_``PLACE; \
        FAMILY``_``PLACE element_``FAMILY``_``PLACE ( \
            .clk(aclk), .rst(1'b0), .a, .w, .swap, .capture, .p(BITS'($signed(P))), \
            .p_out(p_``FAMILY``_``PLACE) \
        ); \
        generic_middle due_element_``FAMILY``_``PLACE ( \
            .clk(aclk), .rst(1'b0), .a, .w, .swap, .capture, .p(DUE_P), \
            .p_out(due_``FAMILY``_``PLACE) \
        ); \
        assign differs[INDEX] = p_``FAMILY``_``PLACE[19:0] != DUE``_``FAMILY``_``PLACE;
    `PAIR(ecp5, first, 20'd0, 20'd0, later, 0, 20)
    `PAIR(ecp5, middle, p_later, p, later, 1, 20)
    `PAIR(ecp5, last, p_later, p, later, 2, 20)
    `PAIR(xc7, first, 20'd0, 20'd0, due, 4, 48)
    `PAIR(xc7, middle, p, p, due, 5, 48)
    `PAIR(xc7, last, p, p, due, 6, 48)
    `PAIR(xcup, first, 20'd0, 20'd0, due, 8, 48)
    `PAIR(xcup, middle, p, p, due, 9, 48)
    `PAIR(xcup, last, p, p, due, 10, 48)

    // Two columns in one element; the left sum leaves room for one more product
    logic signed [16:0] p_left;
    assign p_left = random[206:190];
    `define PACKED(PLACE, P_LEFT, P_RIGHT, INDEX) \
        logic signed [47:0] both_``PLACE; \
        logic signed [19:0] left_``PLACE, right_``PLACE; \
        xcup_packed_``PLACE packed_``PLACE ( \
            .clk(aclk), .rst(1'b0), .a, .w, .w_right(right), .swap, .capture, \
            .p((48'($signed(P_RIGHT)) << 18) + 48'($signed(P_LEFT))), .p_out(both_``PLACE) \
        ); \
        generic_middle left_of_``PLACE ( \
            .clk(aclk), .rst(1'b0), .a, .w, .swap, .capture, .p(20'($signed(P_LEFT))), \
            .p_out(left_``PLACE) \
        ); \
        generic_middle right_of_``PLACE ( \
            .clk(aclk), .rst(1'b0), .a, .w(right), .swap, .capture, .p(P_RIGHT), \
            .p_out(right_``PLACE) \
        ); \
        assign differs[INDEX] = 20'($signed(both_``PLACE[17:0])) != left_``PLACE \
            || both_``PLACE[37:18] + 20'(both_``PLACE[17]) != right_``PLACE;
    `PACKED(first, 17'd0, 20'd0, 12)
    `PACKED(middle, p_left, p, 13)
    `PACKED(last, p_left, p, 14)

    // 9 rows, 2 columns; the packed one has no windows, its sums and the ECP5's come a cycle later
    logic [39:0] sums [5];
    logic [39:0] later;
    always_ff @(posedge aclk) later <= sums[0];
    `define ARRAY(FAMILY, INDEX) \
        array_``FAMILY of_``FAMILY ( \
            .clk(aclk), .rst(1'b0), .activations(random[71:0]), .weights(random[87:72]), \
            .lines(random[135:88]), .swap(&random[177:176]), .capture(&random[179:178]), \
            .depthwise(random[180]), .sums(sums[INDEX]) \
        );
    `ARRAY(generic, 0)
    `ARRAY(ecp5, 1)
    `ARRAY(xc7, 2)
    `ARRAY(xcup, 3)
    assign differs[3] = sums[1] != later;
    assign differs[7] = sums[2] != sums[0];
    assign differs[11] = sums[3] != sums[0];
    logic [39:0] due, due_later;
    array_generic vectors (
        .clk(aclk), .rst(1'b0), .activations(random[71:0]), .weights(random[87:72]),
        .lines('0), .swap(&random[177:176]), .capture(&random[179:178]), .depthwise(1'b0),
        .sums(due)
    );
    array_xcup_packed packed_vectors (
        .clk(aclk), .rst(1'b0), .activations(random[71:0]), .weights(random[87:72]),
        .swap(&random[177:176]), .capture(&random[179:178]), .sums(sums[4])
    );
    always_ff @(posedge aclk) due_later <= due;
    assign differs[15] = sums[4] != due_later;
endmodule
