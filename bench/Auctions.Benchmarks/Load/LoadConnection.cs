using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Auctions.Grpc;

namespace Auctions.Benchmarks.Load;

/// <summary>
/// The bidders' tokens as header blocks, minted before the run. They are exempt from velocity limits, which are not
/// measured.
/// </summary>
internal sealed class BidderTokens
{
    private readonly byte[][] _authorizations, _requests;

    public BidderTokens(byte[] key, int bidders, TimeProvider timeProvider)
    {
        var issuer = new TokenIssuer(key, timeProvider);
        _authorizations = [.. Enumerable.Range(0, bidders).Select(i =>
            Hpack.Authorization(issuer.Mint($"bidder-{i}", Roles.Bidder, TimeSpan.FromHours(2), "velocity")))];
        _requests = [.. _authorizations.Select(Hpack.Request)];
    }

    public int Count => _requests.Length;

    public byte[] FirstRequest(string authority, string path, int bidder) =>
        Hpack.FirstRequest(authority, path, _authorizations[bidder]);

    public byte[] Request(int bidder) => _requests[bidder];
}

/// <summary>
/// Many unary gRPC calls over one h2c connection. It allocates nothing for a call: it runs on the machine that it
/// measures, and a load that costs as much as the service would halve every figure.
/// <para>Concurrency: one thread uses a connection; nothing is locked.</para>
/// <para>Lifecycle: connects in its constructor, and ends with <see cref="Dispose"/>. A closed connection or a GOAWAY
/// is an exception: the run fails.</para>
/// <para>Invariants: each request sent is in <see cref="InFlight"/> until its stream ends, and is then handed out once,
/// with its answer or as an error.</para>
/// <para>Bounds: two buffers of 512 KiB. <see cref="CanSend"/> says whether the server's flow-control window and the
/// buffer have room; callers bound the calls in flight.</para>
/// </summary>
internal sealed class LoadConnection : IDisposable
{
    private const int BufferSize = 512 * 1024;
    private const int WindowRenewal = 1 << 30;
    private const string Path = "/auctions.v1.BiddingService/PlaceBid";

    private readonly Socket _socket =
        new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly byte[] _in = new byte[BufferSize], _out = new byte[BufferSize];
    private readonly Dictionary<int, BidCall> _open = [];
    private readonly BidderTokens _tokens;
    private readonly byte[] _keyPrefix;
    private readonly string _authority;
    private int _inCount, _outCount, _nextStream = 1;
    private long _sendWindow = 65_535, _received;

    /// <param name="keyPrefix">The first 24 characters of this connection's idempotency keys.</param>
    public LoadConnection(string address, BidderTokens tokens, string keyPrefix)
    {
        _tokens = tokens;
        _keyPrefix = Encoding.ASCII.GetBytes(keyPrefix);
        _authority = address;
        _socket.Connect(IPEndPoint.Parse(address));
        Append(Frames.Opening);
    }

    /// <summary>Requests that are sent and not yet answered.</summary>
    public int InFlight => _open.Count;

    /// <summary>Whether the server's window and the buffer have room for another request.</summary>
    public bool CanSend => _sendWindow >= BidWire.RequestMax && _outCount + 8 * 1024 < BufferSize;

    /// <summary>Adds a request to what the next <see cref="Flush"/> sends.</summary>
    public void Send(in BidCall call, ReadOnlySpan<byte> auctionId)
    {
        var stream = _nextStream;
        _nextStream += 2;
        var headers = stream == 1
            ? _tokens.FirstRequest(_authority, Path, call.Bidder)
            : _tokens.Request(call.Bidder);
        AppendHeader(headers.Length, Frames.Headers, Frames.EndHeaders, stream);
        Append(headers);
        var length = BidWire.Write(_out.AsSpan(_outCount + Frames.HeaderLength), auctionId, _keyPrefix, call);
        AppendHeader(length, Frames.Data, Frames.EndStream, stream);
        _outCount += length;
        _sendWindow -= length;
        _open.Add(stream, call);
    }

