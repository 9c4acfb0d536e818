namespace StreamGateway;

/// <summary>
/// An auction that somebody watches: the latest version known, the latest one published, and the viewers to wake. Both
/// versions only rise, whatever order, repetition or source the rows come in (invariant I7 begins here).
/// </summary>
internal sealed class WatchedAuction(Guid id)
{
    private readonly Lock _gate = new();
    private readonly HashSet<Viewer> _viewers = [];
    private PublicAuction? _latest;
    private volatile Publication? _published;
    private Task<bool>? _firstRead;
    private int _queued;

    public Guid Id => id;

    /// <summary>What viewers are shown; null before the first read.</summary>
    public Publication? Published => _published;

    public int ViewerCount
    {
        get { lock (_gate) return _viewers.Count; }
    }

    /// <summary>The latest that is known; null before the first row.</summary>
    public PublicAuction? Latest
    {
        get { lock (_gate) return _latest; }
    }

    public void Join(Viewer viewer)
    {
        lock (_gate) _viewers.Add(viewer);
    }

    /// <returns>Whether somebody is left.</returns>
    public bool Leave(Viewer viewer)
    {
        lock (_gate)
        {
            _viewers.Remove(viewer);
            return _viewers.Count > 0;
        }
    }

    /// <summary>Takes a row, from the feed or from Postgres.</summary>
    /// <returns>Whether it is newer than what was known.</returns>
    public bool Offer(PublicAuction row)
    {
        lock (_gate)
        {
            if (_latest is not null && row.Version <= _latest.Version) return false;
            _latest = row;
            return true;
        }
    }

    /// <summary>Shows the latest version to the viewers, if they have not been shown it.</summary>
    public void Publish()
    {
        lock (_gate)
        {
            if (_latest is null || _published?.Version == _latest.Version) return;
            _published = new Publication(_latest, _published?.Auction);
            foreach (var viewer in _viewers) viewer.Wake();
        }
    }

    /// <summary>Whether the caller is to queue it for publication: it is not queued yet.</summary>
    public bool TryQueue() => Interlocked.Exchange(ref _queued, 1) == 0;

    /// <summary>From now on a change queues it again.</summary>
    public void Dequeued() => Volatile.Write(ref _queued, 0);

    /// <summary>The one read from Postgres that the first viewers share. One that failed or found nothing is begun anew by the next.</summary>
    /// <returns>Whether there is such an auction.</returns>
    public Task<bool> FirstRead(Func<WatchedAuction, Task<bool>> read)
    {
        lock (_gate)
        {
            var known = _firstRead is { IsCompleted: false } or { IsCompletedSuccessfully: true, Result: true };
            return known ? _firstRead! : _firstRead = read(this);
        }
    }
}
