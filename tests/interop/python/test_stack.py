"""A Python client (grpcio) against a running stack.

It creates auctions, bids, and watches to the end. It also reads health, reflection and error details.
"""

import base64
import hashlib
import hmac
import json
import os
import time
import unittest
import uuid

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from reflected import Reflected

RUN_DIR = os.environ["AUCTIONS_RUN_DIR"]


def _load(name):
    with open(os.path.join(RUN_DIR, name), encoding="utf-8") as file:
        return json.load(file)


ENDPOINTS = _load("endpoints.json")
KEY = base64.b64decode(_load("secrets.json")["jwt_key"])
SERVICES = {
    "bidding": "auctions.v1.BiddingService",
    "auction": "auctions.v1.AuctionService",
    "gateway": "auctions.v1.StreamService",
}


def token(subject, role, key=KEY, ttl=3600):
    """A JWT, as every HS256 library makes it."""

    def encode(raw):
        return base64.urlsafe_b64encode(raw).rstrip(b"=")

    claims = {"sub": subject, "role": role, "iss": "auctions", "aud": "auctions", "exp": int(time.time()) + ttl}
    signed = encode(b'{"alg":"HS256","typ":"JWT"}') + b"." + encode(json.dumps(claims).encode())
    return (signed + b"." + encode(hmac.new(key, signed, hashlib.sha256).digest())).decode()


