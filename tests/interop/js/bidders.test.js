// Two hundred bidders bid on one auction at once. The services put the bids into some order. Every answer, the ledger's
// list and the viewer's frames must agree with that order.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Caller, cents, close, errorDetails, key, openAuction, usd, version } from "./stack.js";

after(close);

const BIDDERS = 200;
const BIDS_EACH = 5;
const seed = Number(process.env.SEED ?? 1);

/** mulberry32: the same seed sends the same bids. */
function random(state) {
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * bound);
  };
}

async function listAll(caller, auctionId) {
  const bids = [];
  let page;
  do {
    page = await caller.listBids({ auctionId, pageSize: 100, pageToken: page?.nextPageToken ?? "" });
    bids.push(...page.bids);
  } while (page.nextPageToken);
  return { bids, total: Number(page.totalSize) };
}

/** Watches until the stream ends: `begun` comes with the first frame, `ended` with all frames. */
function watch(caller, auctionId) {
  const frames = [];
  const call = caller.watch({ targets: [{ auctionId }] });
  call.on("data", (frame) => frame.frame !== "heartbeat" && frames.push(frame));
  const begun = new Promise((resolve) => call.once("data", resolve));
  const ended = new Promise((resolve, reject) => call.on("end", () => resolve(frames)).on("error", reject));
  return { begun, ended };
}

