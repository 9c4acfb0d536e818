using Auctions.Core;

namespace Auctions.Simulation;

/// <summary>The faults of a <see cref="World"/>.</summary>
internal sealed partial class World
{
    private bool _lossy = true;
    private bool _ledgerDown;
    private bool _split;
    private Dictionary<Guid, HotAuction> _snapshot = [];

    private void InjectFault()
    {
        var server = _servers[0];
        var ids = Ledger.Chains.Keys.ToArray();
        switch (_random.Next(12))
        {
            case 0 or 1: _snapshot = server.Dump(); break;
            case 2 or 3: server.Load(_snapshot); break;
            case 4: server.Flush(); break;
            case 5: server.Edit(ids[_random.Next(ids.Length)], Tamper); break;
            case 6: Crash(_random.Next(2)); break;
            case 7: Outage(() => server.Down = true, () => server.Down = false); break;
            case 8: Outage(() => _ledgerDown = true, () => _ledgerDown = false); break;
            case 9: Split(); break;
            case 10: PromoteStaleReplica(); break;
            default: StepClock(server); break;
        }
    }

    /// <summary>An operator or an attacker edits one field of the hash; even the head.</summary>
    private HotAuction Tamper(HotAuction hot)
    {
        var (head, state) = (hot.Head, hot.Head.State);
        return hot with
        {
            Head = _random.Next(9) switch
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
                7 => head with { Version = Math.Max(0, head.Version - 1) },
                _ => head with { EntryId = NewId() },
            },
        };
    }

    /// <summary>Kills an instance and starts a new one in its place.</summary>
    private void Crash(int i)
    {
        _instances[i].Die();
        _instances[i] = new Instance(this, i);
    }

    private void Outage(Action begin, Action end)
    {
        begin();
        _scheduler.After(_random.Next(5_000, 80_000), end);
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

    private void StepClock(SimulatedRedis server)
    {
        server.TimeProvider.ErrorUs = _random.Next(-20_000, 20_000);
        ClockErrorUs = Math.Max(ClockErrorUs, Math.Abs(server.TimeProvider.ErrorUs));
    }

    /// <summary>Ends all faults; and once more when every fault that was still scheduled has begun.</summary>
    private void Heal()
    {
        _lossy = false;
        EndFaults();
        _scheduler.After(200_000, EndFaults);

        void EndFaults()
        {
            _split = false;
            _ledgerDown = false;
            _servers[0].Down = false;
        }
    }
}
