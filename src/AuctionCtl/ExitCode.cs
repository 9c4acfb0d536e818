namespace Auctions.Ctl;

/// <summary>What a script reads from the exit code.</summary>
public static class ExitCode
{
    /// <summary>Nothing is wrong.</summary>
    public const int Clean = 0;

    /// <summary>A promise is broken.</summary>
    public const int Broken = 1;

    /// <summary>It could not be found out, or was asked for wrongly.</summary>
    public const int NotChecked = 2;
}