describe(`two hundred bidders on one auction (SEED=${seed})`, () => {
  const seller = new Caller("interop-seller", "seller");
  const bidders = Array.from({ length: BIDDERS }, (_, i) => new Caller(`interop-bidder-${i}`, "bidder"));
  const answers = []; // { bidder, request, response, again }
  let auctionId, listed, total, frames;

  before(async () => {
    ({ auctionId } = await openAuction(seller));
    const watching = watch(seller, auctionId);
    const below = random(seed);
    await Promise.all(bidders.map(async (bidder) => {
      let minimum = 100; // from the bidder's last answer: others may have raised it since then
      for (let i = 0; i < BIDS_EACH; i++) {
        const limit = minimum + below(1_000);
        const bid = below(3) === 0 ? { amount: usd(limit) } : { maxAmount: usd(limit) };
        const request = { auctionId, idempotencyKey: key(), ...bid };
        // The same request twice at once, like an impatient client.
        const both = [bidder.placeBid(request), bidder.placeBid(request)];
        const [{ result: response }, { result: again }] = await Promise.all(both);
        answers.push({ bidder, request, response, again });
        minimum = cents(response.state.minimumBid);
      }
    }));
    ({ bids: listed, total } = await listAll(seller, auctionId));
    await Promise.race([watching.begun, watching.ended]); // an error of the stream must not hang the test
    // A service may end any auction at any time.
    await new Caller("interop-operator", "service").endAuction({ auctionId, reason: "The test has its bids" });
    frames = await watching.ended;
  });

  const accepted = () => answers.filter((a) => a.response.outcome !== "BID_OUTCOME_REJECTED");

  test("every bid is answered, and some of each kind", () => {
    assert.equal(answers.length, BIDDERS * BIDS_EACH);
    const outcomes = new Set(answers.map((a) => a.response.outcome));
    assert.deepEqual([...outcomes].sort(), ["BID_OUTCOME_LEADING", "BID_OUTCOME_OUTBID", "BID_OUTCOME_REJECTED"]);
  });

  test("the same key gives the same answer, at once and later", async () => {
    const same = (response) => ({ ...response, replayed: undefined });
    for (const { response, again } of answers) {
      assert.deepEqual(same(again), same(response));
      assert.ok(again.replayed || response.replayed, "only one of two is the first answer");
    }
    for (const { bidder, request, response } of answers.slice(0, 50)) {
      assert.deepEqual(same((await bidder.placeBid(request)).result), same(response));
      const { result } = await bidder.getBidOutcome({ auctionId, idempotencyKey: request.idempotencyKey });
      assert.deepEqual(same(result), same(response));
    }
  });

  test("the accepted answers are one chain", () => {
    const chain = accepted().sort((a, b) => version(a.response.state) - version(b.response.state));
    let before = null;
    for (const { bidder, response: { outcome, state } } of chain) {
      assert.equal(state.leaderId === bidder.subject, outcome === "BID_OUTCOME_LEADING");
      if (before) {
        assert.equal(version(state), version(before) + 1);
        assert.equal(Number(state.bidCount), Number(before.bidCount) + 1);
        assert.ok(cents(state.currentPrice) >= cents(before.currentPrice), "the price never falls");
        if (outcome === "BID_OUTCOME_OUTBID") assert.equal(state.leaderId, before.leaderId);
      }
      before = state;
    }
  });

  test("every rejection was right at the version that it names", () => {
    const states = new Map(accepted().map((a) => [version(a.response.state), a.response.state]));
    for (const { bidder, request, response } of answers.filter((a) => a.response.outcome === "BID_OUTCOME_REJECTED")) {
      const state = response.state;
      if (states.has(version(state))) assert.deepEqual(state, states.get(version(state)));
      assert.equal(response.bidId, "");
      if (response.rejectionReason === "REJECTION_REASON_CEILING_NOT_RAISED") {
        assert.equal(state.leaderId, bidder.subject);
      } else {
        assert.equal(response.rejectionReason, "REJECTION_REASON_TOO_LOW");
        assert.ok(cents(request.maxAmount ?? request.amount) < cents(state.minimumBid));
      }
    }
  });

  test("every acknowledged bid is listed, once, and no other is", () => {
    assert.deepEqual(listed.map((bid) => bid.bidId).sort(), accepted().map((a) => a.response.bidId).sort());
    assert.equal(total, listed.length);
    for (const { bidder, response } of accepted()) {
      const bid = listed.find((b) => b.bidId === response.bidId);
      assert.equal(bid.bidderId, bidder.subject);
      assert.equal(Number(bid.version), version(response.state));
      assert.deepEqual(bid.priceAfter, response.state.currentPrice);
    }
  });

  test("the viewer never goes back, and its last frame is the end", async () => {
    const versions = frames.map((frame) => Number(frame.version));
    assert.deepEqual(versions, [...versions].sort((a, b) => a - b));
    const last = frames.at(-1);
    assert.equal(last.frame, "ended");
    const { auction } = await seller.getAuction({ auctionId });
    assert.deepEqual(last.ended.final, auction.state);
    assert.equal(last.ended.winnerId, auction.winnerId);
    assert.equal(auction.winnerId, listed[0].leaderAfter);
    assert.equal(auction.state.status, "AUCTION_STATUS_ENDED");
  });

  test("the same key with other content is an error that says so", async () => {
    const { bidder, request } = answers[0];
    const other = { auctionId, idempotencyKey: request.idempotencyKey, maxAmount: usd(777_777) };
    await assert.rejects(bidder.placeBid(other), (error) => {
      const details = errorDetails(error);
      assert.equal(error.code, 3);
      assert.equal(details.code, 3);
      assert.equal(details.errorInfo.domain, "auctions");
      assert.equal(details.errorInfo.reason, "IDEMPOTENCY_KEY_REUSED");
      return true;
    });
  });
});

describe("a stream of bids", () => {
  test("answers each by its key", async () => {
    const { auctionId } = await openAuction(new Caller("interop-seller", "seller"));
    const call = new Caller("interop-streamer", "bidder").placeBids();
    const keys = Array.from({ length: 50 }, key);
    const strayKey = "00000000-0000-4000-8000-000000000000"; // of a bid on an auction that does not exist
    const answered = new Map();
    const done = new Promise((resolve, reject) => call.on("end", resolve).on("error", reject));
    call.on("data", (answer) => answered.set(answer.idempotencyKey, answer));
    const send = (bid) => call.write({ bid });
    keys.forEach((idempotencyKey, i) => send({ auctionId, idempotencyKey, maxAmount: usd(1000 + i * 100) }));
    send({ auctionId: key(), idempotencyKey: strayKey, maxAmount: usd(1000) });
    call.end();
    await done;
    assert.equal(answered.size, keys.length + 1);
    for (const k of keys) assert.deepEqual([answered.get(k).answer, answered.get(k).auctionId], ["result", auctionId]);
    assert.equal(answered.get(strayKey).error.code, 5, "no such auction");
  });
});
