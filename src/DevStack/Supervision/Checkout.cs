namespace DevStack.Supervision;

/// <summary>The checkout from which the running program was built.</summary>
public static class Checkout
{
    /// <exception cref="StackException">It does not lie in one.</exception>
    public static string Root()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "Auctions.sln")))
        {
            directory = directory.Parent;
        }
        return directory?.FullName ?? throw new StackException("this program does not lie in a checkout (no Auctions.sln above it)");
    }
}
