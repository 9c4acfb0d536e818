using Auctions.Ctl.Output;

namespace Auctions.Ctl.Replay;

/// <summary>Counts what has happened, for the line that tells of it.</summary>
public sealed class ReplayProgress(int auctions, int bids)
{
    private int _created, _accepted, _rejected, _ended;

    public void Created() => Interlocked.Increment(ref _created);

    public void Answered(bool accepted) => Interlocked.Increment(ref accepted ? ref _accepted : ref _rejected);

    public void Ended() => Interlocked.Increment(ref _ended);

    public string Line() =>
        $"{_created}/{auctions} auctions created, {_accepted + _rejected}/{bids} bids answered ({_rejected} rejected), {_ended}/{auctions} ended";
}