def usd(cents):
    return {"currency_code": "USD", "units": cents // 100, "nanos": cents % 100 * 10_000_000}


def cents(money):
    return money.units * 100 + money.nanos // 10_000_000


def status_messages():
    """google.rpc.Status and ErrorInfo."""
    field = descriptor_pb2.FieldDescriptorProto
    one, many = field.LABEL_OPTIONAL, field.LABEL_REPEATED
    file = descriptor_pb2.FileDescriptorProto(name="status_subset.proto", package="google.rpc", syntax="proto3")
    any_type = file.message_type.add(name="Any")
    any_type.field.add(number=1, name="type_url", type=field.TYPE_STRING, label=one)
    any_type.field.add(number=2, name="value", type=field.TYPE_BYTES, label=one)
    status = file.message_type.add(name="Status")
    status.field.add(number=1, name="code", type=field.TYPE_INT32, label=one)
    status.field.add(number=2, name="message", type=field.TYPE_STRING, label=one)
    status.field.add(number=3, name="details", type=field.TYPE_MESSAGE, label=many, type_name=".google.rpc.Any")
    info = file.message_type.add(name="ErrorInfo")
    info.field.add(number=1, name="reason", type=field.TYPE_STRING, label=one)
    info.field.add(number=2, name="domain", type=field.TYPE_STRING, label=one)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    return [factory.GetPrototype(pool.FindMessageTypeByName(f"google.rpc.{name}")) for name in ("Status", "ErrorInfo")]


STATUS, ERROR_INFO = status_messages()


class StackTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.servers = {name: Reflected(ENDPOINTS[name]) for name in SERVICES}
        cls.bidding, cls.auction, cls.gateway = (cls.servers[name] for name in ("bidding", "auction", "gateway"))

    @classmethod
    def tearDownClass(cls):
        for server in cls.servers.values():
            server.channel.close()

    def open_auction(self, **terms):
        """An auction that stays open for an hour, or until end_auction."""
        end_ns = time.time_ns() + 3600 * 10**9
        auction = {
            "title": "Interop (Python)",
            "currency_code": "USD",
            "opening_price": usd(500),
            "increment": {"table": "ebay-us"},
            "original_end_time": {"seconds": end_ns // 10**9, "nanos": end_ns % 10**9 // 1000 * 1000},
            **terms,
        }
        request = {"auction": auction, "idempotency_key": str(uuid.uuid4())}
        seller = token("py-seller", "seller")
        return self.auction.call("auctions.v1.AuctionService/CreateAuction", request, seller).auction

    def end_auction(self, auction_id):
        """Ends the auction now, as a service may at any time."""
        request = {"auction_id": auction_id, "reason": "The test has its bids"}
        self.auction.call("auctions.v1.AuctionService/EndAuction", request, token("py-operator", "service"))

    def bid(self, auction_id, bidder, max_cents, key=None):
        request = {"auction_id": auction_id, "idempotency_key": key or str(uuid.uuid4()), "max_amount": usd(max_cents)}
        return self.bidding.call("auctions.v1.BiddingService/PlaceBid", request, token(bidder, "bidder")).result

    def assert_error(self, code, reason, call):
        """The call fails with the code. grpc-status-details-bin repeats the code and gives the reason."""
        with self.assertRaises(grpc.RpcError) as raised:
            call()
        error = raised.exception
        self.assertEqual(error.code(), code, error.details())
        details = dict(error.trailing_metadata()).get("grpc-status-details-bin")
        self.assertIsNotNone(details, "no grpc-status-details-bin")
        status = STATUS.FromString(details)
        self.assertEqual(status.code, code.value[0])
        infos = [d for d in status.details if d.type_url == "type.googleapis.com/google.rpc.ErrorInfo"]
        self.assertEqual(len(infos), 1)
        info = ERROR_INFO.FromString(infos[0].value)
        self.assertEqual(info.domain, "auctions")
        self.assertTrue(info.reason)
        if reason:
            self.assertEqual(info.reason, reason)

    def test_an_auction_is_created_bid_in_and_watched_to_its_end(self):
        created = self.open_auction(reserve_price=usd(2000))
        watching = self.gateway.call(
            "auctions.v1.StreamService/Watch",
            {"targets": [{"auction_id": created.auction_id}], "heartbeat_interval": {"seconds": 1}},
            token("py-viewer", "viewer"),
        )
        first = self.bid(created.auction_id, "py-ann", 1500)
        second = self.bid(created.auction_id, "py-bob", 2500)
        third = self.bid(created.auction_id, "py-ann", 2100)
        self.assertEqual((first.state.leader_id, cents(first.state.current_price)), ("py-ann", 500))
        self.assertFalse(first.state.reserve_met)
        # A limit above the reserve raises the price to the reserve. A challenger below the ceiling raises it to its own
        # limit and one increment.
        self.assertEqual((second.state.leader_id, cents(second.state.current_price)), ("py-bob", 2000))
        self.assertTrue(second.state.reserve_met)
        self.assertEqual(third.outcome, 2)
        self.assertEqual((third.state.leader_id, cents(third.state.current_price)), ("py-bob", 2150))

        versions, heartbeats, last = [], 0, None
        for frame in watching:
            if frame.WhichOneof("frame") == "heartbeat":
                heartbeats += 1
                if heartbeats == 1:
                    self.end_auction(created.auction_id)
                continue
            versions.append(frame.version)
            last = frame
        self.assertEqual(versions, sorted(versions))
        self.assertGreater(heartbeats, 0)
        self.assertEqual(last.WhichOneof("frame"), "ended")
        self.assertEqual((last.ended.winner_id, cents(last.ended.final.current_price)), ("py-bob", 2150))
        got = self.auction.call("auctions.v1.AuctionService/GetAuction", {"auction_id": created.auction_id}).auction
        read, watched = (s.SerializeToString(deterministic=True) for s in (got.state, last.ended.final))
        self.assertEqual(read, watched)
        self.assertFalse(got.HasField("reserve_price"), "the reserve is the seller's secret")
        late = self.bid(created.auction_id, "py-ann", 9000)
        self.assertEqual((late.outcome, late.rejection_reason), (3, 3))

    def test_a_retry_gets_the_same_answer(self):
        auction, key = self.open_auction(), str(uuid.uuid4())
        first, again = (self.bid(auction.auction_id, "py-ann", 700, key) for _ in range(2))
        self.assertFalse(first.replayed)
        self.assertTrue(again.replayed)
        again.replayed = False
        self.assertEqual(first, again)
        self.assert_error(
            grpc.StatusCode.INVALID_ARGUMENT,
            "IDEMPOTENCY_KEY_REUSED",
            lambda: self.bid(auction.auction_id, "py-ann", 800, key),
        )

    def test_errors_carry_their_reason(self):
        auction = self.open_auction()
        method = "auctions.v1.BiddingService/PlaceBid"
        good = {"auction_id": auction.auction_id, "idempotency_key": str(uuid.uuid4()), "max_amount": usd(700)}
        ann = token("py-ann", "bidder")
        finer = {**good, "max_amount": {"currency_code": "USD", "units": 7, "nanos": 1_000_000}}
        malformed_key = {**good, "idempotency_key": "7"}
        forged = token("py-ann", "bidder", key=b"another key that is long enough.")
        expired = token("py-ann", "bidder", ttl=-600)
        viewer = token("py-ann", "viewer")
        codes = grpc.StatusCode
        self.assert_error(codes.NOT_FOUND, None, lambda: self.bid(str(uuid.uuid4()), "py-ann", 700))
        self.assert_error(codes.INVALID_ARGUMENT, None, lambda: self.bidding.call(method, finer, ann))
        self.assert_error(codes.INVALID_ARGUMENT, None, lambda: self.bidding.call(method, malformed_key, ann))
        self.assert_error(codes.UNAUTHENTICATED, None, lambda: self.bidding.call(method, good))
        self.assert_error(codes.UNAUTHENTICATED, None, lambda: self.bidding.call(method, good, forged))
        self.assert_error(codes.UNAUTHENTICATED, None, lambda: self.bidding.call(method, good, expired))
        self.assert_error(codes.PERMISSION_DENIED, None, lambda: self.bidding.call(method, good, viewer))

    def test_every_service_reports_its_health(self):
        for name, service in SERVICES.items():
            for asked in ("", service):
                answer = self.servers[name].call("grpc.health.v1.Health/Check", {"service": asked})
                self.assertEqual(answer.status, 1, f"{name} says of '{asked}' that it is not SERVING")
            with self.assertRaises(grpc.RpcError) as raised:
                self.servers[name].call("grpc.health.v1.Health/Check", {"service": "no.such.Service"})
            self.assertEqual(raised.exception.code(), grpc.StatusCode.NOT_FOUND)

    def test_every_service_describes_itself(self):
        for name, service in SERVICES.items():
            self.assertIn(service, self.servers[name].services)
            self.assertIn("grpc.health.v1.Health", self.servers[name].services)


if __name__ == "__main__":
    unittest.main()
