namespace Auctions.Simulation;

/// <summary>What carries the promises. Taken out one at a time, each must turn the simulation red: see docs/invariants.md.</summary>
[Flags]
internal enum Guards
{
    None = 0,
    /// <summary>An entry joins only on top of the one it was decided on.</summary>
    Predecessor = 1,
    /// <summary>The entry moves the head.</summary>
    HeadMoves = 2,
    /// <summary>What an entry took to be true is what the ledger says.</summary>
    Before = 4,
    /// <summary>What a refusal rests on is the head, or what followed was decided no earlier.</summary>
    RefusalBasis = 8,
    /// <summary>One answer a key.</summary>
    UniqueKey = 16,
    /// <summary>The answer comes after the commit.</summary>
    AnswerAfterCommit = 32,
    /// <summary>Nothing decided at or after the end, nothing on top of the sealing entry.</summary>
    End = 64,
    /// <summary>What is pending is appended before Redis is set, and before the outcome.</summary>
    Completion = 128,
    /// <summary>Redis is sealed, and waited for, before the outcome.</summary>
    SealFirst = 256,
    All = 511,
}
