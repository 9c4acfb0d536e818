// A running stack: its addresses, its contract, and callers with tokens. It uses only the .proto files of this
// repository, and none of its code.
import { createHmac, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import grpc from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";
import protobuf from "protobufjs";

const runDir = process.env.AUCTIONS_RUN_DIR;
if (!runDir) throw new Error("AUCTIONS_RUN_DIR names no run directory");
const endpoints = JSON.parse(readFileSync(join(runDir, "endpoints.json"), "utf8"));
const secrets = JSON.parse(readFileSync(join(runDir, "secrets.json"), "utf8"));

const protos = join(dirname(fileURLToPath(import.meta.url)), "../../../protos");
const { auctions } = grpc.loadPackageDefinition(
  protoLoader.loadSync(["auction", "bidding", "stream"].map((name) => `auctions/v1/${name}.proto`), {
    includeDirs: [protos],
    longs: String,
    enums: String,
    defaults: true,
    oneofs: true,
  }),
);

// Many callers share one connection, like the callers behind a gateway.
const credentials = grpc.credentials.createInsecure();
const bidding = new auctions.v1.BiddingService(endpoints.bidding, credentials);
const auction = new auctions.v1.AuctionService(endpoints.auction, credentials);
const stream = new auctions.v1.StreamService(endpoints.gateway, credentials);

export const key = () => randomUUID();

/** A JWT, as every HS256 library makes it. */
function token(subject, roles) {
  const now = Math.floor(Date.now() / 1000);
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = {
    sub: subject,
    role: roles,
    exempt: ["velocity"],
    iss: "auctions",
    aud: "auctions",
    iat: now,
    exp: now + 3600,
  };
  const signed = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(claims)}`;
  return `${signed}.${createHmac("sha256", Buffer.from(secrets.jwt_key, "base64")).update(signed).digest("base64url")}`;
}

/** Someone who calls the services. */
export class Caller {
  constructor(subject, ...roles) {
    this.subject = subject;
    this.metadata = new grpc.Metadata();
    if (roles.length > 0) this.metadata.set("authorization", `Bearer ${token(subject, roles)}`);
  }

  createAuction(request) { return this.#unary(auction, "CreateAuction", request); }
  endAuction(request) { return this.#unary(auction, "EndAuction", request); }
  getAuction(request) { return this.#unary(auction, "GetAuction", request); }
  listBids(request) { return this.#unary(auction, "ListBids", request); }
  placeBid(request) { return this.#unary(bidding, "PlaceBid", request); }
  getBidOutcome(request) { return this.#unary(bidding, "GetBidOutcome", request); }
  placeBids() { return bidding.PlaceBids(this.metadata); }
  watch(request) { return stream.Watch(request, this.metadata); }

  /** Retries a call when its outcome is unknown or nothing was decided. */
  async #unary(client, method, request) {
    for (let attempt = 0; ; attempt++) {
      try {
        return await new Promise((resolve, reject) => {
          const deadline = Date.now() + 20_000;
          client[method](request, this.metadata, { deadline }, (error, response) =>
            error ? reject(error) : resolve(response));
        });
      } catch (error) {
        const again = [grpc.status.UNAVAILABLE, grpc.status.RESOURCE_EXHAUSTED].includes(error.code) && attempt < 20;
        if (!again) throw error;
        await new Promise((resume) => setTimeout(resume, 50 * (attempt + 1)));
      }
    }
  }
}

export function close() {
  for (const client of [bidding, auction, stream]) client.close();
}

export const usd = (cents) => ({
  currencyCode: "USD",
  units: String(Math.trunc(cents / 100)),
  nanos: (cents % 100) * 10_000_000,
});
export const cents = (money) => (money ? Number(money.units) * 100 + money.nanos / 10_000_000 : 0);
export const version = (state) => Number(state.version);

/** Creates an auction that stays open for an hour, or until somebody ends it. */
export async function openAuction(seller, terms = {}) {
  const end = Date.now() + 3_600_000;
  const { auction: created } = await seller.createAuction({
    idempotencyKey: key(),
    auction: {
      title: "Interop",
      currencyCode: "USD",
      openingPrice: usd(100),
      increment: { table: "ebay-us" },
      originalEndTime: { seconds: String(Math.floor(end / 1000)), nanos: (end % 1000) * 1_000_000 },
      ...terms,
    },
  });
  return created;
}

const { root: rpc } = protobuf.parse(`
  syntax = "proto3";
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }`,
  { keepCase: true });

/** The google.rpc.Status in an error's trailers, with its ErrorInfo. */
export function errorDetails(error) {
  const [bytes] = error.metadata.get("grpc-status-details-bin");
  if (!bytes) return null;
  const status = rpc.lookupType("Status").decode(bytes);
  const info = status.details.find((detail) => detail.type_url === "type.googleapis.com/google.rpc.ErrorInfo");
  return { code: status.code, errorInfo: info && rpc.lookupType("ErrorInfo").decode(info.value) };
}
