namespace DevStack.Supervision;

/// <summary>Something that the person at the terminal can understand and mend: shown without a stack trace.</summary>
public sealed class StackException(string message) : Exception(message);