    public void Flush()
    {
        for (var sent = 0; sent < _outCount;) sent += _socket.Send(_out.AsSpan(sent, _outCount - sent));
        _outCount = 0;
    }

    /// <summary>Waits for something to read, and adds the calls that it ends.</summary>
    /// <param name="waitMs">The longest wait, in whole milliseconds as poll(2) takes them.</param>
    /// <param name="errors">Gets the gRPC status of each call that failed; -1: its stream was reset.</param>
    public void Receive(int waitMs, List<BidCall> ended, List<int> errors)
    {
        if (!_socket.Poll(TimeSpan.FromMilliseconds(waitMs), SelectMode.SelectRead)) return;
        var read = _socket.Receive(_in.AsSpan(_inCount));
        if (read == 0) throw new IOException("The server closed the connection.");
        _inCount += read;
        var at = 0;
        while (_inCount - at >= Frames.HeaderLength)
        {
            var (length, type, flags, stream) = Frames.ReadHeader(_in.AsSpan(at));
            if (_inCount - at < Frames.HeaderLength + length) break;
            Take(type, flags, stream, _in.AsSpan(at + Frames.HeaderLength, length), ended, errors);
            at += Frames.HeaderLength + length;
        }

        _in.AsSpan(at, _inCount - at).CopyTo(_in);
        _inCount -= at;
    }

    public void Dispose() => _socket.Dispose();

    private void Take(
        byte type, byte flags, int stream, ReadOnlySpan<byte> payload, List<BidCall> ended, List<int> errors)
    {
        switch (type)
        {
            case Frames.Data:
                RenewWindow(payload.Length);
                var call = _open[stream];
                (call.Got, call.Replayed) = BidWire.Read(payload);
                _open[stream] = call;
                break;
            case Frames.Headers when (flags & Frames.EndStream) != 0:
                if ((flags & (Frames.EndHeaders | Frames.Padded)) != Frames.EndHeaders)
                    throw new NotSupportedException("Headers with continuation or padding.");
                End(stream, Hpack.GrpcStatus(payload), ended, errors);
                break;
            case Frames.Reset:
                End(stream, -1, ended, errors);
                break;
            case Frames.Settings when (flags & Frames.Ack) == 0:
                AppendHeader(0, Frames.Settings, Frames.Ack, stream: 0);
                break;
            case Frames.Ping when (flags & Frames.Ack) == 0:
                AppendHeader(payload.Length, Frames.Ping, Frames.Ack, stream: 0);
                Append(payload);
                break;
            case Frames.WindowUpdate when stream == 0:
                _sendWindow += BinaryPrimitives.ReadInt32BigEndian(payload);
                break;
            case Frames.GoAway:
                throw new IOException($"The server sent GOAWAY {BinaryPrimitives.ReadInt32BigEndian(payload[4..])}.");
        }
    }

    private void End(int stream, int status, List<BidCall> ended, List<int> errors)
    {
        if (!_open.Remove(stream, out var call)) return;
        if (status != 0 || call.Got == Answer.None)
        {
            call.Got = Answer.Error;
            errors.Add(status);
        }

        ended.Add(call);
    }

    private void RenewWindow(int received)
    {
        _received += received;
        if (_received < WindowRenewal) return;
        AppendHeader(4, Frames.WindowUpdate, 0, stream: 0);
        BinaryPrimitives.WriteInt32BigEndian(_out.AsSpan(_outCount), (int)_received);
        _outCount += 4;
        _received = 0;
    }

    private void AppendHeader(int length, byte type, byte flags, int stream)
    {
        Frames.WriteHeader(_out.AsSpan(_outCount), length, type, flags, stream);
        _outCount += Frames.HeaderLength;
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_out.AsSpan(_outCount));
        _outCount += bytes.Length;
    }
}
