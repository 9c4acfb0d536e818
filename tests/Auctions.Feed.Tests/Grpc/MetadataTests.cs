using Grpc.Core;

namespace Auctions.Feed.Tests.Grpc;

/// <summary>The rules of headers and trailers.</summary>
public class MetadataTests
{
    [Theory]
    [InlineData("Idempotency-Key", "idempotency-key")]
    [InlineData("x_Y.z-0", "x_y.z-0")]
    [InlineData("plain", "plain")]
    public void A_key_is_stored_in_lower_case(string given, string stored) =>
        Assert.Equal(stored, new Metadata.Entry(given, "v").Key);

    [Theory]
    [InlineData("")]
    [InlineData("a b")]
    [InlineData(":path")]
    [InlineData("a\r\nb")]
    [InlineData("é")]
    [InlineData("\u212A")] // the Kelvin sign, a 'k' in lower case
    public void A_key_of_other_characters_is_refused(string key) =>
        Assert.Throws<ArgumentException>(() => new Metadata.Entry(key, "v"));

    [Fact]
    public void A_null_key_or_value_is_refused()
    {
        Assert.Throws<ArgumentNullException>(() => new Metadata.Entry(null!, "v"));
        Assert.Throws<ArgumentNullException>(() => new Metadata.Entry("k", (string)null!));
        Assert.Throws<ArgumentNullException>(() => new Metadata.Entry("k-bin", (byte[])null!));
    }

    [Fact]
    public void The_suffix_bin_goes_with_binary_values_alone()
    {
        Assert.Throws<ArgumentException>(() => new Metadata.Entry("k-bin", "v"));
        Assert.Throws<ArgumentException>(() => new Metadata.Entry("K-BIN", "v"));
        Assert.Throws<ArgumentException>(() => new Metadata.Entry("k", [1]));
        Assert.True(new Metadata.Entry("K-BIN", [1]).IsBinary);
        Assert.False(new Metadata.Entry("k", "v").IsBinary);
    }

    [Fact]
    public void A_binary_entry_has_no_text_and_a_text_entry_has_its_ascii_bytes()
    {
        Assert.Throws<InvalidOperationException>(() => new Metadata.Entry("k-bin", [1]).Value);
        Assert.Equal("v"u8.ToArray(), new Metadata.Entry("k", "v").ValueBytes);
    }

    [Fact]
    public void An_entrys_bytes_change_neither_by_what_came_in_nor_by_what_went_out()
    {
        byte[] bytes = [1, 2];
        var entry = new Metadata.Entry("k-bin", bytes);
        bytes[0] = 9;
        entry.ValueBytes[1] = 9;
        Assert.Equal([1, 2], entry.ValueBytes);
    }

    [Fact]
    public void The_last_entry_of_a_key_wins_and_all_are_kept_in_order()
    {
        var metadata = new Metadata { { "k", "1" }, { "other", "x" }, { "K", "2" }, { "b-bin", [7] } };
        Assert.Equal("2", metadata.Get("k")!.Value);
        Assert.Equal("2", metadata.GetValue("k"));
        Assert.Equal([7], metadata.GetValueBytes("b-bin")!);
        Assert.Equal(["1", "2"], metadata.GetAll("k").Select(entry => entry.Value));
        Assert.Equal(["k", "other", "k", "b-bin"], metadata.Select(entry => entry.Key));
    }

    [Fact]
    public void A_key_that_is_absent_has_no_value()
    {
        var metadata = new Metadata { { "k", "1" } };
        Assert.Null(metadata.Get("none"));
        Assert.Null(metadata.GetValue("none"));
        Assert.Null(metadata.GetValueBytes("none"));
        Assert.Empty(metadata.GetAll("none"));
    }

    [Fact]
    public void It_is_a_list()
    {
        var (a, b) = (new Metadata.Entry("a", "1"), new Metadata.Entry("b", "2"));
        var metadata = new Metadata { a };
        metadata.Insert(0, b);
        Assert.Equal(1, metadata.IndexOf(a));
        Assert.Contains(b, metadata);
        metadata[0] = a;
        metadata.RemoveAt(1);
        Assert.True(metadata.Remove(a));
        Assert.False(metadata.Remove(b));
        Assert.Empty(metadata);
        Assert.False(metadata.IsReadOnly);
    }

    public static TheoryData<Action<Metadata>> Changes =>
    [
        metadata => metadata.Add("k", "v"),
        metadata => metadata.Add("k-bin", [1]),
        metadata => metadata.Add(new Metadata.Entry("k", "v")),
        metadata => metadata.Insert(0, new Metadata.Entry("k", "v")),
        metadata => metadata.Clear(),
        metadata => metadata.Remove(new Metadata.Entry("k", "v")),
        metadata => metadata.RemoveAt(0),
        metadata => metadata[0] = new Metadata.Entry("k", "v"),
    ];

    [Theory]
    [MemberData(nameof(Changes))]
    public void The_empty_one_is_read_only(Action<Metadata> change)
    {
        Assert.True(Metadata.Empty.IsReadOnly);
        Assert.Throws<InvalidOperationException>(() => change(Metadata.Empty));
        Assert.Empty(Metadata.Empty);
    }
}
