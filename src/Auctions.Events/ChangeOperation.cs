namespace Auctions.Events;

/// <summary>What happened to a row: the letter <c>op</c> of an envelope.</summary>
public enum ChangeOperation
{
    /// <summary><c>c</c></summary>
    Create,

    /// <summary><c>u</c></summary>
    Update,

    /// <summary><c>d</c></summary>
    Delete,

    /// <summary><c>r</c>: the row was there when a snapshot was taken.</summary>
    Read,
}
