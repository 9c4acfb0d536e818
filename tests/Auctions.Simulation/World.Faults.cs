using Auctions.Core;

namespace Auctions.Simulation;

/// <summary>The faults of a <see cref="World"/>.</summary>
internal sealed partial class World
{
    private bool _lossy = true;
    private bool _ledgerDown;
    private bool _split;
    private bool _isOver;
    private Dictionary<Guid, HotAuction> _snapshot = [];

    private void InjectFault()
    {
        var server = _servers[0];
        var ids = Ledger.Chains.Keys.ToArray();
        switch (_random.Next(16))
        {
            case 0 or 1: _snapshot = server.Dump(); break;
            case 2 or 3: server.Load(_snapshot); break;
            case 4: server.Flush(); break;
            case 5: server.Edit(ids[_random.Next(ids.Length)], Tamper); break;
            case 6: Crash(_random.Next(4)); break;
            case 7: Outage(() => server.Down = true, () => server.Down = false); break;
            case 8: Outage(() => _ledgerDown = true, () => _ledgerDown = false); break;
            case 9: Split(); break;
            case 10: PromoteStaleReplica(); break;
            case 11: PromoteLateReplica(); break;
            case 12 or 13: LockRow(ids[_random.Next(ids.Length)]); break;
            default: StepAnyClock(); break;
        }
    }

    /// <summary>An operator or an attacker edits one field of the hash; even the head.</summary>
    private HotAuction Tamper(HotAuction hot)
    {
        var (head, state) = (hot.Head, hot.Head.State);
        return hot with
        {
            Head = _random.Next(10) switch
            {
                0 => head with
                {
                    State = state with { Price = Math.Max(0, state.Price + (_random.Next(2) == 0 ? -30 : 30)) },
                },
                1 => head with { State = state with { Ceiling = state.Ceiling + 50 } },
                2 => head with { State = state with { Leader = "b0" } },
                3 => head with { State = state with { EndUs = state.EndUs + _random.Next(-60_000, 60_000) } },
                4 => head with { State = state with { Status = AuctionStatus.Ended } },
                5 => head with { State = state with { Extensions = 0, BidCount = 0 } },
                6 => head with
                {
                    Terms = head.Terms with { Increment = new Increment.Fixed(1), Reserve = 0, SellerId = "nobody" },
                },
                7 => head with { DecidedUs = head.DecidedUs - _random.NextInt64(HourUs) },
                8 => head with { Version = Math.Max(0, head.Version - 1) },
                _ => head with { EntryId = NewId() },
            },
        };
    }

    /// <summary>Kills an instance and starts a new one in its place.</summary>
    private void Crash(int i)
    {
        if (i < 2)
        {
            _bidding[i].Die();
            _bidding[i] = StartBidding(i);
        }
        else
        {
            _auction[i - 2].Die();
            _auction[i - 2] = StartAuction(i - 2);
        }
    }

    private void Outage(Action begin, Action end)
    {
        begin();
        _scheduler.After(_random.Next(5_000, 80_000), end);
    }

    /// <summary>
    /// A transaction holds an auction's row: for the moment of a commit, or for longer than any caller waits.
    /// </summary>
    private void LockRow(Guid auctionId)
    {
        if (!Ledger.Locked.Add(auctionId)) return;
        var usMax = _random.Next(2) == 0 ? 10_000 : 4_000_000;
        _scheduler.After(_random.Next(usMax), () => Ledger.Locked.Remove(auctionId));
    }

    /// <summary>The ledger is down for longer than any caller waits, while bidders go on bidding.</summary>
    private void LoseLedger()
    {
        _scheduler.RunUntil(_scheduler.NowUs + 80_000);
        _ledgerDown = true;
        _scheduler.InContext(() =>
        {
            for (var at = 0L; at < LedgerOutageUs; at += _random.Next(20_000, 400_000))
                _scheduler.After(at, PlaceRandomBid);
        });
        _scheduler.RunUntil(_scheduler.NowUs + LedgerOutageUs);
    }

    /// <summary>
    /// For a while each instance has a Redis of its own, and both decide. Then one of the two is thrown away.
    /// </summary>
    private void Split()
    {
        _servers[1].Load(_servers[0].Dump());
        _split = true;
        _scheduler.After(_random.Next(5_000, 80_000), () =>
        {
            _split = false;
            if (_random.Next(2) == 0) _servers[0].Load(_servers[1].Dump());
        });
    }

    /// <summary>Later, the state of now comes back: a replica that was behind has become the primary.</summary>
    private void PromoteStaleReplica()
    {
        var replica = _servers[0].Dump();
        _scheduler.After(_random.Next(1_000, 20_000), () => _servers[0].Load(replica));
    }

    /// <summary>The state of now comes back much later, on a server whose clock is behind.</summary>
    private void PromoteLateReplica()
    {
        var replica = _servers[0].Dump();
        _scheduler.After(_random.Next(10_000, 100_000), () =>
        {
            _servers[0].Load(replica);
            _servers[0].TimeProvider.ErrorUs = -_random.NextInt64(20_000, 10_000_000);
        });
    }

    /// <summary>
    /// Sets the clock of Redis or of a service, ahead or back; or the ledger's, which never goes back.
    /// </summary>
    private void StepAnyClock()
    {
        var us = NextStepUs();
        var i = _random.Next(8);
        if (i == 7)
        {
            Ledger.StepClock((ulong)Math.Abs(us / 100));
            return;
        }

        var clock = i switch
        {
            < 3 => _servers[_random.Next(2)].TimeProvider,
            < 5 => _bidding[i - 3].TimeProvider,
            _ => _auction[i - 5].TimeProvider,
        };
        clock.ErrorUs = us;
    }

    /// <summary>Milliseconds in most histories; in some also seconds, minutes, or an hour.</summary>
    private long NextStepUs()
    {
        long[] most = _clocksStep ? [20_000, 3_000_000, 120_000_000, HourUs] : [20_000];
        var us = most[_random.Next(most.Length)];
        return _random.NextInt64(-us, us);
    }

    /// <summary>All clocks are right again, and so much later that every auction is due.</summary>
    private void PassAllEnds()
    {
        var us = Ledger.Chains.Values.Max(c => c.Head.State.EndUs) - Ledger.NowUs;
        if (us > 0) Ledger.StepClock((ulong)us);
        var errorUs = Ledger.NowUs - _scheduler.NowUs;
        foreach (var clock in _servers.Select(s => s.TimeProvider)
                     .Concat(_bidding.Select(b => b.TimeProvider)).Concat(_auction.Select(a => a.TimeProvider)))
            clock.ErrorUs = errorUs;
    }

    /// <summary>Ends all faults; and once more when every fault that was still scheduled has begun.</summary>
    private void Heal()
    {
        _lossy = false;
        HealedUs = Ledger.NowUs;
        EndFaults();
        _scheduler.After(200_000, EndFaults);

        void EndFaults()
        {
            _split = false;
            _ledgerDown = false;
            _servers[0].Down = false;
            Ledger.Locked.Clear();
        }
    }
}
