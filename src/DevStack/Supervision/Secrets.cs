using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace DevStack.Supervision;

/// <summary>The secrets of one stack, made up at its first start and kept in <c>secrets.json</c> (mode 0600).</summary>
/// <param name="JwtKey">Signs the callers' tokens (HS256); base64 of 32 bytes.</param>
/// <param name="PostgresPassword">Of the role <c>auctions</c>, which owns the database.</param>
/// <param name="PostgresAdminPassword">Of the superuser <c>postgres</c>.</param>
public sealed record Secrets(
    [property: JsonPropertyName("jwt_key")] string JwtKey,
    [property: JsonPropertyName("postgres_password")] string PostgresPassword,
    [property: JsonPropertyName("postgres_admin_password")] string PostgresAdminPassword)
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public static Secrets LoadOrCreate(string file)
    {
        if (File.Exists(file))
        {
            return JsonSerializer.Deserialize<Secrets>(File.ReadAllText(file))!;
        }
        var secrets = new Secrets(
            Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)),
            RandomNumberGenerator.GetHexString(32, lowercase: true),
            RandomNumberGenerator.GetHexString(32, lowercase: true));
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        };
        using var stream = new FileStream(file, options);
        JsonSerializer.Serialize(stream, secrets, Indented);
        return secrets;
    }
}
