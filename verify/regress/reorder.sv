// axi_memory whose reads may be answered out of order between IDs, and interleaved beat by beat.
// The memory that answers in order is instantiated behind queues of beats, one for each ID. The two
// highest bits of the seed choose: 0 or 1 in order, 2 by bursts, 3 by beats.
module axi_memory #(
    parameter int D = 16,
    parameter int BEATS = 4096  // held for each ID
) (
    // harness.py puts the ports of axi_memory_in_order here
);
    localparam int P = $clog2(BEATS);

    logic [1:0] in_id, in_resp;
    logic [8*D-1:0] in_data;
    logic in_last, in_valid;
    wire in_ready = used[in_id] != (P + 1)'(BEATS) && ordered != (P + 1)'(BEATS);
    wire in_fire = in_valid && in_ready;

    axi_memory_in_order #(.D(D)) memory (
        .*, .rid(in_id), .rdata(in_data), .rresp(in_resp), .rlast(in_last), .rvalid(in_valid),
        .rready(in_ready)
    );

    logic [8*D+2:0] beats[4*BEATS];  // data, response and last, by ID and number
    logic [1:0]     order[BEATS];    // IDs as they came
    logic [P-1:0]   head[4], tail[4], first, end_;
    logic [P:0]     used[4], ordered;
    logic [31:0]    random;
    logic           open;  // a burst goes out that others must not interrupt
    logic [1:0]     turn;  // its ID

    // The first ID with a beat, from a random one on
    logic [1:0] picked;
    always_comb begin
        picked = random[9:8];
        for (int i = 3; i >= 0; i--)
            if (used[random[9:8] + 2'(i)] != 0) picked = random[9:8] + 2'(i);
        if (!seed[31]) picked = order[first];
        else if (!seed[30] && open) picked = turn;
    end
    wire go = (!rvalid || rready) && used[picked] != 0;
    wire [8*D+2:0] beat = beats[{picked, head[picked]}];

    always_ff @(posedge aclk) begin
        if (!aresetn) begin
            for (int id = 0; id < 4; id++) begin
                head[id] <= 0;
                tail[id] <= 0;
                used[id] <= 0;
            end
            first <= 0;
            end_ <= 0;
            ordered <= 0;
            open <= 0;
            rvalid <= 0;
            random <= seed ^ 32'h9E3779B9;
        end else begin
            random <= {random[30:0], random[31] ^ random[21] ^ random[1] ^ random[0]};
            if (in_fire) begin
                beats[{in_id, tail[in_id]}] <= {in_data, in_resp, in_last};
                tail[in_id] <= tail[in_id] + 1;
                order[end_] <= in_id;
                end_ <= end_ + 1;
            end
            if (go) begin
                head[picked] <= head[picked] + 1;
                first <= first + 1;
                turn <= picked;
                open <= !beat[0];
                {rdata, rresp, rlast} <= beat;
                rid <= picked;
            end
            for (int id = 0; id < 4; id++)
                used[id] <= used[id] + (P + 1)'(in_fire && in_id == 2'(id))
                            - (P + 1)'(go && picked == 2'(id));
            ordered <= ordered + (P + 1)'(in_fire) - (P + 1)'(go);
            rvalid <= go || (rvalid && !rready);
        end
    end
endmodule
